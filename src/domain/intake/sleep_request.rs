//! A request to look whether a subject is idle, and to announce that its pipeline is removed, or to
//! remove it. It arrives on the internal queue, from the job that looks for idle subjects, or from
//! the one that evicts them for others.
//!
//! A lost request loses nothing: the next run of the job sends it again. `state/plan/asleep.rs`
//! plans what it does to the mapping.

use serde::Deserialize;
use serde_json::json;

use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, RepositoryName, Subject};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::internal_message::{self, RepositoryPayload};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{parse, wrong};
use crate::domain::outcome::outgoing::OutgoingMessage;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::slots::Line;

/// The event name of the request.
pub const SLEEP: &str = "branchline_sleep";

/// A subject that may be idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SleepRequest {
    /// The subject.
    pub subject: Subject,
    /// The repository's name, for people.
    pub repository: RepositoryName,
    /// The generation of the row that the job read. A later row makes another message.
    pub generation: u64,
    /// The line in which another subject waits for its slot; `None` if its own time is over.
    pub line: Option<Line>,
}

impl SleepRequest {
    /// Creates the request for a row, for whose slot subjects may wait in a line.
    #[must_use]
    pub fn new(row: &Mapping, line: Option<Line>) -> Self {
        Self {
            subject: row.subject.clone(),
            repository: row.repository.clone(),
            generation: row.generation,
            line,
        }
    }

    fn id(&self, owner: &Owner) -> String {
        let (repository, key) = (self.subject.repository, self.subject.key());
        let line = self.line.as_ref().map_or_else(String::new, Line::to_string);
        let text = format!("{owner}\n{repository}\n{key}\n{}\n{line}", self.generation);
        internal_message::id("sleep", &text)
    }

    /// Creates the message for the internal queue. Equal requests create equal messages.
    #[must_use]
    pub fn to_message(&self, owner: &Owner) -> OutgoingMessage {
        let body = json!({
            "subject": self.subject.key(),
            "generation": self.generation,
            "line": self.line.as_ref().map(|line| json!({"rule": line.rule()})),
            "repository": {
                "id": self.subject.repository.0,
                "full_name": self.repository.as_str(),
            },
        })
        .to_string();
        internal_message::outgoing(SLEEP, self.id(owner), body)
    }
}

#[derive(Deserialize)]
struct SleepPayload {
    subject: String,
    generation: u64,
    line: Option<Object<LinePayload>>,
    repository: Object<RepositoryPayload>,
}

#[derive(Deserialize)]
struct LinePayload {
    rule: Option<String>,
}

/// Reads a request.
///
/// # Errors
/// `invalid-payload`, if the body is not a request as branchline writes it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<SleepRequest, Fault> {
    let payload: SleepPayload = parse(message)?;
    let (repository, name) = payload.repository.0.read()?;
    let subject = Subject::from_key(repository, &payload.subject);
    Ok(SleepRequest {
        subject: subject.ok_or_else(|| wrong("subject"))?,
        repository: name,
        generation: payload.generation,
        line: payload
            .line
            .map(|Object(line)| line.rule.map_or(Line::Account, Line::Rule)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::Reason;
    use crate::domain::ids::{RepositoryId, SubjectKind, Timestamp};
    use crate::domain::intake::authenticated::{Authenticator, Secrets};
    use crate::domain::intake::envelope::{Envelope, Receipt, Source};

    fn request(line: Option<Line>) -> SleepRequest {
        SleepRequest {
            subject: Subject {
                repository: RepositoryId(7),
                kind: SubjectKind::PullRequest(8),
            },
            repository: RepositoryName::parse("acme/api").unwrap(),
            generation: 3,
            line,
        }
    }

    fn received(body: String) -> Result<SleepRequest, Fault> {
        let attributes = request(None).to_message(&owner()).attributes;
        let envelope = Envelope::new(
            "m".to_owned(),
            Receipt("r".to_owned()),
            body,
            attributes.into_iter().collect(),
            Timestamp(0),
            1,
        );
        let envelope = Envelope {
            source: Source::Internal,
            ..envelope
        };
        let authenticator = Authenticator::source_queues(Secrets::new(["s"]));
        read(&envelope.authenticate(&authenticator).unwrap())
    }

    fn owner() -> Owner {
        Owner::parse("branchline").unwrap()
    }

    #[test]
    fn a_request_is_received_as_it_was_sent() {
        let lines = [
            None,
            Some(Line::Account),
            Some(Line::Rule("a \"rule\"".to_owned())),
        ];
        let sent = lines.map(request);
        for one in &sent {
            assert_eq!(received(one.to_message(&owner()).body).as_ref(), Ok(one));
        }
        let ids = sent.map(|one| one.to_message(&owner()).message_id);
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    }

    #[test]
    fn a_body_that_branchline_does_not_write_is_refused() {
        let good = request(Some(Line::Account)).to_message(&owner()).body;
        for (from, to) in [
            ("PR#0000000008", "PR#x"),
            ("\"generation\":3", "\"generation\":-3"),
            ("acme/api", "acme"),
            ("{\"rule\":null}", "7"),
            ("{\"rule\":null}", "{\"rule\":7}"),
        ] {
            assert!(good.contains(from), "{from}: {good}");
            let fault = received(good.replace(from, to)).err();
            let reason = fault.map(|fault| fault.reason);
            assert_eq!(reason, Some(Reason::InvalidPayload), "{from} -> {to}");
        }
    }
}
