//! The slots of a rule with `max_active`: how many are taken, and whose turn it is.
//!
//! A slot that becomes free belongs to the subject that waited longest. Of
//! `max` slots of which `taken` are taken, the first `max - taken` waiting subjects are *in turn*:
//! each of them may acquire a slot, and nobody else may. So a newcomer finds a slot only if there
//! are more than those who wait need.

use std::fmt;

use crate::domain::ids::{RepositoryName, Subject, Timestamp};

/// A line in which subjects wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// For a slot of a rule with `max_active`.
    Rule(String),
    /// For a pipeline of the account's quota in the Region.
    Account,
}

impl Line {
    /// Returns the name of the rule; `None` for the account.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Rule(name) => Some(name),
            Self::Account => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(name) => write!(f, "rule '{name}'"),
            Self::Account => f.write_str("the account"),
        }
    }
}

/// The account's quota of pipelines in the Region, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineQuota {
    /// The quota.
    pub limit: u32,
    /// How many of them branchline leaves to others.
    pub reserve: u32,
}

impl PipelineQuota {
    /// Returns how many pipelines there may be before branchline creates no more.
    #[must_use]
    pub fn usable(self) -> u32 {
        self.limit.saturating_sub(self.reserve)
    }
}

/// A subject that waits for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The subject.
    pub subject: Subject,
    /// The repository's name, for people.
    pub repository: RepositoryName,
    /// When it was first refused.
    pub since: Timestamp,
}

/// The slots of a rule with `max_active`, as one subject finds them. For the account, the slots are
/// the pipelines in the Region, and no subject is known to have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotUse {
    /// True once the subjects that had a clone before were counted.
    pub counted: bool,
    /// The number of slots that are taken.
    pub taken: usize,
    /// True if the subject has one of them.
    pub held: bool,
    /// The subjects that wait, those that wait longest first.
    pub waiting: Vec<Waiter>,
}

impl SlotUse {
    /// Puts the waiting subjects in order: by the time of their first refusal, then by subject.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        let order = |waiter: &Waiter| (waiter.since, waiter.subject.clone());
        self.waiting.sort_by_key(order);
        self
    }

    /// Returns true if the subject waits.
    #[must_use]
    pub fn is_waiting(&self, subject: &Subject) -> bool {
        self.waiting.iter().any(|waiter| waiter.subject == *subject)
    }

    /// Returns how many subjects come before this one: all that wait, if it does not.
    #[must_use]
    pub fn ahead_of(&self, subject: &Subject) -> usize {
        let mut waiting = self.waiting.iter();
        let place = waiting.position(|waiter| waiter.subject == *subject);
        place.unwrap_or(self.waiting.len())
    }

    /// Returns true if the subject may acquire a slot, or has one.
    #[must_use]
    pub fn admits(&self, subject: &Subject, max: u32) -> bool {
        self.held || self.ahead_of(subject) < self.free(max)
    }

    /// Returns the waiting subjects for which there is a slot, in order.
    #[must_use]
    pub fn in_turn(&self, max: u32) -> &[Waiter] {
        let turns = self.free(max).min(self.waiting.len());
        self.waiting.get(..turns).unwrap_or_default()
    }

    /// Returns the subject that is in turn once `leaving`, for which this was read, neither has a
    /// slot nor waits, and was not before. One at most: a slot that becomes free is one turn, and
    /// so is a turn that is handed on.
    #[must_use]
    pub fn next_after(&self, leaving: &Subject, max: u32) -> Option<&Waiter> {
        let before = self.in_turn(max);
        let free = limit(max).saturating_sub(self.taken.saturating_sub(usize::from(self.held)));
        let others = self.waiting.iter();
        let others = others.filter(|waiter| waiter.subject != *leaving);
        let mut in_turn = others.take(free);
        in_turn.find(|waiter| !before.contains(waiter))
    }

    /// Returns how many of those who wait find no slot.
    #[must_use]
    pub fn shortage(&self, max: u32) -> usize {
        self.waiting.len().saturating_sub(self.free(max))
    }

    fn free(&self, max: u32) -> usize {
        limit(max).saturating_sub(self.taken)
    }
}

fn limit(max: u32) -> usize {
    usize::try_from(max).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepositoryId, SubjectKind};

    fn pull(number: u64) -> Subject {
        Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(number),
        }
    }

    /// Returns slots of which so many are taken, and for which these pull requests wait.
    fn slots(taken: usize, waiting: &[u64]) -> SlotUse {
        let waiter = |number: &u64| Waiter {
            subject: pull(*number),
            repository: RepositoryName::parse("acme/api").unwrap(),
            since: Timestamp(i64::try_from(*number).unwrap()),
        };
        SlotUse {
            counted: true,
            taken,
            held: false,
            waiting: waiting.iter().map(waiter).collect(),
        }
        .in_order()
    }

    fn next_after(slots: &SlotUse, leaving: u64, max: u32) -> Option<u64> {
        let next = slots.next_after(&pull(leaving), max)?;
        match next.subject.kind {
            SubjectKind::PullRequest(number) => Some(number),
            SubjectKind::Branch(_) => None,
        }
    }

    #[test]
    fn a_newcomer_does_not_overtake_those_who_wait() {
        let waiting = slots(1, &[4, 3]);
        assert_eq!(waiting.ahead_of(&pull(4)), 1);
        assert_eq!(waiting.ahead_of(&pull(9)), 2);
        let admitted = |max| [3, 4, 9].map(|number| waiting.admits(&pull(number), max));
        assert_eq!(admitted(1), [false, false, false]);
        assert_eq!(admitted(2), [true, false, false]);
        assert_eq!(admitted(3), [true, true, false]);
        assert_eq!(admitted(4), [true, true, true]);
        assert_eq!(waiting.in_turn(2).len(), 1);
        assert_eq!(waiting.in_turn(9).len(), 2);
    }

    #[test]
    fn each_slot_that_becomes_free_is_one_turn() {
        let holder = |taken| SlotUse {
            held: true,
            ..slots(taken, &[3, 4, 5])
        };
        assert_eq!(next_after(&holder(2), 1, 2), Some(3));
        // The first one was woken before, and did not come yet.
        assert_eq!(next_after(&holder(1), 2, 2), Some(4));
        assert_eq!(next_after(&holder(3), 1, 2), None, "one is too many");
        let nobody = SlotUse {
            held: true,
            ..slots(2, &[])
        };
        assert_eq!(next_after(&nobody, 1, 2), None);
    }

    #[test]
    fn those_who_wait_for_a_free_slot_lack_none() {
        assert_eq!(slots(2, &[3, 4]).shortage(2), 2);
        assert_eq!(slots(1, &[3, 4]).shortage(2), 1);
        assert_eq!(slots(0, &[3]).shortage(2), 0);
    }

    #[test]
    fn a_subject_that_leaves_hands_its_turn_on() {
        assert_eq!(next_after(&slots(1, &[3, 4, 5]), 3, 2), Some(4));
        assert_eq!(next_after(&slots(1, &[3, 4, 5]), 4, 2), None);
        assert_eq!(next_after(&slots(2, &[3, 4, 5]), 3, 2), None);
        assert_eq!(next_after(&slots(0, &[3, 4, 5]), 4, 2), Some(5));
        assert_eq!(next_after(&slots(0, &[3, 4]), 3, 9), None);
        // Neither a holder nor waiting: nothing becomes free.
        assert_eq!(next_after(&slots(1, &[3, 4]), 9, 2), None);
    }
}
