//! Consumes one queue, from the first poll to the last acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Source;
use crate::ports::{Clock, Pipelines, Queue, Store};
use crate::worker::acks::Acks;
use crate::worker::poll::Poller;
use crate::worker::process::{Handler, Shared};
use crate::worker::report;
use crate::worker::run_mode::RunMode;
use crate::worker::shutdown::{Shutdown, ShutdownHandle};

/// The time limit for the last acknowledgements. With a drain timeout of 25 s, the total is below
/// the 30 s that ECS and systemd wait before they kill a process.
const FLUSH: Duration = Duration::from_secs(4);

/// The consumer of one queue.
pub(super) struct Consumer<Q, S, P, C> {
    pub(super) queue: Arc<Q>,
    pub(super) shared: Shared<S, P, C>,
    /// Messages in work at once.
    pub(super) concurrency: usize,
    pub(super) drain_timeout: Duration,
    pub(super) source: Source,
    pub(super) mode: RunMode,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Consumer<Q, S, P, C> {
    /// Runs until a shutdown is requested, or until the queue is empty. A consumer that fails
    /// requests `stop_both`.
    pub(super) async fn run(
        &self,
        stop: Shutdown,
        stop_both: &ShutdownHandle,
    ) -> Result<(), Fault> {
        let (acks, mut batcher) = Acks::start(Arc::clone(&self.queue));
        let (drain_is_over, drain_over) = Shutdown::channel();
        let handler = Arc::new(Handler {
            queue: Arc::clone(&self.queue),
            shared: self.shared.clone(),
            acks,
            leases: Arc::default(),
            drain_over,
        });
        let leases = Arc::clone(&handler.leases);
        let run = async {
            let mut work = JoinSet::new();
            let poller = Poller {
                handler: &handler,
                concurrency: self.concurrency,
                mode: self.mode,
                source: self.source,
            };
            let outcome = poller.poll(stop, &mut work).await;
            if outcome.is_err() {
                stop_both.request();
            }
            self.shared.readiness.draining();
            if !self.drain(&mut work).await {
                drain_is_over.request();
            }
            // The last handler is the last sender to the batcher, which ends once everything is
            // sent.
            drop(handler);
            if timeout(FLUSH, flush(&mut work, &mut batcher))
                .await
                .is_err()
            {
                batcher.abort();
                tracing::warn!(
                    "SQS did not accept the last acknowledgements in time; these messages return to the queue"
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

    /// Waits for the messages in work. Returns true if all of them end within the drain timeout.
    async fn drain(&self, work: &mut JoinSet<()>) -> bool {
        let finished = timeout(self.drain_timeout, all(work)).await;
        if finished.is_err() {
            tracing::warn!(
                messages = work.len(),
                "The drain timeout is over; unfinished messages return to the queue"
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
