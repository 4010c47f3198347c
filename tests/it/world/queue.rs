//! A fake SQS: the queue of webhooks, the internal queue, the dead letters and quarantine.
//!
//! Like SQS it redelivers a message that was not deleted in time, moves a message to the dead
//! letters after too many receives, makes a new receipt at every receive, and refuses what SQS
//! refuses. In its unruly mode it reorders messages, delivers messages that are in flight, and
//! forgets deletions, as a standard queue may.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::Timestamp;
use branchline::domain::intake::authenticated::INTERNAL_EVENT;
use branchline::domain::intake::envelope::{Attribute, Envelope, Receipt, Source};
use branchline::domain::intake::wake::WAKE;
use branchline::domain::outcome::outgoing::{Destination, OutgoingMessage};
use branchline::ports::{Clock, Queue};

use tokio::sync::Notify;

use super::clock::FakeClock;
use super::lock;
use super::queue_state::{Depth, Message, Queues, StoredMessage};
use crate::world::fault_injection::{FaultInjection, Op};

/// The sender, as SQS knows it (`SenderId`).
pub(crate) const SENDER: &str = "AROAEXAMPLE:ada";
/// Messages in one response.
const BATCH: usize = 10;

/// A handle to the queues. Clones are handles to the same queues.
#[derive(Clone)]
pub(crate) struct FakeQueue {
    queues: Arc<Mutex<Queues>>,
    /// The source queue that this handle receives from.
    source: Source,
    /// Notified when a message was sent or returned: a waiting receive looks again.
    moved: Arc<Notify>,
    clock: FakeClock,
    faults: FaultInjection,
}

impl FakeQueue {
    /// Makes empty queues, whose redrive moves a message after `max_receives` receives.
    pub(crate) fn new(clock: &FakeClock, faults: &FaultInjection, max_receives: u32) -> Self {
        let queues = Queues {
            source: Vec::new(),
            dead_letters: Vec::new(),
            quarantine: Vec::new(),
            sent: 0,
            received: 0,
            spent: HashSet::new(),
            max_receives,
            limits: HashMap::new(),
            rng: None,
        };
        Self {
            queues: Arc::new(Mutex::new(queues)),
            source: Source::Webhooks,
            moved: Arc::default(),
            clock: clock.clone(),
            faults: faults.clone(),
        }
    }

    /// Returns a handle that receives from the internal queue.
    pub(crate) fn internal(&self) -> Self {
        Self {
            source: Source::Internal,
            ..self.clone()
        }
    }

    /// Returns the same queues with another worker's faults.
    pub(crate) fn under(&self, faults: &FaultInjection) -> Self {
        Self {
            faults: faults.clone(),
            ..self.clone()
        }
    }

    /// Turns on the unruly mode: from now on the queue does everything that a standard queue may
    /// do.
    pub(crate) fn unruly(&self, seed: u64) {
        lock(&self.queues).rng = Some(fastrand::Rng::with_seed(seed));
    }

    /// Sends a message to the queue of webhooks, as the gateway does. Returns the message's id.
    ///
    /// # Errors
    /// The reason for which SQS refuses the message.
    pub(crate) fn deliver(
        &self,
        body: &str,
        attributes: &[(String, Attribute)],
    ) -> Result<String, String> {
        self.deliver_to(Source::Webhooks, Some(SENDER), body, attributes)
    }

