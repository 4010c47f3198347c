//! Injects faults between branchline and AWS: calls that fail before or after they took effect,
//! that take long, or that never return. Every call of every fake passes through a
//! [`FaultInjection`], which counts it.
//!
//! A `FaultInjection` belongs to one worker; the worlds behind the fakes are shared. A crash is a
//! call that hangs, reported by [`FaultInjection::hangs`], in a future that the test then drops.

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::Timestamp;
use branchline::ports::Clock;
use tokio::sync::Notify;

use super::chaos::{Chaos, Disturbance, Figures};
use super::clock::FakeClock;
use super::{captured_logs, lock};

pub(crate) use super::operation::Op;

/// Whether the trouble comes before or after the call took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It fails.
    Fail(When, Reason),
    /// It takes this long by the fake clock.
    Stall(When, Duration),
    /// It takes the whole time limit of a call, and then fails without having taken effect.
    TimeOut,
    /// It never returns.
    Hang(When),
}

#[derive(Default)]
struct State {
    chaos: Option<Chaos>,
    log: Vec<Op>,
    by_op: Vec<(Op, u32, Trouble)>,
    by_number: BTreeMap<usize, Trouble>,
    /// Lasting troubles of one rule or repository: a word, and what happens to the calls of this
    /// operation that are about something with this word in its name.
    broken: Vec<(String, Op, Trouble)>,
    /// How long every call takes.
    latency: Duration,
}

impl State {
    /// Returns the trouble that the test ordered for this call.
    fn ordered(&mut self, op: Op, about: &str) -> Option<Trouble> {
        let number = self.log.len();
        if let Some(trouble) = self.by_number.remove(&number) {
            return Some(trouble);
        }
        let mut broken = self.broken.iter();
        let concerns = |word: &str| about.contains(word);
        if let Some((.., trouble)) = broken.find(|(word, of, _)| *of == op && concerns(word)) {
            return Some(*trouble);
        }
        let mut by_op = self.by_op.iter_mut();
        let ordered = by_op.find(|(of, times, _)| *of == op && *times > 0)?;
        ordered.1 -= 1;
        Some(ordered.2)
    }
}

/// The faults of one worker's calls. Clones are the same faults.
#[derive(Clone)]
pub(crate) struct FaultInjection {
    state: Arc<Mutex<State>>,
    hung: Arc<Notify>,
    clock: FakeClock,
}

