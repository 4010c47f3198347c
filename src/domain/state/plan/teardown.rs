//! Step 6 for a subject whose stacks are being deleted. In: [`TeardownStep`] and [`Mapping`]. Out:
//! [`Plan`].
//!
//! The order in the row stays. An event that comes meanwhile is recorded: a subject that is open
//! again gets its pipeline when its stacks are gone.

use crate::domain::clone::stacks::Stack;
use crate::domain::ids::Timestamp;
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use crate::domain::state::plan::remade::remade;
use crate::domain::state::plan::{Plan, Unchanged, delete};
use crate::domain::state::teardown::{Teardown, TeardownRun, TeardownStep};

/// What was found out about a retiring subject.
pub struct TeardownLook {
    /// What is next.
    pub step: TeardownStep,
    /// False if the subject has no rule any more: it gets no pipeline if it is open again.
    pub has_rule: bool,
    /// The stacks that are left, with their ids, if the step is a failure and they are known.
    pub remaining: Option<Vec<Stack>>,
}

/// Decides about a retiring subject. `look` is about `read`, the teardown as it was in the row; if
/// another one is there now, the next look decides.
#[must_use]
pub fn plan_teardown(
    look: &TeardownLook,
    read: Option<&Teardown>,
    seen: Option<&Mapping>,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let nothing = Plan::Nothing(Unchanged::Repeated);
    let Some(seen) = seen.filter(|seen| seen.state == State::Retiring) else {
        return nothing;
    };
    let Some(teardown) = seen.resources.teardown.as_ref() else {
        return nothing;
    };
    if Some(teardown) != read {
        return nothing;
    }
    let mut next = Mapping {
        generation: seen.generation + 1,
        updated_at: now,
        ..seen.clone()
    };
    let mut wanted = seen.wants_pipeline().cloned();
    if let Some(spec) = wanted.take_if(|_| !look.has_rule) {
        next.desired = Some(Desired::Absent {
            reason: AbsenceReason::NoRule,
            last: Some(spec),
        });
    }
    match (&look.step, wanted) {
        (TeardownStep::Wait, _) | (TeardownStep::LeftBehind, None) => nothing,
        (TeardownStep::Finish, wanted) => {
            next.resources.stacks.clear();
            next.resources.teardown = Some(teardown.ended());
            match wanted {
                Some(spec) => start(seen.as_seen(), next, spec, claim),
                None => delete(seen.as_seen(), next, claim),
            }
        }
        (TeardownStep::LeftBehind, Some(spec)) => start(seen.as_seen(), next, spec, claim),
        (TeardownStep::Repeat, _) => {
            if let Some(TeardownRun::Stack(gone)) = &teardown.run {
                // Another one of its name is not this subject's.
                next.resources.stacks.retain(|stack| !stack.is(gone));
            }
            delete(seen.as_seen(), next, claim)
        }
        (TeardownStep::Fail(why), _) => {
            next.resources.teardown = Some(teardown.failed(now));
            if let Some(remaining) = &look.remaining {
                next.resources.stacks.clone_from(remaining);
            }
            next.last_error = Some(format!("{}: {why}", seen.resources.teardown_failure()));
            Plan::Record(Transition::new(seen.as_seen(), next))
        }
    }
}

/// Returns true if a retiring subject is to be looked at: its execution may have ended, another one
/// is due, or it is open again and nothing more is tried.
#[must_use]
pub fn teardown_is_due(row: &Mapping, now: Timestamp) -> bool {
    let Some(teardown) = row.resources.teardown.as_ref() else {
        return false;
    };
    match teardown.step(&[], row.updated_at, now) {
        TeardownStep::Wait => teardown.run.is_some(),
        TeardownStep::LeftBehind => row.wants_pipeline().is_some(),
        TeardownStep::Repeat | TeardownStep::Fail(_) | TeardownStep::Finish => true,
    }
}

/// Plans to make the clone again, and to start it.
fn start(expect: Expect, next: Mapping, spec: Spec, claim: ClaimInfo) -> Plan {
    let next = Mapping {
        claim: Some(claim),
        ..remade(next)
    };
    Plan::Act {
        transition: Transition::new(expect, next),
        effect: Effect::Start(spec),
    }
}
