//! The repositories in which GitHub does not let branchline write deployments. A permission that
//! was never granted concerns all pull requests alike, so it is logged once, and not tried again
//! with each of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{RepositoryId, Timestamp};
use crate::reports::retry::PERSON_WAIT;

/// The most that is remembered.
const CAPACITY: usize = 10_000;

/// The repositories, each with the time from which it is tried again.
#[derive(Default)]
pub(super) struct Denied(Mutex<BTreeMap<RepositoryId, Timestamp>>);

impl Denied {
    /// Returns until when nothing is tried in a repository; `None` if it may be tried.
    pub(super) fn until(&self, repository: RepositoryId, now: Timestamp) -> Option<Timestamp> {
        let until = self.lock().get(&repository).copied();
        until.filter(|until| *until > now)
    }

    /// Notes that GitHub refused. Returns true if that is news.
    pub(super) fn begin(&self, repository: RepositoryId, now: Timestamp) -> bool {
        let mut denied = self.lock();
        let is_known = denied.contains_key(&repository);
        if is_known || denied.len() < CAPACITY {
            denied.insert(repository, now.plus(PERSON_WAIT));
        }
        !is_known
    }

    /// Notes that GitHub accepted something. Returns true if that is news.
    pub(super) fn end(&self, repository: RepositoryId) -> bool {
        self.lock().remove(&repository).is_some()
    }

    /// Locks what is denied. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RepositoryId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_is_news_once_and_holds_for_an_hour() {
        let (denied, one, other) = (Denied::default(), RepositoryId(1), RepositoryId(2));
        let hour = Timestamp(0).plus(Duration::from_hours(1));
        assert!(!denied.end(one));
        assert!(denied.begin(one, Timestamp(0)));
        assert_eq!(denied.until(one, Timestamp(0)), Some(hour));
        assert_eq!(denied.until(other, Timestamp(0)), None);
        assert_eq!(denied.until(one, hour), None, "it is tried again");
        assert!(!denied.begin(one, hour), "which is known already");
        assert!(denied.end(one));
        assert!(denied.begin(one, hour));
    }
}
