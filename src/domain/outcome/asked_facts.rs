//! The facts of an event that the rules ask for.

use crate::domain::ids::Branch;
use crate::domain::intake::event::Change;
use crate::domain::rules::merge_queue::merge_group_base;

/// What the rules ask of a pull request or a branch, beside its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedFacts {
    /// The base branch of a pull request or a merge group.
    pub base: Option<Branch>,
    /// The head branch of a pull request, or the branch itself.
    pub branch: Branch,
    /// True for the draft of a pull request.
    pub draft: bool,
    /// True if the head of the pull request is in a fork.
    pub fork: bool,
}

impl AskedFacts {
    /// Returns what the rules ask about a change.
    pub(super) fn of(change: &Change) -> Option<Self> {
        match change {
            Change::PullRequest(pull) => Some(Self {
                base: Some(pull.base.clone()),
                branch: pull.head.clone(),
                draft: pull.draft,
                fork: pull.fork,
            }),
            Change::Branch(branch, _) => Some(Self {
                base: merge_group_base(branch),
                branch: branch.clone(),
                draft: false,
                fork: false,
            }),
            Change::Repository(_)
            | Change::Renamed(_)
            | Change::Rerun(_)
            | Change::Repair(_)
            | Change::Wake(_)
            | Change::Sleep(_) => None,
        }
    }
}
