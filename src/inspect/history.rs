//! The audit trail of every subject, in rows for auditors.

use serde::Serialize;

use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::state::mapping::Mapping;

/// One audit entry with its subject. The field names are stable: they are the columns of
/// `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryRow {
    /// The repository's name in its latest event.
    pub repository: String,
    /// GitHub's number of the repository.
    pub repository_id: u64,
    /// The subject, as people write it.
    pub subject: String,
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
    ];

    /// Combines a mapping's subject with an entry of its audit trail.
    #[must_use]
    pub fn new(mapping: &Mapping, entry: AuditEntry) -> Self {
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
