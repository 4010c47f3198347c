//! The commits and the pull requests about which a report or a comment may be due, in this process.
//!
//! It only saves time: the table lists the same commits, so nothing is lost with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::record::CommitKey;

/// The most that waits. What exceeds it is found in the table later.
const CAPACITY: usize = 10_000;

/// Something to look after at GitHub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Post {
    /// The report about a commit, and the comment if the commit is the head.
    Report(CommitKey),
    /// The comment of a pull request.
    Comment(Subject),
    /// The deployments of a subject's environment.
    Deployments(Subject),
}

/// A handle to what waits. Clones are handles to the same.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    due: HashMap<Post, Timestamp>,
    order: BTreeSet<(Timestamp, Post)>,
}

/// What an outbox has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This.
    Post(Post),
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing.
    Empty,
}

impl Outbox {
    /// Adds commits whose reports are due now.
    pub fn push(&self, keys: impl IntoIterator<Item = CommitKey>) {
        for key in keys {
            self.push_at(Post::Report(key), Timestamp(0));
        }
    }

    /// Adds something that is due at a time, or earlier if it waits for an earlier one.
    pub(super) fn push_at(&self, post: Post, at: Timestamp) {
        let mut waiting = self.lock();
        let known = waiting.due.get(&post).copied();
        if known.is_some_and(|known| known <= at) {
            return;
        }
        if known.is_none() && waiting.due.len() >= CAPACITY {
            return;
        }
        if let Some(known) = known {
            waiting.order.remove(&(known, post.clone()));
        }
        waiting.order.insert((at, post.clone()));
        waiting.due.insert(post, at);
        drop(waiting);
        self.0.bell.notify_one();
    }

    /// Takes what has been due longest.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let mut waiting = self.lock();
        let Some((at, post)) = waiting.order.first().cloned() else {
            return Next::Empty;
        };
        if at > now {
            return Next::Wait(at);
        }
        waiting.order.remove(&(at, post.clone()));
        waiting.due.remove(&post);
        Next::Post(post)
    }

    /// Waits until something was added since the last call. May return early.
    pub(super) async fn changed(&self) {
        self.0.bell.notified().await;
    }

    /// Locks what waits. No code panics under this lock.
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
        let post = |number| Post::Report(key(number));
        outbox.push_at(post(1), Timestamp(50));
        outbox.push_at(post(1), Timestamp(90));
        outbox.push_at(post(2), Timestamp(20));
        assert_eq!(outbox.next(Timestamp(10)), Next::Wait(Timestamp(20)));
        outbox.push([key(1)]);
        assert_eq!(outbox.next(Timestamp(10)), Next::Post(post(1)));
        assert_eq!(outbox.next(Timestamp(20)), Next::Post(post(2)));
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
