//! What the table knows of one head commit: what branchline did about it, its execution, and what
//! was reported to GitHub.

use crate::domain::fault::Reason;
use crate::domain::ids::{
    CheckRunId, CommitId, ExecutionId, PipelineName, RepositoryName, Subject, Timestamp,
};
use crate::domain::report::ReportState;
use crate::domain::report::fault::GitHubFaultKind;
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::run::Run;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::state::desired::AbsenceReason;

/// A head commit of a subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitKey {
    /// The subject.
    pub subject: Subject,
    /// The commit.
    pub commit: CommitId,
}

/// The head commit of a subject, and where it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedHead {
    /// The commit.
    pub key: CommitKey,
    /// The repository's name.
    pub repository: RepositoryName,
    /// Where it is reported.
    pub target: ReportTarget,
    /// The time of the event that named the commit as the head.
    pub event_time: Timestamp,
}

/// What branchline did about a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its message failed and is retried.
    Waiting {
        /// Why it failed.
        reason: Reason,
        /// How many subjects come before its own, if it waits for a slot.
        ahead: Option<usize>,
    },
    /// An execution was started, or CodePipeline starts one.
    Building {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stages of the template that the pipeline lacks.
        left_out_stages: Vec<String>,
    },
    /// Its subject has no pipeline, or the commit asks for no build.
    Absent(AbsenceReason),
    /// Its message was dead-lettered.
    Refused(Reason),
    /// The repository's file for branchline cannot be used, and why. The text is about the file
    /// alone, so that everybody who may read the repository may read it.
    InvalidFile(String),
    /// Its pipeline is gone, and branchline did not delete it.
    PipelineLost(PipelineName),
}

impl Phase {
    /// The word of [`Phase::Waiting`] in the table.
    pub const WAITING: &str = "waiting";
    /// The word of [`Phase::Building`] in the table.
    pub const BUILDING: &str = "building";
    /// The word of [`Phase::Absent`] in the table.
    pub const ABSENT: &str = "absent";
    /// The word of [`Phase::Refused`] in the table.
    pub const REFUSED: &str = "refused";
    /// The word of [`Phase::InvalidFile`] in the table.
    pub const INVALID_FILE: &str = "invalid-file";
    /// The word of [`Phase::PipelineLost`] in the table.
    pub const PIPELINE_LOST: &str = "pipeline-lost";

    /// Returns the word in the table.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => Self::WAITING,
            Self::Building { .. } => Self::BUILDING,
            Self::Absent(_) => Self::ABSENT,
            Self::Refused(_) => Self::REFUSED,
            Self::InvalidFile(_) => Self::INVALID_FILE,
            Self::PipelineLost(_) => Self::PIPELINE_LOST,
        }
    }

    /// Returns true if the executions so far count no more: the pipeline was deleted, or it was
    /// created, and CodePipeline starts the first execution without naming it.
    #[must_use]
    pub fn ends_executions(&self, started: Option<&ExecutionId>) -> bool {
        match self {
            Self::Absent(_) => true,
            Self::Building { .. } => started.is_none(),
            Self::Waiting { .. }
            | Self::Refused(_)
            | Self::InvalidFile(_)
            | Self::PipelineLost(_) => false,
        }
    }
}

/// A change to a record, written with the change that causes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitUpdate {
    /// The commit is its subject's head, and this was done about it.
    Head {
        /// The commit, and where it is reported.
        head: ReportedHead,
        /// What was done.
        phase: Phase,
        /// The execution that was started, if its id is known.
        execution: Option<ExecutionId>,
        /// The attempt after which the commit runs again, if it does.
        outdated: Option<Attempt>,
    },
    /// Another commit is the subject's head now.
    Superseded {
        /// The commit.
        key: CommitKey,
        /// The head.
        by: CommitId,
    },
    /// Its pipeline will be removed or was, because its subject is idle; `None` if it will not be.
    Idle {
        /// The commit.
        key: CommitKey,
        /// What is known.
        note: Option<IdleNote>,
    },
}

impl CommitUpdate {
    /// Returns the commit whose record changes.
    #[must_use]
    pub fn key(&self) -> &CommitKey {
        match self {
            Self::Head { head, .. } => &head.key,
            Self::Superseded { key, .. } | Self::Idle { key, .. } => key,
        }
    }
}

/// An attempt of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The execution.
    pub execution: ExecutionId,
    /// The number of the attempt.
    pub attempt: u32,
}

