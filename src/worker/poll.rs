//! Polls a queue for as many messages as can be started, and not at all while AWS does not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::domain::fault::{Fault, Reason, Scope};
use crate::domain::intake::envelope::{Envelope, Source};
use crate::ports::{Clock, Pipelines, Queue, Store};

use crate::worker::outage::QueueOutage;
use crate::worker::process::Handler;
use crate::worker::report;
use crate::worker::run_mode::RunMode;
use crate::worker::shutdown::Shutdown;
use crate::worker::sweep::sweep;

/// The longest wait of one poll: the maximum of SQS, which needs the fewest requests.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The wait of one poll in a run that ends when the queue is empty. With any wait above 0 s, SQS
/// queries all its servers.
const SHORT_POLL: Duration = Duration::from_secs(2);
/// The highest number of messages in one answer (SQS API reference, ReceiveMessage).
const RECEIVE: usize = 10;
/// The number of failed polls in a row that make an outage of the queue. A run that ends when the
/// queue is empty gives up then.
const FAILED_POLLS: usize = 3;

/// Polls one queue.
pub(super) struct Poller<'a, Q, S, P, C> {
    pub(super) handler: &'a Arc<Handler<Q, S, P, C>>,
    pub(super) concurrency: usize,
    pub(super) mode: RunMode,
    /// The queue that is polled. The sweep starts with the polling of webhooks, and readiness
    /// follows it.
    pub(super) source: Source,
}

/// A message, and the permit for its processing.
type Admitted = (Envelope, OwnedSemaphorePermit);

/// The polls in progress, each with a permit for every message that it may return.
type Polls = JoinSet<Result<Received, Fault>>;

