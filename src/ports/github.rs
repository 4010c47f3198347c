//! The GitHub port: what branchline asks GitHub, and what it shows there.

use std::future::Future;

use crate::domain::ids::{CheckRunId, CommentId, InstallationId, RepositoryId, RepositoryName};
use crate::domain::report::fault::GitHubFault;
use crate::domain::report::{Report, ReportForm};

/// A repository, as a call names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub id: RepositoryId,
    /// Its name. GitHub redirects from a name that it had before.
    pub name: RepositoryName,
    /// The App's installation, if the webhook had it. Otherwise GitHub is asked once.
    pub installation: Option<InstallationId>,
}

/// What is known of something that an earlier call may have created. GitHub has no token that makes
/// a repeated creation have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier<Id> {
    /// Nothing was created.
    Nothing,
    /// A call was made whose answer was lost: look for it first.
    Uncertain,
    /// This was created.
    Created(Id),
}

/// Access to GitHub. Calls for one installation are made one after the other, and mutations at
/// least one second apart; a limit that GitHub names is obeyed for every later call of the
/// installation (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).
pub trait GitHub: Send + Sync + 'static {
    /// Shows a report on its commit: creates a check run or updates `earlier`, or adds a commit
    /// status. Returns the check run; `None` for a status. A check run that was completed is
    /// replaced by a new one if the report is not completed; the caller then passes
    /// [`Earlier::Nothing`].
    ///
    /// # Errors
    /// One of each kind of [`GitHubFault`]. `github-denied` names the permission that is missing.
    ///
    /// If cancelled or failed: the report may be shown.
    fn report(
        &self,
        place: &Place,
        form: ReportForm,
        report: &Report,
        earlier: Earlier<CheckRunId>,
    ) -> impl Future<Output = Result<Option<CheckRunId>, GitHubFault>> + Send;

    /// Creates the comment of a pull request, or replaces its text. `marker` is in the text, and
    /// finds a comment whose creation was not confirmed. A comment that was deleted is created
    /// again.
    ///
    /// # Errors
    /// Those of [`GitHub::report`].
    ///
    /// If cancelled or failed: the comment may be there.
    fn comment(
        &self,
        place: &Place,
        pull_request: u64,
        text: &str,
        marker: &str,
        earlier: Earlier<CommentId>,
    ) -> impl Future<Output = Result<CommentId, GitHubFault>> + Send;
}
