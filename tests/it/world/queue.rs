//! A fake SQS: the queue of webhooks, the internal queue, the dead letters and quarantine.
//!
//! Like SQS it redelivers a message that was not deleted in time, moves a message to the dead
//! letters after too many receives, makes a new receipt at every receive, and refuses what SQS
//! refuses. In its unruly mode it reorders messages, delivers messages that are in flight, and
//! forgets deletions, as a standard queue may.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::Timestamp;
use branchline::domain::intake::envelope::{Attribute, Envelope, Receipt, Source};
use branchline::domain::outcome::outgoing::{Destination, OutgoingMessage};
use branchline::ports::{Clock, Queue};
use branchline::reconcile::lease::VISIBILITY;

use tokio::sync::Notify;

use super::clock::FakeClock;
use super::{lock, sqs};
use crate::world::fault_injection::{FaultInjection, Op};

/// The longest visibility timeout that SQS accepts.
const LONGEST: Duration = Duration::from_secs(43_200);
/// The sender, as SQS knows it (`SenderId`).
pub(crate) const SENDER: &str = "AROAEXAMPLE:ada";
/// Messages in one response.
const BATCH: usize = 10;
/// The most anomalies that one message meets in the unruly mode, so that every test ends.
const MAX_ANOMALIES: u8 = 3;

/// A message as people see it: in the dead letters, in quarantine, or still in a source queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) sent_at: Timestamp,
    pub(crate) receives: u32,
}

impl Letter {
    /// Returns the text of an attribute.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).and_then(Attribute::as_text)
    }
}

struct Message {
    source: Source,
    sender: Option<String>,
    view: Letter,
    /// Every receipt so far, the current one last.
    receipts: Vec<Receipt>,
    visible_at: Timestamp,
    anomalies: u8,
}

/// The number of messages in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
}

struct Queues {
    source: Vec<Message>,
    dead_letters: Vec<Letter>,
    quarantine: Vec<Letter>,
    sent: u64,
    received: usize,
    spent: HashSet<Receipt>,
    max_receives: u32,
    rng: Option<fastrand::Rng>,
}

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

    /// Returns the messages in the source queues, visible or not.
    pub(crate) fn waiting(&self) -> Vec<Letter> {
        let queues = lock(&self.queues);
        queues.source.iter().map(|m| m.view.clone()).collect()
    }

    /// Returns the messages in the dead letters or in quarantine.
    pub(crate) fn look(&self, destination: Destination) -> Vec<Letter> {
        lock(&self.queues).messages(destination).clone()
    }

    /// Takes the messages out of the dead letters or out of quarantine.
    pub(crate) fn take(&self, destination: Destination) -> Vec<Letter> {
        std::mem::take(lock(&self.queues).messages(destination))
    }
}

impl Queues {
    fn view(
        &mut self,
        body: &str,
        attributes: &[(String, Attribute)],
        now: Timestamp,
    ) -> Result<Letter, String> {
        sqs::check(body, attributes)?;
        self.sent += 1;
        Ok(Letter {
            message_id: format!("m-{}", self.sent),
            body: body.to_owned(),
            attributes: attributes.iter().cloned().collect(),
            sent_at: now,
            receives: 0,
        })
    }

    fn push(&mut self, source: Source, sender: Option<&str>, view: Letter) {
        self.source.push(Message {
            source,
            sender: sender.map(str::to_owned),
            visible_at: view.sent_at,
            view,
            receipts: Vec::new(),
            anomalies: 0,
        });
    }

    fn messages(&mut self, destination: Destination) -> &mut Vec<Letter> {
        match destination {
            Destination::DeadLetters => &mut self.dead_letters,
            Destination::Quarantine => &mut self.quarantine,
            Destination::Webhooks | Destination::Internal => panic!("a source queue"),
        }
    }

    /// Returns true with a probability of one in `sides`, and only in the unruly mode.
    fn rolls(&mut self, sides: u8) -> bool {
        self.rng.as_mut().is_some_and(|rng| rng.u8(0..sides) == 0)
    }

