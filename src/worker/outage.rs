//! Outages: what is wrong with AWS or with our access to it, and so with every message alike. Said once when one begins
//! and once when it is over, not at every poll; while it lasts, polling goes slowly.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Source;
use crate::domain::outcome::backend_signal::BackendSignal;
use crate::worker::backoff::PollBackoff;

/// Walks that must fail in a row, with none between that fared better: one may be its rule's own trouble.
const FAILURES: usize = 3;

/// The outages of one source queue, as its poller sees them.
pub(super) struct QueueOutage {
    /// The name of the queue in the log: an operator must know which of the two is out.
    queue: &'static str,
    failures: usize,
    patience: PollBackoff,
}

impl QueueOutage {
    /// Makes the outages of this queue, which answers.
    pub(super) fn new(source: Source) -> Self {
        Self {
            queue: match source {
                Source::Webhooks => "webhook queue",
                Source::Internal => "internal queue",
            },
            failures: 0,
            patience: PollBackoff::default(),
        }
    }

    /// One more poll failed. Answers with the time to wait before the next.
    pub(super) fn failed(&mut self, fault: &Fault, dice: f64) -> Duration {
        self.failures += 1;
        if self.failures == 1 {
            tracing::error!(fault = %fault, "The {} does not answer; polling goes on, more slowly", self.queue);
        }
        self.patience.after_failure(dice)
    }

    /// Polls that failed in a row.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// The queue answered.
    pub(super) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(polls = self.failures, "The {} answers again", self.queue);
            self.failures = 0;
            self.patience = PollBackoff::default();
        }
    }
}

/// What lies behind the queue, the table and CodePipeline, as the walks see it. While it is out, messages are taken one
/// at a time: each would only use up an attempt.
#[derive(Default)]
pub(super) struct CircuitBreaker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures in a row.
    failures: usize,
    /// The last of them.
    fault: Option<Fault>,
    /// While it is out: when to try the next message.
    next: Option<Instant>,
    patience: PollBackoff,
}

impl State {
    fn fail(&mut self, fault: Fault, dice: f64) {
        self.failures += 1;
        let now = Instant::now();
        // Walks that were in work when it began fail together, and count as one.
        let pauses = self.next.is_some_and(|next| now < next);
        if self.failures >= FAILURES && !pauses {
            if self.next.is_none() {
                tracing::error!(fault = %fault, "AWS does not answer as it should; messages are tried one at a time, more slowly");
            }
            self.next = Some(now + self.patience.after_failure(dice));
        }
        self.fault = Some(fault);
    }
}

impl CircuitBreaker {
    /// A walk or a burial came to an end. `dice` as for [`PollBackoff::after_failure`].
    pub(super) fn hear(&self, heard: BackendSignal, dice: f64) {
        let mut state = self.lock();
        match heard {
            BackendSignal::Nothing => {}
            BackendSignal::Answered => {
                if state.next.is_some() {
                    tracing::info!(failures = state.failures, "AWS answers as it should again");
                }
                *state = State::default();
            }
            BackendSignal::Failed(fault) => state.fail(fault, dice),
        }
    }

    /// While it is out: when to try the next message.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().next
    }

    /// While it is out: what the last walk met.
    pub(super) fn fault(&self) -> Option<Fault> {
        let state = self.lock();
        state.next.and_then(|_| state.fault.clone())
    }

    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
