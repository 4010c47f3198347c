//! The fake clock: it stands still until the test moves it, or it follows tokio's paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::ports::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The time at which every test starts: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

/// A clock that everything in a world shares. Clones show the same time.
#[derive(Clone)]
pub(crate) struct FakeClock {
    millis: Arc<AtomicI64>,
    moved: Arc<Notify>,
    follows: Option<Instant>,
    skew: i64,
}

impl FakeClock {
    /// Makes a clock that stands at [`START`] until [`FakeClock::advance`].
    pub(crate) fn new() -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(START.0)),
            moved: Arc::new(Notify::new()),
            follows: None,
            skew: 0,
        }
    }

    /// Makes a clock that starts at [`START`] and follows tokio's time, for tests of loops that
    /// sleep by themselves. It needs a runtime with paused time; under any other it is the real
    /// clock, and the test depends on chance.
    pub(crate) fn following_tokio() -> Self {
        Self {
            follows: Some(Instant::now()),
            ..Self::new()
        }
    }

    /// Returns the same clock as a machine sees it that is `millis` fast, or slow if negative.
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

    /// Returns how much time has passed since [`START`].
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().since(START)
    }

    /// Returns true if it follows tokio's time.
    pub(crate) fn follows_tokio(&self) -> bool {
        self.follows.is_some()
    }

    /// Waits until this much time has passed.
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
