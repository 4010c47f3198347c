//! Reports to GitHub about head commits.
//!
//! Pure: a report is derived from what the table knows of the commit, and sent elsewhere.

use crate::domain::ids::{CommitId, Timestamp};

pub mod audit;
pub mod comment;
mod counted;
pub mod deployment;
pub mod execution;
pub mod fault;
mod idle;
pub mod idle_note;
mod markdown;
mod parts;
mod reasons;
pub mod record;
pub mod render;
pub mod run;
pub mod target;
pub mod updates;

/// The longest title, in characters. GitHub refuses a longer description of a commit status:
/// <https://docs.github.com/rest/commits/statuses#create-a-commit-status>.
pub const TITLE_LIMIT: usize = 140;

/// The longest context, in characters: GitHub's database has 255.
pub const CONTEXT_LIMIT: usize = 255;

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

    /// Returns the form of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == word)
    }

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

impl ReportState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::InProgress,
        Self::Completed(Conclusion::Success),
        Self::Completed(Conclusion::Failure),
        Self::Completed(Conclusion::Error),
        Self::Completed(Conclusion::Cancelled),
        Self::Completed(Conclusion::Skipped),
    ];

    /// Returns the state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Returns the word in the table and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in-progress",
            Self::Completed(Conclusion::Success) => "success",
            Self::Completed(Conclusion::Failure) => "failure",
            Self::Completed(Conclusion::Error) => "error",
            Self::Completed(Conclusion::Cancelled) => "cancelled",
            Self::Completed(Conclusion::Skipped) => "skipped",
        }
    }

    /// Returns true if nothing is expected to follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed(_))
    }
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

/// A report about one commit, in either form.
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

#[cfg(test)]
mod tests;
