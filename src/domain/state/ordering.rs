//! The order of events at GitHub, which is not the order in which they arrive.
//!
//! `pull_request.updated_at` is in whole seconds, and real deliveries share one. So an order has
//! more than a time: the kind of the event, its head commit, the head before it, and the time at
//! which it entered the queue.

use crate::domain::ids::{CommitId, Timestamp};

/// The kind of an event. It decides between a closing and an opening in the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The pull request is open.
    Open,
    /// The pull request is open again. It was closed before, so this is later than a closing in the
    /// same second.
    Reopened,
    /// The pull request is closed.
    Closed,
    /// The branch exists.
    Pushed,
    /// The branch is deleted.
    Deleted,
    /// The branch is deleted, and it existed when this second began. Only a recorded event has this
    /// kind: a creation in the same second is later.
    Removed,
    /// The branch exists again, after a deletion in this second. Only a recorded event has this
    /// kind: another webhook about that deletion is earlier.
    Recreated,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Reopened,
        Self::Closed,
        Self::Pushed,
        Self::Deleted,
        Self::Removed,
        Self::Recreated,
    ];

    /// Returns the word in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
            Self::Pushed => "pushed",
            Self::Deleted => "deleted",
            Self::Removed => "removed",
            Self::Recreated => "recreated",
        }
    }
}

/// The position of an event in the order of a subject's events, with enough to order two events of
/// the same second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventOrder {
    /// The event's own time.
    pub event_time: Timestamp,
    /// When it entered the queue.
    pub received_at: Timestamp,
    /// The kind of the event.
    pub kind: EventKind,
    /// The head commit.
    pub head: Option<CommitId>,
    /// The head commit before the event.
    pub before: Option<CommitId>,
}

/// The position of an event relative to the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recency {
    /// Later than what is recorded.
    Newer,
    /// The recorded event itself.
    Same,
    /// Earlier than what is recorded.
    Older,
}

impl EventOrder {
    /// Compares this event with the recorded one.
    #[must_use]
    pub fn recency(&self, recorded: &Self) -> Recency {
        match self.event_time.cmp(&recorded.event_time) {
            std::cmp::Ordering::Greater => Recency::Newer,
            std::cmp::Ordering::Less => Recency::Older,
            std::cmp::Ordering::Equal => self.tie(recorded),
        }
    }

    /// Compares two events of the same second: a closing is later than an opening, but not than a
    /// reopening; then the chain of heads decides; then `received_at`.
    ///
    /// Of a deletion and a creation of a branch, the deletion is earlier if the branch existed when
    /// the second began, and later if it did not, or if that is not known.
    fn tie(&self, recorded: &Self) -> Recency {
        let creates = self.before.is_none();
        match (self.kind, recorded.kind) {
            (EventKind::Closed, EventKind::Closed) => Recency::Same,
            // A reopening is accepted even if the push after it arrived first. Otherwise the
            // closing before both, if it arrives last, would be later than that push. `over` keeps
            // the later head.
            (EventKind::Closed, EventKind::Open)
            | (EventKind::Reopened, EventKind::Closed | EventKind::Open) => Recency::Newer,
            (EventKind::Closed, EventKind::Reopened) | (EventKind::Open, EventKind::Closed) => {
                Recency::Older
            }
            (EventKind::Pushed, EventKind::Removed) if creates => Recency::Newer,
            (EventKind::Pushed, EventKind::Deleted) if creates => Recency::Older,
            // The commit that was deleted with the branch was pushed before that.
            (EventKind::Pushed, EventKind::Deleted | EventKind::Removed)
                if self.head.is_some() && self.head == recorded.head =>
            {
                Recency::Older
            }
            // GitHub sends `delete` and `push` for one deletion, and the other one was accepted.
            (EventKind::Deleted, EventKind::Recreated) => Recency::Older,
            // `create` comes with a push, and only the push names the commit.
            (EventKind::Pushed, EventKind::Pushed | EventKind::Recreated)
                if self.head.is_none() != recorded.head.is_none() =>
            {
                match self.head {
                    Some(_) => Recency::Newer,
                    None => Recency::Older,
                }
            }
            (
                EventKind::Open
                | EventKind::Reopened
                | EventKind::Closed
                | EventKind::Pushed
                | EventKind::Deleted
                | EventKind::Removed
                | EventKind::Recreated,
                EventKind::Open
                | EventKind::Reopened
                | EventKind::Closed
                | EventKind::Pushed
                | EventKind::Deleted
                | EventKind::Removed
                | EventKind::Recreated,
            ) => self.chain(recorded),
        }
    }

