//! An entry of the audit trail: what was done to a subject, when, why, and by whom.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::domain::ids::Timestamp;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::chain::{Chain, ChainHead};
use crate::domain::outcome::journal::Journal;
use crate::domain::state::mapping::Mapping;

/// The version of an entry's format: which fields are hashed, and how.
pub const ENTRY_SCHEMA: u32 = 1;

/// An entry to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// What made us write it.
    pub cause: Cause,
    /// The event's own time; for a sweep, that of the event whose effect it finished; for an
    /// operator, the present.
    pub time: Timestamp,
    /// When it was done.
    pub processed_at: Timestamp,
    /// The name of the repository at that time.
    pub repository: Option<String>,
    /// Who did it: GitHub's `sender`, SQS's `SenderId`, or an operator.
    pub actor: Option<String>,
    /// The outcome's stable word.
    pub outcome: String,
    /// The state before.
    pub from: Option<&'static str>,
    /// The state after.
    pub to: &'static str,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The journal, as JSON text.
    pub journal: String,
}

impl NewAuditEntry {
    /// Makes the entry of a change that leaves the mapping as `next`.
    #[must_use]
    pub fn new(journal: &Journal, cause: &Cause, time: Timestamp, next: &Mapping) -> Self {
        Self {
            cause: cause.clone(),
            time,
            processed_at: next.updated_at,
            repository: Some(next.repository.to_string()),
            actor: journal.actor.clone(),
            outcome: journal.outcome().to_owned(),
            from: journal.from.map(|state| state.as_str()),
            to: next.state.as_str(),
            pipeline: journal.pipeline.as_ref().map(ToString::to_string),
            journal: journal.to_json(),
        }
    }
}

/// An entry in its chain. The fields are owned text, since an entry that was damaged is shown and
/// not hidden. Every field is written, known or not: a row of CSV must have as many as its head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// The event's own time.
    pub time: String,
    /// The text of its [`Cause`].
    pub cause: String,
    /// When it was done.
    pub processed_at: String,
    /// The name of the repository at that time.
    pub repository: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The outcome's stable word.
    pub outcome: String,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The journal, as JSON text.
    pub journal: String,
    /// The version of the format.
    pub schema: u32,
    /// The name of its [`Chain`].
    pub chain: String,
    /// Its number in the chain. The first entry has number 1.
    pub sequence: u64,
    /// The hash of the entry before it; `None` for the first.
    pub previous: Option<String>,
    /// Its hash: see [`AuditEntry::computed_hash`].
    pub hash: String,
}

/// The hashed fields. They are declared in the order of their names, as `jq -S` sorts them, so that
/// anybody can compute the hash of an exported line.
#[derive(Serialize)]
struct Hashed<'a> {
    actor: Option<&'a str>,
    cause: &'a str,
    chain: &'a str,
    from: Option<&'a str>,
    journal: &'a str,
    outcome: &'a str,
    pipeline: Option<&'a str>,
    previous: Option<&'a str>,
    processed_at: &'a str,
    repository: Option<&'a str>,
    schema: u32,
    sequence: u64,
    time: &'a str,
    to: &'a str,
}

