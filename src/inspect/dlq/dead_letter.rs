//! One message in a grave, as people and programs read it. Its body is read only where it is proven to be GitHub's.

use serde::Serialize;

use crate::domain::ids::{Subject, Timestamp};
use crate::domain::intake::authenticated::{
    Authenticator, DELIVERY, EVENT, INTERNAL_EVENT, INTERNAL_ID,
};
use crate::domain::intake::envelope::{Envelope, Source};
use crate::domain::intake::event::{Decision, Event};
use crate::domain::outcome::dead_letter::{ATTEMPTS, DETAIL, FIRST_SEEN, REASON, REPLAYS, STEP};

/// A letter without its body. The names are stable: they are the columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// When it came into this queue; for one that SQS moved, into the queue of webhooks.
    pub since: String,
    /// Seconds from then until now.
    pub age_seconds: u64,
    /// GitHub's event, as the header says.
    pub event: Option<String>,
    /// GitHub's GUID, as the header says.
    pub delivery: Option<String>,
    /// The repository. `None` where the body is not proven, or says none.
    pub repository: Option<String>,
    /// The subject, likewise.
    pub subject: Option<String>,
    /// The subject, for the table.
    #[serde(skip)]
    pub of: Option<Subject>,
    /// Why it was buried. `None` where SQS moved it by itself, after too many receives.
    pub reason: Option<String>,
    /// The step in which it failed.
    pub step: Option<String>,
    /// What exactly.
    pub detail: Option<String>,
    /// How often it was tried.
    pub attempts: Option<u32>,
    /// When it came into the queue of webhooks for the first time.
    pub first_seen: Option<String>,
    /// How often it was received from this queue: looking counts.
    pub receives: u32,
    /// How often it was replayed.
    pub replays: u32,
    /// True if a configured secret proves the body today. `None` where no secret is readable here.
    pub verified: Option<bool>,
    /// The body's length in bytes.
    pub bytes: usize,
}

impl DeadLetter {
    /// What a list writes of each, in this order.
    pub const FIELDS: &'static [&'static str] = &[
        "id",
        "since",
        "age_seconds",
        "event",
        "delivery",
        "repository",
        "subject",
        "reason",
        "step",
        "detail",
        "attempts",
        "first_seen",
        "receives",
        "replays",
        "verified",
        "bytes",
    ];

    /// Reads a message, and returns its envelope as it was. The body is read only where the message is authenticated.
    #[must_use]
    pub fn read(
        envelope: Envelope,
        authenticator: &Authenticator,
        now: Timestamp,
    ) -> (Self, Envelope) {
        let verified = authenticator
            .secrets()
            .map(|secrets| envelope.has_valid_signature(secrets));
        let (envelope, event) = match envelope.authenticate(authenticator) {
            Err(refused) => (refused.envelope, None),
            Ok(message) => {
                let event = Event::read(&message).ok();
                (message.into_envelope(), event)
            }
        };
        let event = match event {
            Some(Decision::Handle(event)) => Some(event),
            Some(Decision::Ignore(_)) | None => None,
        };
        let text = |name: &str| envelope.header(name).map(str::to_owned);
        let number = |name: &str| envelope.header(name).and_then(|text| text.parse().ok());
        let (event_name, id_name) = match envelope.source {
            Source::Webhooks => (EVENT, DELIVERY),
            Source::Internal => (INTERNAL_EVENT, INTERNAL_ID),
        };
        let of = event.as_ref().and_then(Event::subject);
        let letter = Self {
            id: envelope.message_id.clone(),
            since: envelope.sent_at.to_string(),
            age_seconds: now.since(envelope.sent_at).as_secs(),
            event: text(event_name),
            delivery: text(id_name),
            repository: event.as_ref().map(|event| event.name.to_string()),
            subject: event
                .as_ref()
                .and_then(|event| Some(event.subject()?.display(&event.name))),
            of,
            reason: text(REASON),
            step: text(STEP),
            detail: text(DETAIL),
            attempts: number(ATTEMPTS),
            first_seen: text(FIRST_SEEN),
            receives: envelope.receive_count,
            replays: number(REPLAYS).unwrap_or(0),
            verified,
            bytes: envelope.body_len(),
        };
        (letter, envelope)
    }
}
