//! Detects outages: faults of AWS, or of our access to it, that affect every message. An outage is
//! logged once when it begins and once when it is over, and polling is slower while it lasts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Source;
use crate::domain::outcome::backend_signal::BackendSignal;
use crate::worker::backoff::PollBackoff;

/// The number of messages in a row that must fail before it counts as an outage. A single failure
/// may be due to its rule.
const FAILURES: usize = 3;

/// The outages of one source queue, as its poller sees them.
pub(super) struct QueueOutage {
    /// The name of the queue in the log: an operator must know which of the two is out.
    queue: &'static str,
    failures: usize,
    backoff: PollBackoff,
}

impl QueueOutage {
    /// Records no outage yet of this queue.
    pub(super) fn new(source: Source) -> Self {
        Self {
            queue: match source {
                Source::Webhooks => "webhook queue",
                Source::Internal => "internal queue",
            },
            failures: 0,
            backoff: PollBackoff::default(),
        }
    }

    /// Records a failed poll. Returns the time to wait before the next one.
    pub(super) fn failed(&mut self, fault: &Fault, jitter: f64) -> Duration {
        self.failures += 1;
        if self.failures == 1 {
            tracing::error!(fault = %fault, "The {} does not answer; polling goes on, more slowly", self.queue);
        }
        self.backoff.after_failure(jitter)
    }

    /// Returns the number of polls that failed in a row.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// Records that the queue answered.
    pub(super) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(polls = self.failures, "The {} answers again", self.queue);
            self.failures = 0;
            self.backoff = PollBackoff::default();
        }
    }
}

/// Counts the failures of the services behind the queue: DynamoDB and CodePipeline. During an
/// outage, messages are processed one at a time, because each would only use up an attempt.
#[derive(Default)]
pub(super) struct CircuitBreaker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures in a row.
    failures: usize,
    /// The last failure.
    fault: Option<Fault>,
    /// During an outage: when to try the next message.
    next: Option<Instant>,
    backoff: PollBackoff,
}

impl State {
    fn fail(&mut self, fault: Fault, jitter: f64) {
        self.failures += 1;
        let now = Instant::now();
        // Messages that were in work when the outage began fail together, and count as one.
        let pauses = self.next.is_some_and(|next| now < next);
        if self.failures >= FAILURES && !pauses {
            if self.next.is_none() {
                tracing::error!(fault = %fault, "AWS does not answer as it should; messages are tried one at a time, more slowly");
            }
            self.next = Some(now + self.backoff.after_failure(jitter));
        }
        self.fault = Some(fault);
    }
}

impl CircuitBreaker {
    /// Records the signal of a message or of a send.
    /// `jitter` is as for [`PollBackoff::after_failure`].
    pub(super) fn record(&self, signal: BackendSignal, jitter: f64) {
        let mut state = self.lock();
        match signal {
            BackendSignal::Nothing => {}
            BackendSignal::Answered => {
                if state.next.is_some() {
                    tracing::info!(failures = state.failures, "AWS answers as it should again");
                }
                *state = State::default();
            }
            BackendSignal::Failed(fault) => state.fail(fault, jitter),
        }
    }

    /// Returns when to try the next message; `None` if there is no outage.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().next
    }

    /// Returns the last fault; `None` if there is no outage.
    pub(super) fn fault(&self) -> Option<Fault> {
        let state = self.lock();
        state.next.and_then(|_| state.fault.clone())
    }

    /// Locks the state. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
