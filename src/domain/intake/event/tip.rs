//! The states of branches.

use crate::domain::ids::CommitId;

/// The state of a branch after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tip {
    /// The branch is at a commit.
    At {
        /// The commit.
        sha: CommitId,
        /// The commit before the push; `None` for a new branch.
        before: Option<CommitId>,
        /// True if the commit message asks to skip the build.
        skip: bool,
    },
    /// The branch exists, but the event does not contain its commit (`create`).
    Somewhere,
    /// The branch was deleted.
    Gone {
        /// The commit before the deletion, if the event contains it.
        before: Option<CommitId>,
    },
}
