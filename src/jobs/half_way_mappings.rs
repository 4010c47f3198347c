//! Finishes mappings in the middle of a change whose worker ended, and wakes the subjects for which
//! there is a slot, should their wake be lost.

use crate::domain::fault::Fault;
use crate::domain::state::mapping::State;
use crate::domain::text::plural;
use crate::ports::{Clock, MappingPages, Pipelines, Store};
use crate::reconcile::Reconciler;

/// Finishes every abandoned mapping, one after the other, then those of all subjects in turn for a
/// slot, and returns how many they were.
///
/// # Errors
/// A fault of reading the table. A mapping that cannot be finished is logged.
///
/// If cancelled, the effect is that of a message whose processing is cancelled.
pub(super) async fn run<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<String, Fault> {
    let mut finished = 0;
    for state in State::HALF_WAY {
        let mut pages = MappingPages::new(reconciler.store(), state);
        while let Some(rows) = pages.next().await? {
            for row in rows {
                // The commits are reported by the sweep for what is unreported.
                finished += usize::from(reconciler.finish_abandoned(row).await.is_some());
            }
        }
    }
    let (woken, _) = reconciler.wake_all_in_turn().await?;
    Ok(format!(
        "{} finished, {woken} woken",
        plural(finished, "mapping")
    ))
}
