//! The commits port: the records of head commits, from which reports to GitHub are made.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate};
use crate::domain::report::render::Due;
use crate::ports::cursor::Cursor;

/// A list of records on which something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitList {
    /// A report, a comment or a deployment may be due.
    Unreported,
    /// An execution may be running, or a message waits for its next attempt, and the report says
    /// so.
    Running,
}

impl CommitList {
    /// All lists.
    pub const ALL: [Self; 2] = [Self::Unreported, Self::Running];

    /// Returns the list that a record belongs to.
    #[must_use]
    pub fn of(record: &CommitRecord) -> Option<Self> {
        match record.is_unreported {
            true => Some(Self::Unreported),
            false => {
                let is_unfinished = record.may_be_running() || record.is_waiting();
                is_unfinished.then_some(Self::Running)
            }
        }
    }

    /// Returns the word in the index.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreported => "commit-unreported",
            Self::Running => "commit-running",
        }
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct CommitPage {
    /// The commits, those whose records were written longest ago first.
    pub keys: Vec<CommitKey>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// The records of head commits. They expire 90 days after they were written last.
pub trait CommitLog: Send + Sync + 'static {
    /// Returns a record as it is now; `None` if there is none, or none that says where the commit
    /// is reported.
    fn commit(
        &self,
        key: &CommitKey,
    ) -> impl Future<Output = Result<Option<CommitRecord>, Fault>> + Send;

    /// Returns the records of a subject as they are now, in any order.
    fn commits(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Vec<CommitRecord>, Fault>> + Send;

    /// Applies an update, unless an execution of the commit was started already. The record is then
    /// in [`CommitList::Unreported`].
    ///
    /// If cancelled or failed: it may be applied.
    fn update_unstarted(
        &self,
        update: &CommitUpdate,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Replaces a record, puts it into the list that it belongs to, and returns true, if its
    /// version is one less than that of `record`.
    ///
    /// If cancelled or failed: it may be replaced.
    fn replace(&self, record: &CommitRecord) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Replaces a record as [`CommitLog::replace`] does, and returns true if something may be due
    /// about it; `None` if it was not replaced. A record that is unreported already stays so: more
    /// than its report may be due.
    ///
    /// If cancelled or failed: it may be replaced.
    fn replace_as_due(
        &self,
        mut record: CommitRecord,
        region: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<bool>, Fault>> + Send {
        async move {
            let is_due = record.due(region, now) != Due::Nothing || record.may_be_in_comment();
            record.is_unreported |= is_due;
            Ok(self.replace(&record).await?.then_some(is_due))
        }
    }

    /// Returns a page of a list: the records that were written last before this time, or were so a
    /// moment ago.
    fn listed(
        &self,
        list: CommitList,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<CommitPage, Fault>> + Send;
}
