//! An entry of the audit trail: what was done to a subject, when, why, and by whom.

use serde::Serialize;

use crate::domain::ids::Timestamp;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::state::mapping::Mapping;

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
            actor: journal.actor.clone(),
            outcome: journal.outcome().to_owned(),
            from: journal.from.map(|state| state.as_str()),
            to: next.state.as_str(),
            pipeline: journal.pipeline.as_ref().map(ToString::to_string),
            journal: journal.to_json(),
        }
    }
}

/// An entry as it is read back: owned text, since an entry that was damaged is shown and not
/// hidden. Every field is written, known or not: a row of CSV must have as many as its head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// The event's own time.
    pub time: String,
    /// The text of its [`Cause`].
    pub cause: String,
    /// When it was done.
    pub processed_at: String,
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

    /// Returns the cause. `None` where the entry was damaged.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause.parse().ok()
    }
}
