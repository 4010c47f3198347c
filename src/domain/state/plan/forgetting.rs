//! Step 6 for a mapping that an operator gives up. In: [`RepairRequest`] and [`Mapping`]. Out:
//! [`Plan`].
//!
//! The row stays as a tombstone: its order keeps older events from creating anything, and the next
//! event of the subject starts anew.

use crate::domain::ids::Timestamp;
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};
use crate::domain::state::resources::{PipelineResource, Resources};
use crate::domain::state::teardown::Teardown;

use crate::domain::state::plan::{Plan, Unchanged, absent, unfinished};

/// Decides about a mapping to forget. The caller has checked that no pipeline of ours exists, or
/// the subject is retiring. A mapping that has settled since the operator read it is left alone.
///
/// The pipeline's ARN is forgotten before the deletion, so a pipeline of that name that is not ours
/// is skipped, and its name and its slot are released. The stacks are left as they are: the
/// pipeline of a retiring subject is deleted without them. The row keeps their names, for an audit,
/// and for the next pipeline of the subject.
#[must_use]
pub fn plan_forgetting(
    request: &RepairRequest,
    seen: Option<&Mapping>,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(seen) = seen.filter(|seen| seen.state != State::Gone) else {
        return Plan::Nothing(Unchanged::Repeated);
    };
    if let Some(held) = seen.claim_at(now) {
        return Plan::Busy { until: held.until };
    }
    if seen.absence() == Some(AbsenceReason::Forgotten) {
        return unfinished(seen, claim, now).unwrap_or(Plan::Nothing(Unchanged::Repeated));
    }
    // Each attempt at the same change is a generation, and none of them settled the row.
    let is_unsettled = State::HALF_WAY.contains(&seen.state);
    if seen.generation != request.repair.generation && !is_unsettled {
        return Plan::Nothing(Unchanged::Stale);
    }
    let resources = Resources {
        pipeline: seen.pipeline_name().cloned().map(PipelineResource::named),
        projects: seen.resources.projects.clone(),
        teardown: seen.resources.may_be_torn_down().then(Teardown::finished),
        stacks: seen.resources.stacks.clone(),
        left: seen.resources.left.clone(),
        ..Resources::default()
    };
    // The pipeline of a retiring subject is not waited for.
    let state = match seen.state == State::Retiring {
        true => State::Deleting,
        false => seen.state,
    };
    let next = Mapping {
        generation: seen.generation + 1,
        state,
        resources,
        claim: None,
        attempts: 0,
        last_error: None,
        updated_at: now,
        ..seen.clone()
    };
    absent(AbsenceReason::Forgotten, seen.as_seen(), next, claim)
}
