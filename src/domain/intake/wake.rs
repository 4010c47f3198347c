//! A wake: there is a slot for a subject that waited for one. It arrives on the internal queue,
//! from the daemon that released a slot.
//!
//! A lost wake loses nothing: the subject's own message returns, and the job for half-way mappings
//! wakes the subjects that are in turn. `state/plan/wake.rs` plans what it does to the mapping.

use serde::Deserialize;
use serde_json::json;

use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, Subject, Timestamp};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::internal_message::{self, RepositoryPayload};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{parse, wrong};
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
        internal_message::id("wake", &text)
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
        internal_message::outgoing(WAKE, self.id(owner), body)
    }
}

#[derive(Deserialize)]
struct WakePayload {
    rule: Option<String>,
    subject: String,
    since: i64,
    repository: Object<RepositoryPayload>,
}

/// Reads a wake.
///
/// # Errors
/// `invalid-payload`, if the body is not a wake as branchline writes it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<Wake, Fault> {
    let payload: WakePayload = parse(message)?;
    let (repository, name) = payload.repository.0.read()?;
    let subject = Subject::from_key(repository, &payload.subject);
    Ok(Wake {
        line: payload.rule.map_or(Line::Account, Line::Rule),
        waiter: Waiter {
            subject: subject.ok_or_else(|| wrong("subject"))?,
            repository: name,
            since: Timestamp(payload.since),
        },
    })
}
