//! One message of a dead-letter or quarantine queue, for people and programs. Its body is parsed
//! only if the message is authenticated.

use serde::Serialize;

use crate::domain::fault::Reason;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::intake::authenticated::{
    Authenticator, DELIVERY, EVENT, INTERNAL_EVENT, INTERNAL_ID, SIGNATURE,
};
use crate::domain::intake::content::Content;
use crate::domain::intake::decision::Decision;
use crate::domain::intake::envelope::{Envelope, Source};
use crate::domain::intake::event::Event;
use crate::domain::outcome::dead_letter::{
    ATTEMPTS, DETAIL, FIRST_SEEN, ORIGINAL_BYTES, REASON, REPLAYS, STEP,
};

/// A dead letter without its body. The field names are stable: they are the columns of
/// `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// When the message entered this queue; for a message that SQS moved, when it entered its
    /// source queue.
    pub since: String,
    /// Seconds since then.
    pub age_seconds: u64,
    /// The name of the event, from the header.
    pub event: Option<String>,
    /// GitHub's delivery GUID, from the header.
    pub delivery: Option<String>,
    /// The repository; `None` if the message is not authenticated, or names no repository.
    pub repository: Option<String>,
    /// The subject as people write it; `None` as for the repository.
    pub subject: Option<String>,
    /// The subject, as the table's key.
    #[serde(skip)]
    pub key: Option<Subject>,
    /// The reason of the failure; `None` if SQS itself moved the message, after too many receives.
    pub reason: Option<String>,
    /// The step in which the message failed.
    pub step: Option<String>,
    /// The detail of the failure.
    pub detail: Option<String>,
    /// The number of attempts.
    pub attempts: Option<u32>,
    /// When the message was first sent to a source queue.
    pub first_seen: Option<String>,
    /// The number of receives from this queue, including those of a listing.
    pub receives: u32,
    /// The number of replays.
    pub replays: u32,
    /// True if a configured secret proves the message today; `None` if no secret is readable
    /// here, and for an internal message, which needs no signature.
    pub verified: Option<bool>,
    /// The name of that secret.
    pub proved_by: Option<String>,
    /// The body's length in bytes.
    pub bytes: usize,
    /// The length that the body had, if this is a copy that was cut to what the queue accepts.
    pub original_bytes: Option<usize>,
    /// What is known of its signature.
    #[serde(skip)]
    pub signature: SignatureStatus,
}

/// What is known of a message's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureStatus {
    /// It is an internal message, which needs none.
    Unneeded,
    /// It is a webhook without one.
    Missing,
    /// It is not `sha256=` and 64 hexadecimal digits.
    Malformed,
    /// The body was cut, so that nothing proves it any more.
    Cut,
    /// No webhook secret is readable here, or none of those that are matches it.
    Unchecked,
    /// The configured secret of this name matches it.
    Valid(String),
    /// A configured secret matches it, and is bound to other repositories.
    WrongSecret,
    /// No configured secret matches it.
    Invalid,
}

impl SignatureStatus {
    fn of(envelope: &Envelope, authenticator: &Authenticator) -> Self {
        if envelope.source == Source::Internal {
            return Self::Unneeded;
        }
        if envelope.header(SIGNATURE).is_none() {
            return Self::Missing;
        }
        if envelope.signature().is_err() {
            return Self::Malformed;
        }
        if envelope.header(ORIGINAL_BYTES).is_some() {
            return Self::Cut;
        }
        match authenticator.secrets() {
            None => Self::Unchecked,
            Some(secrets) => match envelope.prove(secrets) {
                Ok(secret) => Self::Valid(secret.name.clone()),
                Err(fault) if fault.reason == Reason::WrongSecret => Self::WrongSecret,
                Err(_) if secrets.has_unreadable() => Self::Unchecked,
                Err(_) => Self::Invalid,
            },
        }
    }

    /// Returns why the daemon would not believe the message if it were replayed. `None` if it
    /// would, or if that cannot be known here.
    #[must_use]
    pub fn unproven(&self) -> Option<&'static str> {
        match self {
            Self::Unneeded | Self::Unchecked | Self::Valid(_) => None,
            Self::Missing => Some("it has no signature"),
            Self::Malformed => Some("its signature is malformed"),
            Self::Cut => Some("its body was cut; redeliver it at GitHub"),
            Self::WrongSecret => Some("its secret is bound to other repositories"),
            Self::Invalid => Some("no configured secret matches its signature"),
        }
    }

    fn verified(&self) -> Option<bool> {
        match self {
            Self::Unneeded | Self::Unchecked => None,
            Self::Valid(_) => Some(true),
            Self::Missing | Self::Malformed | Self::Cut | Self::WrongSecret | Self::Invalid => {
                Some(false)
            }
        }
    }

    fn proved_by(&self) -> Option<String> {
        match self {
            Self::Valid(name) => Some(name.clone()),
            Self::Unneeded
            | Self::Unchecked
            | Self::Missing
            | Self::Malformed
            | Self::Cut
            | Self::WrongSecret
            | Self::Invalid => None,
        }
    }
}

impl DeadLetter {
    /// The names of the fields, in order.
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
        "proved_by",
        "bytes",
        "original_bytes",
    ];

    /// Reads a message, and returns its envelope unchanged. The body is parsed only if the message
    /// is authenticated.
    #[must_use]
    pub fn read(
        envelope: Envelope,
        authenticator: &Authenticator,
        now: Timestamp,
    ) -> (Self, Envelope) {
        let signature = SignatureStatus::of(&envelope, authenticator);
        let (envelope, event, names) = match envelope.authenticate(authenticator) {
            Err(refused) => (refused.envelope, None, None),
            Ok(message) => {
                let event = Content::read(&message).ok();
                let names = (message.event().to_string(), message.id().to_string());
                (message.into_envelope(), event, Some(names))
            }
        };
        let event = match event {
            Some(Decision::Handle(Content::Event(event))) => Some(*event),
            Some(Decision::Handle(Content::Execution(_)) | Decision::Ignore(_)) | None => None,
        };
        let text = |name: &str| envelope.header(name).map(str::to_owned);
        let number = |name: &str| envelope.header(name).and_then(|text| text.parse().ok());
        let (event_name, delivery) = names.map_or_else(
            || {
                let (event_name, id_name) = match envelope.source {
                    Source::Webhooks => (EVENT, DELIVERY),
                    Source::Internal => (INTERNAL_EVENT, INTERNAL_ID),
                };
                (text(event_name), text(id_name))
            },
            |(event, id)| (Some(event), Some(id)),
        );
        let key = event.as_ref().and_then(Event::subject);
        let dead_letter = Self {
            id: envelope.message_id.clone(),
            since: envelope.sent_at.to_string(),
            age_seconds: now.since(envelope.sent_at).as_secs(),
            event: event_name,
            delivery,
            repository: event.as_ref().map(|event| event.name.to_string()),
            subject: event
                .as_ref()
                .and_then(|event| Some(event.subject()?.display(&event.name))),
            key,
            reason: text(REASON),
            step: text(STEP),
            detail: text(DETAIL),
            attempts: number(ATTEMPTS),
            first_seen: text(FIRST_SEEN),
            receives: envelope.receive_count,
            replays: number(REPLAYS).unwrap_or(0),
            verified: signature.verified(),
            proved_by: signature.proved_by(),
            bytes: envelope.body_len(),
            original_bytes: text(ORIGINAL_BYTES).and_then(|text| text.parse().ok()),
            signature,
        };
        (dead_letter, envelope)
    }
}
