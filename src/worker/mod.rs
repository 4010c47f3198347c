//! The daemon: polls the queue, keeps a bounded number of messages in work, walks each through the line, acknowledges
//! in batches, and stops cleanly.

pub mod acks;
pub mod pace;
mod report;
pub mod templates;
pub mod walk;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::line::envelope::Envelope;
use crate::line::fault::{Class, Fault};
use crate::ports::{Clock, Pipelines, Queue, Store};

use acks::{Ack, Acks};
use pace::Patience;
use walk::{Ending, Walked, Walker};

/// How long one poll waits for a message: the longest that SQS allows, and so the fewest requests.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The same for a run that ends when the queue is empty: long enough that SQS asks all its servers (any wait above 0 s).
const SHORT_POLL: Duration = Duration::from_secs(2);
/// Messages in one answer (SQS API reference, ReceiveMessage).
const RECEIVE: usize = 10;
/// How many polls in a row may fail before a run that should end gives up.
const FAILED_POLLS: usize = 3;

/// When a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// When a poll finds nothing and nothing is in work.
    Empty,
}

/// Tells a run to stop polling and finish. Every clone of it hears the same.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The way to tell, and the way to hear it.
    #[must_use]
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns once told to stop, or once nobody is left to tell.
    async fn told(&mut self) {
        // An error means that the sender is gone: nobody could ever stop the run, so it stops now.
        let _ = self.0.wait_for(|told| *told).await;
    }
}

/// The daemon over its ports.
pub struct Worker<Q, S, P, C> {
    queue: Arc<Q>,
    walker: Arc<Walker<S, P, C>>,
    concurrency: usize,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Worker<Q, S, P, C> {
    /// A worker that keeps at most `concurrency` messages in work.
    pub fn new(queue: Q, walker: Walker<S, P, C>, concurrency: usize) -> Self {
        Self {
            queue: Arc::new(queue),
            walker: Arc::new(walker),
            concurrency: concurrency.max(1),
        }
    }

    /// Runs until it is stopped, or until the queue is empty. What is in work is finished first, and every
    /// acknowledgement sent.
    ///
    /// # Errors
    /// Only with [`Until::Empty`]: the fault of the last poll, when the queue did not answer several times in a row.
    ///
    /// Cancelled: messages in work are dropped where they stand and come back when their visibility ends.
    pub async fn run(&self, until: Until, stop: Stop) -> Result<(), Fault> {
        let (acks, batcher) = Acks::start(Arc::clone(&self.queue));
        let mut work = JoinSet::new();
        let outcome = self.poll(until, stop, &acks, &mut work).await;
        while let Some(ended) = work.join_next().await {
            report::joined(ended);
        }
        drop(acks);
        report::joined(batcher.await);
        outcome
    }

    async fn poll(
        &self,
        until: Until,
        mut stop: Stop,
        acks: &Acks,
        work: &mut JoinSet<()>,
    ) -> Result<(), Fault> {
        let places = Arc::new(Semaphore::new(self.concurrency));
        let wait = match until {
            Until::Stopped => LONG_POLL,
            Until::Empty => SHORT_POLL,
        };
        let mut outage = Outage::default();
        loop {
            let answer = tokio::select! {
                biased;
                () = stop.told() => return Ok(()),
                answer = self.receive(&places, wait) => answer,
            };
            while let Some(ended) = work.try_join_next() {
                report::joined(ended);
            }
            match answer {
                Ok(messages) if messages.is_empty() => {
                    outage.over();
                    if until == Until::Empty && places.available_permits() == self.concurrency {
                        return Ok(());
                    }
                }
                Ok(messages) => {
                    outage.over();
                    for (envelope, place) in messages {
                        work.spawn(handle(
                            Arc::clone(&self.queue),
                            Arc::clone(&self.walker),
                            acks.clone(),
                            envelope,
                            place,
                        ));
                    }
                }
                Err(fault) => {
                    let pause = outage.one_more(&fault);
                    if until == Until::Empty && outage.failures >= FAILED_POLLS {
                        return Err(fault);
                    }
                    tokio::select! {
                        () = stop.told() => return Ok(()),
                        () = sleep(pause) => {}
                    }
                }
            }
        }
    }

    /// Waits for a free place, then asks for as many messages as there are free places, and hands each its place.
    async fn receive(
        &self,
        places: &Arc<Semaphore>,
        wait: Duration,
    ) -> Result<Vec<(Envelope, OwnedSemaphorePermit)>, Fault> {
        let mut free = Vec::with_capacity(RECEIVE);
        // The semaphore is never closed, so this fails never; an empty answer would be asked for again.
        free.extend(Arc::clone(places).acquire_owned().await.ok());
        while free.len() < RECEIVE {
            match Arc::clone(places).try_acquire_owned() {
                Ok(place) => free.push(place),
                Err(_) => break,
            }
        }
        let max = u32::try_from(free.len()).unwrap_or(1);
        let messages = self.queue.receive(max, wait).await?;
        Ok(messages.into_iter().zip(free).collect())
    }
}

async fn handle<Q: Queue, S: Store, P: Pipelines, C: Clock>(
    queue: Arc<Q>,
    walker: Arc<Walker<S, P, C>>,
    acks: Acks,
    envelope: Envelope,
    _place: OwnedSemaphorePermit,
) {
    let sent_at = envelope.sent_at;
    let started = walker.clock().now();
    let walked = walker.walk(envelope).await;
    let ended = walker.clock().now();
    report::walked(&walked, ended.since(started), ended.since(sent_at));
    acks.give(execute(queue.as_ref(), walked).await).await;
}

/// Carries the verdict out, up to the acknowledgement that is left to give. A burial sends first; only a confirmed send
/// lets the message go.
async fn execute<Q: Queue>(queue: &Q, walked: Walked) -> Ack {
    let later = |class| pace::visibility(class, walked.receives, fastrand::f64());
    match walked.ending {
        Ending::Ack => Ack::Delete(walked.receipt),
        Ending::Retry(class) => Ack::HandBack(walked.receipt, later(class)),
        Ending::Bury(grave, burial) => match queue.bury(grave, burial).await {
            Ok(()) => Ack::Delete(walked.receipt),
            Err(fault) => {
                tracing::warn!(fault = %fault, message.id = walked.journal.message, "A burial was not confirmed; the message comes back");
                Ack::HandBack(walked.receipt, later(Class::Transient))
            }
        },
    }
}

/// A queue that does not answer: said once when it begins and once when it is over, not at every poll.
#[derive(Default)]
struct Outage {
    failures: usize,
    patience: Patience,
}

impl Outage {
    fn one_more(&mut self, fault: &Fault) -> Duration {
        self.failures += 1;
        if self.failures == 1 {
            tracing::error!(fault = %fault, "The queue does not answer; polling goes on, more slowly");
        }
        self.patience.after_failure()
    }

    fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(polls = self.failures, "The queue answers again");
            *self = Self::default();
        }
    }
}
