//! The port to files of repositories at GitHub.

use std::pin::Pin;

use crate::domain::clone::file::FileContent;
use crate::domain::ids::{Branch, CommitId};
use crate::domain::report::fault::GitHubFault;
use crate::ports::github::Place;

/// The commit that a file is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision<'a> {
    /// This commit.
    Commit(&'a CommitId),
    /// The head of this branch.
    Branch(&'a Branch),
}

/// What a commit has under a path, and the commit. A file that a person gave has no commit.
pub type FileAnswer = Result<(Option<CommitId>, FileContent), GitHubFault>;

/// Reads files of repositories. It is used as an object, because only some installations have one.
pub trait RepositoryFiles: Send + Sync + 'static {
    /// Returns what a commit has under a path. The branch is looked up first, and the file is read
    /// by the commit, so that both belong together.
    ///
    /// # Errors
    /// `github-missing` if there is no such commit or branch, or if branchline may not read it: a
    /// file is [`FileContent::Missing`] only if the commit was readable. Otherwise one of each kind
    /// of [`GitHubFault`].
    fn file<'a>(
        &'a self,
        place: &'a Place,
        path: &'a str,
        revision: Revision<'a>,
    ) -> Pin<Box<dyn Future<Output = FileAnswer> + Send + 'a>>;
}
