//! Limits the rate of calls to CodePipeline, which throttles at rates that AWS does not publish.
//! One limiter serves all calls of a process. It has its share of the account's rate, which the
//! daemons of a table divide among them. It halves its rate when it is throttled, and raises it
//! again after a while without throttling.
//!
//! An action, which makes its calls one after the other under a claim, is admitted before it
//! claims: only so many are in progress that each call gets its turn in time. So a daemon whose
//! concurrency is far above its rate waits, and does not fail.
//!
//! Repositories take turns, in being admitted and in each call (`turns.rs`): the flood of one
//! delays another by a few calls.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{self, sleep_until, timeout};

use crate::aws::turns::Gate;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::RepositoryId;

/// The longest time that a call waits for its turn. It is part of
/// [`crate::aws::OPERATION_TIMEOUT`].
pub(super) const RATE_LIMIT_WAIT: Duration = Duration::from_secs(5);
/// The calls of this many seconds that may wait at once. Calls of other repositories may overtake
/// each of them as often again ([`Gate`]). The rest of [`RATE_LIMIT_WAIT`] is for
/// calls that no action makes, such as probes.
const ADMITTED_SECONDS: u32 = 2;
/// The time within which throttled calls count as one, because calls in progress at the same time
/// are throttled together.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// The time without throttling after which the rate rises by a quarter.
const RECOVERY: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// The repository of the action that runs in this task. A call does not know whose it is.
    static REPOSITORY: RepositoryId;
}

/// The calls of 1,000 seconds: a share may be less than one call a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rate(u32);

impl Rate {
    /// One action at a time, whose next call gets its turn within 4 s.
    const LEAST: Self = Self(250);
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

    /// The time from one call to the next.
    fn period(self) -> Duration {
        Duration::from_secs(1_000) / self.0.max(1)
    }

    /// The calls that may be made at once after a pause: those of a second.
    fn burst(self) -> u32 {
        (self.0 / 1_000).max(1)
    }

