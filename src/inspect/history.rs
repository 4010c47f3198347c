//! The audit trail of every subject, in rows for auditors.

use globset::GlobMatcher;
use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::ids::{DeliveryId, RepositoryName, Timestamp};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::domain::time_range::TimeRange;
use crate::ports::{Cursor, TrailReader};

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

/// Conditions on an audit entry. A condition that is not set accepts every entry.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// The earliest time at which the entry was made.
    pub since: Option<Timestamp>,
    /// The latest time at which the entry was made.
    pub until: Option<Timestamp>,
    /// A glob for `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// GitHub's GUID of the delivery.
    pub delivery: Option<DeliveryId>,
}

impl EntryFilter {
    /// Returns true if the entry meets the conditions. An entry with a damaged time meets those on
    /// times.
    #[must_use]
    pub fn admits(&self, entry: &AuditEntry) -> bool {
        let made_at = Timestamp::from_rfc3339(&entry.processed_at);
        let is_after = |since| made_at.is_none_or(|made_at| made_at >= since);
        let is_before = |until| made_at.is_none_or(|made_at| made_at <= until);
        let repository = entry.repository.as_deref().unwrap_or_default();
        let cause = entry.cause();
        let delivery = cause.as_ref().and_then(|cause| cause.delivery());
        self.since.is_none_or(is_after)
            && self.until.is_none_or(is_before)
            && self
                .repository
                .as_ref()
                .is_none_or(|glob| glob.is_match(repository))
            && self.delivery.as_ref().is_none_or(|id| delivery == Some(id))
    }
}

/// The entries of every subject within a range of time, in the order in which they were made.
pub struct EntriesByTime<'a, T> {
    trail: &'a T,
    days: Vec<TimeRange>,
    after: Option<Cursor>,
}

impl<'a, T: TrailReader> EntriesByTime<'a, T> {
    /// Begins with the first day. Nothing is read yet.
    pub fn new(trail: &'a T, range: TimeRange) -> Self {
        Self {
            trail,
            days: range.days().rev().collect(),
            after: None,
        }
    }

    /// Returns the entries of the next page, which may be empty; `None` after the last page. A day
    /// without entries costs one call.
    ///
    /// # Errors
    /// The audit trail did not answer. The next call asks for the same page.
    pub async fn next(&mut self) -> Result<Option<Vec<AuditEntry>>, Fault> {
        let Some(day) = self.days.last() else {
            return Ok(None);
        };
        let page = self
            .trail
            .within_day(*day, false, self.after.clone())
            .await?;
        self.after = page.next;
        if self.after.is_none() {
            self.days.pop();
        }
        Ok(Some(page.entries))
    }
}
