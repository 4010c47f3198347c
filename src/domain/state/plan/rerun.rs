//! Step 6 for a commit whose checks are to run again. In: [`RerunRequest`], [`CommitRecord`] and
//! [`Mapping`]. Out: [`Plan`].
//!
//! The order in the mapping stays: the next event is compared with it as if nothing had been
//! requested.

use std::time::Duration;

use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::intake::event::RerunChecks;
use crate::domain::report::record::CommitRecord;
use crate::domain::rules::rule::Rules;
use crate::domain::state::desired::Desired;
use crate::domain::state::intent::RerunRequest;
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};

use crate::domain::state::plan::repair::{Standing, half_way, standing, under_rule};
use crate::domain::state::plan::{Plan, Unchanged};

/// How far the clocks of GitHub and of this machine may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

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
    if !is_half_way && !is_about_the_last_report(request, record) {
        return Plan::Nothing(Unchanged::Repeated);
    }
    if seen.order.head.as_ref() != Some(&record.key.commit) {
        return Plan::Nothing(Unchanged::NotHead);
    }
    let Some(Desired::Present(spec)) = &seen.desired else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    let token = DeliveryId::from(&request.body);
    let state = match seen.state {
        State::Active if seen.start_token.as_ref() == Some(&token) => {
            return Plan::Nothing(Unchanged::Repeated);
        }
        State::Active if record.may_be_running() => return Plan::Nothing(Unchanged::Running),
        State::Active => State::Starting,
        State::Creating | State::Starting => seen.state,
        State::Deleting | State::Gone => return Plan::Nothing(Unchanged::NoPipeline),
    };
    let rule = match standing(seen, spec, rules) {
        Standing::Kept(rule) | Standing::Moved(rule) => rule,
        Standing::Gone => return Plan::Nothing(Unchanged::NoPipeline),
    };
    let Some(mut next) = under_rule(seen, state, rule, claim, now) else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    if seen.state == State::Active {
        // CodePipeline starts nothing under a token that was used before.
        next.start_token = Some(token);
        next.retry = record.failed_stage();
    }
    half_way(seen, next)
}

/// Returns true if the check run that GitHub shows was to run again. A check run that ended is
/// replaced by another one as soon as its commit runs again, so a request that is repeated later
/// names an older one, or an older time.
fn is_about_the_last_report(request: &RerunRequest, record: &CommitRecord) -> bool {
    let Some(reported) = &record.reported else {
        return false;
    };
    match &request.rerun.checks {
        RerunChecks::One(_, check_run) => reported.check_run == Some(*check_run),
        RerunChecks::All(_, at) => {
            reported.check_run.is_some() && reported.at <= at.plus(CLOCK_DIFFERENCE)
        }
    }
}
