//! The pace of our calls to CodePipeline, which throttles at rates that AWS does not publish: one limiter for all calls
//! of a process. Throttled, it halves its rate; left alone, it wins it back.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::timeout;

use crate::domain::fault::{Fault, Reason, Step};

/// How long a call may wait for its turn. It is part of [`crate::aws::OPERATION_TIMEOUT`].
pub(super) const RATE_LIMIT_WAIT: Duration = Duration::from_secs(5);
/// Calls that were under way together are throttled together, and count as one.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// The time without throttling after which the rate rises by a quarter.
const RECOVERY: Duration = Duration::from_secs(10);

/// A pace that adapts.
pub(super) struct Limiter {
    most: NonZeroU32,
    state: Mutex<State>,
}

struct State {
    rate: NonZeroU32,
    turns: Arc<DefaultDirectRateLimiter>,
    changed: Instant,
}

impl Limiter {
    /// At most so many calls a second.
    pub(super) fn new(most: NonZeroU32) -> Self {
        Self {
            most,
            state: Mutex::new(State::at(most, Instant::now())),
        }
    }

    /// Returns when it is this call's turn.
    ///
    /// # Errors
    /// [`Reason::AwsThrottled`] where that takes too long; nothing was sent, then.
    pub(super) async fn turn(&self, call: &str) -> Result<(), Fault> {
        let (turns, rate) = {
            let state = self.lock();
            (Arc::clone(&state.turns), state.rate)
        };
        timeout(RATE_LIMIT_WAIT, turns.until_ready()).await.map_err(|_| {
            let detail = format!("{call} waited longer than {RATE_LIMIT_WAIT:?} for its turn at {rate} calls a second (aws.codepipeline_rate)");
            Fault::new(Step::Plan, Reason::AwsThrottled, detail)
        })
    }

    /// A call came back, throttled or not.
    pub(super) fn heard(&self, throttled: bool, now: Instant) {
        let mut state = self.lock();
        let since = now.saturating_duration_since(state.changed);
        let rate = match throttled {
            true if since >= ONE_THROTTLE => half(state.rate),
            false if since >= RECOVERY && state.rate < self.most => more(state.rate).min(self.most),
            true | false => return,
        };
        if throttled {
            tracing::warn!(
                rate = rate.get(),
                "CodePipeline throttles; calls a second are halved"
            );
        }
        *state = State::at(rate, now);
    }

    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(rate: NonZeroU32, now: Instant) -> Self {
        Self {
            rate,
            turns: Arc::new(RateLimiter::direct(Quota::per_second(rate))),
            changed: now,
        }
    }
}

fn half(rate: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(rate.get() / 2).unwrap_or(NonZeroU32::MIN)
}

fn more(rate: NonZeroU32) -> NonZeroU32 {
    rate.saturating_add((rate.get() / 4).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_it_halves_and_left_alone_it_recovers() {
        let limiter = Limiter::new(NonZeroU32::new(10).unwrap());
        let mut now = Instant::now() + ONE_THROTTLE;
        let mut after = |time, throttled| {
            now += time;
            limiter.heard(throttled, now);
            limiter.lock().rate.get()
        };
        assert_eq!(after(Duration::ZERO, true), 5);
        assert_eq!(
            after(Duration::from_millis(500), true),
            5,
            "the same trouble"
        );
        assert_eq!(after(ONE_THROTTLE, true), 2);
        assert_eq!(after(ONE_THROTTLE, true), 1);
        assert_eq!(after(ONE_THROTTLE, true), 1, "never nothing");
        assert_eq!(after(ONE_THROTTLE, false), 1, "too soon");
        let rates: Vec<u32> = (0..9).map(|_| after(RECOVERY, false)).collect();
        assert_eq!(rates, [2, 3, 4, 5, 6, 7, 8, 10, 10]);
    }

    #[tokio::test]
    async fn a_burst_passes_and_the_next_waits_its_turn() {
        let limiter = Limiter::new(NonZeroU32::new(20).unwrap());
        let begun = Instant::now();
        for _ in 0..22 {
            limiter.turn("GetPipeline").await.unwrap();
        }
        assert!(
            begun.elapsed() >= Duration::from_millis(95),
            "{:?}",
            begun.elapsed()
        );
    }
}
