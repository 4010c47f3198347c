//! A sighting: what GitHub showed of a pull request, a branch or a repository when branchline
//! looked there, because a webhook may have been lost. It arrives on the internal queue, and
//! becomes the event that the lost webhook would have been, so that a webhook that comes later is
//! newer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::fault::Fault;
use crate::domain::ids::{
    Branch, CommitId, InstallationId, RepositoryId, RepositoryName, Timestamp,
};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::event::{
    Action, Change, END_OF_SECOND, Event, PullRequest, RepositoryEnd, Tip,
};
use crate::domain::intake::internal_message::{self, RepositoryPayload};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The event name of a sighting.
pub const SIGHTING: &str = "branchline_sighting";

/// How long GitHub's webhooks and lists may lag behind each other. What changed later than this is
/// left to the webhook that is on its way.
pub const SETTLED_AFTER: Duration = Duration::from_mins(2);

/// What GitHub showed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The repository's number.
    pub repository: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
    /// The installation of the App through which it was seen.
    pub installation: Option<InstallationId>,
    /// The time in the order of events: no event of this time or before is newer.
    pub at: Timestamp,
    /// What was seen.
    pub seen: Seen,
}

/// The things that can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A pull request.
    PullRequest(Box<PullRequest>),
    /// A branch with its head commit; `None` if there is no such branch.
    Branch(Branch, Option<CommitId>),
    /// The repository is archived.
    Archived,
    /// The repository has another name than this one, which the table has.
    RenamedFrom(RepositoryName),
}

impl Sighting {
    /// Returns the time in the order of events of a pull request that was last changed in this
    /// second. Nothing can follow in that second: it was over when the pull request was seen.
    #[must_use]
    pub fn order_of(updated_at: Timestamp) -> Timestamp {
        updated_at.plus(END_OF_SECOND)
    }

    /// Returns the time in the order of events of what has no time of its own, such as a branch. A
    /// webhook about a change that was made in the meantime is newer.
    #[must_use]
    pub fn order_of_list(begun: Timestamp) -> Timestamp {
        begun.minus(SETTLED_AFTER)
    }

    /// Returns the event that it stands for.
    #[must_use]
    pub fn event(&self) -> Event {
        let change = match &self.seen {
            Seen::PullRequest(pull) => Change::PullRequest(pull.clone()),
            Seen::Branch(branch, head) => {
                let tip = match head {
                    Some(sha) => Tip::At {
                        sha: sha.clone(),
                        before: None,
                        skip: false,
                    },
                    None => Tip::Gone { before: None },
                };
                Change::Branch(branch.clone(), tip)
            }
            Seen::Archived => Change::Repository(RepositoryEnd::Archived),
            Seen::RenamedFrom(before) => Change::Renamed(Some(before.clone())),
        };
        Event {
            repository: self.repository,
            name: self.name.clone(),
            actor: None,
            time: Some(self.at),
            installation: self.installation,
            change,
        }
    }

    /// Creates the message for the internal queue. Equal sightings create equal messages, so one
    /// that is sent twice counts as one delivery.
    #[must_use]
    pub fn to_message(&self) -> OutgoingMessage {
        let (kind, seen) = self.seen.to_json();
        let body = json!({
            "repository": {"id": self.repository.0, "full_name": self.name.as_str()},
            "installation": self.installation.map(|id| id.0),
            "at": self.at.to_string(),
            kind: seen,
        })
        .to_string();
        let id = internal_message::id("sighting", &body);
        internal_message::outgoing(SIGHTING, id, body)
    }
}

impl Seen {
    /// Returns the name of its field in the message, and the field.
    fn to_json(&self) -> (&'static str, Value) {
        match self {
            Self::PullRequest(pull) => {
                let pull = json!({
                    "number": pull.number,
                    "open": pull.open,
                    "draft": pull.draft,
                    "fork": pull.fork,
                    "head": pull.head.as_str(),
                    "sha": pull.sha.as_str(),
                    "base": pull.base.as_str(),
                    "title": pull.title,
                    "author": pull.author,
                    "labels": pull.labels,
                });
                ("pull_request", pull)
            }
            Self::Branch(branch, sha) => {
                let sha = sha.as_ref().map(CommitId::as_str);
                ("branch", json!({"name": branch.as_str(), "sha": sha}))
            }
            Self::Archived => ("archived", json!(true)),
            Self::RenamedFrom(before) => ("renamed_from", json!(before.as_str())),
        }
    }
}

