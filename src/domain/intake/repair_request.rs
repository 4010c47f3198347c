//! A repair: what an audit found wrong with one subject, sent by an operator through the internal queue.
//!
//! It says which generation of the mapping the audit saw: once the mapping has moved on, the repair changes nothing. What it
//! means for the mapping is planned in `state/plan/repair.rs`.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::domain::fault::Fault;
use crate::domain::ids::{
    DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject, Timestamp,
};
use crate::domain::intake::authenticated::{AuthenticatedMessage, INTERNAL_EVENT, INTERNAL_ID};
use crate::domain::intake::envelope::Attribute;
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The name of a repair among internal messages.
pub const REPAIR: &str = "branchline_repair";

/// What is wrong with a subject's pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A pipeline carries our tags, and no mapping has it.
    Orphan,
    /// A mapping's pipeline is not there.
    Missing,
    /// A mapping was left in the middle of a change, and nobody works on it.
    HalfWay,
    /// A clone is not what its template and its rule make of it.
    Drifted,
    /// No rule admits the subject any more.
    RuleGone,
    /// A mapping's pipeline does not carry our tags any more.
    NotOurs,
    /// A mapping's row cannot be read.
    Unreadable,
}

impl FindingKind {
    /// Every kind, for reading them back.
    pub const ALL: [Self; 7] = [
        Self::Orphan,
        Self::Missing,
        Self::HalfWay,
        Self::Drifted,
        Self::RuleGone,
        Self::NotOurs,
        Self::Unreadable,
    ];

    /// The word in findings and in repairs.
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
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// What is to be repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Whose pipeline.
    pub subject: Subject,
    /// The mapping's generation when it was looked at; 0 where there was none.
    pub generation: u64,
    /// What was wrong.
    pub kind: FindingKind,
    /// With which pipeline.
    pub pipeline: PipelineName,
}

/// A repair that was received, and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairRequest {
    /// What is to be repaired.
    pub repair: Repair,
    /// The repository's name when it was looked at.
    pub repository: RepositoryName,
    /// Who asked for it.
    pub actor: Option<String>,
    /// Its id.
    pub delivery: DeliveryId,
    /// When it entered the queue.
    pub received_at: Timestamp,
}

impl Repair {
    /// The same for the same repair: sent twice it is one delivery.
    fn id(&self, table: &str) -> String {
        let (subject, pipeline) = (&self.subject, &self.pipeline);
        let text = format!(
            "{table}\n{}\n{}\n{}\n{}\n{pipeline}",
            subject.repository,
            subject.key(),
            self.generation,
            self.kind.as_str()
        );
        let hash = hex::encode(Sha256::digest(text));
        format!("repair-{}", hash.get(..32).unwrap_or_default())
    }

    /// Makes the message for the internal queue. The same repair makes the same message.
    #[must_use]
    pub fn to_message(&self, repository: &RepositoryName, table: &str) -> OutgoingMessage {
        let body = json!({
            "kind": self.kind.as_str(),
            "generation": self.generation,
            "subject": self.subject.key(),
            "pipeline": self.pipeline.as_str(),
            "repository": {"id": self.subject.repository.0, "full_name": repository.as_str()},
        })
        .to_string();
        let id = self.id(table);
        let attributes = [
            (INTERNAL_EVENT, REPAIR.to_owned()),
            (INTERNAL_ID, id.clone()),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
        OutgoingMessage {
            message_id: id,
            body,
            attributes: attributes.into(),
        }
    }
}

#[derive(Deserialize)]
struct RepairPayload {
    kind: String,
    generation: u64,
    subject: String,
    pipeline: String,
    repository: Object<RepositoryPayload>,
}

#[derive(Deserialize)]
struct RepositoryPayload {
    id: u64,
    full_name: String,
}

/// Reads a repair, and the name of its repository.
///
/// # Errors
/// `invalid-payload`, when branchline did not write it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<(Repair, RepositoryName), Fault> {
    let payload: RepairPayload = parse(message)?;
    let Object(repository) = payload.repository;
    let subject = Subject::from_key(RepositoryId(repository.id), &payload.subject);
    let mut kinds = FindingKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.as_str() == payload.kind);
    let pipeline = PipelineName::parse(payload.pipeline).map_err(|why| not_a("pipeline", &why))?;
    let name = RepositoryName::parse(repository.full_name)
        .map_err(|why| not_a("repository.full_name", &why))?;
    let repair = Repair {
        subject: subject.ok_or_else(|| wrong("subject"))?,
        generation: payload.generation,
        kind: kind.ok_or_else(|| wrong("kind"))?,
        pipeline,
    };
    Ok((repair, name))
}