/// The record of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRecord {
    /// The commit.
    pub key: CommitKey,
    /// The repository's name.
    pub repository: RepositoryName,
    /// Where it is reported.
    pub target: ReportTarget,
    /// The time of the event that last named it as the head.
    pub event_time: Timestamp,
    /// What branchline did about it.
    pub phase: Phase,
    /// The head that came after it.
    pub superseded_by: Option<CommitId>,
    /// The execution that counts. `None` until the first event of an execution that CodePipeline
    /// started.
    pub execution: Option<ExecutionId>,
    /// The execution that counted until the pipeline was deleted. It counts no more once the commit
    /// is built again, unless the update that says so names it: its pipeline is still there.
    pub ended_execution: Option<ExecutionId>,
    /// When it was recorded that the commit has no pipeline (any more). Executions that began
    /// before count no more, whether or not their ids are known.
    pub ended_at: Option<Timestamp>,
    /// The attempt that counts no more, like those before it: the commit was to run again.
    pub outdated: Option<Attempt>,
    /// What is known of the removal of the pipeline of an idle subject.
    pub idle: Option<IdleNote>,
    /// The execution, as its events describe it.
    pub run: Option<Run>,
    /// What was reported to GitHub.
    pub reported: Option<Reported>,
    /// The worker that is reporting to GitHub.
    pub sender: Option<Sending>,
    /// The failures since the last report.
    pub failed: Option<FailedReport>,
    /// True if it is in the list of unreported commits: a report, a comment or a deployment may be
    /// due. Only a reporter ends that.
    pub is_unreported: bool,
    /// Counts the writes.
    pub version: u64,
    /// When the record was written last.
    pub updated_at: Timestamp,
}

/// What was reported to GitHub last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The check run; `None` for a commit status.
    pub check_run: Option<CheckRunId>,
    /// The digest of the report.
    pub digest: String,
    /// The state.
    pub state: ReportState,
    /// The title.
    pub title: String,
    /// When.
    pub at: Timestamp,
}

/// A worker that is reporting to GitHub. If it ends before it records the report, another one may
/// have to look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The worker.
    pub owner: String,
    /// When another worker may take over.
    pub until: Timestamp,
}

/// Failures to tell GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedReport {
    /// How many there were, one after the other.
    pub attempts: u32,
    /// Why the last one failed.
    pub kind: GitHubFaultKind,
    /// What to do about it.
    pub detail: String,
    /// When to try again; `None` where that cannot help.
    pub retry_at: Option<Timestamp>,
    /// When the first one was.
    pub since: Timestamp,
}

impl CommitRecord {
    /// Returns the record after an update; `None` if it still does not say where the commit is
    /// reported.
    #[must_use]
    pub fn updated(seen: Option<Self>, update: &CommitUpdate, now: Timestamp) -> Option<Self> {
        match update {
            CommitUpdate::Superseded { by, .. } => Some(Self {
                superseded_by: Some(by.clone()),
                is_unreported: true,
                ..seen?.next(now)
            }),
            CommitUpdate::Idle { note, .. } => Some(Self {
                is_unreported: true,
                ..seen?.next(now).noted(*note)
            }),
            CommitUpdate::Head {
                head,
                phase,
                execution,
                outdated,
            } => {
                let version = seen.as_ref().map_or(0, |seen| seen.version) + 1;
                let last = seen.as_ref().and_then(|seen| seen.execution.clone());
                let ended = match (phase.ends_executions(execution.as_ref()), execution) {
                    (true, _) => last.clone(),
                    // The pipeline whose deletion was cut off is used again, with its execution.
                    (false, Some(_)) => None,
                    (false, None) => seen.as_ref().and_then(|seen| seen.ended_execution.clone()),
                };
                let ended_at = match (phase, execution) {
                    (Phase::Absent(_), _) => Some(now),
                    (_, Some(_)) => None,
                    (_, None) => seen.as_ref().and_then(|seen| seen.ended_at),
                };
                Some(Self {
                    key: head.key.clone(),
                    repository: head.repository.clone(),
                    target: head.target.clone(),
                    event_time: head.event_time,
                    phase: phase.clone(),
                    superseded_by: None,
                    execution: execution.clone().or(last),
                    ended_execution: ended,
                    ended_at,
                    outdated: match outdated {
                        Some(attempt) => Some(attempt.clone()),
                        None => seen.as_ref().and_then(|seen| seen.outdated.clone()),
                    },
                    idle: None,
                    run: seen.as_ref().and_then(|seen| seen.run.clone()),
                    reported: seen.as_ref().and_then(|seen| seen.reported.clone()),
                    sender: seen.and_then(|seen| seen.sender),
                    failed: None,
                    is_unreported: true,
                    version,
                    updated_at: now,
                })
            }
        }
    }

    /// Returns the record for its next write.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// Notes that the pipeline is gone.
    pub fn lose(&mut self, pipeline: PipelineName, now: Timestamp) {
        self.phase = Phase::PipelineLost(pipeline);
        self.ended_at = Some(now);
    }

    /// Returns true if an execution was started.
    #[must_use]
    pub fn is_building(&self) -> bool {
        matches!(self.phase, Phase::Building { .. })
    }

    /// Returns true if a comment may have more than the report: the stages of an execution that has
    /// ended.
    #[must_use]
    pub fn may_be_in_comment(&self) -> bool {
        let has_comment = self.target.comment != CommentPolicy::Never;
        has_comment && self.counted_run().is_some_and(Run::is_final)
    }

    /// Returns true if the commit's message is to be tried again.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. }) && self.superseded_by.is_none()
    }
}
