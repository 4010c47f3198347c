//! The result of a message: its outcome, or its fault.

use crate::domain::fault::Fault;
use crate::domain::intake::decision::Ignored;
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::Unchanged;
use crate::domain::text::plural;

/// The result of processing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalResult {
    /// The message is being processed.
    Open,
    /// The message was processed.
    Ended(Outcome),
    /// The message failed.
    Failed(Fault),
}

/// The outcome of a message that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message concerns no pipeline of branchline.
    Ignored(Ignored),
    /// The mapping is already in the requested state, or in a newer one.
    Unchanged(Unchanged),
    /// The mapping was updated without a change to its pipeline. If there is no pipeline, this is
    /// the reason.
    Recorded(Option<AbsenceReason>),
    /// The pipeline was created.
    Created,
    /// An earlier attempt, which did not settle, had already created the pipeline.
    AlreadyCreated,
    /// A row was written for a pipeline whose mapping was lost.
    Adopted,
    /// An execution of the head commit was started.
    Started,
    /// The failed stage of the head commit's execution was retried.
    Retried,
    /// The clone was updated to its template and rule, and an execution of the head commit was
    /// started.
    Updated,
    /// The repository was deleted or archived, and the pipelines of this many subjects were
    /// removed.
    RepositoryRemoved(usize),
    /// The repository has another name, and so have its subjects with a pipeline.
    RepositoryRenamed {
        /// How many they are.
        subjects: usize,
        /// How many of them no rule admits under the new name.
        without_rule: usize,
    },
    /// CodePipeline's event about an execution was recorded.
    ExecutionRecorded,
    /// The pipeline was changed into one that removes the subject's environment, and was started.
    TeardownStarted,
    /// The subject's environment could not be removed, for this reason. That is tried again later,
    /// or left behind after the last attempt.
    TeardownFailed(String),
    /// The pipeline no longer existed, so it cannot remove the subject's environment, which is left
    /// behind.
    LeftBehind,
    /// The pipeline was deleted.
    Deleted,
    /// The pipeline no longer existed.
    AlreadyDeleted,
    /// The pipeline of that name was not created by branchline, and was not touched.
    SkippedForeign,
    /// The delivery was processed before. Only `explain --delivery` has this outcome.
    AlreadyProcessed,
}

impl Outcome {
    /// Returns the outcome of a write without a change to the pipeline: of the row that was there
    /// before, and of the one that is written.
    #[must_use]
    pub fn of_record(seen: Option<&Mapping>, next: &Mapping) -> Self {
        let failures = |row: &Mapping| {
            row.resources
                .teardown
                .as_ref()
                .map_or(0, |one| one.failures)
        };
        match seen.map_or(0, failures) < failures(next) {
            true => Self::TeardownFailed(next.last_error.clone().unwrap_or_default()),
            false => Self::Recorded(next.absence()),
        }
    }

    /// Returns the stable word for logs, metrics and audit entries.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ignored(_) => "ignored",
            Self::Unchanged(_) => "unchanged",
            Self::Recorded(_) => "recorded",
            Self::Created => "created",
            Self::AlreadyCreated => "already-created",
            Self::Adopted => "adopted",
            Self::Started => "started",
            Self::Retried => "retried",
            Self::Updated => "updated",
            Self::RepositoryRemoved(_) => "repository-removed",
            Self::RepositoryRenamed { .. } => "repository-renamed",
            Self::ExecutionRecorded => "execution-recorded",
            Self::TeardownStarted => "teardown-started",
            Self::TeardownFailed(_) => "teardown-failed",
            Self::LeftBehind => "left-behind",
            Self::Deleted => "deleted",
            Self::AlreadyDeleted => "already-deleted",
            Self::SkippedForeign => "skipped-foreign",
            Self::AlreadyProcessed => "already-processed",
        }
    }

    /// Returns true if calls to CodePipeline changed the subject's pipeline, or found it changed.
    #[must_use]
    pub fn changed_pipeline(&self) -> bool {
        match self {
            Self::Created
            | Self::AlreadyCreated
            | Self::Adopted
            | Self::Started
            | Self::Retried
            | Self::Updated
            | Self::TeardownStarted
            | Self::TeardownFailed(_)
            | Self::LeftBehind
            | Self::Deleted
            | Self::AlreadyDeleted => true,
            Self::Ignored(_)
            | Self::Unchanged(_)
            | Self::Recorded(_)
            | Self::RepositoryRemoved(_)
            | Self::RepositoryRenamed { .. }
            | Self::ExecutionRecorded
            | Self::SkippedForeign
            | Self::AlreadyProcessed => false,
        }
    }

    /// Returns the details, for instance why the message was ignored.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Ignored(Ignored::Action(action)) => Some(format!("action {action}")),
            Self::Ignored(why) => Some(why.as_str().to_owned()),
            Self::Unchanged(why) => Some(why.as_str().to_owned()),
            Self::RepositoryRemoved(subjects) => Some(plural(*subjects, "subject")),
            Self::RepositoryRenamed {
                subjects,
                without_rule,
            } => {
                let subjects = plural(*subjects, "subject");
                Some(match without_rule {
                    0 => subjects,
                    without_rule => format!("{subjects}, {without_rule} without a rule"),
                })
            }
            Self::Recorded(why) => why.map(|why| why.as_str().to_owned()),
            Self::TeardownFailed(why) => Some(why.clone()),
            Self::Created
            | Self::AlreadyCreated
            | Self::Adopted
            | Self::Started
            | Self::Retried
            | Self::Updated
            | Self::ExecutionRecorded
            | Self::TeardownStarted
            | Self::LeftBehind
            | Self::Deleted
            | Self::AlreadyDeleted
            | Self::SkippedForeign
            | Self::AlreadyProcessed => None,
        }
    }

    /// Describes what happened to `pipeline`, for a log line.
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
            Self::Adopted => format!("adopted {pipeline}"),
            Self::Started => format!("started {pipeline}"),
            Self::Retried => format!("retried the failed stage of {pipeline}"),
            Self::Updated => format!("updated and started {pipeline}"),
            Self::RepositoryRemoved(subjects) => {
                format!("removed the pipelines of {}", plural(*subjects, "subject"))
            }
            Self::RepositoryRenamed { .. } => {
                format!("recorded the new name of {}", detail.unwrap_or("-"))
            }
            Self::ExecutionRecorded => format!("recorded an execution of {pipeline}"),
            Self::TeardownStarted => format!("began to remove the environment of {pipeline}"),
            Self::TeardownFailed(why) => {
                format!("could not remove the environment of {pipeline} ({why})")
            }
            Self::LeftBehind => {
                format!("found {pipeline} already deleted, and its environment is left behind")
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
