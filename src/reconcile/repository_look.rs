//! A look at the record of a repository while a subject of it is claimed: whether the repository
//! has ended costs a call, but no time.
//!
//! The end of a repository is remembered first, and then its rows are listed, for the last time
//! [`LISTED_AFTER`] later (`repository_removal.rs`). A look that found no end was before the end,
//! and a claim that is confirmed within [`COUNTS`] of it is therefore in that listing. A look that
//! took longer does not count, and the record is read under the claim (`effects/create.rs`): the
//! listing was before the claim, or that read finds the end.
//!
//! Assumes: the clocks of two machines run about equally fast.

use std::time::Duration;

use crate::domain::ids::{RepositoryId, Timestamp};
use crate::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use crate::ports::{Clock, StoreReader};

/// How long after the look the claim is confirmed at the latest, for the look to count.
const COUNTS: Duration = Duration::from_millis(500);
/// How long after the end was remembered the last listing begins: longer than [`COUNTS`], by what
/// clocks differ in that time.
pub(super) const LISTED_AFTER: Duration = Duration::from_secs(1);

/// What was read of a repository while a subject of it was claimed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RepositoryLook(Option<RepositoryRecord>);

impl RepositoryLook {
    /// Looks at a repository while a claim is written. Returns no look if it failed or does not
    /// count.
    pub(super) async fn beside<T>(
        store: &impl StoreReader,
        clock: &impl Clock,
        repository: RepositoryId,
        claim: impl Future<Output = T>,
    ) -> (T, Option<Self>) {
        let at = clock.now();
        let (claimed, record) = tokio::join!(claim, store.repository_record(repository));
        let counts = clock.now().since(at) <= COUNTS;
        (claimed, record.ok().filter(|_| counts).map(Self))
    }

    /// Returns the end of the repository if it was after this event.
    pub(super) fn end_after(&self, event_time: Timestamp) -> Option<RepositoryTombstone> {
        self.0
            .as_ref()
            .and_then(|record| record.end_after(event_time))
    }
}
