//! What a dead-lettered or quarantined message carries: its body unread, the attributes that came with it, and the reason.

use crate::domain::fault::{Fault, Step};
pub use crate::domain::intake::authenticated::{FIRST_SEEN, STEP};
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Source};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The attribute with the stable word of the reason.
pub const REASON: &str = "branchline-reason";
/// The attribute with the detail for a person.
pub const DETAIL: &str = "branchline-detail";
/// The attribute with the number of receives before.
pub const ATTEMPTS: &str = "branchline-attempts";
/// The attribute with the number of replays.
pub const REPLAYS: &str = "branchline-replays";
/// The attribute with the operator who replayed the message last.
pub const REPLAYED_BY: &str = "branchline-replayed-by";
/// The attribute of a message that came from the internal queue. Without it, the message came from the webhook queue.
pub const SOURCE: &str = "branchline-source";
/// The value of [`SOURCE`].
pub const INTERNAL: &str = "internal";

/// The attributes that dead-lettering writes, whatever came under these names.
const OURS: [&str; 6] = [REASON, STEP, SOURCE, FIRST_SEEN, ATTEMPTS, DETAIL];
/// Attributes that came with the message and are kept. With ours, and with who replayed it, they stay within ten.
const KEPT: usize = 5;
/// Attributes of a message (SQS quotas, "Message attributes").
pub const MAX_ATTRIBUTES: usize = 10;
/// Bytes of a message with its attributes (SQS quotas, "Message size").
const MAX_MESSAGE: usize = 1_048_576;

/// Makes a dead letter of a message.
///
/// Reason, step and source go first, then what came with the message, then when it was first seen, by which its event is
/// ordered, then the attempts, the detail, and who replayed it. What exceeds SQS's limits (ten attributes, 1 MiB in all) is
/// left out from the end.
#[must_use]
pub fn dead_letter(envelope: Envelope, fault: &Fault, step: Step) -> OutgoingMessage {
    let attempts = Attribute {
        data_type: "Number".to_owned(),
        value: AttributeValue::Text(envelope.receive_count.to_string()),
    };
    let message_id = envelope.message_id.clone();
    let source = envelope.source;
    let first_seen = envelope.header(FIRST_SEEN).map(str::to_owned);
    let first_seen = first_seen.unwrap_or_else(|| envelope.sent_at.to_string());
    let (body, mut came) = envelope.into_parts();
    let replayed_by = came.remove(REPLAYED_BY);
    let came = came
        .into_iter()
        .filter(|(name, _)| !OURS.contains(&name.as_str()));
    let mut attributes = vec![
        (REASON.to_owned(), Attribute::text(fault.reason.as_str())),
        (STEP.to_owned(), Attribute::text(step.as_str())),
    ];
    if source == Source::Internal {
        attributes.push((SOURCE.to_owned(), Attribute::text(INTERNAL)));
    }
    attributes.extend(came.take(KEPT));
    attributes.push((FIRST_SEEN.to_owned(), Attribute::text(first_seen)));
    attributes.push((ATTEMPTS.to_owned(), attempts));
    attributes.push((DETAIL.to_owned(), Attribute::text(fault.detail.clone())));
    attributes.extend(replayed_by.map(|who| (REPLAYED_BY.to_owned(), who)));
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

    fn letter(envelope: Envelope) -> OutgoingMessage {
        dead_letter(envelope, &fault(), Step::Event)
    }

    fn names(message: &OutgoingMessage) -> Vec<&str> {
        let attributes = message.attributes.iter();
        attributes.map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn githubs_attributes_are_kept_and_ours_are_added() {
        let message = letter(envelope("body".into(), &["X-GitHub-Event", REASON, SOURCE]));
        assert_eq!(
            names(&message),
            [REASON, STEP, "X-GitHub-Event", FIRST_SEEN, ATTEMPTS, DETAIL]
        );
        assert_eq!(message.attributes[0].1.as_text(), Some("template-missing"));
        assert_eq!(message.attributes[4].1.as_text(), Some("3"));
    }

    #[test]
    fn a_message_of_the_internal_queue_says_so() {
        let mut internal = envelope("body".into(), &[]);
        internal.source = Source::Internal;
        assert!(names(&letter(internal)).contains(&SOURCE));
    }

    #[test]
    fn a_replayed_message_keeps_when_it_was_first_seen() {
        let githubs = [
            "Content-Type",
            "X-GitHub-Delivery",
            "X-GitHub-Event",
            "X-Hub-Signature-256",
        ];
        let came = [&githubs[..], &[FIRST_SEEN, REPLAYED_BY, REPLAYS]].concat();
        let message = letter(envelope("body".into(), &came));
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
        let message = letter(envelope("x".into(), &many));
        assert_eq!(message.attributes.len(), MAX_ATTRIBUTES);

        let reason = REASON.len() + "String".len() + "template-missing".len();
        let full = "x".repeat(MAX_MESSAGE - reason);
        let message = letter(envelope(full, &["X-GitHub-Event"]));
        assert_eq!(names(&message), [REASON]);
    }
}
