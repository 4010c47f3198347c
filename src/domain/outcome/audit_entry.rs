//! The audit trail as it is read back: owned text, whatever branchline wrote it.

use serde::Serialize;

/// One entry: what was done to a subject, when, why, and by whom. Every field is written, known or not: a row of CSV must
/// have as many as its head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// The event's own time.
    pub time: String,
    /// The delivery that made us do it, or the walk of a sweep.
    pub cause: String,
    /// When it was done.
    pub processed_at: String,
    /// Who did it, says GitHub.
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

impl AuditEntry {
    /// The names of the fields, in their order.
    pub const FIELDS: &'static [&'static str] = &[
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
}
