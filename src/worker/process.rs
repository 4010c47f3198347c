//! Processes one received message, from its lease to its acknowledgement.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::Instrument;

use crate::domain::fault::Class;
use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::backend_signal::BackendSignal;
use crate::domain::outcome::disposition::Disposition;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::outgoing::{Destination, OutgoingMessage};
use crate::ports::{Clock, Pipelines, Queue, Store};
use crate::reconcile::lease::{Lease, Leases};
use crate::reconcile::{Processed, Reconciler};
use crate::reports::Outbox;
use crate::telemetry::metrics::{self, InFlight};
use crate::telemetry::spans;
use crate::worker::acks::{Ack, Acks};
use crate::worker::failure_queues::FailureQueues;
use crate::worker::outage::CircuitBreaker;
use crate::worker::rate_limit::RateLimits;
use crate::worker::readiness::Readiness;
use crate::worker::shutdown::Shutdown;
use crate::worker::{backoff, report};

/// The state that the consumers of all queues share.
pub(super) struct Shared<S, P, C> {
    pub(super) reconciler: Arc<Reconciler<S, P, C>>,
    pub(super) breaker: Arc<CircuitBreaker>,
    pub(super) readiness: Readiness,
    pub(super) jitter: Arc<Jitter>,
    pub(super) failure_queues: Arc<FailureQueues>,
    /// Limits how many messages are quarantined.
    pub(super) quarantine: Arc<RateLimits>,
    /// Limits how many log lines discarded messages cost.
    pub(super) discarded_lines: Arc<RateLimits>,
    /// Takes the commits about which a report may be due.
    pub(super) outbox: Outbox,
}

impl<S, P, C> Clone for Shared<S, P, C> {
    fn clone(&self) -> Self {
        Self {
            reconciler: Arc::clone(&self.reconciler),
            breaker: Arc::clone(&self.breaker),
            readiness: self.readiness.clone(),
            jitter: Arc::clone(&self.jitter),
            failure_queues: Arc::clone(&self.failure_queues),
            quarantine: Arc::clone(&self.quarantine),
            discarded_lines: Arc::clone(&self.discarded_lines),
            outbox: self.outbox.clone(),
        }
    }
}

impl<S: Store, P: Pipelines, C: Clock> Shared<S, P, C> {
    /// Probes AWS when messages fail for a reason that may affect every message. The readiness
    /// follows. Never returns.
    pub(super) async fn watch_aws(&self) -> Infallible {
        let probe = || self.reconciler.probe();
        let changed = |answers| self.readiness.table(answers);
        self.breaker
            .watch(probe, || self.jitter.next(), changed)
            .await
    }
}

