//! Reports: what GitHub is told about a head commit.
//!
//! Pure: a report is derived from what the table knows of the commit, and sent elsewhere.

use crate::domain::ids::{CommitId, Timestamp};

pub mod execution;
pub mod fault;

/// The longest title, in characters. GitHub refuses a longer description of a commit status:
/// <https://docs.github.com/rest/commits/statuses#create-a-commit-status>.
pub const TITLE_LIMIT: usize = 140;

/// The form in which GitHub shows a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportForm {
    /// A check run. Only a GitHub App may create one.
    Check,
    /// A commit status.
    Status,
}

impl ReportForm {
    /// All forms.
    pub const ALL: [Self; 2] = [Self::Check, Self::Status];

    /// Returns the word in the configuration and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Status => "status",
        }
    }
}

/// How far the work on a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportState {
    /// It has not begun.
    Queued,
    /// It is in progress.
    InProgress,
    /// It has ended.
    Completed(Conclusion),
}

/// How the work on a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conclusion {
    /// The execution succeeded.
    Success,
    /// The execution failed.
    Failure,
    /// branchline or CodePipeline could not do the work: not a fault of the commit.
    Error,
    /// The execution was stopped, or another one took its place.
    Cancelled,
    /// Nothing was built, as the rules demand. A required check accepts it.
    Skipped,
}

/// What GitHub is told about one commit, in either form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The commit.
    pub commit: CommitId,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// How far the work is.
    pub state: ReportState,
    /// One sentence of plain text, at most [`TITLE_LIMIT`] characters.
    pub title: String,
    /// Details in Markdown; only check runs have them.
    pub summary: String,
    /// The page of the execution, or of the pipeline.
    pub url: Option<String>,
    /// The id by which the check run is found again, unique among the commit's reports.
    pub external_id: String,
    /// When the work began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}
