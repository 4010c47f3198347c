//! The commits about which a report may be due, in this process.
//!
//! It only saves time: the table lists the same commits, so nothing is lost with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::Timestamp;
use crate::domain::report::record::CommitKey;

/// The most commits that wait. What exceeds it is found in the table later.
const CAPACITY: usize = 10_000;

/// A handle to the commits that wait. Clones are handles to the same ones.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    due: HashMap<CommitKey, Timestamp>,
    order: BTreeSet<(Timestamp, CommitKey)>,
}

/// What an outbox has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This commit.
    Commit(CommitKey),
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing.
    Empty,
}

impl Outbox {
    /// Adds commits that are due now.
    pub fn push(&self, keys: impl IntoIterator<Item = CommitKey>) {
        for key in keys {
            self.push_at(key, Timestamp(0));
        }
    }

    /// Adds a commit that is due at a time, or earlier if it waits for an earlier one.
    pub(super) fn push_at(&self, key: CommitKey, at: Timestamp) {
        let mut waiting = self.lock();
        let known = waiting.due.get(&key).copied();
        if known.is_some_and(|known| known <= at) {
            return;
        }
        if known.is_none() && waiting.due.len() >= CAPACITY {
            return;
        }
        if let Some(known) = known {
            waiting.order.remove(&(known, key.clone()));
        }
        waiting.order.insert((at, key.clone()));
        waiting.due.insert(key, at);
        drop(waiting);
        self.0.bell.notify_one();
    }

    /// Takes the commit that has been due longest.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let mut waiting = self.lock();
        let Some((at, key)) = waiting.order.first().cloned() else {
            return Next::Empty;
        };
        if at > now {
            return Next::Wait(at);
        }
        waiting.order.remove(&(at, key.clone()));
        waiting.due.remove(&key);
        Next::Commit(key)
    }

    /// Waits until a commit was added since the last call. May return early.
    pub(super) async fn changed(&self) {
        self.0.bell.notified().await;
    }

    /// Locks the commits. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CommitId, RepositoryId, Subject, SubjectKind};

    fn key(number: u64) -> CommitKey {
        CommitKey {
            subject: Subject {
                repository: RepositoryId(1),
                kind: SubjectKind::PullRequest(number),
            },
            commit: CommitId::parse("a".repeat(40)).unwrap(),
        }
    }

    #[test]
    fn a_commit_waits_once_and_for_its_earliest_time() {
        let outbox = Outbox::default();
        outbox.push_at(key(1), Timestamp(50));
        outbox.push_at(key(1), Timestamp(90));
        outbox.push_at(key(2), Timestamp(20));
        assert_eq!(outbox.next(Timestamp(10)), Next::Wait(Timestamp(20)));
        outbox.push([key(1)]);
        assert_eq!(outbox.next(Timestamp(10)), Next::Commit(key(1)));
        assert_eq!(outbox.next(Timestamp(20)), Next::Commit(key(2)));
        assert_eq!(outbox.next(Timestamp(99)), Next::Empty);
    }

    #[test]
    fn an_outbox_is_bounded() {
        let outbox = Outbox::default();
        let numbers = 0..u64::try_from(CAPACITY).unwrap() + 10;
        outbox.push(numbers.map(key));
        assert_eq!(outbox.lock().due.len(), CAPACITY);
        assert_eq!(outbox.lock().order.len(), CAPACITY);
    }
}
