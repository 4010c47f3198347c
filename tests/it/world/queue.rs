//! A fake SQS: three standard queues of one world.
//!
//! Like SQS it redelivers what was not deleted in time, moves a message to the dead letters when it was received too
//! often, makes a new receipt at every receive, and refuses what SQS refuses. Told to be unruly, it reorders, delivers
//! what is in flight, and forgets deletes, as a standard queue may.

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

/// The longest visibility that SQS takes.
const LONGEST: Duration = Duration::from_secs(43_200);
/// Who sends, as SQS knows it.
pub(crate) const SENDER: &str = "AROAEXAMPLE:ada";
/// Messages in an answer.
const BATCH: usize = 10;
/// How often one message is tampered with when the queue is unruly, so that every test ends.
const PRANKS: u8 = 3;

/// A message where people look: in one of the graves, or still in the source queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) sent_at: Timestamp,
    pub(crate) receives: u32,
}

impl Letter {
    /// An attribute's text.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).and_then(Attribute::as_text)
    }
}

struct Message {
    source: Source,
    sender: Option<String>,
    letter: Letter,
    /// Every receipt it was given, the current one last.
    receipts: Vec<Receipt>,
    visible_at: Timestamp,
    pranks: u8,
}

/// How many messages a queue holds.
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
    dice: Option<fastrand::Rng>,
}

/// A handle on the queues. Clones are handles on the same queues.
#[derive(Clone)]
pub(crate) struct FakeQueue {
    queues: Arc<Mutex<Queues>>,
    /// The source queue that this handle receives from.
    source: Source,
    /// Something was sent, or handed back: whoever waits looks again.
    moved: Arc<Notify>,
    clock: FakeClock,
    faults: FaultInjection,
}

impl FakeQueue {
    /// Empty queues, whose redrive takes a message after `max_receives` receives.
    pub(crate) fn new(clock: &FakeClock, faults: &FaultInjection, max_receives: u32) -> Self {
        let queues = Queues {
            source: Vec::new(),
            dead_letters: Vec::new(),
            quarantine: Vec::new(),
            sent: 0,
            received: 0,
            spent: HashSet::new(),
            max_receives,
            dice: None,
        };
        Self {
            queues: Arc::new(Mutex::new(queues)),
            source: Source::Webhooks,
            moved: Arc::default(),
            clock: clock.clone(),
            faults: faults.clone(),
        }
    }

    /// The same queues, of which the internal one is received from.
    pub(crate) fn internal(&self) -> Self {
        Self {
            source: Source::Internal,
            ..self.clone()
        }
    }

    /// The same queues under another worker's faults.
    pub(crate) fn under(&self, faults: &FaultInjection) -> Self {
        Self {
            faults: faults.clone(),
            ..self.clone()
        }
    }

    /// From now on it does all that a standard queue may do, by these dice.
    pub(crate) fn unruly(&self, seed: u64) {
        lock(&self.queues).dice = Some(fastrand::Rng::with_seed(seed));
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

    /// Sends a message to a source queue as this sender, past every fault. Returns the message's id.
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
        let letter = queues.letter(body, attributes, now)?;
        let message_id = letter.message_id.clone();
        queues.push(source, sender, letter);
        self.moved.notify_waiters();
        Ok(message_id)
    }

    /// How much is in the source queue.
    pub(crate) fn depth(&self) -> Depth {
        let now = self.clock.now();
        let queues = lock(&self.queues);
        let visible = queues.source.iter().filter(|m| m.visible_at <= now).count();
        Depth {
            visible,
            in_flight: queues.source.len() - visible,
        }
    }

    /// When the next message that is in flight now becomes visible; `None` when there is none.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let queues = lock(&self.queues);
        let times = queues.source.iter().map(|message| message.visible_at);
        times.filter(|time| *time > now).min()
    }

    /// How often a message was received.
    pub(crate) fn received(&self) -> usize {
        lock(&self.queues).received
    }

    /// Somebody purges the source queue.
    pub(crate) fn purge(&self) {
        lock(&self.queues).source.clear();
    }

    /// What is in the source queue, visible or not.
    pub(crate) fn waiting(&self) -> Vec<Letter> {
        let queues = lock(&self.queues);
        queues.source.iter().map(|m| m.letter.clone()).collect()
    }

    /// What lies in a grave.
    pub(crate) fn look(&self, grave: Destination) -> Vec<Letter> {
        lock(&self.queues).grave(grave).clone()
    }

    /// Takes what lies in a grave out of it.
    pub(crate) fn take(&self, grave: Destination) -> Vec<Letter> {
        std::mem::take(lock(&self.queues).grave(grave))
    }
}

