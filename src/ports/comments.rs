//! The comments port: what the table knows of the comments of pull requests.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::comment::record::CommentRecord;
use crate::ports::cursor::{Cursor, SubjectPage};

/// The records of the comments of pull requests. They expire 90 days after they were written last.
pub trait CommentLog: Send + Sync + 'static {
    /// Returns the record of a pull request's comment as it is now; `None` if there is none.
    fn comment(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<CommentRecord>, Fault>> + Send;

    /// Replaces the version of a record that came before this one. Returns false if the table has
    /// another version. The first one is written if the table has none.
    ///
    /// If cancelled or failed: it may be replaced.
    fn replace_comment(
        &self,
        record: &CommentRecord,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Returns a page of the list of unsent comments: of the records that were written last before
    /// this time, or were so a moment ago.
    fn unsent_comments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<SubjectPage, Fault>> + Send;
}
