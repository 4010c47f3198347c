//! The audit trail of every subject, in rows for auditors.

use serde::Serialize;

use crate::domain::ids::RepositoryName;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;

/// One audit entry with its subject, whose mapping may be gone. The field names are stable: they
/// are the columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryRow {
    /// The repository's name at the time of the entry.
    pub repository: Option<String>,
    /// GitHub's number of the repository; `None` for a message without a known subject.
    pub repository_id: Option<u64>,
    /// The subject, as people write it; `None` for a message without a known subject.
    pub subject: Option<String>,
    /// The event's own time.
    pub time: String,
    /// The cause: a delivery, a repair, the sweep, or an operator.
    pub cause: String,
    /// When the change was made.
    pub processed_at: String,
    /// The user who caused the change.
    pub actor: Option<String>,
    /// The outcome.
    pub outcome: String,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The journal, as JSON.
    pub journal: String,
    /// The version of the entry's format.
    pub schema: u32,
    /// The chain of the entry.
    pub chain: String,
    /// The number of the entry in its chain.
    pub sequence: u64,
    /// The hash of the entry before it.
    pub previous: Option<String>,
    /// The hash of the entry.
    pub hash: String,
}

impl HistoryRow {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &[
        "repository",
        "repository_id",
        "subject",
        "time",
        "cause",
        "processed_at",
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

    /// Adds to an entry the subject of its chain.
    #[must_use]
    pub fn new(entry: AuditEntry) -> Self {
        let chain = Chain::from_text(&entry.chain);
        let subject = chain.as_ref().and_then(Chain::subject);
        Self {
            repository_id: subject.map(|subject| subject.repository.0),
            subject: subject_of(&entry),
            repository: entry.repository,
            time: entry.time,
            cause: entry.cause,
            processed_at: entry.processed_at,
            actor: entry.actor,
            outcome: entry.outcome,
            from: entry.from,
            to: entry.to,
            pipeline: entry.pipeline,
            journal: entry.journal,
            schema: entry.schema,
            chain: entry.chain,
            sequence: entry.sequence,
            previous: entry.previous,
            hash: entry.hash,
        }
    }
}

/// Returns the subject of an entry, as people write it. If the entry does not name the repository,
/// it is the table's key.
pub(super) fn subject_of(entry: &AuditEntry) -> Option<String> {
    let chain = Chain::from_text(&entry.chain)?;
    let subject = chain.subject()?;
    let name = entry.repository.as_deref();
    Some(
        match name.and_then(|name| RepositoryName::parse(name).ok()) {
            Some(name) => subject.display(&name),
            None => subject.table_key(),
        },
    )
}
