//! A look at the record of a head commit before its subject is claimed: the claim then needs no
//! check of its own, and is the write of one item.

use std::time::Duration;

use crate::domain::ids::{CommitId, Timestamp};
use crate::domain::state::claim::Transition;

/// How long a look at a commit counts. A push and the webhook of its pull request arrive at the
/// same time, and the latter may wait for its turn before it acts.
const COUNTS: Duration = Duration::from_millis(500);

/// A look at the record of a commit, before its subject is claimed.
pub(super) struct CommitLook {
    /// The commit.
    pub(super) commit: CommitId,
    /// True if it is remembered as one that asks for no build.
    pub(super) is_skipped: bool,
    /// The time of the look.
    pub(super) at: Timestamp,
}

impl CommitLook {
    /// Returns true if the transition would build the commit, which asks for no build.
    pub(super) fn refuses(&self, transition: &Transition) -> bool {
        self.is_skipped && self.is_about(transition)
    }

    /// Returns true if the transition builds the commit, and nothing was remembered of it just now.
    /// The claim then needs no check, and is the write of one item.
    pub(super) fn admits(&self, transition: &Transition, now: Timestamp) -> bool {
        !self.is_skipped && self.is_about(transition) && now.since(self.at) <= COUNTS
    }

    fn is_about(&self, transition: &Transition) -> bool {
        transition.unless_skipped.as_ref() == Some(&self.commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepositoryId, RepositoryName, Subject, SubjectKind};
    use crate::domain::state::mapping::{Expect, Mapping};
    use crate::domain::state::ordering::{EventKind, EventOrder};

    fn commit(digit: &str) -> CommitId {
        CommitId::parse(digit.repeat(40)).unwrap()
    }

    /// Returns a transition that builds a commit.
    fn building(commit: CommitId) -> Transition {
        let subject = Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(7),
        };
        let order = EventOrder {
            event_time: Timestamp(0),
            received_at: Timestamp(0),
            kind: EventKind::Open,
            head: Some(commit.clone()),
            before: None,
        };
        let name = RepositoryName::parse("acme/api").unwrap();
        let row = Mapping::unseen(subject, name, order, Timestamp(0));
        Transition {
            unless_skipped: Some(commit),
            ..Transition::new(Expect::Unseen, row)
        }
    }

    fn look(is_skipped: bool) -> CommitLook {
        CommitLook {
            commit: commit("a"),
            is_skipped,
            at: Timestamp(1_000),
        }
    }

    #[test]
    fn a_commit_that_was_not_remembered_just_now_is_admitted() {
        let this = building(commit("a"));
        let admits = |at| look(false).admits(&this, Timestamp(at));
        assert!(admits(1_000));
        assert!(admits(1_500));
        assert!(!admits(1_501), "its push may have arrived meanwhile");
        assert!(!look(false).refuses(&this));
    }

    #[test]
    fn a_commit_that_is_remembered_is_refused() {
        let this = building(commit("a"));
        assert!(look(true).refuses(&this));
        assert!(!look(true).admits(&this, Timestamp(1_000)));
    }

    #[test]
    fn a_look_says_nothing_about_other_commits() {
        let mut unchecked = building(commit("a"));
        unchecked.unless_skipped = None;
        for other in [building(commit("b")), unchecked] {
            assert!(!look(true).refuses(&other));
            assert!(!look(false).admits(&other, Timestamp(1_000)));
        }
    }
}
