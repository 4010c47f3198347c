//! The desired state of a subject: a pipeline, or no pipeline and the reason.

use crate::domain::ids::{Branch, PipelineName};

/// The desired state in a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desired {
    /// The subject has a pipeline like this.
    Present(Spec),
    /// The subject has no pipeline.
    Absent {
        /// Why it has none.
        reason: AbsenceReason,
        /// The pipeline that it had last, or that is being deleted. `None` if it never had one, or
        /// if nothing is known of it.
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

/// The desired state in an intent: a pipeline and its executions, or no pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredState {
    /// The subject has a pipeline like this, and its head is built by this policy.
    Present(Box<Spec>, BuildPolicy),
    /// The subject has no pipeline.
    Absent(AbsenceReason),
}

impl DesiredState {
    /// Returns true if the head commit is built.
    #[must_use]
    pub fn builds(&self) -> bool {
        match self {
            Self::Present(_, policy) => policy.head != BuildTrigger::Skipped,
            Self::Absent(_) => false,
        }
    }

    /// Returns the name of the rule that gives the subject a pipeline.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Present(spec, _) => Some(&spec.rule),
            Self::Absent(_) => None,
        }
    }
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
    /// The name of the rule.
    pub rule: String,
    /// The digest of the rule, as it was when the event was accepted.
    pub rule_digest: String,
    /// The base branch of a pull request.
    pub base: Option<Branch>,
    /// The title of a pull request.
    pub title: Option<String>,
    /// The author of a pull request.
    pub author: Option<String>,
}

/// The policy for starts and updates, from the rule and the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildPolicy {
    /// What starts the head commit.
    pub head: BuildTrigger,
    /// True if the clone follows its template.
    pub follows: bool,
}

/// What starts the head commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildTrigger {
    /// branchline does.
    Branchline,
    /// The clone's own change detection does.
    ChangeDetection,
    /// Nothing does: the commit message asks for no build.
    Skipped,
}

/// Why a subject has no pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceReason {
    /// The pull request is closed.
    Closed,
    /// The branch is deleted.
    Deleted,
    /// It is a draft, and the rule excludes drafts.
    Draft,
    /// The head is in a fork.
    Fork,
    /// No rule applies to its base or its branch, or none does any more.
    NoRule,
    /// The message of its only commit asks for no build.
    Skipped,
    /// The repository is deleted.
    RepositoryDeleted,
    /// The repository is archived.
    RepositoryArchived,
    /// Its pipeline was found without a mapping.
    Orphan,
    /// An operator gave its mapping up, which could never settle.
    Forgotten,
}

impl AbsenceReason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Closed,
        Self::Deleted,
        Self::Draft,
        Self::Fork,
        Self::NoRule,
        Self::Skipped,
        Self::RepositoryDeleted,
        Self::RepositoryArchived,
        Self::Orphan,
        Self::Forgotten,
    ];

    /// Returns true if the subject itself has ended.
    #[must_use]
    pub fn is_ending(self) -> bool {
        match self {
            Self::Closed
            | Self::Deleted
            | Self::RepositoryDeleted
            | Self::RepositoryArchived
            | Self::Orphan => true,
            Self::Draft | Self::Fork | Self::NoRule | Self::Skipped | Self::Forgotten => false,
        }
    }

    /// Returns the word in the table and in logs.
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
            Self::Forgotten => "forgotten",
        }
    }
}