impl FaultInjection {
    /// Makes an injection without faults.
    pub(crate) fn new(clock: &FakeClock) -> Self {
        // Every world begins here, before any of its log lines.
        captured_logs::install();
        Self {
            state: Arc::default(),
            hung: Arc::new(Notify::new()),
            clock: clock.clone(),
        }
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Orders `trouble` for the next `times` calls of `op`.
    pub(crate) fn next(&self, op: Op, times: u32, trouble: Trouble) {
        lock(&self.state).by_op.push((op, times, trouble));
    }

    /// Orders `trouble` for every call of these operations that is about something with this word
    /// in its name: a pipeline, a repository or a rule.
    pub(crate) fn break_all(&self, word: &str, ops: &[Op], trouble: Trouble) {
        let broken = ops.iter().map(|op| (word.to_owned(), *op, trouble));
        lock(&self.state).broken.extend(broken);
    }

    /// Lets every call take this long.
    pub(crate) fn slow_down(&self, latency: Duration) {
        lock(&self.state).latency = latency;
    }

    /// Orders `trouble` for the `number`-th call from now, of any operation. The next call is
    /// number 1.
    pub(crate) fn at_call(&self, number: usize, trouble: Trouble) {
        let mut state = lock(&self.state);
        let index = state.log.len() + number;
        state.by_number.insert(index, trouble);
    }

    /// Starts chaos, until [`FaultInjection::stop_chaos`].
    pub(crate) fn start_chaos(&self, chaos: Chaos) {
        lock(&self.state).chaos = Some(chaos);
    }

    /// Stops the chaos and returns what it did. A worker that stands still wakes up.
    pub(crate) fn stop_chaos(&self) -> Figures {
        let chaos = lock(&self.state).chaos.take();
        chaos.map_or(Figures::default(), |chaos| chaos.figures)
    }

    /// Returns how much later the next change of a pipeline takes effect, if it is to time out and
    /// still take effect.
    pub(crate) fn late_effect(&self) -> Option<Duration> {
        lock(&self.state).chaos.as_mut()?.late_effect()
    }

    /// Forgets the orders and the calls so far.
    pub(crate) fn clear(&self) {
        *lock(&self.state) = State::default();
    }

    /// Returns the operations that were called, in order, since the last [`FaultInjection::clear`].
    pub(crate) fn calls(&self) -> Vec<Op> {
        lock(&self.state).log.clone()
    }

    /// Returns how often an operation was called since then.
    pub(crate) fn count(&self, op: Op) -> usize {
        let state = lock(&self.state);
        state.log.iter().filter(|called| **called == op).count()
    }

    /// Returns the cost of those calls at AWS, without the queue's batches.
    pub(crate) fn spent(&self) -> usize {
        lock(&self.state).log.iter().map(|op| op.cost()).sum()
    }

    /// Returns once a call hangs. The caller then drops the future that made it.
    pub(crate) async fn hangs(&self) {
        self.hung.notified().await;
    }

    /// Passes a call through the faults. Other tasks may run before and after the effect, never
    /// during it.
    pub(crate) async fn pass<T>(
        &self,
        op: Op,
        effect: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.pass_about(op, "", effect).await
    }

    /// Passes a call that is about this pipeline, repository or rule through the faults.
    pub(crate) async fn pass_about<T>(
        &self,
        op: Op,
        about: &str,
        effect: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let disturbance = self.begin(op, about);
        let Disturbance {
            before,
            after,
            trouble,
        } = disturbance;
        self.pass_time(before).await;
        // Such a call is not delayed between that check and its effect: see `chaos.rs`.
        if !op.is_under_a_lease() {
            self.thaw().await;
        }
        self.strike(op, trouble, When::Before).await?;
        let answer = effect();
        self.pass_time(after).await;
        self.thaw().await;
        self.strike(op, trouble, When::After).await?;
        answer
    }

    async fn pass_time(&self, time: Duration) {
        if time.is_zero() {
            breathe().await;
        } else {
            self.clock.sleep(time).await;
        }
    }

    async fn thaw(&self) {
        let frozen = || lock(&self.state).chaos.as_ref()?.frozen();
        while let Some(until) = frozen() {
            // Waking early is allowed: the chaos may have been stopped.
            let soon = tokio::time::Instant::now() + Duration::from_secs(5);
            tokio::time::sleep_until(until.min(soon)).await;
        }
    }

    fn begin(&self, op: Op, about: &str) -> Disturbance {
        let mut state = lock(&self.state);
        state.log.push(op);
        let ordered = state.ordered(op, about);
        let chaos = state.chaos.as_mut().map(|chaos| chaos.disturbance(op));
        let mut disturbance = chaos.unwrap_or(Disturbance {
            before: state.latency,
            ..Disturbance::default()
        });
        disturbance.trouble = ordered.or(disturbance.trouble);
        disturbance
    }

    async fn strike(&self, op: Op, trouble: Option<Trouble>, now: When) -> Result<(), Fault> {
        match trouble {
            Some(Trouble::Fail(when, reason)) if when == now => {
                let detail = format!("{op:?} failed {when:?} it took effect, as the test ordered");
                Err(Fault::new(reason, detail))
            }
            Some(Trouble::Stall(when, time)) if when == now => {
                self.clock.sleep(time).await;
                Ok(())
            }
            Some(Trouble::TimeOut) if now == When::Before => {
                self.clock.sleep(OPERATION_TIMEOUT).await;
                let detail = format!("{op:?} had no answer in time, as the test ordered");
                Err(Fault::new(Reason::AwsUnavailable, detail))
            }
            Some(Trouble::Hang(when)) if when == now => {
                self.hung.notify_one();
                pending().await
            }
            Some(Trouble::Fail(..) | Trouble::Stall(..) | Trouble::TimeOut | Trouble::Hang(..))
            | None => Ok(()),
        }
    }
}

/// Yields once, under any executor.
async fn breathe() {
    let mut breathed = false;
    poll_fn(|context| {
        if breathed {
            return Poll::Ready(());
        }
        breathed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