impl Queues {
    fn letter(
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

    fn push(&mut self, source: Source, sender: Option<&str>, letter: Letter) {
        self.source.push(Message {
            source,
            sender: sender.map(str::to_owned),
            visible_at: letter.sent_at,
            letter,
            receipts: Vec::new(),
            pranks: 0,
        });
    }

    fn grave(&mut self, grave: Destination) -> &mut Vec<Letter> {
        match grave {
            Destination::DeadLetters => &mut self.dead_letters,
            Destination::Quarantine => &mut self.quarantine,
            Destination::Webhooks | Destination::Internal => panic!("not where letters lie"),
        }
    }

    /// True once in `sides`, and only when unruly.
    fn rolls(&mut self, sides: u8) -> bool {
        self.dice
            .as_mut()
            .is_some_and(|dice| dice.u8(0..sides) == 0)
    }

    fn receive(&mut self, source: Source, max: usize, now: Timestamp) -> Vec<Envelope> {
        self.redrive(now);
        let mut places: Vec<usize> = (0..self.source.len()).collect();
        if let Some(dice) = &mut self.dice {
            dice.shuffle(&mut places);
        }
        let mut received = Vec::new();
        for place in places {
            let (early, lingers) = (self.rolls(16), self.rolls(16));
            let Some(message) = self.source.get_mut(place) else {
                continue;
            };
            let prank = message.pranks < PRANKS && (early || lingers);
            let due = message.visible_at <= now || (prank && early);
            if !due || message.source != source || received.len() == max {
                continue;
            }
            message.pranks += u8::from(prank);
            let visible_at = if prank && lingers {
                now
            } else {
                now.plus(VISIBILITY)
            };
            received.push(message.receive(visible_at));
        }
        self.received += received.len();
        received
    }

    /// What was received too often goes to the dead letters instead of being received again. It keeps its id and its
    /// age.
    fn redrive(&mut self, now: Timestamp) {
        let max = self.max_receives;
        let worn = |m: &Message| m.visible_at <= now && m.letter.receives >= max;
        let (worn, left): (Vec<_>, Vec<_>) = self.source.drain(..).partition(worn);
        self.source = left;
        for message in worn {
            self.spent.extend(message.receipts);
            self.dead_letters.push(message.letter);
        }
    }

    /// Whether SQS answers that the message is deleted, which under an old receipt need not be so.
    fn delete(&mut self, receipt: &Receipt) -> bool {
        let forgets = self.rolls(16);
        let obeys_old = self.rolls(2);
        let Some(place) = self.place_of(receipt) else {
            return self.spent.contains(receipt);
        };
        let Some(message) = self.source.get_mut(place) else {
            return false;
        };
        let current = message.receipts.last() == Some(receipt);
        if forgets && message.pranks < PRANKS {
            message.pranks += 1;
        } else if current || obeys_old {
            let message = self.source.remove(place);
            self.spent.extend(message.receipts);
        }
        true
    }

    /// Whether SQS changed the visibility: only of a message in flight, under its current receipt.
    fn change_visibility(&mut self, receipt: &Receipt, wait: Duration, now: Timestamp) -> bool {
        let place = self.place_of(receipt);
        let Some(message) = place.and_then(|place| self.source.get_mut(place)) else {
            return false;
        };
        let in_flight = message.visible_at > now && message.receipts.last() == Some(receipt);
        // SQS takes whole seconds.
        let seconds = Duration::from_secs_f64(wait.as_secs_f64().ceil());
        if in_flight && seconds <= LONGEST {
            message.visible_at = now.plus(seconds);
        }
        in_flight && seconds <= LONGEST
    }

    fn place_of(&self, receipt: &Receipt) -> Option<usize> {
        let has = |message: &Message| message.receipts.contains(receipt);
        self.source.iter().position(has)
    }
}

impl Message {
    fn receive(&mut self, visible_at: Timestamp) -> Envelope {
        self.letter.receives += 1;
        self.visible_at = visible_at;
        let receipt = Receipt(format!(
            "receipt-{}-{}",
            self.letter.message_id, self.letter.receives
        ));
        self.receipts.push(receipt.clone());
        let letter = self.letter.clone();
        let mut envelope = Envelope::new(
            letter.message_id,
            receipt,
            letter.body,
            letter.attributes,
            letter.sent_at,
            letter.receives,
        );
        envelope.source = self.source;
        envelope.sender.clone_from(&self.sender);
        envelope
    }
}

/// SQS refuses the whole request.
fn refused(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::AwsUnknown, detail)
}

impl Queue for FakeQueue {
    /// Where the clock stands still an empty answer comes at once; where it follows tokio, after `wait`.
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
            let letter = queues
                .letter(&message.body, &message.attributes, now)
                .map_err(refused)?;
            match destination {
                Destination::Webhooks => queues.push(Source::Webhooks, Some(SENDER), letter),
                Destination::Internal => queues.push(Source::Internal, Some(SENDER), letter),
                Destination::DeadLetters => queues.dead_letters.push(letter),
                Destination::Quarantine => queues.quarantine.push(letter),
            }
            self.moved.notify_waiters();
            Ok(())
        };
        self.faults.pass(Op::Send, effect).await
    }
}