    fn receive(&mut self, source: Source, max: usize, now: Timestamp) -> Vec<Envelope> {
        self.redrive(now);
        let mut indices: Vec<usize> = (0..self.source.len()).collect();
        if let Some(rng) = &mut self.rng {
            rng.shuffle(&mut indices);
        }
        let mut received = Vec::new();
        for index in indices {
            let (early, lingers) = (self.rolls(16), self.rolls(16));
            let Some(message) = self.source.get_mut(index) else {
                continue;
            };
            let anomaly = message.anomalies < MAX_ANOMALIES && (early || lingers);
            let due = message.visible_at <= now || (anomaly && early);
            if !due || message.source != source || received.len() == max {
                continue;
            }
            message.anomalies += u8::from(anomaly);
            let visible_at = if anomaly && lingers {
                now
            } else {
                now.plus(VISIBILITY)
            };
            received.push(message.receive(visible_at));
        }
        self.received += received.len();
        received
    }

    /// Moves a message to the dead letters instead of delivering it once more than allowed. It
    /// keeps its id and its age.
    fn redrive(&mut self, now: Timestamp) {
        let max = self.max_receives;
        let worn = |m: &Message| m.visible_at <= now && m.view.receives >= max;
        let (worn, left): (Vec<_>, Vec<_>) = self.source.drain(..).partition(worn);
        self.source = left;
        for message in worn {
            self.spent.extend(message.receipts);
            self.dead_letters.push(message.view);
        }
    }

    /// Returns true if SQS confirms the deletion, which under an old receipt need not have
    /// happened.
    fn delete(&mut self, receipt: &Receipt) -> bool {
        let forgets = self.rolls(16);
        let obeys_old = self.rolls(2);
        let Some(index) = self.index_of(receipt) else {
            return self.spent.contains(receipt);
        };
        let Some(message) = self.source.get_mut(index) else {
            return false;
        };
        let current = message.receipts.last() == Some(receipt);
        if forgets && message.anomalies < MAX_ANOMALIES {
            message.anomalies += 1;
        } else if current || obeys_old {
            let message = self.source.remove(index);
            self.spent.extend(message.receipts);
        }
        true
    }

    /// Returns true if the visibility was changed: only of a message in flight, under its current
    /// receipt.
    fn change_visibility(&mut self, receipt: &Receipt, wait: Duration, now: Timestamp) -> bool {
        let index = self.index_of(receipt);
        let Some(message) = index.and_then(|index| self.source.get_mut(index)) else {
            return false;
        };
        let in_flight = message.visible_at > now && message.receipts.last() == Some(receipt);
        // SQS accepts whole seconds.
        let seconds = Duration::from_secs_f64(wait.as_secs_f64().ceil());
        if in_flight && seconds <= LONGEST {
            message.visible_at = now.plus(seconds);
        }
        in_flight && seconds <= LONGEST
    }

    fn index_of(&self, receipt: &Receipt) -> Option<usize> {
        let has = |message: &Message| message.receipts.contains(receipt);
        self.source.iter().position(has)
    }
}

impl Message {
    fn receive(&mut self, visible_at: Timestamp) -> Envelope {
        self.view.receives += 1;
        self.visible_at = visible_at;
        let receipt = Receipt(format!(
            "receipt-{}-{}",
            self.view.message_id, self.view.receives
        ));
        self.receipts.push(receipt.clone());
        let view = self.view.clone();
        let mut envelope = Envelope::new(
            view.message_id,
            receipt,
            view.body,
            view.attributes,
            view.sent_at,
            view.receives,
        );
        envelope.source = self.source;
        envelope.sender.clone_from(&self.sender);
        envelope
    }
}

/// Returns the fault of a request that SQS refuses as a whole.
fn refused(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::AwsUnknown, detail)
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
                .map_err(refused)?;
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
