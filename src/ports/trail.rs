//! The audit trail port: entries in chains, which are only ever added.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use crate::domain::outcome::chain::Chain;
use crate::domain::time_range::TimeRange;
use crate::ports::cursor::Cursor;

/// A page of audit entries.
#[derive(Debug)]
pub struct EntryPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// Read access to the audit trail.
pub trait TrailReader: Send + Sync + 'static {
    /// Returns the entries of a chain in their order, as they are now.
    fn chain(&self, chain: &Chain) -> impl Future<Output = Result<Vec<AuditEntry>, Fault>> + Send;

    /// Returns a page of all entries, of whatever subject, from the beginning or from where another
    /// page ended. A page may be empty and not the last. The listing may be a moment old.
    fn entries(
        &self,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<EntryPage, Fault>> + Send;

    /// Returns a page of the entries that were made within one UTC day, of whatever subject: the
    /// oldest first, or the newest first. A page may be empty and not the last. The listing may be
    /// a moment old. `range` does not reach beyond the day of its beginning.
    fn within_day(
        &self,
        range: TimeRange,
        newest_first: bool,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<EntryPage, Fault>> + Send;

    /// Returns a subject's entries of all chains, in the order in which they were made.
    fn history(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Vec<AuditEntry>, Fault>> + Send {
        async move {
            let mut entries = Vec::new();
            for chain in Chain::of(subject) {
                entries.extend(self.chain(&chain).await?);
            }
            // The sort is stable, so that entries of one chain and one time keep their order.
            entries.sort_by(|one, other| one.processed_at.cmp(&other.processed_at));
            Ok(entries)
        }
    }
}

/// Write access to the chains that have no mapping.
pub trait AuditLog: Send + Sync + 'static {
    /// Adds an entry to a chain, after the last one. If the last one is this entry, it counts as
    /// added: an earlier attempt wrote it. No entry is ever changed. The entry of a dead letter
    /// also records the name of its repository, which may have no mapping.
    fn note(
        &self,
        chain: &Chain,
        entry: &NewAuditEntry,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
