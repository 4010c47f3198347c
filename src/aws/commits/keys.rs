//! The keys of the records of commits.

use crate::domain::ids::{CommitId, Subject};

/// The beginning of the partition key of a subject's commits.
pub(super) const SUBJECT: &str = "COMMITS#";
/// The beginning of the sort key of a commit.
pub(super) const COMMIT: &str = "COMMIT#";

/// The sort key of the comment of a pull request.
pub(super) const COMMENT: &str = "COMMENT";

/// The sort key of the deployments of a subject.
pub(super) const DEPLOYMENTS: &str = "DEPLOYMENTS";

/// Returns the partition key of a subject's commits.
pub(super) fn subject_key(subject: &Subject) -> String {
    format!("{SUBJECT}{}", subject.table_key())
}

/// Returns the sort key of a commit.
pub(super) fn commit_key(commit: &CommitId) -> String {
    format!("{COMMIT}{commit}")
}
