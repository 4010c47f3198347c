//! The poller: asks for as many messages as it can start, and slows down while AWS does not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::domain::fault::{Fault, Reason, Scope};
use crate::domain::intake::envelope::{Envelope, Source};
use crate::ports::{Clock, Pipelines, Queue, Store};

use crate::worker::outage::QueueOutage;
use crate::worker::process::Handler;
use crate::worker::report;
use crate::worker::run_mode::RunMode;
use crate::worker::shutdown::Shutdown;
use crate::worker::sweep::sweep;

/// How long one poll waits for a message: the longest that SQS allows, and so the fewest requests.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The same for a run that ends when the queue is empty: long enough that SQS asks all its servers (any wait above 0 s).
const SHORT_POLL: Duration = Duration::from_secs(2);
/// Messages in one answer (SQS API reference, ReceiveMessage).
const RECEIVE: usize = 10;
/// How many polls in a row may fail before a run that should end gives up.
const FAILED_POLLS: usize = 3;

/// One run of polling.
pub(super) struct Poller<'a, Q, S, P, C> {
    pub(super) handler: &'a Arc<Handler<Q, S, P, C>>,
    pub(super) concurrency: usize,
    pub(super) mode: RunMode,
    /// The queue that is polled. The sweep starts with the polling of webhooks, and readiness follows it.
    pub(super) source: Source,
}

/// A message and the place in work that it takes.
type Placed = (Envelope, OwnedSemaphorePermit);

/// The polls under way, each with a place for every message that it may bring.
type Polls = JoinSet<Result<Brought, Fault>>;

/// What a poll brought.
struct Brought {
    messages: Vec<Placed>,
    /// All that it asked for.
    full: bool,
}

