//! A dead-lettered or quarantined message: its body, unread, its original attributes, and the
//! reason.

use crate::domain::fault::{Fault, Step};
pub use crate::domain::intake::authenticated::{FIRST_SEEN, STEP};
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Source};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The attribute with the stable word of the reason.
pub const REASON: &str = "branchline-reason";
/// The attribute with the detail for a person.
pub const DETAIL: &str = "branchline-detail";
/// The attribute with the number of earlier receives.
pub const ATTEMPTS: &str = "branchline-attempts";
/// The attribute with the number of replays.
pub const REPLAYS: &str = "branchline-replays";
/// The attribute with the name of the operator who replayed the message last.
pub const REPLAYED_BY: &str = "branchline-replayed-by";
/// The attribute of a message that came from the internal queue. Without it, the message came from
/// the webhook queue.
pub const SOURCE: &str = "branchline-source";
/// The value of [`SOURCE`].
pub const INTERNAL: &str = "internal";

/// The attributes that dead-lettering sets. They replace attributes of the same names.
const OURS: [&str; 6] = [REASON, STEP, SOURCE, FIRST_SEEN, ATTEMPTS, DETAIL];
/// The number of original attributes that are kept. With branchline's own, and the operator who
/// replayed the message, they stay within ten.
const KEPT: usize = 5;
/// The highest number of attributes of a message (SQS quotas, "Message attributes").
pub const MAX_ATTRIBUTES: usize = 10;
/// The largest message with its attributes, in bytes (SQS quotas, "Message size").
const MAX_MESSAGE: usize = 1_048_576;

/// Turns a message into a dead letter.
///
/// The attributes are in this order: reason, step and source; the original attributes; the time
/// when the message was first seen, which orders its event; the number of attempts; the detail; the
/// operator who replayed it. Attributes that exceed SQS's limits (ten attributes, 1 MiB in all) are
/// left out from the end.
#[must_use]
pub fn dead_letter(envelope: Envelope, fault: &Fault, step: Step) -> OutgoingMessage {
    let attempts = Attribute {
        data_type: "Number".to_owned(),
        value: AttributeValue::Text(envelope.receive_count.to_string()),
    };
    let message_id = envelope.message_id.clone();
    let source = envelope.source;
    let first_seen = match envelope.header(FIRST_SEEN) {
        Some(first_seen) => first_seen.to_owned(),
        None => envelope.sent_at.to_string(),
    };
    let (body, mut original) = envelope.into_parts();
    let replayed_by = original.remove(REPLAYED_BY);
    let kept = original
        .into_iter()
        .filter(|(name, _)| !OURS.contains(&name.as_str()))
        .take(KEPT);
    let mut attributes = vec![
        (REASON.to_owned(), Attribute::text(fault.reason.as_str())),
        (STEP.to_owned(), Attribute::text(step.as_str())),
    ];
    if source == Source::Internal {
        attributes.push((SOURCE.to_owned(), Attribute::text(INTERNAL)));
    }
    attributes.extend(kept);
    attributes.push((FIRST_SEEN.to_owned(), Attribute::text(first_seen)));
    attributes.push((ATTEMPTS.to_owned(), attempts));
    attributes.push((DETAIL.to_owned(), Attribute::text(fault.detail.clone())));
    attributes.extend(replayed_by.map(|operator| (REPLAYED_BY.to_owned(), operator)));
    attributes.truncate(MAX_ATTRIBUTES);
    attributes.retain(|(_, attribute)| attribute.as_text() != Some(""));
    while body.len() + size(&attributes) > MAX_MESSAGE && attributes.len() > 1 {
        attributes.pop();
    }
    OutgoingMessage {
        message_id,
        body,
        attributes,
    }
}

fn size(attributes: &[(String, Attribute)]) -> usize {
    let one = |(name, attribute): &(String, Attribute)| name.len() + attribute.size();
    attributes.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::fault::Reason;
    use crate::domain::ids::Timestamp;
    use crate::domain::intake::envelope::Receipt;

    fn fault() -> Fault {
        Fault::new(Reason::TemplateMissing, "what, where, and what to do")
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

    fn message_of(envelope: Envelope) -> OutgoingMessage {
        dead_letter(envelope, &fault(), Step::Event)
    }

    fn names(message: &OutgoingMessage) -> Vec<&str> {
        let attributes = message.attributes.iter();
        attributes.map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn githubs_attributes_are_kept_and_ours_are_added() {
        let message = message_of(envelope("body".into(), &["X-GitHub-Event", REASON, SOURCE]));
        assert_eq!(
            names(&message),
            [REASON, STEP, "X-GitHub-Event", FIRST_SEEN, ATTEMPTS, DETAIL]
        );
        assert_eq!(message.attributes[0].1.as_text(), Some("template-missing"));
        assert_eq!(message.attributes[4].1.as_text(), Some("3"));
    }

    #[test]
    fn a_message_of_the_internal_queue_carries_its_source() {
        let mut internal = envelope("body".into(), &[]);
        internal.source = Source::Internal;
        assert!(names(&message_of(internal)).contains(&SOURCE));
    }

    #[test]
    fn a_replayed_message_keeps_when_it_was_first_seen() {
        let githubs = [
            "Content-Type",
            "X-GitHub-Delivery",
            "X-GitHub-Event",
            "X-Hub-Signature-256",
        ];
        let original = [&githubs[..], &[FIRST_SEEN, REPLAYED_BY, REPLAYS]].concat();
        let message = message_of(envelope("body".into(), &original));
        let ours = [REPLAYS, FIRST_SEEN, ATTEMPTS, DETAIL];
        assert_eq!(
            names(&message),
            [&[REASON, STEP], &githubs[..], &ours].concat()
        );
    }

    #[test]
    fn a_dead_letter_fits_what_sqs_accepts() {
        let many: Vec<String> = (0..10).map(|n| format!("name-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let message = message_of(envelope("x".into(), &many));
        assert_eq!(message.attributes.len(), MAX_ATTRIBUTES);

        let reason = REASON.len() + "String".len() + "template-missing".len();
        let full = "x".repeat(MAX_MESSAGE - reason);
        let message = message_of(envelope(full, &["X-GitHub-Event"]));
        assert_eq!(names(&message), [REASON]);
    }
}
