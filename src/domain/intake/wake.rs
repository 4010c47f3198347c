//! A wake: there is a slot for a subject that waited for one. It arrives on the internal queue,
//! from the daemon that released a slot.
//!
//! A lost wake loses nothing: the subject's own message returns, and the job for half-way mappings
//! wakes the subjects that are in turn. `state/plan/wake.rs` plans what it does to the mapping.

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, RepositoryId, RepositoryName, Subject, Timestamp};
use crate::domain::intake::authenticated::{AuthenticatedMessage, INTERNAL_EVENT, INTERNAL_ID};
use crate::domain::intake::envelope::Attribute;
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::outcome::outgoing::OutgoingMessage;
use crate::domain::state::slots::{Line, Waiter};

/// The event name of a wake.
pub const WAKE: &str = "branchline_wake";

/// A subject whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The line in which it waited.
    pub line: Line,
    /// The subject, and since when it waits.
    pub waiter: Waiter,
}

impl Wake {
    /// Returns the id of the message. A subject that waits again later is woken under another id.
    fn id(&self, owner: &Owner) -> String {
        let Waiter { subject, since, .. } = &self.waiter;
        let (repository, key) = (subject.repository, subject.key());
        let line = &self.line;
        let text = format!("{owner}\n{line}\n{repository}\n{key}\n{}", since.0);
        let hash = hex::encode(Sha256::digest(text));
        format!("wake-{}", hash.get(..32).unwrap_or_default())
    }

    /// Creates the message for the internal queue. Equal wakes create equal messages.
    #[must_use]
    pub fn to_message(&self, owner: &Owner) -> OutgoingMessage {
        let Waiter {
            subject,
            repository,
            since,
        } = &self.waiter;
        let body = json!({
            "rule": self.line.rule(),
            "subject": subject.key(),
            "since": since.0,
            "repository": {"id": subject.repository.0, "full_name": repository.as_str()},
        })
        .to_string();
        let id = self.id(owner);
        let attributes = [(INTERNAL_EVENT, WAKE.to_owned()), (INTERNAL_ID, id.clone())];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
        OutgoingMessage {
            message_id: id,
            body,
            attributes: attributes.into(),
        }
    }
}

#[derive(Deserialize)]
struct WakePayload {
    rule: Option<String>,
    subject: String,
    since: i64,
    repository: Object<RepositoryPayload>,
}

#[derive(Deserialize)]
struct RepositoryPayload {
    id: u64,
    full_name: String,
}

/// Reads a wake.
///
/// # Errors
/// `invalid-payload`, if the body is not a wake as branchline writes it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<Wake, Fault> {
    let payload: WakePayload = parse(message)?;
    let Object(repository) = payload.repository;
    let subject = Subject::from_key(RepositoryId(repository.id), &payload.subject);
    let name = RepositoryName::parse(repository.full_name)
        .map_err(|why| not_a("repository.full_name", &why))?;
    Ok(Wake {
        line: payload.rule.map_or(Line::Account, Line::Rule),
        waiter: Waiter {
            subject: subject.ok_or_else(|| wrong("subject"))?,
            repository: name,
            since: Timestamp(payload.since),
        },
    })
}