impl AuditEntry {
    /// The names of the fields, in their order.
    pub const FIELDS: &'static [&'static str] = &[
        "time",
        "cause",
        "processed_at",
        "repository",
        "actor",
        "outcome",
        "from",
        "to",
        "pipeline",
        "journal",
        "schema",
        "chain",
        "sequence",
        "previous",
        "hash",
    ];

    /// Links an entry to the end of a chain. `after` is the last link; `None` for an empty chain.
    #[must_use]
    pub fn link(entry: &NewAuditEntry, chain: &Chain, after: Option<&ChainHead>) -> Self {
        let mut linked = Self {
            time: entry.time.to_string(),
            cause: entry.cause.to_string(),
            processed_at: entry.processed_at.to_string(),
            repository: entry.repository.clone(),
            actor: entry.actor.clone(),
            outcome: entry.outcome.clone(),
            from: entry.from.map(str::to_owned),
            to: entry.to.to_owned(),
            pipeline: entry.pipeline.clone(),
            journal: entry.journal.clone(),
            schema: ENTRY_SCHEMA,
            chain: chain.to_string(),
            sequence: after.map_or(1, |after| after.sequence.saturating_add(1)),
            previous: after.map(|after| after.hash.clone()),
            hash: String::new(),
        };
        linked.hash = linked.computed_hash();
        linked
    }

    /// Returns the SHA-256 of its content: the UTF-8 JSON object of all fields but `hash`, in the
    /// order of their names, without spaces, and with `null` for what is unknown.
    #[must_use]
    pub fn computed_hash(&self) -> String {
        let hashed = Hashed {
            actor: self.actor.as_deref(),
            cause: &self.cause,
            chain: &self.chain,
            from: self.from.as_deref(),
            journal: &self.journal,
            outcome: &self.outcome,
            pipeline: self.pipeline.as_deref(),
            previous: self.previous.as_deref(),
            processed_at: &self.processed_at,
            repository: self.repository.as_deref(),
            schema: self.schema,
            sequence: self.sequence,
            time: &self.time,
            to: &self.to,
        };
        // Writing JSON into memory does not fail.
        let text = serde_json::to_vec(&hashed).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }

    /// Returns the link that the next entry follows.
    #[must_use]
    pub fn head(&self) -> ChainHead {
        ChainHead {
            sequence: self.sequence,
            hash: self.hash.clone(),
        }
    }

    /// Returns true if this is what `entry` was written as.
    #[must_use]
    pub fn is(&self, entry: &NewAuditEntry, chain: &Chain) -> bool {
        let after = self.previous.as_ref().map(|hash| ChainHead {
            sequence: self.sequence.saturating_sub(1),
            hash: hash.clone(),
        });
        *self == Self::link(entry, chain, after.as_ref())
    }

    /// Returns the cause. `None` where the entry was damaged.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{DeliveryId, RepositoryId, Subject, SubjectKind};
    use crate::domain::outcome::chain_check::{ChainCheck, Defect};

    fn chain() -> Chain {
        Chain::Changes(Subject {
            repository: RepositoryId(1_001),
            kind: SubjectKind::PullRequest(7),
        })
    }

    fn new(delivery: &str) -> NewAuditEntry {
        NewAuditEntry {
            cause: Cause::Webhook(DeliveryId::parse(delivery).unwrap()),
            time: Timestamp(0),
            processed_at: Timestamp(1),
            repository: Some("acme/api".to_owned()),
            actor: None,
            outcome: "created".to_owned(),
            from: Some("unseen"),
            to: "active",
            pipeline: None,
            journal: "{\"outcome\":\"created\",\"note\":\"ü\u{7f}\"}".to_owned(),
        }
    }

    fn linked(count: usize) -> Vec<AuditEntry> {
        let mut entries: Vec<AuditEntry> = Vec::new();
        for number in 0..count {
            let head = entries.last().map(AuditEntry::head);
            let entry = new(&format!("d-{number}"));
            entries.push(AuditEntry::link(&entry, &chain(), head.as_ref()));
        }
        entries
    }

    fn defects(entries: &[AuditEntry]) -> Vec<Defect> {
        let mut check = ChainCheck::default();
        entries.iter().flat_map(|entry| check.push(entry)).collect()
    }

    #[test]
    fn the_hash_covers_every_field_but_itself() {
        let text = |entry: &AuditEntry| serde_json::to_value(entry).unwrap();
        let entry = &linked(2)[1];
        let mut names: Vec<_> = text(entry).as_object().unwrap().keys().cloned().collect();
        let mut fields: Vec<_> = AuditEntry::FIELDS.to_vec();
        names.sort();
        fields.sort_unstable();
        assert_eq!(names, fields);
        let mut altered = vec![entry.clone(); 14];
        for (index, entry) in altered.iter_mut().enumerate() {
            let odd = || "odd".to_owned();
            match index {
                0 => entry.actor = Some(odd()),
                1 => entry.cause = odd(),
                2 => entry.chain = odd(),
                3 => entry.from = Some(odd()),
                4 => entry.journal = odd(),
                5 => entry.outcome = odd(),
                6 => entry.pipeline = Some(String::new()),
                7 => entry.previous = None,
                8 => entry.processed_at = odd(),
                9 => entry.repository = None,
                10 => entry.schema = 0,
                11 => entry.sequence += 1,
                12 => entry.time = odd(),
                _ => entry.to = odd(),
            }
            assert_ne!(entry.computed_hash(), entry.hash, "{index}");
        }
    }

    #[test]
    fn the_hash_is_that_of_sorted_json() {
        let entry = &linked(1)[0];
        assert_eq!(
            entry.hash,
            hex::encode(Sha256::digest(
                "{\"actor\":null,\"cause\":\"d-0\",\"chain\":\"REPO#1001/PR#0000000007/CHANGE\",\"from\":\"unseen\",\"journal\":\"{\\\"outcome\\\":\\\"created\\\",\\\"note\\\":\\\"ü\u{7f}\\\"}\",\"outcome\":\"created\",\"pipeline\":null,\"previous\":null,\"processed_at\":\"1970-01-01T00:00:00.001Z\",\"repository\":\"acme/api\",\"schema\":1,\"sequence\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"to\":\"active\"}"
            ))
        );
    }

    #[test]
    fn an_entry_is_what_it_was_written_as() {
        let entries = linked(2);
        assert!(entries[1].is(&new("d-1"), &chain()));
        assert!(!entries[1].is(&new("d-0"), &chain()));
    }

    #[test]
    fn a_whole_chain_has_no_defect() {
        assert_eq!(defects(&linked(4)), []);
    }

    #[test]
    fn an_altered_a_replaced_and_a_missing_entry_are_defects() {
        let mut altered = linked(3);
        altered[1].outcome = "deleted".to_owned();
        assert_eq!(defects(&altered), [Defect::Altered(2)]);

        let mut replaced = linked(3);
        replaced[1] = AuditEntry::link(&new("forged"), &chain(), Some(&replaced[0].head()));
        assert_eq!(defects(&replaced), [Defect::Replaced(3)]);

        let mut missing = linked(5);
        missing.drain(1..3);
        assert_eq!(defects(&missing), [Defect::Missing(2, 3)]);
        missing.remove(0);
        assert_eq!(defects(&missing), [Defect::Missing(1, 3)]);

        let mut newer = linked(1);
        newer[0].schema += 1;
        assert_eq!(defects(&newer), [Defect::Newer(1)]);
    }
}
