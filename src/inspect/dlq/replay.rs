//! Letters that leave a grave: back to the queue of webhooks, into a file, or for good.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt};
use crate::domain::outcome::disposition::{
    ATTEMPTS, Burial, DETAIL, FIRST_SEEN, Grave, REASON, REPLAYED_BY, REPLAYS, ROOM,
};
use crate::ports::Queue;

/// What a burial adds beside what came with the message, and is of no use once it goes back.
const OF_THE_BURIAL: [&str; 4] = [REASON, ROOM, DETAIL, ATTEMPTS];
/// Attributes of a message (SQS quotas).
const MAX_ATTRIBUTES: usize = 10;

/// A letter in a file, one JSON object a line: all that is needed to send it again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedMessage {
    /// SQS's id of the message.
    pub id: String,
    /// The body, byte for byte.
    pub body: String,
    /// Its text attributes.
    pub attributes: BTreeMap<String, String>,
    /// When it came into the queue from which it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

impl ExportedMessage {
    /// Takes an envelope apart. Attributes that are no text are none of GitHub's, and stay behind.
    ///
    /// A letter that SQS moved by itself does not say when it was first seen; but SQS keeps its `SentTimestamp` (Developer
    /// Guide, "Using dead-letter queues"), which a new send would lose.
    #[must_use]
    pub fn of(envelope: Envelope) -> Self {
        let id = envelope.message_id.clone();
        let sent_at = envelope.sent_at.to_string();
        let (body, attributes) = envelope.into_parts();
        let text = |(name, attribute): (String, Attribute)| match attribute.value {
            AttributeValue::Text(text) => Some((name, text)),
            AttributeValue::Bytes(_) => None,
        };
        let mut attributes: BTreeMap<_, _> = attributes.into_iter().filter_map(text).collect();
        let first_seen = attributes.entry(FIRST_SEEN.to_owned());
        first_seen.or_insert_with(|| sent_at.clone());
        Self {
            id,
            body,
            attributes,
            since: Some(sent_at),
        }
    }

    /// As it lay in the queue, for a look at it before it is sent.
    #[must_use]
    pub fn into_envelope(self, now: Timestamp) -> Envelope {
        let first_seen = || self.attributes.get(FIRST_SEEN);
        let sent_at = self.since.as_ref().or_else(first_seen);
        let sent_at = sent_at.and_then(|time| Timestamp::from_rfc3339(time));
        let attributes = self.attributes.into_iter();
        let attributes = attributes.map(|(name, value)| (name, Attribute::text(value)));
        Envelope::new(
            self.id,
            Receipt(String::new()),
            self.body,
            attributes.collect(),
            sent_at.unwrap_or(now),
            0,
        )
    }

    /// A copy, for people.
    #[must_use]
    pub fn of_parts(envelope: &Envelope) -> Self {
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

    /// As it goes back: GitHub's attributes kept, the burial's gone, and who replayed it.
    #[must_use]
    pub fn replayed_by(self, who: &str) -> Burial {
        let replays: u32 = self
            .attributes
            .get(REPLAYS)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let mut left = self.attributes;
        // It orders the statement, so it is not what may be missed.
        let first_seen = left.remove(FIRST_SEEN);
        let kept =
            |name: &str| !OF_THE_BURIAL.contains(&name) && name != REPLAYS && name != REPLAYED_BY;
        let mut attributes: Vec<_> = left
            .into_iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, value)| (name, Attribute::text(value)))
            .take(MAX_ATTRIBUTES - [FIRST_SEEN, REPLAYS, REPLAYED_BY].len())
            .collect();
        attributes.extend(first_seen.map(|time| (FIRST_SEEN.to_owned(), Attribute::text(time))));
        attributes.push((
            REPLAYS.to_owned(),
            Attribute::text((replays + 1).to_string()),
        ));
        attributes.push((REPLAYED_BY.to_owned(), Attribute::text(who)));
        Burial {
            message_id: self.id,
            body: self.body,
            attributes,
        }
    }
}

/// What came of a letter that was sent back.
#[derive(Debug)]
#[must_use]
pub enum Sent {
    /// It left the grave.
    Moved,
    /// It is in both queues: SQS did not delete it from the grave. A second replay changes nothing.
    Copied(Fault),
}

/// Sends a letter back and then deletes it: killed in between, it is there twice, and the second changes nothing.
///
/// # Errors
/// The send was not confirmed: the letter is where it was.
pub async fn send_back<Q: Queue>(
    queue: &Q,
    envelope: Envelope,
    receipt: &Receipt,
    who: &str,
) -> Result<Sent, Fault> {
    let letter = ExportedMessage::of(envelope);
    // Turned around, the grave of this queue is the queue of webhooks.
    queue
        .bury(Grave::DeadLetters, letter.replayed_by(who))
        .await?;
    Ok(match remove(queue, receipt).await {
        Ok(()) => Sent::Moved,
        Err(fault) => Sent::Copied(fault),
    })
}

/// Deletes a letter.
///
/// # Errors
/// SQS did not, or the message became visible again meanwhile.
pub async fn remove<Q: Queue>(queue: &Q, receipt: &Receipt) -> Result<(), Fault> {
    let failed = queue.delete(std::slice::from_ref(receipt)).await?;
    if failed.is_empty() {
        return Ok(());
    }
    let detail = "a letter could not be deleted: it stays, and may be replayed or dropped again";
    Err(Fault::new(Step::Queue, Reason::AwsConflict, detail))
}
