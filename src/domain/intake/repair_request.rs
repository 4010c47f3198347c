//! A repair: an operator's request to fix what an audit found wrong with one subject, to adopt a
//! clone, or to forget a mapping. It arrives on the internal queue.
//!
//! It names the generation of the mapping that the operator read. If the mapping has changed since,
//! the repair changes nothing. `state/plan/repair.rs`, `adoption.rs` and `forgetting.rs` plan what
//! a repair does to the mapping.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use crate::domain::fault::Fault;
use crate::domain::ids::{
    DeliveryId, Owner, PipelineName, ProjectName, RepositoryName, Subject, Timestamp,
};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::internal_message::{self, RepositoryPayload};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The event name of a repair.
pub const REPAIR: &str = "branchline_repair";

/// A kind of defect that an audit finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A pipeline carries branchline's tags, but belongs to no mapping.
    Orphan,
    /// A mapping's pipeline does not exist.
    Missing,
    /// A mapping was left in the middle of a change, and no worker holds its claim.
    HalfWay,
    /// A clone differs from what its template and its rule produce.
    Drifted,
    /// No rule admits the subject any more.
    RuleGone,
    /// A mapping's pipeline no longer carries branchline's tags.
    NotOurs,
    /// A mapping's row cannot be read.
    Unreadable,
    /// The environment of a subject could not be removed.
    LeftBehind,
    /// A stack outlived its subject.
    StackLeft,
    /// A stack of a subject was deleted by another user of the account.
    StackMissing,
    /// GitHub shows no deployment of an environment.
    DeploymentMissing,
}

impl FindingKind {
    /// Every kind, to parse them.
    pub const ALL: [Self; 11] = [
        Self::Orphan,
        Self::Missing,
        Self::HalfWay,
        Self::Drifted,
        Self::RuleGone,
        Self::NotOurs,
        Self::Unreadable,
        Self::LeftBehind,
        Self::StackLeft,
        Self::StackMissing,
        Self::DeploymentMissing,
    ];

    /// Returns the word that stands for the kind in findings and repairs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::Missing => "missing",
            Self::HalfWay => "half-way",
            Self::Drifted => "drifted",
            Self::RuleGone => "rule-gone",
            Self::NotOurs => "not-ours",
            Self::Unreadable => "unreadable",
            Self::LeftBehind => "left-behind",
            Self::StackLeft => "stack-left",
            Self::StackMissing => "stack-missing",
            Self::DeploymentMissing => "deployment-missing",
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairKind {
    /// To fix what an audit found.
    Fix(FindingKind),
    /// To write a row for a clone whose mapping was lost.
    Adopt,
    /// To give up a mapping that can never settle.
    Forget,
}

impl RepairKind {
    /// Returns the word in the message.
    fn as_str(self) -> &'static str {
        match self {
            Self::Fix(kind) => kind.as_str(),
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let fixes = FindingKind::ALL.into_iter().map(Self::Fix);
        let mut all = fixes.chain([Self::Adopt, Self::Forget]);
        all.find(|kind| kind.as_str() == word)
    }

    /// Returns the first word of the message's id, which the history shows.
    fn prefix(self) -> &'static str {
        match self {
            Self::Fix(_) => "repair",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }
}

/// A requested repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The subject to repair.
    pub subject: Subject,
    /// The mapping's generation when the audit read it; 0 if there was no mapping.
    pub generation: u64,
    /// What is asked for.
    pub kind: RepairKind,
    /// The pipeline that the finding is about.
    pub pipeline: PipelineName,
    /// The CodeBuild project that the finding is about, if it is about one without a mapping.
    pub project: Option<ProjectName>,
}

/// A repair as received, with its sender and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairRequest {
    /// The repair.
    pub repair: Repair,
    /// The repository's name when the audit read it.
    pub repository: RepositoryName,
    /// The sender of the message (SQS's `SenderId`).
    pub actor: Option<String>,
    /// The id of the message.
    pub delivery: DeliveryId,
    /// When the message entered the queue.
    pub received_at: Timestamp,
}

impl Repair {
    /// Returns the id of the message. Equal repairs have equal ids, so a repair that is sent twice
    /// counts as one delivery.
    fn id(&self, owner: &Owner) -> String {
        let (subject, pipeline) = (&self.subject, &self.pipeline);
        let project = self.project.as_ref();
        let project = project.map_or_else(String::new, |name| format!("\n{name}"));
        let text = format!(
            "{owner}\n{}\n{}\n{}\n{}\n{pipeline}{project}",
            subject.repository,
            subject.key(),
            self.generation,
            self.kind.as_str()
        );
        internal_message::id(self.kind.prefix(), &text)
    }

    /// Creates the message for the internal queue. Equal repairs create equal messages.
    #[must_use]
    pub fn to_message(&self, repository: &RepositoryName, owner: &Owner) -> OutgoingMessage {
        let mut body = json!({
            "kind": self.kind.as_str(),
            "generation": self.generation,
            "subject": self.subject.key(),
            "pipeline": self.pipeline.as_str(),
            "repository": {"id": self.subject.repository.0, "full_name": repository.as_str()},
        });
        if let (Some(project), Value::Object(fields)) = (&self.project, &mut body) {
            fields.insert("project".to_owned(), project.as_str().into());
        }
        internal_message::outgoing(REPAIR, self.id(owner), body.to_string())
    }
}

#[derive(Deserialize)]
struct RepairPayload {
    kind: String,
    generation: u64,
    subject: String,
    pipeline: String,
    project: Option<String>,
    repository: Object<RepositoryPayload>,
}

/// Reads a repair and the name of its repository.
///
/// # Errors
/// `invalid-payload`, if the body is not a repair as branchline writes it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<(Repair, RepositoryName), Fault> {
    let payload: RepairPayload = parse(message)?;
    let (repository, name) = payload.repository.0.read()?;
    let subject = Subject::from_key(repository, &payload.subject);
    let kind = RepairKind::parse(&payload.kind);
    let pipeline = PipelineName::parse(payload.pipeline).map_err(|why| not_a("pipeline", &why))?;
    let project = payload.project.map(ProjectName::parse).transpose();
    let repair = Repair {
        project: project.map_err(|why| not_a("project", &why))?,
        subject: subject.ok_or_else(|| wrong("subject"))?,
        generation: payload.generation,
        kind: kind.ok_or_else(|| wrong("kind"))?,
        pipeline,
    };
    Ok((repair, name))
}
