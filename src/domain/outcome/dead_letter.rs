//! A dead-lettered or quarantined message: its body, unread, its original attributes, and the
//! reason.

use crate::domain::fault::{Fault, Step};
use crate::domain::intake::authenticated::{
    CONTENT_TYPE, DELIVERY, EVENT, INTERNAL_EVENT, INTERNAL_ID, SIGNATURE,
};
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

/// The attribute of a copy whose body was cut: the length of the whole body, in bytes.
pub const ORIGINAL_BYTES: &str = "branchline-original-bytes";

/// The attributes without which a replay is not what was received: those that prove and identify a
/// webhook or an internal message, and the time that orders its event. The most important is first.
const FOR_REPLAY: [&str; 8] = [
    SIGNATURE,
    EVENT,
    DELIVERY,
    INTERNAL_EVENT,
    INTERNAL_ID,
    SOURCE,
    FIRST_SEEN,
    CONTENT_TYPE,
];
/// The attributes for people and for the commands of operators. The most important is first.
const FOR_PEOPLE: [&str; 6] = [REASON, STEP, ATTEMPTS, DETAIL, REPLAYS, REPLAYED_BY];
/// The attributes that dead-lettering sets. Those of an earlier dead letter are removed.
const OURS: [&str; 7] = [
    REASON,
    STEP,
    ATTEMPTS,
    DETAIL,
    SOURCE,
    FIRST_SEEN,
    ORIGINAL_BYTES,
];
/// The highest number of attributes of a message (SQS quotas, "Message attributes").
pub const MAX_ATTRIBUTES: usize = 10;
/// The largest message with its attributes, in bytes (SQS quotas, "Message size").
const MAX_MESSAGE: usize = 1_048_576;

/// Turns a message into a dead letter.
///
/// The attributes are in the order of their importance: those that a replay needs, those for
/// people, and the rest. Attributes that exceed SQS's limits (ten attributes, 1 MiB in all) are
/// left out from the end, and the detail is cut before it is left out.
#[must_use]
pub fn dead_letter(envelope: Envelope, fault: &Fault, step: Step) -> OutgoingMessage {
    let message_id = envelope.message_id.clone();
    let first_seen = match envelope.header(FIRST_SEEN) {
        Some(first_seen) => first_seen.to_owned(),
        None => envelope.sent_at.to_string(),
    };
    let ours = [
        (REASON, Attribute::text(fault.reason.as_str())),
        (STEP, Attribute::text(step.as_str())),
        (ATTEMPTS, number(envelope.receive_count)),
        (DETAIL, Attribute::text(fault.detail.clone())),
        (FIRST_SEEN, Attribute::text(first_seen)),
    ];
    let source = match envelope.source {
        Source::Internal => Some((SOURCE, Attribute::text(INTERNAL))),
        Source::Webhooks => None,
    };
    let (body, original) = envelope.into_parts();
    let is_ours = |name: &str| OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    let original = original.into_iter().filter(|(name, _)| !is_ours(name));
    let ours = ours.into_iter().chain(source);
    let ours = ours.map(|(name, attribute)| (name.to_owned(), attribute));
    let mut attributes: Vec<_> = original.chain(ours).collect();
    attributes.retain(|(_, attribute)| attribute.as_text() != Some(""));
    attributes.sort_by_key(|(name, _)| rank(name));
    attributes.truncate(MAX_ATTRIBUTES);
    let mut message = OutgoingMessage {
        message_id,
        body,
        attributes,
    };
    message.drop_attributes(MAX_MESSAGE);
    message
}

/// Returns the position of an attribute in the order of importance. Names are compared without
/// case, as those of headers.
#[must_use]
pub fn rank(name: &str) -> usize {
    let mut known = FOR_REPLAY.iter().chain(&FOR_PEOPLE);
    let position = known.position(|known| known.eq_ignore_ascii_case(name));
    position.unwrap_or(FOR_REPLAY.len() + FOR_PEOPLE.len())
}

impl OutgoingMessage {
    /// Cuts a dead letter to the size that its queue accepts. The body is cut, and an attribute has
    /// the length that it had. Such a copy cannot be replayed, since the signature is that of the
    /// whole body.
    #[must_use]
    pub fn cut_to(mut self, limit: usize) -> Self {
        if self.size() <= limit {
            return self;
        }
        let body = std::mem::take(&mut self.body);
        let is_cut = self
            .attributes
            .iter()
            .any(|(name, _)| name == ORIGINAL_BYTES);
        if !is_cut {
            self.attributes.truncate(MAX_ATTRIBUTES - 1);
            let original = (ORIGINAL_BYTES.to_owned(), number(body.len()));
            self.attributes.insert(0, original);
        }
        // One byte remains for the body, because SQS refuses an empty one.
        self.drop_attributes(limit.saturating_sub(1));
        let end = body.floor_char_boundary(limit.saturating_sub(self.size()));
        let kept = body.get(..end).filter(|kept| !kept.is_empty());
        kept.unwrap_or("-").clone_into(&mut self.body);
        self
    }

