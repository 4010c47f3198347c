//! Finds out when the pipeline of an open subject is to be removed, because nothing happened for
//! long.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::ids::Timestamp;
use crate::domain::rules::retention::{OnFull, Retention};
use crate::domain::rules::rule::{Rule, Rules};
use crate::domain::state::activity::SleepReason;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Standing, standing};

/// How long before the removal the report announces it.
pub const NOTICE: Duration = Duration::from_hours(24);

/// How long a subject has been idle at least when it is evicted. If that were shorter, two pull
/// requests in work would take the slot from each other in turn.
pub const EVICTED_AFTER: Duration = Duration::from_hours(1);

/// What is due about a subject with a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// To announce that the pipeline is removed at this time; `None` to withdraw that.
    Announce(Option<Timestamp>),
    /// To remove the pipeline.
    Sleep(SleepReason),
}

/// When a pipeline is to be removed, and why.
struct Removal {
    at: Timestamp,
    reason: SleepReason,
    /// How long before it is announced.
    notice: Duration,
}

/// Returns what is due about the pipeline of an active row by today's rules.
#[must_use]
pub fn due(row: &Mapping, rules: &Rules, now: Timestamp) -> Due {
    let Some(rule) = rule_of_active(row, rules) else {
        return Due::Nothing;
    };
    let announced = row.activity.removal_at;
    let withdrawn = match announced {
        Some(_) => Due::Announce(None),
        None => Due::Nothing,
    };
    let Some(removal) = removal(row, &rule.retention) else {
        return withdrawn;
    };
    if now < removal.at.minus(removal.notice) {
        return withdrawn;
    }
    match announced {
        // Where nothing is reported, nobody would read it.
        None if row.report.is_some() => {
            Due::Announce(Some(removal.at.max(now.plus(removal.notice))))
        }
        Some(at) if at > now => Due::Nothing,
        Some(_) | None if now >= removal.at => Due::Sleep(removal.reason),
        Some(_) | None => Due::Nothing,
    }
}

/// Returns true if the subject of an active row may be evicted by today's rules, unless its
/// pipeline is in use.
#[must_use]
pub fn may_be_evicted(row: &Mapping, rules: &Rules, now: Timestamp) -> bool {
    rule_of_active(row, rules).is_some_and(|rule| {
        let retention = &rule.retention;
        retention.on_full == OnFull::EvictIdle
            && !(row.activity.is_kept && retention.keep_label.is_some())
            && last_activity(row).plus(EVICTED_AFTER) <= now
    })
}

/// Returns true if one of these executions keeps the subject of an active row from being evicted:
/// it is running, or it ended lately.
#[must_use]
pub fn is_in_use(executions: &[Execution], row: &Mapping, rules: &Rules, now: Timestamp) -> bool {
    let kept_until = kept_until(executions, row, SleepReason::Evicted, rules);
    executions.iter().any(Execution::is_running) || kept_until.is_some_and(|until| until > now)
}

/// Returns until when the last of these executions keeps an idle pipeline.
#[must_use]
pub fn kept_until(
    executions: &[Execution],
    row: &Mapping,
    reason: SleepReason,
    rules: &Rules,
) -> Option<Timestamp> {
    let rule = rule_of_active(row, rules)?;
    let idle = match reason {
        SleepReason::Idle => rule.retention.idle?,
        SleepReason::Evicted => EVICTED_AFTER,
        SleepReason::MaxAge => return None,
    };
    let changed = executions.iter().filter_map(|one| one.updated.as_deref());
    let last = changed.filter_map(Timestamp::from_rfc3339).max()?;
    Some(last.plus(idle))
}

/// Returns the time of the last activity of a subject with a pipeline. The creation of the pipeline
/// is one: its subject may have waited for long.
#[must_use]
pub fn last_activity(row: &Mapping) -> Timestamp {
    let last = row.activity.last.max(row.pipeline_created_at());
    last.unwrap_or(row.created_at)
}

/// Returns the rule of an active row by today's rules.
#[must_use]
pub fn rule_of_active<'a>(row: &'a Mapping, rules: &'a Rules) -> Option<&'a Rule> {
    let spec = row.spec().filter(|_| row.state == State::Active)?;
    match standing(row, spec, rules) {
        Standing::Kept(rule) | Standing::Moved(rule) => Some(rule),
        // The next audit finds it.
        Standing::Gone => None,
    }
}

fn removal(row: &Mapping, retention: &Retention) -> Option<Removal> {
    if row.activity.is_kept && retention.keep_label.is_some() {
        return None;
    }
    let created_at = row.pipeline_created_at().unwrap_or(row.created_at);
    let after = |since: Timestamp, limit: Option<Duration>, reason| {
        limit.map(|limit| Removal {
            at: since.plus(limit),
            reason,
            notice: NOTICE.min(limit / 2),
        })
    };
    let idle = after(last_activity(row), retention.idle, SleepReason::Idle);
    let aged = after(created_at, retention.max_age, SleepReason::MaxAge);
    idle.into_iter()
        .chain(aged)
        .min_by_key(|removal| removal.at)
}
