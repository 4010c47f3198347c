//! One received message, from its lease to the acknowledgement that it is given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::Instrument;

use crate::domain::fault::Class;
use crate::domain::intake::envelope::Envelope;
use crate::ports::{Clock, Pipelines, Queue, Store};
use crate::telemetry::metrics::{self, InFlight};
use crate::telemetry::spans;

use crate::domain::outcome::backend_signal::BackendSignal;
use crate::reconcile::lease::{Lease, Leases};
use crate::reconcile::{Ending, Processed, Reconciler};
use crate::worker::acks::{Ack, Acks};
use crate::worker::outage::CircuitBreaker;
use crate::worker::{Readiness, Shutdown, backoff, report};

/// What every message in work shares.
pub(super) struct Handler<Q, S, P, C> {
    pub(super) queue: Arc<Q>,
    pub(super) walker: Arc<Reconciler<S, P, C>>,
    pub(super) acks: Acks,
    pub(super) leases: Arc<Leases>,
    pub(super) breaker: Arc<CircuitBreaker>,
    pub(super) ready: Readiness,
    pub(super) dice: Arc<Jitter>,
    /// The drain's time is over: what is in work is handed back.
    pub(super) time_is_up: Shutdown,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Handler<Q, S, P, C> {
    /// Works on a message until it is acknowledged, or hands it back at once when the drain's time is up.
    pub(super) async fn handle(&self, envelope: Envelope) {
        let _in_flight = InFlight::begin();
        let message = envelope.message_id.clone();
        let lease = Lease::begin(envelope.receipt.clone());
        let kept = self.leases.keep(&lease);
        let ack = tokio::select! {
            biased;
            ack = self.work(envelope, &lease) => ack,
            () = self.time_is_up.told() => {
                tracing::info!(message.id = message, "Message handed back, unfinished");
                Some(Ack::HandBack(lease.receipt().clone(), Duration::ZERO))
            }
        };
        drop(kept);
        if let Some(ack) = ack {
            self.acks.give(ack).await;
        }
    }

    async fn work(&self, envelope: Envelope, lease: &Lease) -> Option<Ack> {
        let sent_at = envelope.sent_at;
        let clock = self.walker.clock();
        let started = clock.now();
        let span = spans::delivery(&envelope);
        let walk = self.walker.walk(envelope, lease).instrument(span.clone());
        let walked = walk.await;
        spans::walked(&span, &walked.journal);
        let ended = clock.now();
        // Counted before it is told: whoever reads the line finds it in the metrics.
        report::measured(&walked, ended.since(started), ended);
        report::walked(&walked, ended.since(started), ended.since(sent_at));
        self.hear(walked.heard.clone());
        self.execute(walked, lease).await
    }

    /// What a walk tells of AWS.
    fn hear(&self, heard: BackendSignal) {
        let answered = heard == BackendSignal::Answered;
        self.breaker.hear(heard, self.dice.throw());
        if answered {
            self.ready.table(true);
        } else if self.breaker.next().is_some() {
            self.ready.table(false);
        }
    }

    /// Carries the verdict out, up to the acknowledgement that is left to give. A burial sends first; only a confirmed
    /// send lets the message go. `None` where the message is somebody else's by now: it is theirs to answer for.
    async fn execute(&self, walked: Processed, lease: &Lease) -> Option<Ack> {
        let receipt = walked.receipt;
        let later = |class, tries| backoff::visibility(class, tries, self.dice.throw());
        match walked.ending {
            Ending::Ack => Some(Ack::Delete(receipt)),
            Ending::Retry { .. } | Ending::Bury(..) if !lease.holds() => None,
            Ending::Retry { class, tries } => Some(Ack::HandBack(receipt, later(class, tries))),
            Ending::Bury(grave, burial) => match self.queue.bury(grave, burial).await {
                Ok(()) => {
                    if let Some((_, reason)) = walked.journal.failure {
                        metrics::buried(grave, reason);
                    }
                    Some(Ack::Delete(receipt))
                }
                Err(fault) => {
                    let message = &walked.journal.message;
                    tracing::warn!(fault = %fault, message.id = message, "A burial was not confirmed; the message comes back");
                    self.hear(BackendSignal::Failed(fault));
                    let wait = later(Class::Transient, walked.journal.receives);
                    Some(Ack::HandBack(receipt, wait))
                }
            },
        }
    }
}

/// Jitter shared by all that throws them. Seeded, so that a run under a simulated world can be played again.
pub(super) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Uniform in 0..1.
    pub(super) fn throw(&self) -> f64 {
        // Nothing panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
