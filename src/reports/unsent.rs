//! How long GitHub has not had what it should have.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::Timestamp;
use crate::reports::outbox::Post;
use crate::telemetry::metrics;

/// The most that is remembered.
const CAPACITY: usize = 10_000;

/// What this process could not send yet, and since when.
#[derive(Default)]
pub(super) struct Unsent(Mutex<BTreeMap<Post, Timestamp>>);

impl Unsent {
    /// Notes since when something is unsent, or that it is not any more.
    pub(super) fn note(&self, post: Post, since: Option<Timestamp>) {
        let mut unsent = self.lock();
        match since {
            Some(since) if unsent.len() < CAPACITY => {
                unsent.insert(post, since);
            }
            Some(_) => {}
            None => {
                unsent.remove(&post);
            }
        }
    }

    /// Measures the age of the oldest.
    pub(super) fn measure(&self, now: Timestamp) {
        let oldest = self.lock().values().min().copied();
        metrics::oldest_unsent(oldest.map_or_else(Default::default, |since| now.since(since)));
    }

    /// Locks what is unsent. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Post, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
