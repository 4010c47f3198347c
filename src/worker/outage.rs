//! Detects outages: faults of AWS, or of our access to it, that affect every message. An outage is
//! logged once when it begins and once when it is over. Polls of a queue that does not answer
//! become slower, and no message is received while AWS does not answer what processing needs.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Source;
use crate::worker::backoff::PollBackoff;

/// The number of failed messages that raise a suspicion. A single failure is most often that of its
/// subject, and a probe costs two calls.
const FAILURES: usize = 3;
/// The shortest time between a probe that succeeded and the next suspicion. The messages of a rule
/// that fails need no more probes than this.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

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
            tracing::error!(
                fault = fault.for_operator(),
                "The {} does not answer; polling goes on, more slowly",
                self.queue
            );
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

/// Stops the receiving of messages while the table or CodePipeline fails for everybody, because
/// each message would only use up an attempt.
///
/// Messages that fail raise a suspicion and prove nothing: the fault may be that of their rule,
/// their template or their repository. A probe decides, which has nothing to do with any message
/// ([`crate::reconcile::Reconciler::probe`]). It also decides when the outage is over.
#[derive(Default)]
pub(super) struct CircuitBreaker {
    state: Mutex<State>,
    suspicion: Notify,
    over: Notify,
}

#[derive(Default)]
struct State {
    /// Failed messages since the last probe that succeeded.
    failures: usize,
    /// The fault of the last probe. During an outage only.
    outage: Option<Fault>,
}

impl CircuitBreaker {
    /// Records a message that failed for a reason that may affect every message.
    pub(super) fn suspect(&self) {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures >= FAILURES {
            self.suspicion.notify_one();
        }
    }

    /// Probes AWS when there is a suspicion, and during an outage until it is over. `changed` is
    /// called with false when an outage begins and with true when it is over. Never returns.
    ///
    /// If cancelled, a suspicion or an outage stays as it is.
    pub(super) async fn watch<F: Future<Output = Result<(), Fault>>>(
        &self,
        probe: impl Fn() -> F,
        jitter: impl Fn() -> f64,
        changed: impl Fn(bool),
    ) -> Infallible {
        loop {
            self.suspicion.notified().await;
            let mut backoff = PollBackoff::default();
            while let Err(fault) = probe().await {
                if self.open(fault) {
                    changed(false);
                }
                sleep(backoff.after_failure(jitter())).await;
            }
            if self.close() {
                changed(true);
            }
            sleep(PROBE_INTERVAL).await;
        }
    }

    /// Records a failed probe. Returns true if an outage begins with it.
    fn open(&self, fault: Fault) -> bool {
        let mut state = self.lock();
        let begins = state.outage.is_none();
        if begins {
            tracing::error!(
                fault = fault.for_operator(),
                "AWS does not answer as it should; no message is received until it does"
            );
        }
        state.outage = Some(fault);
        begins
    }

    /// Records a successful probe. Returns true if an outage is over with it.
    fn close(&self) -> bool {
        let mut state = self.lock();
        state.failures = 0;
        let ends = state.outage.take().is_some();
        if ends {
            tracing::info!("AWS answers as it should again");
            self.over.notify_waiters();
        }
        ends
    }

    /// Returns the fault of the outage; `None` if there is none.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.lock().outage.clone()
    }

    /// Returns true during an outage.
    pub(super) fn is_open(&self) -> bool {
        self.lock().outage.is_some()
    }

    /// Waits until there is no outage.
    pub(super) async fn closed(&self) {
        let over = self.over.notified();
        tokio::pin!(over);
        // No notification is missed after this, so the state is read afterwards.
        over.as_mut().enable();
        if self.is_open() {
            over.await;
        }
    }

    /// Locks the state. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