#[derive(Deserialize)]
struct SightingPayload {
    repository: Object<RepositoryPayload>,
    installation: Option<u64>,
    at: String,
    #[serde(flatten)]
    seen: SeenPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeenPayload {
    PullRequest(Object<PullPayload>),
    Branch(Object<BranchPayload>),
    Archived(bool),
    RenamedFrom(String),
}

#[derive(Deserialize)]
struct PullPayload {
    number: u64,
    open: bool,
    draft: bool,
    fork: bool,
    head: String,
    sha: String,
    base: String,
    title: String,
    author: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct BranchPayload {
    name: String,
    sha: Option<String>,
}

/// Reads the event that a sighting stands for. The actor is the sender according to SQS.
///
/// # Errors
/// `invalid-payload`, if the body is not a sighting as branchline writes it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<Event, Fault> {
    let payload: SightingPayload = parse(message)?;
    let (repository, name) = payload.repository.0.read()?;
    let sighting = Sighting {
        repository,
        name,
        installation: payload.installation.map(InstallationId),
        at: Timestamp::from_rfc3339(&payload.at).ok_or_else(|| wrong("at"))?,
        seen: seen(payload.seen)?,
    };
    Ok(Event {
        actor: message.envelope().sender.clone(),
        ..sighting.event()
    })
}

fn seen(payload: SeenPayload) -> Result<Seen, Fault> {
    Ok(match payload {
        SeenPayload::PullRequest(Object(pull)) => Seen::PullRequest(Box::new(
            PullRequest {
                number: pull.number,
                action: Action::Seen,
                open: pull.open,
                draft: pull.draft,
                fork: pull.fork,
                head: Branch::parse(pull.head).map_err(|why| not_a("pull_request.head", &why))?,
                sha: CommitId::parse(pull.sha).map_err(|why| not_a("pull_request.sha", &why))?,
                before: None,
                base: Branch::parse(pull.base).map_err(|why| not_a("pull_request.base", &why))?,
                skip: false,
                title: String::new(),
                author: None,
                labels: pull.labels,
                label: None,
            }
            .with_texts(pull.title, pull.author),
        )),
        SeenPayload::Branch(Object(branch)) => {
            let name = Branch::parse(branch.name).map_err(|why| not_a("branch.name", &why))?;
            let sha = branch.sha.map(CommitId::parse).transpose();
            Seen::Branch(name, sha.map_err(|why| not_a("branch.sha", &why))?)
        }
        SeenPayload::Archived(true) => Seen::Archived,
        SeenPayload::Archived(false) => return Err(wrong("archived")),
        SeenPayload::RenamedFrom(before) => {
            let before = RepositoryName::parse(before).map_err(|why| not_a("renamed_from", &why));
            Seen::RenamedFrom(before?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::Reason;
    use crate::domain::intake::authenticated::{Authenticator, Secrets};
    use crate::domain::intake::envelope::{Envelope, Receipt, Source};

    fn sighting(seen: Seen) -> Sighting {
        Sighting {
            repository: RepositoryId(7),
            name: RepositoryName::parse("acme/api").unwrap(),
            installation: Some(InstallationId(3)),
            at: Timestamp(1_767_225_600_999),
            seen,
        }
    }

    fn pull_request(title: &str) -> PullRequest {
        PullRequest {
            number: 7,
            action: Action::Seen,
            open: true,
            draft: false,
            fork: true,
            head: Branch::parse("feature/x").unwrap(),
            sha: CommitId::parse("a".repeat(40)).unwrap(),
            before: None,
            base: Branch::parse("main").unwrap(),
            title: String::new(),
            author: None,
            skip: false,
            labels: vec!["keep".to_owned()],
            label: None,
        }
        .with_texts(title.to_owned(), None)
    }

    fn received(body: String) -> Result<Event, Fault> {
        let attributes = sighting(Seen::Archived).to_message().attributes;
        let receipt = Receipt("r".to_owned());
        let envelope = Envelope::new(
            "m".to_owned(),
            receipt,
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
        let message = envelope.authenticate(&authenticator).unwrap();
        read(&message)
    }

    #[test]
    fn a_sighting_is_received_as_it_was_sent() {
        let branch = || Branch::parse("release/1.0").unwrap();
        let commit = CommitId::parse("b".repeat(40)).unwrap();
        let before = RepositoryName::parse("acme/old").unwrap();
        for seen in [
            Seen::PullRequest(Box::new(pull_request("Fix [skip ci]"))),
            Seen::PullRequest(Box::new(pull_request("A \"title\" {number}"))),
            Seen::Branch(branch(), Some(commit)),
            Seen::Branch(branch(), None),
            Seen::Archived,
            Seen::RenamedFrom(before),
        ] {
            let sent = sighting(seen);
            assert_eq!(sent.to_message(), sent.clone().to_message());
            assert_eq!(received(sent.to_message().body), Ok(sent.event()));
        }
    }

    #[test]
    fn a_body_that_is_no_sighting_is_refused() {
        let good = sighting(Seen::Branch(Branch::parse("x").unwrap(), None));
        let good = good.to_message().body;
        for (from, to) in [
            ("\"branch\"", "\"other\""),
            ("\"name\":\"x\"", "\"name\":7"),
            ("\"sha\":null", "\"sha\":\"short\""),
            ("\"at\":\"2026", "\"at\":\"x\",\"y\":\"2026"),
            ("acme/api", "acme"),
            (
                "\"branch\":{\"name\":\"x\",\"sha\":null}",
                "\"archived\":false",
            ),
        ] {
            assert!(good.contains(from), "{from}: {good}");
            let fault = received(good.replace(from, to)).err();
            let reason = fault.map(|fault| fault.reason);
            assert_eq!(reason, Some(Reason::InvalidPayload), "{from} -> {to}");
        }
    }
}
