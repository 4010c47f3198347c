//! The fake clock: it stands still until the test moves it, or follows tokio's paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::ports::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where every test begins: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

/// A clock shared by everything in a world. Clones show the same time.
#[derive(Clone)]
pub(crate) struct FakeClock {
    millis: Arc<AtomicI64>,
    moved: Arc<Notify>,
    follows: Option<Instant>,
    skew: i64,
}

impl FakeClock {
    /// Stands at [`START`] until [`FakeClock::advance`].
    pub(crate) fn new() -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(START.0)),
            moved: Arc::new(Notify::new()),
            follows: None,
            skew: 0,
        }
    }

    /// Starts at [`START`] and follows tokio's time, for tests of loops that sleep by themselves. Call it under a
    /// runtime with paused time; under any other it is the real clock, and the test is left to chance.
    pub(crate) fn following_tokio() -> Self {
        Self {
            follows: Some(Instant::now()),
            ..Self::new()
        }
    }

    /// The same clock as seen by a machine whose clock is `millis` fast, or slow where negative.
    pub(crate) fn skewed(&self, millis: i64) -> Self {
        Self {
            skew: self.skew + millis,
            ..self.clone()
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// How much time has passed since [`START`].
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().since(START)
    }

    /// Whether it runs by tokio's time.
    pub(crate) fn follows_tokio(&self) -> bool {
        self.follows.is_some()
    }

    /// Waits until that much time has passed, whoever lets it pass.
    pub(crate) async fn sleep(&self, time: Duration) {
        if self.follows.is_some() {
            return tokio::time::sleep(time).await;
        }
        let end = self.now().plus(time);
        loop {
            let moved = self.moved.notified();
            if self.now() >= end {
                return;
            }
            moved.await;
        }
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let followed = self.follows.map_or(0, |start| {
            i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
        });
        Timestamp(self.millis.load(Ordering::SeqCst) + followed + self.skew)
    }
}
