//! The daemon's message loop. It polls the source queues, limits the number of messages in work,
//! hands each message to the reconciler, acknowledges in batches, and shuts down cleanly.

pub mod acks;
pub mod backoff;
mod consumer;
mod failure_queues;
mod heartbeat;
pub(crate) mod outage;
mod poll;
mod process;
mod rate_limit;
mod readiness;
mod report;
mod run_mode;
mod shutdown;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Source;
use crate::ports::{Clock, Pipelines, Queue, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::lanes::EVENT_DEPTH;
use crate::reports::Outbox;

use consumer::Consumer;
use failure_queues::FailureQueues;
pub use heartbeat::Heartbeats;
use process::{Jitter, Shared};
use rate_limit::RateLimits;
pub use readiness::Readiness;
pub use run_mode::RunMode;
pub use shutdown::{Shutdown, ShutdownHandle};

/// Messages of the internal queue in work at once: one full answer of SQS. These messages are few
/// and small.
const INTERNAL_CONCURRENCY: usize = EVENT_DEPTH;

/// The configuration of a worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerConfig {
    /// Webhooks in work at once.
    pub concurrency: usize,
    /// How long messages in work may take to finish after a shutdown is requested.
    pub drain_timeout: Duration,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// The daemon, over its ports.
pub struct Worker<Q, S, P, C> {
    webhooks: Arc<Q>,
    internal: Arc<Q>,
    reconciler: Arc<Reconciler<S, P, C>>,
    config: WorkerConfig,
    readiness: Readiness,
    outbox: Outbox,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Worker<Q, S, P, C> {
    /// Creates a worker that consumes the queue of webhooks and the internal queue. It puts commits
    /// that have to be reported into the outbox.
    pub fn new(
        webhooks: Q,
        internal: Q,
        reconciler: Reconciler<S, P, C>,
        config: WorkerConfig,
        outbox: Outbox,
    ) -> Self {
        Self {
            webhooks: Arc::new(webhooks),
            internal: Arc::new(internal),
            reconciler: Arc::new(reconciler),
            config,
            readiness: Readiness::default(),
            outbox,
        }
    }

    /// Returns a view of the worker's readiness, which stays up to date.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Returns the reconciler, which periodic jobs use as well.
    #[must_use]
    pub fn reconciler(&self) -> Arc<Reconciler<S, P, C>> {
        Arc::clone(&self.reconciler)
    }

    /// Runs until a shutdown is requested, or until both queues are empty. Then it finishes
    /// messages in work within the drain timeout, returns the rest to their queues, and sends every
    /// acknowledgement.
    ///
    /// # Errors
    /// At start: a queue or a table that does not exist or is not accessible, because waiting does
    /// not help. With [`RunMode::UntilEmpty`]: the fault that kept a queue from being emptied,
    /// after a few attempts.
    ///
    /// If cancelled, messages in work are dropped and return to their queue when their visibility
    /// timeout ends.
    pub async fn run(&self, mode: RunMode, shutdown: Shutdown) -> Result<(), Fault> {
        let shared = Shared {
            reconciler: Arc::clone(&self.reconciler),
            breaker: Arc::default(),
            readiness: self.readiness.clone(),
            jitter: Arc::new(Jitter::new(self.config.seed)),
            failure_queues: Arc::new(FailureQueues::default()),
            quarantine: Arc::new(RateLimits::new(self.reconciler.clock().now())),
            discarded_lines: Arc::new(RateLimits::new(self.reconciler.clock().now())),
            outbox: self.outbox.clone(),
        };
        // A consumer that fails also stops the other one.
        let (stop_both, stopped) = Shutdown::channel();
        let consumer = |queue, concurrency: usize, source| Consumer {
            queue: Arc::clone(queue),
            shared: shared.clone(),
            concurrency: concurrency.max(1),
            drain_timeout: self.config.drain_timeout,
            source,
            mode,
        };
        let webhooks = consumer(&self.webhooks, self.config.concurrency, Source::Webhooks);
        let internal = consumer(
            &self.internal,
            self.config.concurrency.min(INTERNAL_CONCURRENCY),
            Source::Internal,
        );
        let both = async {
            let (webhooks, internal) = tokio::join!(
                webhooks.run(stopped.clone(), &stop_both),
                internal.run(stopped.clone(), &stop_both),
            );
            webhooks.and(internal)
        };
        let consuming = async {
            tokio::pin!(both);
            tokio::select! {
                biased;
                outcome = &mut both => return outcome,
                () = shutdown.requested() => stop_both.request(),
            }
            both.await
        };
        tokio::select! {
            biased;
            outcome = consuming => outcome,
            never = shared.watch_aws() => match never {},
        }
    }
}
