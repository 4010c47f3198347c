//! Step 6 for the pipeline of an open subject that is idle. In: [`SleepRequest`] and [`Mapping`].
//! Out: [`Plan`].
//!
//! The row decides, as it is then: an event that came before the request keeps the pipeline. The
//! order in the row stays, and `desired` stays present, so that the next activity creates the
//! pipeline again.

use crate::domain::clone::execution::Execution;
use crate::domain::ids::Timestamp;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::report::updates;
use crate::domain::rules::rule::Rules;
use crate::domain::state::activity::{Activity, Sleep, SleepReason};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::Desired;
use crate::domain::state::effect::Effect;
use crate::domain::state::idle::{self, Due};
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};
use crate::domain::state::plan::{Plan, Unchanged, unfinished, with_resource};

/// Decides about a subject that may be idle. `executions` are those of its pipeline as they were
/// read for the row: none of them may be running.
#[must_use]
pub fn plan_sleep(
    request: &SleepRequest,
    seen: Option<&Mapping>,
    executions: &[Execution],
    rules: &Rules,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let nothing = |why| Plan::Nothing(why);
    let Some(seen) = seen else {
        return nothing(Unchanged::NoPipeline);
    };
    if let Some(held) = seen.claim_at(now) {
        return Plan::Busy { until: held.until };
    }
    match seen.state {
        State::Active => {}
        State::Deleting if seen.activity.sleep.is_some() => {
            return unfinished(seen, claim, now).unwrap_or(nothing(Unchanged::Repeated));
        }
        // Its own message finishes it.
        State::Creating | State::Starting | State::Deleting | State::Retiring => {
            return nothing(Unchanged::NotIdle);
        }
        State::Gone | State::Asleep => return nothing(Unchanged::NoPipeline),
    }
    if request.line.is_some() {
        return match idle::may_be_evicted(seen, rules, now) {
            true if idle::is_in_use(executions, seen, rules, now) => nothing(Unchanged::Running),
            true => sleep(seen, SleepReason::Evicted, executions, claim, now),
            false => nothing(Unchanged::NotIdle),
        };
    }
    match idle::due(seen, rules, now) {
        Due::Nothing => nothing(Unchanged::NotIdle),
        Due::Announce(removal_at) => announce(seen, removal_at, now),
        Due::Sleep(_) if executions.iter().any(Execution::is_running) => {
            nothing(Unchanged::Running)
        }
        Due::Sleep(reason) => match idle::kept_until(executions, seen, reason, rules) {
            Some(until) if until > now => announce(seen, Some(until), now),
            Some(_) | None => sleep(seen, reason, executions, claim, now),
        },
    }
}

/// Plans to write when the pipeline will be removed, or that it will not be.
fn announce(seen: &Mapping, removal_at: Option<Timestamp>, now: Timestamp) -> Plan {
    let next = Mapping {
        generation: seen.generation + 1,
        activity: Activity {
            removal_at,
            ..seen.activity.clone()
        },
        updated_at: now,
        ..seen.clone()
    };
    let mut transition = Transition::new(seen.as_seen(), next);
    transition.commits = updates::announced(&transition.next).into_iter().collect();
    Plan::Record(transition)
}

/// Plans to delete the pipeline. Its executions are written into the claim, as with every deletion.
fn sleep(
    seen: &Mapping,
    reason: SleepReason,
    executions: &[Execution],
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(name) = seen.pipeline_name().cloned() else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    let mut next = Mapping {
        generation: seen.generation + 1,
        state: State::Deleting,
        activity: Activity {
            removal_at: None,
            sleep: Some(Sleep { reason, since: now }),
            ..seen.activity.clone()
        },
        claim: Some(claim),
        updated_at: now,
        ..seen.clone()
    };
    next.observed.executions = executions.to_vec();
    Plan::Act {
        transition: Transition::new(seen.as_seen(), next),
        effect: Effect::Delete(name),
    }
}

/// Returns the half-way row of a subject whose pipeline is created again, without an event of
/// GitHub.
pub(super) fn awake(mut next: Mapping) -> Mapping {
    let Some(Desired::Present(spec)) = next.desired.clone() else {
        return next;
    };
    next.observed.built.clone_from(&next.order.head);
    with_resource(next, &spec)
}
