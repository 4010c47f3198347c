//! What a step decides about a message: handle it, or ignore it with a reason.

use crate::domain::ids::ActionName;

/// A message that branchline understands and does not act on. This is a normal outcome, recorded in
/// the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// GitHub's `ping` to a new webhook.
    Ping,
    /// An event that branchline does not handle.
    Event,
    /// An event of CodePipeline with a state that this version does not know.
    UnknownState,
    /// An event of CodePipeline about an execution of no reported commit, or without news.
    PipelineEvent,
    /// An action of `pull_request` that changes nothing about a pipeline.
    Action(ActionName),
    /// A label was added or removed, and the rule keeps no pipeline by it.
    Label,
    /// A check run that branchline did not create.
    ForeignCheck,
    /// Checks were requested again of a commit that is not reported.
    NotReported,
    /// A ref that is not a branch.
    NotABranch,
    /// No rule names this repository for this kind of subject.
    NoRule,
    /// A branch was created, but its rule needs the commit, which only the accompanying push
    /// contains.
    NoCommit,
}

impl Ignored {
    /// Returns the stable word for logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Event => "event",
            Self::UnknownState => "unknown-state",
            Self::PipelineEvent => "pipeline-event",
            Self::Action(_) => "action",
            Self::Label => "label",
            Self::ForeignCheck => "foreign-check",
            Self::NotReported => "not-reported",
            Self::NotABranch => "not-a-branch",
            Self::NoRule => "no-rule",
            Self::NoCommit => "no-commit",
        }
    }
}

/// Either the result of a step, or why the message needs no further step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    /// The message concerns branchline.
    Handle(T),
    /// The message does not concern branchline.
    Ignore(Ignored),
}

impl<T> Decision<T> {
    /// Converts what is handled.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Decision<U> {
        match self {
            Self::Handle(handled) => Decision::Handle(convert(handled)),
            Self::Ignore(why) => Decision::Ignore(why),
        }
    }
}
