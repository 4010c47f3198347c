//! Step 7 of 7. In: what came of the walk. Out: [`Verdict`].
//!
//! The one judge. It knows classes and counts, and nothing of AWS.

use crate::domain::fault::{Class, Fault};
use crate::domain::intake::envelope::{Attribute, Envelope};

/// What becomes of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Done with: it leaves the queue.
    Ack,
    /// Returned, with a visibility that its class sets.
    Retry(Class),
    /// Sent to a queue where people look, then deleted.
    Bury(Grave),
}

/// Where the buried go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grave {
    /// What GitHub sent and we cannot process.
    DeadLetters,
    /// What nobody proved to be GitHub's.
    Quarantine,
}

/// How often a message may fail before it is buried, by class. `busy` has no limit: a busy subject is nobody's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAttempts {
    /// For [`Class::Transient`].
    pub transient: u32,
    /// For [`Class::Throttled`].
    pub throttled: u32,
    /// For [`Class::Quota`].
    pub quota: u32,
    /// For [`Class::Unknown`].
    pub unknown: u32,
}

impl Default for MaxAttempts {
    /// With the waits of `worker/backoff.rs`: at least 55 min of an outage, 1 h 55 min of throttling and 12 h of a full
    /// account; an error that nobody knows gets a few tries within the hour. `tests/it/stories/budget.rs` computes these, and that
    /// they end before the queue's own redrive.
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
    fn of(&self, class: Class) -> Option<u32> {
        match class {
            Class::Transient => Some(self.transient),
            Class::Throttled => Some(self.throttled),
            Class::Quota => Some(self.quota),
            Class::Unknown => Some(self.unknown),
            Class::Busy | Class::Permanent | Class::Unverified => None,
        }
    }
}

/// Judges a fault by its class and by how often its message has failed, this time included.
pub fn judge(fault: &Fault, attempts: u32, max: &MaxAttempts) -> Verdict {
    let class = fault.reason.class();
    let used_up = max.of(class).is_some_and(|max| attempts >= max);
    match class {
        Class::Unverified => Verdict::Bury(Grave::Quarantine),
        Class::Permanent => Verdict::Bury(Grave::DeadLetters),
        Class::Transient | Class::Throttled | Class::Quota | Class::Unknown if used_up => {
            Verdict::Bury(Grave::DeadLetters)
        }
        Class::Busy | Class::Transient | Class::Throttled | Class::Quota | Class::Unknown => {
            Verdict::Retry(class)
        }
    }
}

/// A message ready for its grave: its body unread, GitHub's attributes kept, ours beside them.
#[derive(PartialEq, Eq)]
pub struct Burial {
    /// SQS's id of the message that is buried, by which a burial repeated is known.
    pub message_id: String,
    /// The body, moved, not copied.
    pub body: String,
    /// At most ten attributes, whose size fits beside the body.
    pub attributes: Vec<(String, Attribute)>,
}

/// Why it was buried: the reason's stable word.
pub const REASON: &str = "branchline-reason";
/// In which room.
pub const ROOM: &str = "branchline-step";
/// What exactly, for a person.
pub const DETAIL: &str = "branchline-detail";
/// When it entered the queue of webhooks for the first time.
pub const FIRST_SEEN: &str = "branchline-first-seen";
/// How often it was received before.
pub const ATTEMPTS: &str = "branchline-attempts";
/// How often it was replayed.
pub const REPLAYS: &str = "branchline-replays";
/// Who replayed it last.
pub const REPLAYED_BY: &str = "branchline-replayed-by";

/// Attributes per message (SQS quotas, "Message attributes").
const MAX_ATTRIBUTES: usize = 10;
/// Bytes of a message with its attributes (SQS quotas, "Message size").
const MAX_MESSAGE: usize = 1_048_576;

impl Burial {
    /// Prepares an envelope for its grave.
    ///
    /// Reason and room go first, then what came with the message, then when it was first seen, by which its statement is
    /// ordered, then the attempts, the detail, and who replayed it; what does not fit SQS's limits (ten attributes, 1 MiB
    /// in all) is left out from the end.
    #[must_use]
    pub fn of(envelope: Envelope, fault: &Fault) -> Self {
        let number = Attribute {
            data_type: "Number".to_owned(),
            value: crate::domain::intake::envelope::AttributeValue::Text(
                envelope.receive_count.to_string(),
            ),
        };
        let message_id = envelope.message_id.clone();
        let first_seen = envelope.header(FIRST_SEEN).map(str::to_owned);
        let first_seen = first_seen.unwrap_or_else(|| envelope.sent_at.to_string());
        let (body, mut came) = envelope.into_parts();
        let replayed_by = came.remove(REPLAYED_BY);
        let ours = [REASON, ROOM, FIRST_SEEN, ATTEMPTS, DETAIL];
        let came = came
            .into_iter()
            .filter(|(name, _)| !ours.contains(&name.as_str()));
        let mut attributes = vec![
            (REASON.to_owned(), Attribute::text(fault.reason.as_str())),
            (ROOM.to_owned(), Attribute::text(fault.room.as_str())),
        ];
        attributes.extend(came.take(MAX_ATTRIBUTES - ours.len()));
        attributes.push((FIRST_SEEN.to_owned(), Attribute::text(first_seen)));
        attributes.push((ATTEMPTS.to_owned(), number));
        attributes.push((DETAIL.to_owned(), Attribute::text(fault.detail.clone())));
        attributes.extend(replayed_by.map(|who| (REPLAYED_BY.to_owned(), who)));
        attributes.truncate(MAX_ATTRIBUTES);
        attributes.retain(|(_, attribute)| attribute.as_text() != Some(""));
        let size = |attributes: &[(String, Attribute)]| -> usize {
            attributes
                .iter()
                .map(|(name, attribute)| name.len() + attribute.size())
                .sum()
        };
        while body.len() + size(&attributes) > MAX_MESSAGE && attributes.len() > 1 {
            attributes.pop();
        }
        Self {
            message_id,
            body,
            attributes,
        }
    }
}

