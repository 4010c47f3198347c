//! The order of what GitHub said, which is not the order in which it arrives.
//!
//! `pull_request.updated_at` has a grain of one second and real deliveries tie, so a moment carries more than a time:
//! what kind of statement it was, which head it saw and which head came before, and when it entered the queue.

use crate::domain::ids::{CommitId, Timestamp};

/// The kind of a statement, which decides between a closing and an opening of the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The pull request is open.
    Open,
    /// The pull request is open again: it was closed before, so this beats a closing of the same second.
    Reopened,
    /// The pull request is closed.
    Closed,
    /// The branch exists.
    Pushed,
    /// The branch is gone.
    Deleted,
}

impl Kind {
    /// Every kind, for reading them back from the table.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Reopened,
        Self::Closed,
        Self::Pushed,
        Self::Deleted,
    ];

    /// The word in the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
            Self::Pushed => "pushed",
            Self::Deleted => "deleted",
        }
    }
}

/// When something was said of a subject, and enough beside the time to order two statements of one second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The event's own time.
    pub event: Timestamp,
    /// When it entered the queue.
    pub arrival: Timestamp,
    /// What kind of statement it was.
    pub kind: Kind,
    /// The head commit that it saw.
    pub head: Option<CommitId>,
    /// The head commit before.
    pub before: Option<CommitId>,
}

/// How a statement stands to the one on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Later than what is recorded.
    Fresher,
    /// The very statement that is recorded.
    Repeated,
    /// Earlier than what is recorded.
    Stale,
}

impl Moment {
    /// How this statement stands to the recorded one.
    #[must_use]
    pub fn age(&self, recorded: &Self) -> Age {
        match self.event.cmp(&recorded.event) {
            std::cmp::Ordering::Greater => Age::Fresher,
            std::cmp::Ordering::Less => Age::Stale,
            std::cmp::Ordering::Equal => self.tie(recorded),
        }
    }

    /// The tie rule of the design: a closing beats every opening but a reopening; then the chain of heads; then
    /// arrival.
    fn tie(&self, recorded: &Self) -> Age {
        match (self.kind, recorded.kind) {
            (Kind::Closed, Kind::Closed) => Age::Repeated,
            // A reopening is news even where the push after it was heard of first: else the closing before both, arriving
            // last, would beat that push. `over` keeps the later head.
            (Kind::Closed, Kind::Open) | (Kind::Reopened, Kind::Closed | Kind::Open) => {
                Age::Fresher
            }
            (Kind::Closed, Kind::Reopened) | (Kind::Open, Kind::Closed) => Age::Stale,
            // The commit that was deleted with the branch was pushed before that.
            (Kind::Pushed, Kind::Deleted) if self.head.is_some() && self.head == recorded.head => {
                Age::Stale
            }
            // `create` comes with a push, and only the push names the commit.
            (Kind::Pushed, Kind::Pushed) if self.head.is_none() != recorded.head.is_none() => {
                match self.head {
                    Some(_) => Age::Fresher,
                    None => Age::Stale,
                }
            }
            (
                Kind::Open | Kind::Pushed | Kind::Deleted,
                Kind::Open | Kind::Reopened | Kind::Pushed | Kind::Deleted,
            )
            | (Kind::Reopened, Kind::Reopened | Kind::Pushed | Kind::Deleted)
            | (Kind::Closed, Kind::Pushed | Kind::Deleted)
            | (Kind::Pushed | Kind::Deleted, Kind::Closed) => self.chain(recorded),
        }
    }

    fn chain(&self, recorded: &Self) -> Age {
        let follows = |later: &Self, earlier: &Self| {
            later.before.is_some() && later.before == earlier.head && later.head != earlier.head
        };
        match (follows(self, recorded), follows(recorded, self)) {
            (true, false) => Age::Fresher,
            (false, true) => Age::Stale,
            (true, true) | (false, false) => match self.arrival.cmp(&recorded.arrival) {
                std::cmp::Ordering::Greater => Age::Fresher,
                std::cmp::Ordering::Equal => Age::Repeated,
                std::cmp::Ordering::Less => Age::Stale,
            },
        }
    }