/// The answer of a poll.
struct Received {
    messages: Vec<Admitted>,
    /// True if it has as many messages as were requested.
    full: bool,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Poller<'_, Q, S, P, C> {
    /// Polls until a shutdown is requested, or until the queue is empty. Messages, and the sweep,
    /// run in `work`.
    pub(super) async fn poll(&self, stop: Shutdown, work: &mut JoinSet<()>) -> Result<(), Fault> {
        let permits = Arc::new(Semaphore::new(self.concurrency));
        let mut sweep_faults = self.start_sweep(&stop, work);
        let mut outage = QueueOutage::new(self.source);
        let mut pause = Duration::ZERO;
        let mut answered = false;
        let mut polls = Polls::new();
        let mut more = false;
        loop {
            let answer = tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                Some(fault) = sweep_faults.recv() => return Err(fault),
                answer = self.next(pause, more, &permits, &mut polls, work) => answer,
            };
            more = answer.as_ref().is_ok_and(|received| received.full);
            match answer {
                Ok(Received { messages, .. }) => {
                    answered = true;
                    self.set_ready(true);
                    pause = Duration::ZERO;
                    self.note_end(&mut outage);
                    let is_empty = messages.is_empty();
                    for (envelope, permit) in messages {
                        self.start(work, envelope, permit);
                    }
                    // A run that ends when the queue is empty does not wait out an outage.
                    if let (RunMode::UntilEmpty, Some(fault)) =
                        (self.mode, self.handler.shared.breaker.fault())
                    {
                        return Err(fault);
                    }
                    if is_empty && self.is_done(&permits) {
                        return Ok(());
                    }
                }
                // Waiting does not help if the queue does not exist, or was never accessible.
                Err(fault) if !answered && fault.reason.scope() == Scope::Account => {
                    return Err(fault);
                }
                // Polls that fail at the same time count once.
                Err(_) if !polls.is_empty() => {}
                Err(fault) => {
                    self.set_ready(false);
                    pause = outage.failed(&fault, self.handler.shared.jitter.next());
                    if self.mode == RunMode::UntilEmpty && outage.failures() >= FAILED_POLLS {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// Reports whether the queue answers. Without webhooks the daemon does nothing, and an internal
    /// queue that answers must not hide that.
    fn set_ready(&self, answers: bool) {
        match self.source {
            Source::Webhooks => self.handler.shared.readiness.queue(answers),
            Source::Internal => {}
        }
    }

    /// Notes that the queue answers. GitHub may have lost webhooks while it did not.
    fn note_end(&self, outage: &mut QueueOutage) {
        let has_lasted = outage.failures() >= FAILED_POLLS;
        outage.over();
        match self.source {
            Source::Webhooks if has_lasted => self.handler.shared.reconciler.note_resumption(),
            Source::Webhooks | Source::Internal => {}
        }
    }

    /// Returns true if a run that ends when the queue is empty has nothing left to do.
    fn is_done(&self, permits: &Semaphore) -> bool {
        self.mode == RunMode::UntilEmpty && permits.available_permits() == self.concurrency
    }

    fn start(&self, work: &mut JoinSet<()>, envelope: Envelope, permit: OwnedSemaphorePermit) {
        let handler = Arc::clone(self.handler);
        work.spawn(async move {
            handler.handle(envelope).await;
            drop(permit);
        });
    }

    /// Starts the sweep beside the polling. The returned channel receives a fault that the sweep
    /// cannot wait out.
    fn start_sweep(&self, stop: &Shutdown, work: &mut JoinSet<()>) -> mpsc::Receiver<Fault> {
        let (fault_sender, faults) = mpsc::channel(1);
        match self.source {
            Source::Webhooks => {}
            Source::Internal => return faults,
        }
        let handler = Arc::clone(self.handler);
        let stop = stop.clone();
        work.spawn(async move {
            tokio::select! {
                biased;
                outcome = sweep(&handler.shared.reconciler, &handler.shared.outbox, stop) => {
                    match outcome {
                        Ok(()) => handler.shared.readiness.table(true),
                        // The send fails if the polling has already ended.
                        Err(fault) => drop(fault_sender.send(fault).await),
                    }
                }
                () = handler.drain_over.requested() => {}
            }
        });
        faults
    }

    /// Returns the next messages, each with its permit. If no poll is in progress, starts one after
    /// a pause. While there are `more` messages than were requested, starts another poll for every
    /// ten free permits, because one poll at a time would return at most ten messages per round
    /// trip. During an outage of AWS, no poll is started.
    async fn next(
        &self,
        pause: Duration,
        more: bool,
        permits: &Arc<Semaphore>,
        polls: &mut Polls,
        work: &mut JoinSet<()>,
    ) -> Result<Received, Fault> {
        let breaker = &self.handler.shared.breaker;
        if polls.is_empty() {
            sleep(pause).await;
            let permits = acquire(RECEIVE, permits).await;
            if self.mode == RunMode::Daemon {
                breaker.closed().await;
            }
            self.start_poll(polls, permits);
        }
        while let Some(ended) = work.try_join_next() {
            report::joined(ended);
        }
        loop {
            let answer = tokio::select! {
                biased;
                answer = polls.join_next() => answer,
                Some(free) = acquire_batch(permits), if more && !breaker.is_open() => {
                    self.start_poll(polls, free);
                    continue;
                }
            };
            return match answer {
                Some(Ok(answer)) => answer,
                Some(Err(ended)) => Err(broken(&ended.to_string())),
                None => Err(broken("no poll is in progress")),
            };
        }
    }

    /// Starts a poll for as many messages as there are permits.
    fn start_poll(&self, polls: &mut Polls, permits: Vec<OwnedSemaphorePermit>) {
        let handler = Arc::clone(self.handler);
        let wait = match self.mode {
            // Until the queue has answered, the daemon is not ready.
            RunMode::Daemon if self.handler.shared.readiness.queue_answers() => LONG_POLL,
            RunMode::Daemon | RunMode::UntilEmpty => SHORT_POLL,
        };
        polls.spawn(async move {
            let max = u32::try_from(permits.len()).unwrap_or(1);
            let messages = handler.queue.receive(max, wait).await?;
            let full = messages.len() >= permits.len();
            let messages = messages.into_iter().zip(permits).collect();
            Ok(Received { messages, full })
        });
    }
}

/// Waits for a free permit, and acquires up to `max` if more are free.
async fn acquire(max: usize, permits: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut acquired = Vec::with_capacity(max);
    // The semaphore is never closed, so this never fails. Without a permit, a poll would be
    // repeated.
    acquired.extend(Arc::clone(permits).acquire_owned().await.ok());
    while acquired.len() < max {
        match Arc::clone(permits).try_acquire_owned() {
            Ok(permit) => acquired.push(permit),
            Err(_) => break,
        }
    }
    acquired
}

/// Waits for the permits of a full answer.
async fn acquire_batch(permits: &Arc<Semaphore>) -> Option<Vec<OwnedSemaphorePermit>> {
    let count = u32::try_from(RECEIVE).unwrap_or(u32::MAX);
    let mut batch = Arc::clone(permits).acquire_many_owned(count).await.ok()?;
    Some(std::iter::from_fn(|| batch.split(1)).collect())
}

/// Returns the fault of a poll that ended without an answer, which is a bug in branchline.
fn broken(what: &str) -> Fault {
    Fault::new(Reason::AwsUnknown, format!("a poll ended: {what}"))
}