/// Never the body: it may hold anything.
impl std::fmt::Debug for Burial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Burial")
            .field("message_id", &self.message_id)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::fault::{Reason, Step};
    use crate::domain::ids::Timestamp;
    use crate::domain::intake::envelope::Receipt;

    fn fault(reason: Reason) -> Fault {
        Fault::new(Step::Event, reason, "what, where, and what to do")
    }

    fn envelope(body: String, names: &[&str]) -> Envelope {
        let attributes: BTreeMap<_, _> = names
            .iter()
            .map(|name| ((*name).to_owned(), Attribute::text("value")))
            .collect();
        Envelope::new(
            "m".into(),
            Receipt("r".into()),
            body,
            attributes,
            Timestamp(0),
            3,
        )
    }

    fn names(burial: &Burial) -> Vec<&str> {
        burial
            .attributes
            .iter()
            .map(|(name, _)| name.as_str())
            .collect()
    }

    #[test]
    fn every_reason_is_judged_by_its_class_alone() {
        for reason in Reason::ALL {
            let verdict = judge(&fault(*reason), 1, &MaxAttempts::default());
            let expected = match reason.class() {
                Class::Unverified => Verdict::Bury(Grave::Quarantine),
                Class::Permanent => Verdict::Bury(Grave::DeadLetters),
                class @ (Class::Busy
                | Class::Transient
                | Class::Throttled
                | Class::Quota
                | Class::Unknown) => Verdict::Retry(class),
            };
            assert_eq!(verdict, expected, "{reason:?}");
        }
    }

    #[test]
    fn each_class_is_buried_at_its_own_limit_and_a_busy_subject_never() {
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
            let verdicts = [limit - 1, limit].map(|attempts| judge(&fault(reason), attempts, &max));
            let expected = [
                Verdict::Retry(reason.class()),
                Verdict::Bury(Grave::DeadLetters),
            ];
            assert_eq!(verdicts, expected, "{reason:?}");
        }
        let busy = judge(&fault(Reason::SubjectBusy), u32::MAX, &max);
        assert_eq!(busy, Verdict::Retry(Class::Busy));
    }

    #[test]
    fn a_burial_keeps_githubs_attributes_and_adds_ours() {
        let burial = Burial::of(
            envelope("body".into(), &["X-GitHub-Event", REASON]),
            &fault(Reason::TemplateMissing),
        );
        assert_eq!(
            names(&burial),
            [REASON, ROOM, "X-GitHub-Event", FIRST_SEEN, ATTEMPTS, DETAIL]
        );
        assert_eq!(burial.attributes[0].1.as_text(), Some("template-missing"));
        assert_eq!(burial.attributes[4].1.as_text(), Some("3"));
    }

    #[test]
    fn what_was_replayed_is_buried_again_with_its_first_day() {
        let githubs = [
            "Content-Type",
            "X-GitHub-Delivery",
            "X-GitHub-Event",
            "X-Hub-Signature-256",
        ];
        let came = [&githubs[..], &[FIRST_SEEN, REPLAYED_BY, REPLAYS]].concat();
        let burial = Burial::of(
            envelope("body".into(), &came),
            &fault(Reason::TemplateMissing),
        );
        let ours = [REPLAYS, FIRST_SEEN, ATTEMPTS, DETAIL];
        assert_eq!(
            names(&burial),
            [&[REASON, ROOM], &githubs[..], &ours].concat()
        );
    }

    #[test]
    fn a_burial_fits_what_sqs_takes() {
        let many: Vec<String> = (0..10).map(|n| format!("name-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let burial = Burial::of(envelope("x".into(), &many), &fault(Reason::TemplateMissing));
        assert_eq!(burial.attributes.len(), MAX_ATTRIBUTES);

        let room = "branchline-reason".len() + "String".len() + "template-missing".len();
        let full = "x".repeat(MAX_MESSAGE - room);
        let burial = Burial::of(
            envelope(full, &["X-GitHub-Event"]),
            &fault(Reason::TemplateMissing),
        );
        assert_eq!(names(&burial), [REASON]);
    }
}
