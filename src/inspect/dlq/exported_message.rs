//! A message as it is written to a file, and as it is sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt, Source};
use crate::domain::outcome::dead_letter::{
    ATTEMPTS, DETAIL, FIRST_SEEN, INTERNAL, MAX_ATTRIBUTES, ORIGINAL_BYTES, REASON, REPLAYED_BY,
    REPLAYS, SOURCE, STEP, rank,
};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The attributes that dead-lettering adds and that a replay leaves out.
const ADDED: [&str; 6] = [REASON, STEP, SOURCE, DETAIL, ATTEMPTS, ORIGINAL_BYTES];

/// A message in a file, one JSON object per line, with everything that is needed to send it again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedMessage {
    /// SQS's id of the message.
    pub id: String,
    /// The body, unchanged.
    pub body: String,
    /// The text attributes.
    pub attributes: BTreeMap<String, String>,
    /// When the message entered the queue from which it was exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

impl ExportedMessage {
    /// Exports an envelope. Attributes that are not text are left out, because GitHub has none.
    ///
    /// A message that SQS moved has no attribute for the time when it was first seen, but SQS keeps
    /// its `SentTimestamp` (Developer Guide, "Using dead-letter queues"), which a new send would
    /// lose.
    #[must_use]
    pub fn new(envelope: Envelope) -> Self {
        let id = envelope.message_id.clone();
        let sent_at = envelope.sent_at.to_string();
        let source = envelope.source;
        let (body, attributes) = envelope.into_parts();
        let text = |(name, attribute): (String, Attribute)| match attribute.value {
            AttributeValue::Text(text) => Some((name, text)),
            AttributeValue::Bytes(_) => None,
        };
        let mut attributes: BTreeMap<_, _> = attributes.into_iter().filter_map(text).collect();
        if source == Source::Internal {
            attributes.insert(SOURCE.to_owned(), INTERNAL.to_owned());
        } else {
            attributes.remove(SOURCE);
        }
        let first_seen = attributes.entry(FIRST_SEEN.to_owned());
        first_seen.or_insert_with(|| sent_at.clone());
        Self {
            id,
            body,
            attributes,
            since: Some(sent_at),
        }
    }

    /// Turns the message back into an envelope, to predict what would become of it.
    #[must_use]
    pub fn into_envelope(self, now: Timestamp) -> Envelope {
        let first_seen = || self.attributes.get(FIRST_SEEN);
        let sent_at = self
            .since
            .as_ref()
            .or_else(first_seen)
            .and_then(|time| Timestamp::from_rfc3339(time));
        let is_internal = self
            .attributes
            .get(SOURCE)
            .is_some_and(|source| source == INTERNAL);
        let attributes = self.attributes.into_iter();
        let attributes = attributes.map(|(name, value)| (name, Attribute::text(value)));
        let mut envelope = Envelope::new(
            self.id,
            Receipt(String::new()),
            self.body,
            attributes.collect(),
            sent_at.unwrap_or(now),
            0,
        );
        if is_internal {
            envelope.source = Source::Internal;
        }
        envelope
    }

    /// Copies an envelope, for people.
    #[must_use]
    pub fn copy(envelope: &Envelope) -> Self {
        let text = |(name, attribute): (&String, &Attribute)| {
            Some((name.clone(), attribute.as_text()?.to_owned()))
        };
        Self {
            id: envelope.message_id.clone(),
            body: envelope.copy_body(),
            attributes: envelope.attributes.iter().filter_map(text).collect(),
            since: Some(envelope.sent_at.to_string()),
        }
    }

    /// Returns the message to send: GitHub's attributes are kept, those of dead-lettering are
    /// removed, and the operator is added.
    #[must_use]
    pub fn replayed_by(self, operator: &str) -> OutgoingMessage {
        let replays: u32 = self
            .attributes
            .get(REPLAYS)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let kept = |name: &str| !ADDED.contains(&name) && name != REPLAYS && name != REPLAYED_BY;
        let mut attributes: Vec<_> = self
            .attributes
            .into_iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, value)| (name, Attribute::text(value)))
            .collect();
        // What proves the message and orders its event is not left out.
        attributes.sort_by_key(|(name, _)| rank(name));
        attributes.truncate(MAX_ATTRIBUTES - [REPLAYS, REPLAYED_BY].len());
        attributes.push((
            REPLAYS.to_owned(),
            Attribute::text((replays + 1).to_string()),
        ));
        attributes.push((REPLAYED_BY.to_owned(), Attribute::text(operator)));
        OutgoingMessage {
            message_id: self.id,
            body: self.body,
            attributes,
        }
    }
}
