//! Step 6 for a commit whose checks are to run again. In: [`RerunRequest`], [`CommitRecord`] and
//! [`Mapping`]. Out: [`Plan`].
//!
//! The order in the mapping stays: the next event is compared with it as if nothing had been
//! requested.

use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::report::record::CommitRecord;
use crate::domain::rules::rule::Rules;
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::Desired;
use crate::domain::state::intent::RerunRequest;
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};

use crate::domain::state::plan::asleep::awake;
use crate::domain::state::plan::remade::{is_deleted_first, remade};
use crate::domain::state::plan::repair::{Standing, half_way, standing, under_rule};
use crate::domain::state::plan::{Plan, Unchanged};

/// Decides about a commit whose checks are to run again. Only the head of a subject with a pipeline
/// is built again: the pipeline's failed stage is retried if its execution failed in one, otherwise
/// a new execution is started. A half-way row is finished by today's rules.
#[must_use]
pub fn plan_rerun(
    request: &RerunRequest,
    record: &CommitRecord,
    seen: Option<&Mapping>,
    rules: &Rules,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(seen) = seen else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    if let Some(held) = seen.claim_at(now) {
        return Plan::Busy { until: held.until };
    }
    let is_half_way = State::HALF_WAY.contains(&seen.state);
    if !is_half_way && !request.is_about(record) {
        return Plan::Nothing(Unchanged::Repeated);
    }
    if seen.order.head.as_ref() != Some(&record.key.commit) {
        return Plan::Nothing(Unchanged::NotHead);
    }
    let Some(Desired::Present(spec)) = &seen.desired else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    let token = DeliveryId::from(&request.body);
    let sleep = seen.activity.sleep;
    let is_late = sleep.is_some_and(|sleep| !sleep.is_ended_by(request.received_at));
    let is_settled = matches!(seen.state, State::Active | State::Asleep);
    if is_settled && seen.start_token.as_ref() == Some(&token) {
        return Plan::Nothing(Unchanged::Repeated);
    }
    let state = match seen.state {
        State::Active if record.may_be_running() => return Plan::Nothing(Unchanged::Running),
        State::Active => State::Starting,
        State::Retiring if sleep.is_some() && !is_late => {
            return woken(seen, token, request.received_at, now);
        }
        State::Deleting if sleep.is_some() && !is_late && seen.resources.may_be_torn_down() => {
            State::Deleting
        }
        State::Asleep | State::Deleting if sleep.is_some() && !is_late => State::Creating,
        State::Creating | State::Starting => seen.state,
        State::Asleep | State::Deleting | State::Retiring | State::Gone => {
            return Plan::Nothing(Unchanged::NoPipeline);
        }
    };
    let rule = match standing(seen, spec, rules) {
        Standing::Kept(rule) | Standing::Moved(rule) => rule,
        Standing::Gone => return Plan::Nothing(Unchanged::NoPipeline),
    };
    let Some(mut next) = under_rule(seen, state, rule, claim, now) else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    if seen.state == State::Active {
        next.retry = record.failed_stage();
    }
    if is_settled || sleep.is_some() {
        // CodePipeline starts nothing under a token that was used before.
        next.start_token = Some(token);
        next.activity = next.activity.active_at(request.received_at);
    }
    if sleep.is_some() {
        next = awake(next);
    }
    if next.state == State::Deleting && !is_deleted_first(&next) {
        next = remade(next);
    }
    half_way(seen, next)
}

/// Plans to write that a subject whose stacks are being deleted has woken: it gets its pipeline
/// again after that.
fn woken(seen: &Mapping, token: DeliveryId, at: Timestamp, now: Timestamp) -> Plan {
    let next = Mapping {
        generation: seen.generation + 1,
        start_token: Some(token),
        activity: seen.activity.clone().active_at(at),
        updated_at: now,
        ..seen.clone()
    };
    Plan::Record(Transition::new(seen.as_seen(), next))
}