    /// Leaves out attributes from the end, until the message is within the limit.
    fn drop_attributes(&mut self, limit: usize) {
        while self.size() > limit {
            let excess = self.size() - limit;
            let Some((name, attribute)) = self.attributes.pop() else {
                return;
            };
            if name == DETAIL
                && let Some(shorter) = shortened(&attribute, excess)
            {
                self.attributes.push((name, shorter));
            }
        }
    }
}

/// Returns a text without this many bytes at its end; `None` if nothing is left.
fn shortened(attribute: &Attribute, by: usize) -> Option<Attribute> {
    let text = attribute.as_text()?;
    let end = text.floor_char_boundary(text.len().checked_sub(by)?);
    let kept = text.get(..end).filter(|kept| !kept.is_empty());
    kept.map(Attribute::text)
}

fn number(value: impl ToString) -> Attribute {
    Attribute {
        data_type: "Number".to_owned(),
        value: AttributeValue::Text(value.to_string()),
    }
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

    const GITHUBS: [&str; 4] = [
        "Content-Type",
        "X-GitHub-Delivery",
        "X-GitHub-Event",
        "X-Hub-Signature-256",
    ];

    #[test]
    fn githubs_attributes_are_kept_and_ours_are_added() {
        let message = message_of(envelope("body".into(), &["X-GitHub-Event", REASON, SOURCE]));
        assert_eq!(
            names(&message),
            [EVENT, FIRST_SEEN, REASON, STEP, ATTEMPTS, DETAIL]
        );
        assert_eq!(message.attributes[2].1.as_text(), Some("template-missing"));
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
        let original = [&GITHUBS[..], &[FIRST_SEEN, REPLAYED_BY, REPLAYS]].concat();
        let message = message_of(envelope("body".into(), &original));
        let first_seen = message
            .attributes
            .iter()
            .find(|(name, _)| name == FIRST_SEEN);
        assert_eq!(first_seen.unwrap().1.as_text(), Some("value"));
        assert!(names(&message).contains(&REPLAYS));
    }

    #[test]
    fn what_a_replay_needs_is_kept_among_many_attributes() {
        let others = [
            "A-First",
            "Authorization",
            "User-Agent",
            "X-Amzn",
            "a-b",
            "zz",
        ];
        for signature in ["X-Hub-Signature-256", "x-hub-signature-256"] {
            let original = [&others[..], &GITHUBS[..3], &[signature]].concat();
            let message = message_of(envelope("body".into(), &original));
            let names = names(&message);
            assert_eq!(names.len(), MAX_ATTRIBUTES);
            let needed = [signature, EVENT, DELIVERY, CONTENT_TYPE, FIRST_SEEN];
            for needed in [&needed[..], &[REASON, STEP, ATTEMPTS, DETAIL]].concat() {
                assert!(names.contains(&needed), "{needed} in {names:?}");
            }
        }
    }

    #[test]
    fn a_dead_letter_of_any_size_keeps_what_a_replay_needs() {
        let size = |names: &[&str]| -> usize {
            names
                .iter()
                .map(|name| name.len() + "String".len() + "value".len())
                .sum()
        };
        let others = ["User-Agent", "X-GitHub-Hook-ID"];
        let original = [&GITHUBS[..], &others].concat();
        for free in [0, 30, 100, 200, 300] {
            let body = "x".repeat(MAX_MESSAGE - size(&original) - free);
            let message = message_of(envelope(body.clone(), &original));
            assert!(message.size() <= MAX_MESSAGE);
            assert_eq!(message.body, body);
            let names = names(&message);
            for needed in [SIGNATURE, EVENT, DELIVERY] {
                assert!(names.contains(&needed), "{free}: {needed} in {names:?}");
            }
            assert_eq!(names.contains(&REASON), free > 30, "{free}: {names:?}");
        }
    }

    #[test]
    fn a_copy_is_cut_to_what_its_queue_accepts() {
        let whole = |body: &str| message_of(envelope(body.to_owned(), &GITHUBS));
        let small = whole("small");
        assert_eq!(whole("small").cut_to(small.size()), small);
        for (body, limit) in [("x", 100_000), ("é", 1_024), ("🦀", 1_023), ("é", 100)] {
            let body = body.repeat(200_000);
            let cut = whole(&body).cut_to(262_144).cut_to(limit);
            assert!((limit - 4..=limit).contains(&cut.size()), "{limit}");
            assert!(
                body.starts_with(&cut.body) && !cut.body.is_empty(),
                "{limit}"
            );
            assert_eq!(names(&cut)[0], ORIGINAL_BYTES);
            assert_eq!(
                cut.attributes[0].1.as_text(),
                Some(&*body.len().to_string())
            );
            assert_eq!(names(&cut).contains(&REASON), limit > 1_000);
        }
    }
}