    /// What to record once this statement is accepted over `recorded`: a reopening is remembered through its second,
    /// so that the closing before it, arriving last, is still known to be older.
    #[must_use]
    pub fn over(mut self, recorded: &Self) -> Self {
        if self.event == recorded.event {
            if (self.kind, recorded.kind) == (Kind::Reopened, Kind::Open)
                && self.chain(recorded) == Age::Stale
            {
                self.head.clone_from(&recorded.head);
                self.before.clone_from(&recorded.before);
            }
            if (self.kind, recorded.kind) == (Kind::Open, Kind::Reopened) {
                self.kind = Kind::Reopened;
            }
            if self.before.is_none() && self.head == recorded.head {
                self.before.clone_from(&recorded.before);
            }
            // A head of an earlier second would be taken for this statement's own in the next tie.
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

    fn at(seconds: i64, arrival: i64, kind: Kind) -> Moment {
        Moment {
            event: Timestamp(seconds * 1_000),
            arrival: Timestamp(arrival),
            kind,
            head: None,
            before: None,
        }
    }

    fn headed(mut moment: Moment, before: Option<char>, head: char) -> Moment {
        let commit = |c: char| CommitId::parse(c.to_string().repeat(40)).unwrap();
        moment.before = before.map(commit);
        moment.head = Some(commit(head));
        moment
    }

    #[test]
    fn of_a_creation_and_its_push_the_push_says_more() {
        let create = at(1, 9, Kind::Pushed);
        let push = headed(at(1, 5, Kind::Pushed), None, 'a');
        assert_eq!(push.age(&create), Age::Fresher);
        assert_eq!(create.age(&push), Age::Stale);
    }

    #[test]
    fn the_events_own_time_comes_first() {
        assert_eq!(
            at(2, 1, Kind::Open).age(&at(1, 9, Kind::Closed)),
            Age::Fresher
        );
        assert_eq!(
            at(1, 9, Kind::Closed).age(&at(2, 1, Kind::Open)),
            Age::Stale
        );
    }

    #[test]
    fn in_one_second_a_closing_beats_all_but_a_reopening() {
        assert_eq!(
            at(1, 1, Kind::Closed).age(&at(1, 9, Kind::Open)),
            Age::Fresher
        );
        assert_eq!(
            at(1, 9, Kind::Open).age(&at(1, 1, Kind::Closed)),
            Age::Stale
        );
        assert_eq!(
            at(1, 1, Kind::Reopened).age(&at(1, 9, Kind::Closed)),
            Age::Fresher
        );
        assert_eq!(
            at(1, 9, Kind::Closed).age(&at(1, 1, Kind::Reopened)),
            Age::Stale
        );
    }

    #[test]
    fn a_reopening_is_remembered_through_its_second() {
        let recorded = at(1, 3, Kind::Open).over(&at(1, 2, Kind::Reopened));
        assert_eq!(at(1, 9, Kind::Closed).age(&recorded), Age::Stale);
        assert_eq!(at(2, 9, Kind::Open).over(&recorded).kind, Kind::Open);
    }

    #[test]
    fn a_reopening_is_news_to_the_push_after_it() {
        let pushed = headed(at(1, 1, Kind::Open), Some('a'), 'b');
        let reopened = headed(at(1, 2, Kind::Reopened), None, 'a');
        assert_eq!(reopened.age(&pushed), Age::Fresher);
        let recorded = reopened.over(&pushed);
        assert_eq!(
            (recorded.kind, recorded.head),
            (Kind::Reopened, pushed.head)
        );
    }

    #[test]
    fn of_two_openings_the_one_whose_before_is_the_others_head_is_later() {
        let first = headed(at(1, 9, Kind::Open), None, 'a');
        let second = headed(at(1, 1, Kind::Open), Some('a'), 'b');
        assert_eq!(second.age(&first), Age::Fresher);
        assert_eq!(first.age(&second), Age::Stale);
    }

    #[test]
    fn what_is_left_is_ordered_by_arrival() {
        assert_eq!(
            at(1, 2, Kind::Open).age(&at(1, 1, Kind::Open)),
            Age::Fresher
        );
        assert_eq!(
            at(1, 1, Kind::Open).age(&at(1, 1, Kind::Open)),
            Age::Repeated
        );
    }

    #[test]
    fn a_push_redelivered_after_the_delete_of_its_second_is_stale() {
        let mut gone = headed(at(1, 2, Kind::Deleted), None, 'a');
        assert_eq!(
            headed(at(1, 9, Kind::Pushed), None, 'a').age(&gone),
            Age::Stale
        );
        gone.head = None;
        let recorded = gone.over(&headed(at(1, 1, Kind::Pushed), None, 'a'));
        assert_eq!(
            headed(at(1, 9, Kind::Pushed), None, 'a').age(&recorded),
            Age::Stale
        );
    }
}
