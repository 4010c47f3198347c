//! The slots of a rule, with the rehearsed ones on top.

use std::collections::BTreeMap;

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::state::slots::SlotUse;
use crate::ports::StoreReader;

/// Returns the slots as they would be. `rehearsed` has the subjects that acquired a slot (true) or
/// released one.
pub(super) async fn with<S: StoreReader>(
    store: &S,
    rule: &str,
    subject: &Subject,
    rehearsed: BTreeMap<Subject, bool>,
) -> Result<SlotUse, Fault> {
    let mut slots = store.slots(rule, subject).await?;
    slots
        .waiting
        .retain(|waiter| !rehearsed.contains_key(&waiter.subject));
    for (other, acquired) in rehearsed {
        let held = if other == *subject {
            std::mem::replace(&mut slots.held, acquired)
        } else {
            store.slots(rule, &other).await?.held
        };
        match (held, acquired) {
            (false, true) => slots.taken += 1,
            (true, false) => slots.taken = slots.taken.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
    }
    Ok(slots)
}
