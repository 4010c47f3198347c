//! The audit trail as it is read back: owned text, whatever branchline wrote it.

use serde::Serialize;

/// One entry: what was done to a subject, when, why, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// The event's own time.
    pub time: String,
    /// The delivery that made us do it, or the walk of a sweep.
    pub cause: String,
    /// When it was done.
    pub processed_at: String,
    /// Who did it, says GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What it came to.
    pub outcome: String,
    /// The state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// The pipeline concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The journal, as JSON text.
    pub journal: String,
}
