//! One message in a grave, as people and programs read it. Its body is read only where it is proven to be GitHub's.

use serde::Serialize;

use crate::domain::ids::{Subject, SubjectKind, Timestamp};
use crate::domain::intake::authenticated::Secrets;
use crate::domain::intake::envelope::Envelope;
use crate::domain::intake::event::{Change, Decision, Event};
use crate::domain::outcome::disposition::{ATTEMPTS, DETAIL, FIRST_SEEN, REASON, REPLAYS, ROOM};

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
    /// In which room.
    pub room: Option<String>,
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
    /// Whether a configured secret proves the body today.
    pub verified: bool,
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
        "room",
        "detail",
        "attempts",
        "first_seen",
        "receives",
        "replays",
        "verified",
        "bytes",
    ];

    /// Reads a letter. The envelope comes back as it was.
    #[must_use]
    pub fn read(envelope: Envelope, secrets: &Secrets, now: Timestamp) -> (Self, Envelope) {
        let (envelope, event) = match envelope.verify(secrets) {
            Err(refused) => (refused.envelope, None),
            Ok(delivery) => {
                let event = Event::read(&delivery).ok();
                (delivery.into_envelope(), Some(event))
            }
        };
        let text = |name: &str| envelope.header(name).map(str::to_owned);
        let number = |name: &str| envelope.header(name).and_then(|text| text.parse().ok());
        let verified = event.is_some();
        let said = match event.flatten() {
            Some(Decision::Handle(event)) => Some(event),
            Some(Decision::Ignore(_)) | None => None,
        };
        let letter = Self {
            id: envelope.message_id.clone(),
            since: envelope.sent_at.to_string(),
            age_seconds: now.since(envelope.sent_at).as_secs(),
            event: text("X-GitHub-Event"),
            delivery: text("X-GitHub-Delivery"),
            repository: said.as_ref().map(|event| event.name.to_string()),
            subject: said
                .as_ref()
                .and_then(|event| Some(subject(event)?.display(&event.name))),
            of: said.as_ref().and_then(subject),
            reason: text(REASON),
            room: text(ROOM),
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

fn subject(event: &Event) -> Option<Subject> {
    let kind = match &event.change {
        Change::Repository(_) => return None,
        Change::Repair(repair) => return Some(repair.subject.clone()),
        Change::PullRequest(pull) => SubjectKind::PullRequest(pull.number),
        Change::Branch(branch, _) => SubjectKind::Branch(branch.clone()),
    };
    Some(Subject {
        repository: event.repository,
        kind,
    })
}
