//! What should be true of a subject: a pipeline, and what builds it; or none, and why.

use crate::domain::ids::{Branch, PipelineName};

/// What a mapping records as desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desired {
    /// The subject has a pipeline like this.
    Present(Spec),
    /// The subject has no pipeline.
    Absent {
        /// Why it has none.
        reason: AbsenceReason,
        /// The pipeline that it had last, or that is being deleted. `None` where it never had one, or nothing is known of it.
        last: Option<Spec>,
    },
}

impl Desired {
    /// Returns the spec of the pipeline that the subject should have, or had last.
    #[must_use]
    pub fn spec(&self) -> Option<&Spec> {
        match self {
            Self::Present(spec) => Some(spec),
            Self::Absent { last, .. } => last.as_ref(),
        }
    }

    /// Returns why the subject has no pipeline.
    #[must_use]
    pub fn absence(&self) -> Option<AbsenceReason> {
        match self {
            Self::Present(_) => None,
            Self::Absent { reason, .. } => Some(*reason),
        }
    }
}

/// What an event asks for: a pipeline and how it is built, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredState {
    /// The subject has a pipeline like this, and its head is built as the call says.
    Present(Box<Spec>, BuildPolicy),
    /// The subject has none.
    Absent(AbsenceReason),
}

/// The pipeline that a subject should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name.
    pub pipeline: PipelineName,
    /// The pipeline that it is cloned from.
    pub template: PipelineName,
    /// The branch that its source action fetches.
    pub branch: Branch,
    /// The rule that says so.
    pub rule: String,
    /// The base branch of a pull request.
    pub base: Option<Branch>,
    /// The title of a pull request.
    pub title: Option<String>,
    /// The author of a pull request.
    pub author: Option<String>,
}

/// What the rule and the commit say about starts and updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildPolicy {
    /// Who starts the head commit.
    pub head: BuildTrigger,
    /// Whether the clone follows its template.
    pub follows: bool,
}

/// Who starts the head commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildTrigger {
    /// We do.
    Branchline,
    /// The clone's own change detection.
    ChangeDetection,
    /// Nobody: its author asks for no build.
    Skipped,
}

/// Why a subject has no pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceReason {
    /// The pull request is closed.
    Closed,
    /// The branch is deleted.
    Deleted,
    /// A draft, under a rule without drafts.
    Draft,
    /// The head is in a fork, and the rule does not say `forks = true`.
    Fork,
    /// No rule admits its base or its branch (any more).
    NoRule,
    /// Its only commit so far asks for no build.
    Skipped,
    /// The repository is deleted.
    RepositoryDeleted,
    /// The repository is archived.
    RepositoryArchived,
    /// Its pipeline was found without a mapping, and nothing is known of why.
    Orphan,
}

impl AbsenceReason {
    /// Every absence, for reading them back from the table.
    pub const ALL: [Self; 9] = [
        Self::Closed,
        Self::Deleted,
        Self::Draft,
        Self::Fork,
        Self::NoRule,
        Self::Skipped,
        Self::RepositoryDeleted,
        Self::RepositoryArchived,
        Self::Orphan,
    ];

    /// The word in the table and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Deleted => "deleted",
            Self::Draft => "draft",
            Self::Fork => "fork",
            Self::NoRule => "no-rule",
            Self::Skipped => "skipped",
            Self::RepositoryDeleted => "repository-deleted",
            Self::RepositoryArchived => "repository-archived",
            Self::Orphan => "orphan",
        }
    }
}
