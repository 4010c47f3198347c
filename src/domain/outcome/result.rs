//! How a message ended: its outcome, or its fault.

use crate::domain::fault::Fault;
use crate::domain::intake::event::Ignored;
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::plan::Unchanged;
use crate::domain::text::plural;

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalResult {
    /// It is being processed.
    Open,
    /// It was processed.
    Ended(Outcome),
    /// It failed.
    Failed(Fault),
}

/// The outcome of a message that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It concerns no pipeline of ours.
    Ignored(Ignored),
    /// The mapping already says the same, or something newer.
    Unchanged(Unchanged),
    /// The mapping was updated; its pipeline stays as it is, or there is none, for this reason.
    Recorded(Option<AbsenceReason>),
    /// The pipeline was created.
    Created,
    /// An earlier attempt, which could not settle, had created the pipeline.
    AlreadyCreated,
    /// The head commit was started.
    Started,
    /// The clone was updated to its template and rule, and the head commit was started.
    Updated,
    /// The repository is gone, and the pipelines of so many subjects with it.
    RepositoryRemoved(usize),
    /// The pipeline was deleted.
    Deleted,
    /// The pipeline did not exist any more.
    AlreadyDeleted,
    /// The pipeline of that name was never ours and was not touched.
    SkippedForeign,
    /// The delivery was processed before. Only `explain --delivery` says so.
    AlreadyProcessed,
}

impl Outcome {
    /// Returns the stable word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ignored(_) => "ignored",
            Self::Unchanged(_) => "unchanged",
            Self::Recorded(_) => "recorded",
            Self::Created => "created",
            Self::AlreadyCreated => "already-created",
            Self::Started => "started",
            Self::Updated => "updated",
            Self::RepositoryRemoved(_) => "repository-removed",
            Self::Deleted => "deleted",
            Self::AlreadyDeleted => "already-deleted",
            Self::SkippedForeign => "skipped-foreign",
            Self::AlreadyProcessed => "already-processed",
        }
    }

    /// Returns the particulars, for instance why the message was ignored.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Ignored(Ignored::Action(action)) => Some(format!("action {action}")),
            Self::Ignored(why) => Some(why.as_str().to_owned()),
            Self::Unchanged(why) => Some(why.as_str().to_owned()),
            Self::RepositoryRemoved(subjects) => Some(plural(*subjects, "subject")),
            Self::Recorded(why) => why.map(|why| why.as_str().to_owned()),
            Self::Created
            | Self::AlreadyCreated
            | Self::Started
            | Self::Updated
            | Self::Deleted
            | Self::AlreadyDeleted
            | Self::SkippedForeign
            | Self::AlreadyProcessed => None,
        }
    }

    /// Says what happened to `pipeline`, in the words of a log line.
    pub(super) fn sentence(&self, pipeline: &str) -> String {
        let detail = self.detail();
        let detail = detail.as_deref();
        match self {
            Self::Ignored(_) => format!("ignored ({})", detail.unwrap_or("-")),
            Self::Unchanged(_) => format!("unchanged ({})", detail.unwrap_or("-")),
            Self::Recorded(None) => "recorded".to_owned(),
            Self::Recorded(Some(why)) => {
                format!("recorded that it has no pipeline ({})", why.as_str())
            }
            Self::Created => format!("created {pipeline}"),
            Self::AlreadyCreated => format!("found {pipeline} already created"),
            Self::Started => format!("started {pipeline}"),
            Self::Updated => format!("updated and started {pipeline}"),
            Self::RepositoryRemoved(subjects) => {
                format!("removed the pipelines of {}", plural(*subjects, "subject"))
            }
            Self::Deleted => format!("deleted {pipeline}"),
            Self::AlreadyDeleted => format!("found {pipeline} already deleted"),
            Self::SkippedForeign => {
                format!("did not touch {pipeline}, which branchline did not create")
            }
            Self::AlreadyProcessed => "processed before".to_owned(),
        }
    }
}
