//! Step 6 for a renamed or transferred repository. In: [`RepositoryRenaming`] and [`Mapping`]. Out:
//! [`Plan`].

use crate::domain::ids::Timestamp;
use crate::domain::state::claim::Transition;
use crate::domain::state::intent::RepositoryRenaming;
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};
use crate::domain::state::plan::{Plan, Unchanged, unfinished};

/// Decides about the new name of a subject's repository. A subject without a pipeline keeps the
/// name that it had. A half-way row is finished under the new name, as any event of its subject
/// would do; if that fails, the row has the name all the same.
#[must_use]
pub fn plan_renaming(
    renaming: &RepositoryRenaming,
    seen: Option<&Mapping>,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(seen) = seen.filter(|seen| seen.state != State::Gone) else {
        return Plan::Nothing(Unchanged::Repeated);
    };
    if seen.repository == renaming.name {
        return Plan::Nothing(Unchanged::Repeated);
    }
    let named_at = seen.renamed_at.unwrap_or(seen.order.event_time);
    if named_at > renaming.event_time {
        return Plan::Nothing(Unchanged::Stale);
    }
    if let Some(held) = seen.claim_at(now) {
        return Plan::Busy { until: held.until };
    }
    let renamed = Mapping {
        repository: renaming.name.clone(),
        renamed_at: Some(renaming.event_time),
        ..seen.clone()
    };
    if let Some(plan) = unfinished(&renamed, claim, now) {
        return plan;
    }
    let next = Mapping {
        generation: seen.generation + 1,
        updated_at: now,
        ..renamed
    };
    Plan::Record(Transition::new(seen.as_seen(), next))
}
