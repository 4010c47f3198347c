//! Step 7 of 7. In: the [`Journal`] of a message. Out: [`Disposition`].

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::intake::envelope::Envelope;
use crate::domain::outcome::dead_letter::dead_letter;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The decision on what happens to a message.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Disposition {
    /// The message was handled and is deleted.
    Delete,
    /// The message returns to its queue with a visibility timeout that depends on the class.
    Retry {
        /// The class of the fault.
        class: Class,
        /// The number of this attempt. The wait grows with it.
        attempt: u32,
    },
    /// The message is sent to the dead-letter queue, and deleted once the send is confirmed.
    DeadLetter(OutgoingMessage),
    /// The message is sent to the quarantine queue, and deleted once the send is confirmed.
    Quarantine(OutgoingMessage),
    /// The message is deleted without a copy: no secret proves it, and it has no well-formed
    /// signature, or too many messages of its kind of sender are quarantined already.
    Discard,
}

/// How many times a message may fail before it is dead-lettered, by class. [`Class::Busy`] and
/// [`Class::Deferred`] have no limit: they are no failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAttempts {
    /// The limit of [`Class::Transient`].
    pub transient: u32,
    /// The limit of [`Class::Throttled`].
    pub throttled: u32,
    /// The limit of [`Class::Quota`].
    pub quota: u32,
    /// The limit of [`Class::Unknown`].
    pub unknown: u32,
}

impl Default for MaxAttempts {
    /// Allows, with the waits of `worker/backoff.rs`, for an outage of at least 55 min, 1 h 55 min
    /// of throttling and 12 h of an exhausted quota; an unknown error gets a few attempts within
    /// the hour. `tests/it/stories/budget.rs` computes these times, and checks that they end before
    /// the queue's own redrive.
    fn default() -> Self {
        Self {
            transient: 30,
            throttled: 30,
            quota: 30,
            unknown: 5,
        }
    }
}

impl MaxAttempts {
    fn limit(&self, fault: &Fault) -> Option<u32> {
        match fault.reason.class() {
            // A rolling update ends soon; a dead letter would have to be replayed afterwards.
            Class::Transient if fault.reason == Reason::MappingNewer => None,
            Class::Transient => Some(self.transient),
            Class::Throttled => Some(self.throttled),
            Class::Quota => Some(self.quota),
            Class::Unknown => Some(self.unknown),
            Class::Busy
            | Class::Deferred
            | Class::Permanent
            | Class::Refused
            | Class::Unverified => None,
        }
    }
}

impl Disposition {
    /// Decides by the class of the fault, and by how often the message has failed, including this
    /// time.
    pub fn decide(envelope: Envelope, journal: &Journal, max: &MaxAttempts) -> Self {
        let Some(fault) = journal.fault() else {
            return Self::Delete;
        };
        let class = fault.reason.class();
        let failures = journal.failures();
        let limit = max.limit(fault).map(|limit| match journal.attempts {
            Some(_) => limit,
            // Without the mapping's count, the receives count, and a message that waited for a slot
            // was received for that as well.
            None => limit.saturating_add(max.quota),
        });
        let attempts_used_up = limit.is_some_and(|limit| failures >= limit);
        match class {
            Class::Unverified if fault.reason.is_without_signature() => Self::Discard,
            Class::Unverified => Self::Quarantine(dead_letter(envelope, fault, journal.step)),
            Class::Permanent => Self::DeadLetter(dead_letter(envelope, fault, journal.step)),
            Class::Refused => Self::Delete,
            Class::Transient | Class::Throttled | Class::Quota | Class::Unknown
                if attempts_used_up =>
            {
                Self::DeadLetter(dead_letter(envelope, fault, journal.step))
            }
            Class::Transient | Class::Throttled | Class::Quota | Class::Unknown => Self::Retry {
                class,
                attempt: failures,
            },
            Class::Busy | Class::Deferred => Self::Retry {
                class,
                attempt: journal.receives,
            },
        }
    }

    /// Returns the word used in logs and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Retry { .. } => "retried",
            Self::DeadLetter(_) => "dead-lettered",
            Self::Quarantine(_) => "quarantined",
            Self::Discard => "discarded",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::ids::Timestamp;
    use crate::domain::intake::envelope::Receipt;

    /// Returns the disposition of a message that failed this often for this reason.
    fn decide(reason: Reason, attempts: u32, max: &MaxAttempts) -> Disposition {
        let envelope = Envelope::new(
            "m".into(),
            Receipt("r".into()),
            "body".into(),
            BTreeMap::new(),
            Timestamp(0),
            attempts,
        );
        let mut journal = Journal::open(&envelope);
        journal.attempts = Some(attempts);
        journal.fail(&Fault::new(reason, "what, where, and what to do"));
        Disposition::decide(envelope, &journal, max)
    }

    #[test]
    fn a_message_that_waited_for_a_slot_is_not_given_up_for_one_failure() {
        let max = MaxAttempts::default();
        let receives = max.quota + max.transient;
        let decided = [receives - 1, receives].map(|receives| {
            let receipt = Receipt("r".into());
            let (id, body) = ("m".into(), "body".into());
            let envelope =
                Envelope::new(id, receipt, body, BTreeMap::new(), Timestamp(0), receives);
            let mut journal = Journal::open(&envelope);
            journal.fail(&Fault::new(
                Reason::AwsUnavailable,
                "the table does not answer",
            ));
            Disposition::decide(envelope, &journal, &max)
        });
        let words = decided.each_ref().map(Disposition::as_str);
        assert_eq!(words, ["retried", "dead-lettered"]);
    }

    #[test]
    fn the_class_alone_decides_how_a_reason_is_handled() {
        for reason in Reason::ALL {
            let disposition = decide(*reason, 1, &MaxAttempts::default());
            let expected = match reason.class() {
                Class::Unverified if reason.is_without_signature() => "discarded",
                Class::Unverified => "quarantined",
                Class::Permanent => "dead-lettered",
                Class::Refused => "deleted",
                Class::Busy
                | Class::Deferred
                | Class::Transient
                | Class::Throttled
                | Class::Quota
                | Class::Unknown => "retried",
            };
            assert_eq!(disposition.as_str(), expected, "{reason:?}");
        }
    }

    #[test]
    fn each_class_has_its_own_limit_and_a_fault_that_is_no_failure_has_none() {
        let max = MaxAttempts {
            transient: 2,
            throttled: 3,
            quota: 4,
            unknown: 5,
        };
        let limits = [
            (Reason::AwsUnavailable, 2),
            (Reason::AwsThrottled, 3),
            (Reason::AwsQuota, 4),
            (Reason::AwsUnknown, 5),
        ];
        for (reason, limit) in limits {
            let dispositions = [limit - 1, limit].map(|attempts| decide(reason, attempts, &max));
            let words = dispositions.each_ref().map(Disposition::as_str);
            assert_eq!(words, ["retried", "dead-lettered"], "{reason:?}");
        }
        for endless in [
            Reason::SubjectBusy,
            Reason::RuleFailing,
            Reason::MappingNewer,
        ] {
            assert_eq!(decide(endless, u32::MAX, &max).as_str(), "retried");
        }
    }
}
