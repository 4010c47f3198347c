//! A repair: what an audit found wrong with one subject, sent by an operator on the way that webhooks take.
//!
//! It is signed like a webhook, and says which generation of the mapping was looked at: once the mapping has moved on, it
//! changes nothing. What it makes of the mapping is planned in `state/plan/repair.rs`.

use serde::{Serialize, Serializer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::domain::ids::{DeliveryId, PipelineName, RepositoryName, Subject, Timestamp};
use crate::domain::intake::authenticated::{CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE, Secrets};
use crate::domain::intake::envelope::Attribute;
use crate::domain::outcome::disposition::Burial;

/// What stands in place of GitHub's event name. GitHub has none that begins so.
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
    /// Every flaw, for reading them back.
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
    pub flaw: FindingKind,
    /// With which pipeline.
    pub pipeline: PipelineName,
}

/// A repair that arrived, and what came with it.
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
            self.flaw.as_str()
        );
        let hash = hex::encode(Sha256::digest(text));
        format!("repair-{}", hash.get(..32).unwrap_or_default())
    }

    /// As a message for the queue of webhooks. `None` where no secret is there to sign it.
    #[must_use]
    pub fn seal(
        &self,
        repository: &RepositoryName,
        by: &str,
        table: &str,
        secrets: &Secrets,
    ) -> Option<Burial> {
        let body = json!({
            "branchline": "repair",
            "flaw": self.flaw.as_str(),
            "generation": self.generation,
            "subject": self.subject.key(),
            "pipeline": self.pipeline.as_str(),
            "repository": {"id": self.subject.repository.0, "full_name": repository.as_str()},
            "sender": {"login": by},
        })
        .to_string();
        let id = self.id(table);
        let headers = [
            (EVENT, REPAIR.to_owned()),
            (DELIVERY, id.clone()),
            (SIGNATURE, secrets.sign(body.as_bytes())?),
            (CONTENT_TYPE, "application/json".to_owned()),
        ];
        let attributes = headers.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
        Some(Burial {
            message_id: id,
            body,
            attributes: attributes.into(),
        })
    }
}
