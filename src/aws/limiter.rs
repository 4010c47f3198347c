//! Limits the rate of calls to CodePipeline, which throttles at rates that AWS does not publish.
//! One limiter serves all calls of a process. It halves its rate when it is throttled, and raises
//! it again after a while without throttling.
//!
//! An action, which makes its calls one after the other under a claim, is admitted before it
//! claims: only so many are in progress that each call gets its turn in time. So a daemon whose
//! concurrency is far above its rate waits, and does not fail.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::fault::{Fault, Reason};

/// The longest time that a call waits for its turn. It is part of
/// [`crate::aws::OPERATION_TIMEOUT`].
pub(super) const RATE_LIMIT_WAIT: Duration = Duration::from_secs(5);
/// The calls of this many seconds that may wait at once. The rest of [`RATE_LIMIT_WAIT`] is for
/// calls that no action makes, such as probes.
const ADMITTED_SECONDS: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// The time within which throttled calls count as one, because calls in progress at the same time
/// are throttled together.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// The time without throttling after which the rate rises by a quarter.
const RECOVERY: Duration = Duration::from_secs(10);

/// A rate limiter that adapts to throttling.
pub(super) struct Limiter {
    most: NonZeroU32,
    /// [`ADMITTED_SECONDS`] of calls at the highest rate.
    actions: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    rate: NonZeroU32,
    turns: Arc<DefaultDirectRateLimiter>,
    changed: Instant,
}

impl Limiter {
    /// Allows at most this many calls per second.
    pub(super) fn new(most: NonZeroU32) -> Self {
        Self {
            most,
            actions: Arc::new(Semaphore::new(permits(
                most.saturating_mul(ADMITTED_SECONDS),
            ))),
            state: Mutex::new(State::at(most, Instant::now())),
        }
    }

    /// Waits until an action may begin, in the order of the calls. At half the rate, half as many
    /// actions are admitted.
    ///
    /// If cancelled, nothing is held.
    pub(super) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        let rate = self.lock().rate;
        let weight = self.most.get().div_ceil(rate.get());
        // The semaphore is never closed, so this always returns a permit.
        Arc::clone(&self.actions)
            .acquire_many_owned(weight)
            .await
            .ok()
    }

    /// Waits until it is this call's turn.
    ///
    /// # Errors
    /// [`Reason::RateLimited`] if that takes too long: the rate was halved a moment ago. Nothing
    /// was sent in that case.
    pub(super) async fn wait(&self, call: &str) -> Result<(), Fault> {
        let (turns, rate) = {
            let state = self.lock();
            (Arc::clone(&state.turns), state.rate)
        };
        timeout(RATE_LIMIT_WAIT, turns.until_ready()).await.map_err(|_| {
            let detail = format!("{call} waited longer than {RATE_LIMIT_WAIT:?} for its turn at {rate} calls per second (aws.codepipeline_rate)");
            Fault::new(Reason::RateLimited, detail)
        })
    }

    /// Adapts the rate to the answer of a call.
    pub(super) fn record(&self, throttled: bool, now: Instant) {
        let mut state = self.lock();
        let since = now.saturating_duration_since(state.changed);
        let rate = if throttled {
            if since < ONE_THROTTLE {
                return;
            }
            let rate = half(state.rate);
            tracing::warn!(
                rate = rate.get(),
                "CodePipeline throttles; calls a second are halved"
            );
            rate
        } else {
            if since < RECOVERY || state.rate >= self.most {
                return;
            }
            more(state.rate).min(self.most)
        };
        *state = State::at(rate, now);
    }

    /// Locks the state. No code panics under this lock.
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

fn permits(count: NonZeroU32) -> usize {
    usize::try_from(count.get()).unwrap_or(Semaphore::MAX_PERMITS)
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
    fn throttling_halves_the_rate_and_time_without_it_restores_the_rate() {
        let limiter = Limiter::new(NonZeroU32::new(10).unwrap());
        let mut now = Instant::now() + ONE_THROTTLE;
        let mut after = |time, throttled| {
            now += time;
            limiter.record(throttled, now);
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

    /// Returns how many actions are admitted at once.
    async fn admitted(limiter: &Limiter) -> usize {
        let mut held = Vec::new();
        while let Ok(action) = timeout(Duration::ZERO, limiter.admit()).await {
            held.push(action);
        }
        held.len()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_actions_are_admitted_as_get_their_turn_in_time() {
        for (rate, actions) in [(1, 4), (2, 8), (10, 40)] {
            let limiter = Limiter::new(NonZeroU32::new(rate).unwrap());
            assert_eq!(admitted(&limiter).await, actions);
        }
        let limiter = Limiter::new(NonZeroU32::new(10).unwrap());
        limiter.record(true, Instant::now() + ONE_THROTTLE);
        assert_eq!(admitted(&limiter).await, 20);
        limiter.record(true, Instant::now() + 3 * ONE_THROTTLE);
        assert_eq!(admitted(&limiter).await, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_the_own_rate_is_no_failure() {
        let limiter = Limiter::new(NonZeroU32::MIN);
        limiter.wait("GetPipeline").await.unwrap();
        let fault = limiter.wait("GetPipeline").await.unwrap_err();
        assert!(fault.reason.class().is_uncounted(), "{fault}");
        assert!(!fault.reason.scope().may_be_outage());
    }

    #[tokio::test]
    async fn a_burst_passes_and_the_next_call_waits_for_its_turn() {
        let limiter = Limiter::new(NonZeroU32::new(20).unwrap());
        let started = Instant::now();
        for _ in 0..22 {
            limiter.wait("GetPipeline").await.unwrap();
        }
        assert!(
            started.elapsed() >= Duration::from_millis(95),
            "{:?}",
            started.elapsed()
        );
    }
}