    /// The actions that may be in progress at once.
    fn actions(self) -> usize {
        let actions = self.0.saturating_mul(ADMITTED_SECONDS) / 1_000;
        usize::try_from(actions).unwrap_or(usize::MAX).max(1)
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
    /// Admits actions.
    actions: Gate,
    /// Gives calls their turns, one after the other.
    turns: Gate,
    state: Mutex<State>,
}

struct State {
    /// The share of this daemon.
    most: Rate,
    rate: Rate,
    /// When the calls that were made would have been made at exactly this rate.
    made_until: time::Instant,
    changed: Instant,
}

impl Limiter {
    /// Allows at most this many calls per second.
    pub(super) fn new(total: NonZeroU32) -> Self {
        let most = Rate::share(total, NonZeroU32::MIN);
        Self {
            total,
            actions: Gate::new(most.actions()),
            turns: Gate::new(1),
            state: Mutex::new(State {
                most,
                rate: most,
                made_until: time::Instant::now(),
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
        state.rate = rate;
        drop(state);
        self.actions.set_limit(rate.actions());
    }

    /// Runs an action of a repository once it may begin.
    ///
    /// If cancelled before that, nothing is held.
    pub(super) async fn admitted<T>(
        &self,
        repository: RepositoryId,
        action: impl Future<Output = T>,
    ) -> T {
        let _admission = self.actions.enter(Some(repository)).await;
        REPOSITORY.scope(repository, action).await
    }

    /// Waits until it is this call's turn.
    ///
    /// # Errors
    /// [`Reason::RateLimited`] if that takes too long: the rate was lowered a moment ago. Nothing
    /// was sent in that case.
    pub(super) async fn wait(&self, call: &str) -> Result<(), Fault> {
        let repository = REPOSITORY.try_with(|repository| *repository).ok();
        let turn = async {
            let _turn = self.turns.enter(repository).await;
            loop {
                let due = self.lock().take(time::Instant::now());
                match due {
                    Ok(()) => break,
                    Err(due) => sleep_until(due).await,
                }
            }
        };
        timeout(RATE_LIMIT_WAIT, turn).await.map_err(|_| {
            let rate = self.lock().rate;
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
        state.rate = rate;
        state.changed = now;
        drop(state);
        self.actions.set_limit(rate.actions());
    }

    /// Locks the state. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call that is made now. If it is too early for it, returns when it is due.
    fn take(&mut self, now: time::Instant) -> Result<(), time::Instant> {
        let period = self.rate.period();
        let due = self
            .made_until
            .checked_sub(period * (self.rate.burst() - 1));
        if let Some(due) = due.filter(|due| *due > now) {
            return Err(due);
        }
        self.made_until = self.made_until.max(now) + period;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        let (sender, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let action = async || {
            sender.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        let mut held: Vec<_> = (0..200)
            .map(|_| Box::pin(limiter.admitted(RepositoryId(1), action())))
            .collect();
        for one in &mut held {
            assert!(timeout(Duration::ZERO, one).await.is_err());
        }
        std::iter::from_fn(|| begun.try_recv().ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_actions_are_admitted_as_get_their_turn_in_time() {
        for (rate, actions) in [(1, 2), (2, 4), (10, 20)] {
            let limiter = Limiter::new(NonZeroU32::new(rate).unwrap());
            assert_eq!(admitted(&limiter).await, actions);
        }
        let limiter = Limiter::new(NonZeroU32::new(10).unwrap());
        limiter.record(true, Instant::now() + ONE_THROTTLE);
        assert_eq!(admitted(&limiter).await, 10);
        limiter.record(true, Instant::now() + 3 * ONE_THROTTLE);
        assert_eq!(admitted(&limiter).await, 5);
    }

    /// Makes one call of each repository, all at once and in this order. Returns in which order
    /// they were made, and when.
    async fn made(limiter: &Arc<Limiter>, repositories: &[u64]) -> Vec<(u64, Duration)> {
        let begun = time::Instant::now();
        let (sender, mut made) = tokio::sync::mpsc::unbounded_channel();
        for &repository in repositories {
            let (limiter, sender) = (Arc::clone(limiter), sender.clone());
            tokio::spawn(async move {
                let call = limiter.wait("CreatePipeline");
                let call = limiter.admitted(RepositoryId(repository), call);
                call.await.unwrap();
                sender.send((repository, begun.elapsed())).unwrap();
            });
        }
        drop(sender);
        let mut all = Vec::new();
        while let Some(one) = made.recv().await {
            all.push(one);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_one_repository_delays_the_call_of_another_by_few_turns() {
        let limiter = Arc::new(Limiter::new(NonZeroU32::new(10).unwrap()));
        // The calls that may be made at once are used up.
        made(&limiter, &[1; 10]).await;
        let mut waiting = vec![1; 500];
        waiting.push(2);
        let made = made(&limiter, &waiting).await;
        let place = made.iter().position(|(repository, _)| *repository == 2);
        // Two actions of the flood end before this one is admitted, and two calls have their turn.
        assert!(place <= Some(5), "{place:?}");
        assert_eq!(made.len(), 501, "the flood is complete");
        let (_, last) = made.last().unwrap();
        assert_eq!(last.as_millis().div_ceil(1_000), 51, "at the whole rate");
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
        let now = time::Instant::now();
        limiter.lock().made_until = now + RATE_LIMIT_WAIT + Duration::from_secs(1);
        let fault = limiter.wait("GetPipeline").await.unwrap_err();
        assert!(fault.reason.class().is_uncounted(), "{fault}");
        assert!(!fault.reason.scope().may_be_outage());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_next_call_waits_for_its_turn() {
        let limiter = Limiter::new(NonZeroU32::new(20).unwrap());
        let started = time::Instant::now();
        let mut made = Vec::new();
        for _ in 0..22 {
            limiter.wait("GetPipeline").await.unwrap();
            made.push(started.elapsed().as_millis());
        }
        assert_eq!(made, [[0; 20].as_slice(), &[50, 100]].concat());
    }
}