impl<Q: Queue, S: Store, P: Pipelines, C: Clock> Poller<'_, Q, S, P, C> {
    /// Polls until told to stop, or until the queue is empty. What it receives goes into `work`, and so does the sweep.
    pub(super) async fn poll(&self, stop: Shutdown, work: &mut JoinSet<()>) -> Result<(), Fault> {
        let places = Arc::new(Semaphore::new(self.concurrency));
        let mut refused = self.start_sweep(&stop, work);
        let mut outage = QueueOutage::new(self.source);
        let mut pause = Duration::ZERO;
        let mut answered = false;
        let mut polls = Polls::new();
        let mut more = false;
        loop {
            let answer = tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                Some(fault) = refused.recv() => return Err(fault),
                answer = self.next(pause, more, &places, &mut polls, work) => answer,
            };
            more = answer.as_ref().is_ok_and(|brought| brought.full);
            match answer {
                Ok(Brought { messages, .. }) => {
                    answered = true;
                    self.set_ready(true);
                    pause = Duration::ZERO;
                    outage.over();
                    let is_empty = messages.is_empty();
                    for (envelope, place) in messages {
                        self.start(work, envelope, place);
                    }
                    if let (RunMode::UntilEmpty, Some(fault)) =
                        (self.mode, self.handler.shared.breaker.fault())
                    {
                        return Err(fault);
                    }
                    if is_empty && self.is_done(&places) {
                        return Ok(());
                    }
                }
                // Waiting cannot mend a queue that was never there, or never ours.
                Err(fault) if !answered && fault.reason.scope() == Scope::Account => {
                    return Err(fault);
                }
                // What fails together counts once.
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

    /// Reports whether the queue answers. Without its webhooks the daemon does nothing; the internal queue must not hide that
    /// by answering.
    fn set_ready(&self, answers: bool) {
        match self.source {
            Source::Webhooks => self.handler.shared.readiness.queue(answers),
            Source::Internal => {}
        }
    }

    /// Whether a run that should end has nothing left to do.
    fn is_done(&self, places: &Semaphore) -> bool {
        self.mode == RunMode::UntilEmpty && places.available_permits() == self.concurrency
    }

    fn start(&self, work: &mut JoinSet<()>, envelope: Envelope, place: OwnedSemaphorePermit) {
        let handler = Arc::clone(self.handler);
        work.spawn(async move {
            handler.handle(envelope).await;
            drop(place);
        });
    }

    /// The sweep goes on beside the polling. Answers with where it tells that it was refused for good.
    fn start_sweep(&self, stop: &Shutdown, work: &mut JoinSet<()>) -> mpsc::Receiver<Fault> {
        let (refuse, refused) = mpsc::channel(1);
        match self.source {
            Source::Webhooks => {}
            Source::Internal => return refused,
        }
        let handler = Arc::clone(self.handler);
        let stop = stop.clone();
        work.spawn(async move {
            tokio::select! {
                biased;
                swept = sweep(&handler.shared.reconciler, stop) => {
                    match swept {
                        Ok(()) => handler.shared.readiness.table(true),
                        // Nobody hears it when the polling is over already.
                        Err(fault) => drop(refuse.send(fault).await),
                    }
                }
                () = handler.drain_over.requested() => {}
            }
        });
        refused
    }

    /// The next messages, each with its place. Polls first, after a pause, where nobody does. While there are `more`
    /// messages than were asked for, polls for every ten free places beside that: one poll after the other would bring ten
    /// messages a round trip at most. While AWS is out: one message, once nothing is in work.
    async fn next(
        &self,
        pause: Duration,
        more: bool,
        places: &Arc<Semaphore>,
        polls: &mut Polls,
        work: &mut JoinSet<()>,
    ) -> Result<Brought, Fault> {
        if polls.is_empty() {
            sleep(pause).await;
            let most = self.probe(places).await.map_or(RECEIVE, |()| 1);
            self.ask(polls, free(most, places).await);
        }
        while let Some(ended) = work.try_join_next() {
            report::joined(ended);
        }
        loop {
            let answer = tokio::select! {
                biased;
                answer = polls.join_next() => answer,
                Some(free) = batch(places), if more && self.handler.shared.breaker.next().is_none() => {
                    self.ask(polls, free);
                    continue;
                }
            };
            return match answer {
                Some(Ok(answer)) => answer,
                Some(Err(ended)) => Err(broken(&ended.to_string())),
                None => Err(broken("nobody polls")),
            };
        }
    }

    /// While AWS is out: waits until it is time for the next message and nothing is in work. `None` when it is not out,
    /// or not any more.
    async fn probe(&self, places: &Semaphore) -> Option<()> {
        let breaker = &self.handler.shared.breaker;
        let mut waited = None;
        // What was still in work may have failed as well, and asked for another pause.
        while breaker.next() != waited {
            waited = breaker.next();
            sleep_until(waited?).await;
            // Nothing is in work once every place is free.
            let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
            drop(places.acquire_many(all).await);
        }
        waited.map(|_| ())
    }

    /// Asks for as many messages as there are free places.
    fn ask(&self, polls: &mut Polls, free: Vec<OwnedSemaphorePermit>) {
        let handler = Arc::clone(self.handler);
        let wait = match self.mode {
            RunMode::Daemon => LONG_POLL,
            RunMode::UntilEmpty => SHORT_POLL,
        };
        polls.spawn(async move {
            let max = u32::try_from(free.len()).unwrap_or(1);
            let messages = handler.queue.receive(max, wait).await?;
            let full = messages.len() >= free.len();
            let messages = messages.into_iter().zip(free).collect();
            Ok(Brought { messages, full })
        });
    }
}

/// Waits for a free place, and takes as many more as are free.
async fn free(most: usize, places: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut free = Vec::with_capacity(most);
    // The semaphore is never closed, so this fails never; an empty answer would be asked for again.
    free.extend(Arc::clone(places).acquire_owned().await.ok());
    while free.len() < most {
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => free.push(place),
            Err(_) => break,
        }
    }
    free
}

/// Waits for the places of a full answer.
async fn batch(places: &Arc<Semaphore>) -> Option<Vec<OwnedSemaphorePermit>> {
    let all = u32::try_from(RECEIVE).unwrap_or(u32::MAX);
    let mut all = Arc::clone(places).acquire_many_owned(all).await.ok()?;
    Some(std::iter::from_fn(|| all.split(1)).collect())
}

/// A poll that did not come to its end: a bug, told as one.
fn broken(what: &str) -> Fault {
    Fault::new(Reason::AwsUnknown, format!("a poll ended: {what}"))
}