    /// Sends a message to a source queue as this sender, past every fault. Returns the message's
    /// id.
    ///
    /// # Errors
    /// The reason for which SQS refuses the message.
    pub(crate) fn deliver_to(
        &self,
        source: Source,
        sender: Option<&str>,
        body: &str,
        attributes: &[(String, Attribute)],
    ) -> Result<String, String> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let view = queues.view(body, attributes, now)?;
        let message_id = view.message_id.clone();
        queues.push(source, sender, view);
        self.moved.notify_waiters();
        Ok(message_id)
    }

    /// Sets the largest message that a queue accepts, in bytes (`MaximumMessageSize`).
    pub(crate) fn limit(&self, destination: Destination, bytes: usize) {
        lock(&self.queues).limits.insert(destination, bytes);
    }

    /// Returns the number of messages in the source queues.
    pub(crate) fn depth(&self) -> Depth {
        let now = self.clock.now();
        let queues = lock(&self.queues);
        let visible = queues.source.iter().filter(|m| m.visible_at <= now).count();
        Depth {
            visible,
            in_flight: queues.source.len() - visible,
        }
    }

    /// Returns when the next message that is in flight now becomes visible; `None` if none is.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let queues = lock(&self.queues);
        let times = queues.source.iter().map(|message| message.visible_at);
        times.filter(|time| *time > now).min()
    }

    /// Returns how many receives there were, each message counted by itself.
    pub(crate) fn received(&self) -> usize {
        lock(&self.queues).received
    }

    /// Purges the source queues, as an operator may.
    pub(crate) fn purge(&self) {
        lock(&self.queues).source.clear();
    }

    /// Loses the wakes that wait in the internal queue.
    pub(crate) fn lose_wakes(&self) {
        let is_wake = |message: &Message| message.view.text(INTERNAL_EVENT) == Some(WAKE);
        lock(&self.queues)
            .source
            .retain(|message| !is_wake(message));
    }

    /// Returns the messages in the source queues, visible or not.
    pub(crate) fn waiting(&self) -> Vec<StoredMessage> {
        let queues = lock(&self.queues);
        queues.source.iter().map(|m| m.view.clone()).collect()
    }

    /// Returns the messages in the dead letters or in quarantine.
    pub(crate) fn look(&self, destination: Destination) -> Vec<StoredMessage> {
        lock(&self.queues).messages(destination).clone()
    }

    /// Takes the messages out of the dead letters or out of quarantine.
    pub(crate) fn take(&self, destination: Destination) -> Vec<StoredMessage> {
        std::mem::take(lock(&self.queues).messages(destination))
    }
}

/// Returns the fault of a request that SQS refuses as a whole.
fn refused(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::AwsUnknown, detail)
}

/// Returns the fault of a message that SQS refuses.
fn message_refused(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::MessageRefused, detail)
}

impl Queue for FakeQueue {
    /// With a clock that stands still, an empty response comes at once; with one that follows
    /// tokio, after `wait`.
    async fn receive(&self, max: u32, wait: Duration) -> Result<Vec<Envelope>, Fault> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        if !(1..=BATCH).contains(&max) {
            return Err(refused("ReadCountOutOfRange"));
        }
        let end = self.clock.now().plus(wait);
        let take = || Ok(lock(&self.queues).receive(self.source, max, self.clock.now()));
        let op = match self.source {
            Source::Webhooks => Op::Receive,
            Source::Internal => Op::ReceiveInternal,
        };
        let mut received = self.faults.pass(op, take).await?;
        while received.is_empty() && self.clock.now() < end && self.clock.follows_tokio() {
            let moved = self.moved.notified();
            let next = self.next_visible().unwrap_or(end).min(end);
            let pause = next.since(self.clock.now()).max(Duration::from_millis(1));
            tokio::select! {
                biased;
                () = moved => {}
                () = self.clock.sleep(pause) => {}
            }
            received = take()?;
        }
        Ok(received)
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Receipt>, Fault> {
        let effect = || {
            let mut queues = lock(&self.queues);
            let failed = receipts.iter().filter(|receipt| !queues.delete(receipt));
            Ok(failed.cloned().collect())
        };
        self.faults.pass(Op::Delete, effect).await
    }

    async fn change_visibility(
        &self,
        messages: &[(Receipt, Duration)],
    ) -> Result<Vec<Receipt>, Fault> {
        let effect = || {
            let now = self.clock.now();
            let mut queues = lock(&self.queues);
            let failed = messages
                .iter()
                .filter(|(receipt, wait)| !queues.change_visibility(receipt, *wait, now));
            let failed = failed.map(|(receipt, _)| receipt.clone()).collect();
            self.moved.notify_waiters();
            Ok(failed)
        };
        self.faults.pass(Op::ChangeVisibility, effect).await
    }

    async fn send(&self, destination: Destination, message: OutgoingMessage) -> Result<(), Fault> {
        let effect = || {
            let now = self.clock.now();
            let mut queues = lock(&self.queues);
            let view = queues
                .view(&message.body, &message.attributes, now)
                .map_err(message_refused)?;
            if message.size() > queues.limit(destination) {
                return Err(message_refused("InvalidParameterValue: too large"));
            }
            match destination {
                Destination::Webhooks => queues.push(Source::Webhooks, Some(SENDER), view),
                Destination::Internal => queues.push(Source::Internal, Some(SENDER), view),
                Destination::DeadLetters => queues.dead_letters.push(view),
                Destination::Quarantine => queues.quarantine.push(view),
            }
            self.moved.notify_waiters();
            Ok(())
        };
        self.faults.pass(Op::Send, effect).await
    }
}
