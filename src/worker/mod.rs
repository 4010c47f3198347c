//! The daemon: polls the queue, keeps a bounded number of messages in work, walks each through the line, acknowledges
//! in batches, and stops cleanly.

pub mod acks;
pub mod backoff;
pub(crate) mod outage;
mod poll;
mod process;
mod readiness;
mod report;
mod run_mode;
mod shutdown;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::domain::fault::Fault;
use crate::ports::{Clock, Pipelines, Queue, Store};

use crate::reconcile::Reconciler;
use acks::Acks;
use poll::Poller;
use process::{Handler, Jitter};
pub use readiness::Readiness;
pub use run_mode::RunMode;
pub use shutdown::{Shutdown, ShutdownHandle};

/// How long the last acknowledgements may take. With a drain of 25 s it is less than the 30 s that ECS and systemd-like
/// supervisors wait before they kill.
const FLUSH: Duration = Duration::from_secs(4);

/// How a worker runs.
#[derive(Clone, Copy, Debug)]
pub struct WorkerConfig {
    /// Messages in work at once.
    pub concurrency: usize,
    /// How long what is in work may go on once the worker is told to stop.
    pub drain_timeout: Duration,
    /// What its dice begin with.
    pub seed: u64,
}

/// The daemon over its ports.
pub struct Worker<Q, S, P, C> {
    queue: Arc<Q>,
    walker: Arc<Reconciler<S, P, C>>,
    settings: WorkerConfig,
    ready: Readiness,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Worker<Q, S, P, C> {
    /// A worker over a queue.
    pub fn new(queue: Q, walker: Reconciler<S, P, C>, settings: WorkerConfig) -> Self {
        Self {
            queue: Arc::new(queue),
            walker: Arc::new(walker),
            settings,
            ready: Readiness::default(),
        }
    }

    /// Whether it does its work, now and later.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.ready.clone()
    }

    /// Runs until it is stopped, or until the queue is empty. Then what is in work is finished within the drain's time
    /// and the rest handed back, and every acknowledgement sent.
    ///
    /// # Errors
    /// At start: a queue or a table that is not there or not for us, which waiting cannot mend. With [`RunMode::UntilEmpty`]:
    /// what kept the queue from being emptied, after a few tries.
    ///
    /// Cancelled: messages in work are dropped where they stand and come back when their visibility ends.
    pub async fn run(&self, mode: RunMode, stop: Shutdown) -> Result<(), Fault> {
        let (acks, mut batcher) = Acks::start(Arc::clone(&self.queue));
        let (up, time_is_up) = Shutdown::channel();
        let handler = Arc::new(Handler {
            queue: Arc::clone(&self.queue),
            walker: Arc::clone(&self.walker),
            acks,
            leases: Arc::default(),
            breaker: Arc::default(),
            ready: self.ready.clone(),
            dice: Arc::new(Jitter::new(self.settings.seed)),
            time_is_up,
        });
        let leases = Arc::clone(&handler.leases);
        let run = async {
            let mut work = JoinSet::new();
            let poller = Poller {
                handler: &handler,
                concurrency: self.settings.concurrency.max(1),
                mode,
            };
            let outcome = poller.poll(stop, &mut work).await;
            self.ready.draining();
            if !self.finishes(&mut work).await {
                up.tell();
            }
            // With the last handler goes the last way in to the batcher, which ends once what it was given is sent.
            drop(handler);
            if timeout(FLUSH, flush(&mut work, &mut batcher))
                .await
                .is_err()
            {
                batcher.abort();
                tracing::warn!(
                    "SQS did not take the last acknowledgements in time; these messages come back"
                );
            }
            outcome
        };
        tokio::select! {
            biased;
            outcome = run => outcome,
            never = leases.renew_forever(self.queue.as_ref()) => match never {},
        }
    }

    /// Whether what is in work comes to its end within the drain's time.
    async fn finishes(&self, work: &mut JoinSet<()>) -> bool {
        let finished = timeout(self.settings.drain_timeout, all(work)).await;
        if finished.is_err() {
            let left = work.len();
            tracing::warn!(
                left,
                "The time to finish is up; what is left is handed back"
            );
        }
        finished.is_ok()
    }
}

async fn flush(work: &mut JoinSet<()>, batcher: &mut JoinHandle<()>) {
    all(work).await;
    report::joined(batcher.await);
}

async fn all(work: &mut JoinSet<()>) {
    while let Some(ended) = work.join_next().await {
        report::joined(ended);
    }
}
