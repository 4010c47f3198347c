//! The audit trail of every subject, as auditors get it.

use serde::Serialize;

use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::state::mapping::Mapping;

/// What was done to one subject. The names are stable: they are the columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryRow {
    /// The repository's name when it was last heard of.
    pub repository: String,
    /// GitHub's number for it.
    pub repository_id: u64,
    /// The subject, as people write it.
    pub subject: String,
    /// The event's own time.
    pub time: String,
    /// The delivery that made us do it, or what else did.
    pub cause: String,
    /// When it was done.
    pub processed_at: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What it came to.
    pub outcome: String,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The journal, as JSON text.
    pub journal: String,
}

impl HistoryRow {
    /// The names of the fields, in their order.
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
    ];

    /// An entry of a mapping's trail.
    #[must_use]
    pub fn of(mapping: &Mapping, entry: AuditEntry) -> Self {
        Self {
            repository: mapping.repository.to_string(),
            repository_id: mapping.subject.repository.0,
            subject: mapping.subject.display(&mapping.repository),
            time: entry.time,
            cause: entry.cause,
            processed_at: entry.processed_at,
            actor: entry.actor,
            outcome: entry.outcome,
            from: entry.from,
            to: entry.to,
            pipeline: entry.pipeline,
            journal: entry.journal,
        }
    }
}