/// The state that all messages of one queue share.
pub(super) struct Handler<Q, S, P, C> {
    pub(super) queue: Arc<Q>,
    pub(super) shared: Shared<S, P, C>,
    pub(super) acks: Acks,
    pub(super) leases: Arc<Leases>,
    /// Requested when the drain timeout is over. Messages in work then return to the queue.
    pub(super) drain_over: Shutdown,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Handler<Q, S, P, C> {
    /// Processes a message until it is acknowledged, or returns it to the queue when the drain
    /// timeout is over.
    pub(super) async fn handle(&self, envelope: Envelope) {
        let _in_flight = InFlight::begin();
        let message = envelope.message_id.clone();
        let lease = Lease::begin(envelope.receipt.clone());
        let kept = self.leases.keep(&lease);
        let ack = tokio::select! {
            biased;
            ack = self.work(envelope, &lease) => ack,
            () = self.drain_over.requested() => {
                tracing::info!(message.id = message, "Message returned to the queue, unfinished");
                Some(Ack::ChangeVisibility(lease.receipt().clone(), Duration::ZERO))
            }
        };
        drop(kept);
        if let Some(ack) = ack {
            self.acks.send(ack).await;
        }
    }

    async fn work(&self, envelope: Envelope, lease: &Lease) -> Option<Ack> {
        let sent_at = envelope.sent_at;
        let reconciler = &self.shared.reconciler;
        let started = reconciler.clock().now();
        let span = spans::delivery(&envelope);
        let processing = reconciler.process(envelope, Some(lease));
        let mut processed = processing.instrument(span.clone()).await;
        spans::processed(&span, &processed.journal);
        let ended = reconciler.clock().now();
        self.limit_quarantine(&mut processed, ended);
        // The metrics come first, so that they contain every message whose log line was written.
        report::measured(&processed, ended.since(started), ended);
        let is_quiet = processed.disposition == Disposition::Discard
            && !self
                .shared
                .discarded_lines
                .admits(processed.journal.sender(), ended);
        if !is_quiet {
            report::processed(&processed, ended.since(started), ended.since(sent_at));
        }
        self.record(processed.signal);
        self.shared.outbox.push(processed.journal.commits.drain(..));
        self.send_wakes(processed.journal.wakes.drain(..)).await;
        self.dispose(processed, lease).await
    }

    /// Wakes the subjects for which a slot became free, whatever became of the message that
    /// released it.
    async fn send_wakes(&self, wakes: impl Iterator<Item = Wake>) {
        for wake in wakes {
            let message = wake.to_message(self.shared.reconciler.owner());
            if let Err(fault) = self.queue.send(Destination::Internal, message).await {
                let subject = wake.waiter.subject.display(&wake.waiter.repository);
                tracing::warn!(%fault, subject, "A wake could not be sent; the job half-way-mappings wakes the subject within two minutes");
            }
        }
    }

    /// Discards a message instead of quarantining it, if too many of its kind of sender are
    /// quarantined already. A stranger's flood does not displace messages under another
    /// repository's secret, nor they those that a later secret may prove.
    fn limit_quarantine(&self, processed: &mut Processed, now: Timestamp) {
        let is_quarantined = matches!(processed.disposition, Disposition::Quarantine(_));
        let sender = processed.journal.sender();
        if is_quarantined && !self.shared.quarantine.admits(sender, now) {
            processed.disposition = Disposition::Discard;
        }
    }

    /// Passes the signal of a message to the circuit breaker and the readiness.
    fn record(&self, signal: BackendSignal) {
        let shared = &self.shared;
        match signal {
            BackendSignal::Nothing => {}
            BackendSignal::Answered if shared.breaker.is_open() => {}
            BackendSignal::Answered => shared.readiness.table(true),
            BackendSignal::Suspicious => shared.breaker.suspect(),
        }
    }

    /// Carries out the disposition, and returns the acknowledgement that remains to be sent. A dead
    /// letter is sent first and then recorded in the audit trail, and only a confirmed send deletes
    /// the message. Returns `None` if the lease is lost, because another consumer may have received
    /// the message by then.
    async fn dispose(&self, processed: Processed, lease: &Lease) -> Option<Ack> {
        let (receipt, journal) = (processed.receipt, &processed.journal);
        match processed.disposition {
            Disposition::Delete => Some(Ack::Delete(receipt)),
            Disposition::Discard => {
                if let Some(fault) = journal.fault() {
                    metrics::discarded(fault.reason);
                }
                Some(Ack::Delete(receipt))
            }
            Disposition::Retry { .. } | Disposition::DeadLetter(_) | Disposition::Quarantine(_)
                if !lease.holds() =>
            {
                None
            }
            Disposition::Retry { class, attempt } => {
                Some(Ack::ChangeVisibility(receipt, self.wait(class, attempt)))
            }
            Disposition::DeadLetter(message) => {
                let sent = self.send(Destination::DeadLetters, message, journal);
                Some(sent.await.ack(receipt))
            }
            Disposition::Quarantine(message) => {
                let sent = self.send(Destination::Quarantine, message, journal);
                Some(sent.await.ack(receipt))
            }
        }
    }

    async fn send(
        &self,
        destination: Destination,
        message: OutgoingMessage,
        journal: &Journal,
    ) -> Sent {
        let id = message.message_id.clone();
        let queues = &self.shared.failure_queues;
        match queues.send(&*self.queue, destination, message).await {
            Ok(()) => {
                if let Some(fault) = journal.fault() {
                    metrics::dead_lettered(destination, fault.reason);
                }
                let reconciler = &self.shared.reconciler;
                reconciler.record_failure(journal, destination).await;
                Sent::Confirmed
            }
            Err(fault) => {
                tracing::warn!(fault = %fault, message.id = id, "A dead letter was not confirmed; the message returns to the queue");
                Sent::Unconfirmed(self.wait(Class::Transient, journal.receives))
            }
        }
    }

    fn wait(&self, class: Class, attempt: u32) -> Duration {
        backoff::visibility(class, attempt, self.shared.jitter.next())
    }
}

/// The result of sending a dead letter.
enum Sent {
    Confirmed,
    /// The message returns to its queue after this time.
    Unconfirmed(Duration),
}

impl Sent {
    fn ack(self, receipt: Receipt) -> Ack {
        match self {
            Self::Confirmed => Ack::Delete(receipt),
            Self::Unconfirmed(wait) => Ack::ChangeVisibility(receipt, wait),
        }
    }
}

/// Random numbers for jitter. They are seeded, so that a run in a simulated world can be repeated.
pub(super) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Returns a number that is uniformly distributed in 0..1.
    pub(super) fn next(&self) -> f64 {
        // No code panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
