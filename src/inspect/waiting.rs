//! Finds out what a mapping in the middle of a change is waiting for.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{DeliveryId, Subject, Timestamp};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::slots::Line;
use crate::ports::{StoreReader, TrailReader};

/// How long after its wait a message may still come: it is received, and works on the subject.
const MARGIN: Duration = Duration::from_secs(600);
/// How long the dead-letter queue keeps a message at most (SQS quotas, "Message retention").
const RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What a mapping in the middle of a change is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// A worker has the claim.
    InWork,
    /// Its rule has its `max_active` clones.
    RuleFull,
    /// Its message failed, and is tried again after a while.
    BackingOff,
    /// Its message is in the dead-letter queue.
    DeadLettered,
    /// The repository's file for branchline cannot be used, so that a person has to push.
    InvalidFile,
}

impl Waiting {
    /// Everything that a mapping may wait for.
    pub const ALL: [Self; 5] = [
        Self::InWork,
        Self::RuleFull,
        Self::BackingOff,
        Self::DeadLettered,
        Self::InvalidFile,
    ];

    /// Returns the word in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InWork => "in-work",
            Self::RuleFull => "rule-full",
            Self::BackingOff => "backing-off",
            Self::DeadLettered => "dead-lettered",
            Self::InvalidFile => "invalid-file",
        }
    }

    /// Returns what a mapping waits for; `None` if it is settled, or if nothing will finish it.
    ///
    /// Reads the audit trail of a mapping in the middle of a change.
    ///
    /// # Errors
    /// The audit trail did not answer.
    pub async fn of<T: TrailReader>(
        row: &Mapping,
        trail: &T,
        now: Timestamp,
    ) -> Result<Option<Self>, Fault> {
        if !State::HALF_WAY.contains(&row.state) {
            return Ok(None);
        }
        if row.claim_at(now).is_some() {
            return Ok(Some(Self::InWork));
        }
        if !dead_lettered(&row.subject, trail, now).await?.is_empty() {
            return Ok(Some(Self::DeadLettered));
        }
        Ok(retried(row, now))
    }
}

/// The place of a subject in the line for a slot of its rule, or for the account's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The name of the rule; `None` for the account.
    pub rule: Option<String>,
    /// How many subjects come before it.
    pub ahead: usize,
    /// How many wait altogether.
    pub waiting: usize,
}

impl Place {
    /// Returns the place of a mapping whose last attempt found no slot; `None` if it does not wait
    /// for one.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn of<S: StoreReader>(row: &Mapping, store: &S) -> Result<Option<Self>, Fault> {
        let error = row.last_error.as_deref();
        let (rule, slots) = match (error.and_then(Reason::of_text), row.spec()) {
            (Some(Reason::RuleFull), Some(spec)) => {
                let slots = store.slots(&spec.rule, &row.subject).await?;
                (Some(spec.rule.clone()), slots)
            }
            (Some(Reason::AwsQuota), _) => (None, store.account_use().await?),
            (Some(_) | None, _) => return Ok(None),
        };
        Ok(slots.is_waiting(&row.subject).then(|| Self {
            rule,
            ahead: slots.ahead_of(&row.subject),
            waiting: slots.waiting.len(),
        }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.rule.clone().map_or(Line::Account, Line::Rule);
        let (ahead, waiting) = (self.ahead, self.waiting);
        match ahead {
            0 => write!(f, "next in line, of {waiting} waiting for {line}"),
            _ => write!(f, "{ahead} ahead, of {waiting} waiting for {line}"),
        }
    }
}

/// Returns what a mapping waits for, if its message is tried again.
fn retried(row: &Mapping, now: Timestamp) -> Option<Waiting> {
    let reason = Reason::of_text(row.last_error.as_deref()?)?;
    if reason == Reason::RepositoryFileInvalid {
        return Some(Waiting::InvalidFile);
    }
    let longest = longest_wait(reason.class())?;
    if now.since(row.updated_at) > longest + MARGIN {
        return None;
    }
    Some(if reason == Reason::RuleFull {
        Waiting::RuleFull
    } else {
        Waiting::BackingOff
    })
}

/// Returns the longest wait of a message of this class before its next attempt; `None` for a class
/// that is not tried again. The curves are in `worker/backoff.rs`.
#[must_use]
pub fn longest_wait(class: Class) -> Option<Duration> {
    let seconds = match class {
        Class::Unverified | Class::Permanent | Class::Refused => return None,
        Class::Busy => 30,
        Class::Deferred | Class::Transient => 300,
        Class::Throttled => 600,
        Class::Quota => 3_600,
        Class::Unknown => 900,
    };
    Some(Duration::from_secs(seconds))
}

/// Returns the deliveries of a subject that are in the dead-letter queue, as far as the audit trail
/// tells: they were dead-lettered, and not replayed or dropped since. The newest comes last.
///
/// # Errors
/// The audit trail did not answer.
pub async fn dead_lettered<T: TrailReader>(
    subject: &Subject,
    trail: &T,
    now: Timestamp,
) -> Result<Vec<DeliveryId>, Fault> {
    let failures = trail.chain(&Chain::DeadLetters(subject.clone())).await?;
    if failures.is_empty() {
        return Ok(Vec::new());
    }
    let actions = trail.chain(&Chain::Operators(subject.clone())).await?;
    let expired = now.minus(RETENTION).to_string();
    let is_left = |failure: &AuditEntry, delivery: &DeliveryId| {
        let left = |action: &AuditEntry| {
            matches!(action.outcome.as_str(), "replayed" | "dropped")
                && action.processed_at >= failure.processed_at
                && action.cause().as_ref().and_then(|cause| cause.delivery()) == Some(delivery)
        };
        failure.processed_at < expired || actions.iter().any(left)
    };
    let mut held: Vec<DeliveryId> = Vec::new();
    for failure in &failures {
        let delivery = failure.cause().and_then(|cause| cause.delivery().cloned());
        if let Some(delivery) = delivery
            && !is_left(failure, &delivery)
        {
            held.retain(|other| *other != delivery);
            held.push(delivery);
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepositoryId, RepositoryName, SubjectKind};
    use crate::domain::state::ordering::{EventKind, EventOrder};

    fn half_way(error: &str) -> Mapping {
        let order = EventOrder {
            event_time: Timestamp(0),
            received_at: Timestamp(0),
            kind: EventKind::Open,
            head: None,
            before: None,
        };
        let subject = Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(7),
        };
        let name = RepositoryName::parse("acme/api").unwrap();
        let mut row = Mapping::unseen(subject, name, order, Timestamp(0));
        row.state = State::Creating;
        row.last_error = Some(error.to_owned());
        row
    }

    #[test]
    fn a_failure_that_is_tried_again_waits_for_as_long_as_its_class() {
        let waits = |error: &str, minutes: u64| {
            let now = Timestamp(0).plus(Duration::from_secs(minutes * 60));
            retried(&half_way(error), now).map(Waiting::as_str)
        };
        assert_eq!(waits("rule-full: 3 of 3", 69), Some("rule-full"));
        assert_eq!(waits("rule-full: 3 of 3", 71), None);
        assert_eq!(waits("aws-throttled: slowly", 19), Some("backing-off"));
        assert_eq!(waits("aws-throttled: slowly", 21), None);
        // Its message is dead-lettered at once.
        assert_eq!(waits("template-missing: api", 1), None);
        assert_eq!(waits("what: is it", 1), None);
    }
}