    fn chain(&self, recorded: &Self) -> Recency {
        let follows = |later: &Self, earlier: &Self| {
            later.before.is_some() && later.before == earlier.head && later.head != earlier.head
        };
        match (follows(self, recorded), follows(recorded, self)) {
            (true, false) => Recency::Newer,
            (false, true) => Recency::Older,
            (true, true) | (false, false) => match self.received_at.cmp(&recorded.received_at) {
                std::cmp::Ordering::Greater => Recency::Newer,
                std::cmp::Ordering::Equal => Recency::Same,
                std::cmp::Ordering::Less => Recency::Older,
            },
        }
    }

    /// Returns the order to record once this event is accepted over `recorded`. A reopening is kept
    /// for the rest of its second, so that the closing before it is still older if it arrives last.
    /// So is a deletion of a branch that existed before, and its creation after that.
    #[must_use]
    pub fn over(mut self, recorded: &Self) -> Self {
        let existed = matches!(recorded.kind, EventKind::Pushed | EventKind::Recreated);
        let before_this_second = self.event_time > recorded.event_time || recorded.before.is_some();
        if self.kind == EventKind::Deleted && existed && before_this_second {
            self.kind = EventKind::Removed;
        }
        if self.event_time == recorded.event_time {
            match (self.kind, recorded.kind) {
                (EventKind::Deleted, EventKind::Removed) => self.kind = EventKind::Removed,
                (EventKind::Pushed, EventKind::Removed) if self.before.is_none() => {
                    self.kind = EventKind::Recreated;
                    // Neither the head nor the commit before is that of the deleted branch.
                    return self;
                }
                (EventKind::Pushed, EventKind::Recreated) => self.kind = EventKind::Recreated,
                (
                    EventKind::Open
                    | EventKind::Reopened
                    | EventKind::Closed
                    | EventKind::Pushed
                    | EventKind::Deleted
                    | EventKind::Removed
                    | EventKind::Recreated,
                    _,
                ) => {}
            }
            if (self.kind, recorded.kind) == (EventKind::Reopened, EventKind::Open)
                && self.chain(recorded) == Recency::Older
            {
                self.head.clone_from(&recorded.head);
                self.before.clone_from(&recorded.before);
            }
            if (self.kind, recorded.kind) == (EventKind::Open, EventKind::Reopened) {
                self.kind = EventKind::Reopened;
            }
            if self.before.is_none() && self.head == recorded.head {
                self.before.clone_from(&recorded.before);
            }
            // In the next tie, a head of an earlier second would count as the head of this event.
            if self.head.is_none() {
                self.head.clone_from(&recorded.head);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, received_at: i64, kind: EventKind) -> EventOrder {
        EventOrder {
            event_time: Timestamp(seconds * 1_000),
            received_at: Timestamp(received_at),
            kind,
            head: None,
            before: None,
        }
    }

    fn headed(mut order: EventOrder, before: Option<char>, head: char) -> EventOrder {
        let commit = |c: char| CommitId::parse(c.to_string().repeat(40)).unwrap();
        order.before = before.map(commit);
        order.head = Some(commit(head));
        order
    }

    #[test]
    fn of_a_creation_and_its_push_the_push_says_more() {
        let create = at(1, 9, EventKind::Pushed);
        let push = headed(at(1, 5, EventKind::Pushed), None, 'a');
        assert_eq!(push.recency(&create), Recency::Newer);
        assert_eq!(create.recency(&push), Recency::Older);
    }

    #[test]
    fn the_events_own_time_comes_first() {
        assert_eq!(
            at(2, 1, EventKind::Open).recency(&at(1, 9, EventKind::Closed)),
            Recency::Newer
        );
        assert_eq!(
            at(1, 9, EventKind::Closed).recency(&at(2, 1, EventKind::Open)),
            Recency::Older
        );
    }

    #[test]
    fn in_one_second_a_closing_beats_all_but_a_reopening() {
        assert_eq!(
            at(1, 1, EventKind::Closed).recency(&at(1, 9, EventKind::Open)),
            Recency::Newer
        );
        assert_eq!(
            at(1, 9, EventKind::Open).recency(&at(1, 1, EventKind::Closed)),
            Recency::Older
        );
        assert_eq!(
            at(1, 1, EventKind::Reopened).recency(&at(1, 9, EventKind::Closed)),
            Recency::Newer
        );
        assert_eq!(
            at(1, 9, EventKind::Closed).recency(&at(1, 1, EventKind::Reopened)),
            Recency::Older
        );
    }

    #[test]
    fn a_reopening_is_remembered_through_its_second() {
        let recorded = at(1, 3, EventKind::Open).over(&at(1, 2, EventKind::Reopened));
        assert_eq!(
            at(1, 9, EventKind::Closed).recency(&recorded),
            Recency::Older
        );
        assert_eq!(
            at(2, 9, EventKind::Open).over(&recorded).kind,
            EventKind::Open
        );
    }

    #[test]
    fn a_reopening_is_news_to_the_push_after_it() {
        let pushed = headed(at(1, 1, EventKind::Open), Some('a'), 'b');
        let reopened = headed(at(1, 2, EventKind::Reopened), None, 'a');
        assert_eq!(reopened.recency(&pushed), Recency::Newer);
        let recorded = reopened.over(&pushed);
        assert_eq!(
            (recorded.kind, recorded.head),
            (EventKind::Reopened, pushed.head)
        );
    }

    #[test]
    fn of_two_openings_the_one_whose_before_is_the_others_head_is_later() {
        let first = headed(at(1, 9, EventKind::Open), None, 'a');
        let second = headed(at(1, 1, EventKind::Open), Some('a'), 'b');
        assert_eq!(second.recency(&first), Recency::Newer);
        assert_eq!(first.recency(&second), Recency::Older);
    }

    #[test]
    fn what_is_left_is_ordered_by_arrival() {
        assert_eq!(
            at(1, 2, EventKind::Open).recency(&at(1, 1, EventKind::Open)),
            Recency::Newer
        );
        assert_eq!(
            at(1, 1, EventKind::Open).recency(&at(1, 1, EventKind::Open)),
            Recency::Same
        );
    }

    #[test]
    fn a_branch_that_existed_was_deleted_before_it_was_created_in_one_second() {
        let pushed = headed(at(1, 1, EventKind::Pushed), None, 'a');
        let with_push = headed(at(2, 2, EventKind::Deleted), Some('a'), 'a');
        let with_push = EventOrder {
            head: None,
            ..with_push
        };
        for deletion in [at(2, 2, EventKind::Deleted), with_push.clone()] {
            let removed = deletion.over(&pushed);
            assert_eq!(removed.kind, EventKind::Removed);
            for created in [
                headed(at(2, 3, EventKind::Pushed), None, 'a'),
                headed(at(2, 3, EventKind::Pushed), None, 'b'),
                at(2, 3, EventKind::Pushed),
            ] {
                assert_eq!(created.recency(&removed), Recency::Newer, "{created:?}");
                let recreated = created.clone().over(&removed);
                assert_eq!(recreated.kind, EventKind::Recreated);
                // The other webhook about the deletion.
                for late in [at(2, 9, EventKind::Deleted), with_push.clone()] {
                    assert_eq!(late.recency(&recreated), Recency::Older, "{recreated:?}");
                }
                let again = at(3, 10, EventKind::Deleted);
                assert_eq!(again.recency(&recreated), Recency::Newer);
            }
        }
    }

    #[test]
    fn a_branch_that_did_not_exist_was_created_before_it_was_deleted_in_one_second() {
        let deleted = at(1, 1, EventKind::Deleted);
        for created in [
            headed(at(1, 9, EventKind::Pushed), None, 'a'),
            at(1, 9, EventKind::Pushed),
        ] {
            assert_eq!(created.recency(&deleted), Recency::Older);
            assert_eq!(deleted.recency(&created), Recency::Older, "by arrival");
            let later = at(1, 10, EventKind::Deleted);
            assert_eq!(later.recency(&created), Recency::Newer);
        }
    }

    #[test]
    fn a_push_redelivered_after_the_delete_of_its_second_is_stale() {
        let mut gone = headed(at(1, 2, EventKind::Deleted), None, 'a');
        assert_eq!(
            headed(at(1, 9, EventKind::Pushed), None, 'a').recency(&gone),
            Recency::Older
        );
        gone.head = None;
        let recorded = gone.over(&headed(at(1, 1, EventKind::Pushed), None, 'a'));
        assert_eq!(
            headed(at(1, 9, EventKind::Pushed), None, 'a').recency(&recorded),
            Recency::Older
        );
    }
}
