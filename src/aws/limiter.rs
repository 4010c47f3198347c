//! Limits the rate of calls to CodePipeline, which throttles at rates that AWS does not publish.
//! One limiter serves all calls of a process. It has its share of the account's rate, which the
//! daemons of a table divide among them. It halves its rate when it is throttled, and raises it
//! again after a while without throttling.
//!
//! An action, which makes its calls one after the other under a claim, is admitted before it
//! claims: only so many are in progress that each call gets its turn in time. So a daemon whose
//! concurrency is far above its rate waits, and does not fail.

use std::fmt;
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
const ADMITTED_SECONDS: u32 = 4;
/// The time within which throttled calls count as one, because calls in progress at the same time
/// are throttled together.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// The time without throttling after which the rate rises by a quarter.
const RECOVERY: Duration = Duration::from_secs(10);

/// The calls of 1,000 seconds: a share may be less than one call a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rate(u32);

impl Rate {
    /// One action at a time, whose next call gets its turn within [`ADMITTED_SECONDS`].
    const LEAST: Self = Self(1_000 / ADMITTED_SECONDS);
    const ONE_A_SECOND: Self = Self(1_000);

    /// Returns the share of one of so many daemons.
    fn share(calls_per_second: NonZeroU32, daemons: NonZeroU32) -> Self {
        let calls = calls_per_second.get().saturating_mul(1_000);
        Self(calls / daemons).max(Self::LEAST)
    }

    fn half(self) -> Self {
        Self(self.0 / 2)
    }

    fn more(self) -> Self {
        let quarter = Self(self.0 / 4).max(Self::ONE_A_SECOND.min(self));
        Self(self.0.saturating_add(quarter.0))
    }

    fn limiter(self) -> DefaultDirectRateLimiter {
        let calls = NonZeroU32::new(self.0).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(self.0 / 1_000).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs(1_000) / calls.get();
        // A period of zero would need a rate of a million calls a second.
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst));
        RateLimiter::direct(quota.allow_burst(burst))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1_000.0)
    }
}

/// A rate limiter that adapts to throttling, and to the number of daemons.
pub(super) struct Limiter {
    /// The calls per second of all daemons together.
    total: NonZeroU32,
    /// [`ADMITTED_SECONDS`] of calls at that rate.
    actions: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    /// The share of this daemon.
    most: Rate,
    rate: Rate,
    turns: Arc<DefaultDirectRateLimiter>,
    changed: Instant,
}

impl Limiter {
    /// Allows at most this many calls per second.
    pub(super) fn new(total: NonZeroU32) -> Self {
        let most = Rate::share(total, NonZeroU32::MIN);
        Self {
            total,
            actions: Arc::new(Semaphore::new(permits(
                total.get().saturating_mul(ADMITTED_SECONDS),
            ))),
            state: Mutex::new(State {
                most,
                rate: most,
                turns: Arc::new(most.limiter()),
                changed: Instant::now(),
            }),
        }
    }

    /// Takes the share of one of so many daemons. A rate that was halved is kept, unless it is
    /// above the share.
    pub(super) fn share(&self, daemons: NonZeroU32) {
        let most = Rate::share(self.total, daemons);
        let mut state = self.lock();
        if most == state.most {
            return;
        }
        tracing::info!(
            daemons = daemons.get(),
            rate = most.to_string(),
            "Calls to CodePipeline a second are divided among the daemons of the table"
        );
        let was_halved = state.rate < state.most;
        state.most = most;
        let rate = if was_halved {
            state.rate.min(most)
        } else {
            most
        };
        let changed = state.changed;
        state.set(rate, changed);
    }

    /// Waits until an action may begin, in the order of the calls. At half the rate, half as many
    /// actions are admitted.
    ///
    /// If cancelled, nothing is held.
    pub(super) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        let rate = self.lock().rate;
        let whole = Rate::share(self.total, NonZeroU32::MIN);
        // The semaphore is never closed, so this always returns a permit.
        Arc::clone(&self.actions)
            .acquire_many_owned(whole.0.div_ceil(rate.0))
            .await
            .ok()
    }

    /// Waits until it is this call's turn.
    ///
    /// # Errors
    /// [`Reason::RateLimited`] if that takes too long: the rate was lowered a moment ago. Nothing
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
            let rate = state.rate.half().max(Rate::ONE_A_SECOND.min(state.most));
            tracing::warn!(
                rate = rate.to_string(),
                "CodePipeline throttles; calls a second are halved"
            );
            rate
        } else {
            if since < RECOVERY || state.rate >= state.most {
                return;
            }
            state.rate.more().min(state.most)
        };
        state.set(rate, now);
    }

    /// Locks the state. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, rate: Rate, now: Instant) {
        self.rate = rate;
        self.turns = Arc::new(rate.limiter());
        self.changed = now;
    }
}

fn permits(count: u32) -> usize {
    usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS)
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
            limiter.lock().rate.0 / 1_000
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
        assert_eq!(rates, [2, 3, 4, 5, 6, 7, 9, 10, 10]);
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
        assert_eq!(admitted(&limiter).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_shares_of_all_daemons_are_the_whole_rate_and_never_more() {
        for (total, daemons) in [(10, 1), (10, 3), (10, 4), (7, 2), (1_000, 7), (1, 4)] {
            let limiter = Limiter::new(NonZeroU32::new(total).unwrap());
            limiter.share(NonZeroU32::new(daemons).unwrap());
            let sum = limiter.lock().rate.0 * daemons;
            assert!(sum <= total * 1_000 && sum > total * 990, "{total} {sum}");
            assert!(admitted(&limiter).await > 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_smallest_share_still_lets_one_action_at_a_time_make_its_calls() {
        let limiter = Limiter::new(NonZeroU32::new(2).unwrap());
        limiter.share(NonZeroU32::new(100).unwrap());
        assert_eq!(limiter.lock().rate, Rate::LEAST);
        assert_eq!(admitted(&limiter).await, 1);
        limiter.wait("GetPipeline").await.unwrap();
        limiter.record(true, Instant::now() + ONE_THROTTLE);
        assert_eq!(limiter.lock().rate, Rate::LEAST, "never nothing");
    }

    #[test]
    fn a_share_changes_the_highest_rate_and_keeps_a_rate_that_was_halved() {
        let limiter = Limiter::new(NonZeroU32::new(12).unwrap());
        let share = |daemons| {
            limiter.share(NonZeroU32::new(daemons).unwrap());
            limiter.lock().rate.0 / 1_000
        };
        let now = Instant::now() + ONE_THROTTLE;
        assert_eq!((share(3), share(1), share(2)), (4, 12, 6));
        limiter.record(true, now);
        assert_eq!((share(1), share(3), share(6)), (3, 3, 2));
        assert_eq!(share(1), 12, "it is at the highest rate of its share");
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
