//! The queue: messages that are visible, and those in flight, which return when their visibility
//! timeout ends. A message that is not deleted keeps the measurement from its end. One measurement
//! has webhooks, or events of the internal queue, and never both.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::chunks::Chunks;
use super::events::Events;
use super::webhooks::{Event, Message, Webhooks};

/// The first pull request: a number of seven digits, as all that follow.
const FIRST: u64 = 1_000_000;
/// The constant part of a receipt handle; handles of SQS have about two hundred characters.
const RECEIPT: &str = "AQEBkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBgMlPeSdFOIArTkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBgMlPeSdFOIArTkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBg+";

/// A message in the queue.
#[derive(Clone, Copy)]
struct Sent {
    id: u64,
    /// The number of the pull request.
    number: u64,
    at: Instant,
    /// In milliseconds since 1970.
    timestamp: u128,
    /// When it can be received.
    visible: Instant,
    /// How often it was received.
    receives: u32,
}

/// A message in flight.
struct Taken {
    sent: Sent,
    at: Instant,
    /// When it returns to the queue.
    until: Instant,
}

/// When a message was sent, and when it was received.
pub(super) struct Times {
    pub(super) sent: Instant,
    pub(super) taken: Instant,
}

/// What the messages are made from.
pub(super) enum Bodies {
    Webhooks(Webhooks),
    Events(Events),
}

#[derive(Default)]
pub(super) struct Queue {
    bodies: Option<Bodies>,
    event: Event,
    delay: Duration,
    sent: u64,
    opened: u64,
    /// The next one that is pushed to, counted like those that were opened.
    pushed: u64,
    /// The next one whose execution succeeds, counted likewise.
    succeeded: u64,
    waiting: VecDeque<Sent>,
    taken: HashMap<u64, Taken>,
    /// No message in flight returns before this; `None` if there is none.
    returns: Option<Instant>,
    /// When the message was sent whose effect is awaited, by the number of the pull request.
    awaited: HashMap<u64, Instant>,
}

impl Queue {
    /// Sets the messages that are sent from now on, and how long after it was sent each is
    /// received at the earliest.
    pub(super) fn prepare(&mut self, event: Event, bodies: Bodies, delay: Duration) {
        self.bodies = Some(bodies);
        self.event = event;
        self.delay = delay;
        self.awaited.clear();
    }

    /// Makes the next pull request that is opened the first to which something happens.
    pub(super) fn begin_here(&mut self) {
        self.pushed = self.opened;
        self.succeeded = self.opened;
    }

    /// Sends one more message.
    pub(super) fn send(&mut self) {
        let next = match self.event {
            Event::Opened => &mut self.opened,
            Event::Synchronize => &mut self.pushed,
            Event::Succeeded => &mut self.succeeded,
        };
        let number = FIRST + *next;
        *next += 1;
        let at = Instant::now();
        self.waiting.push_back(Sent {
            id: FIRST + self.sent,
            number,
            at,
            timestamp: now(),
            visible: at + self.delay,
            receives: 0,
        });
        self.sent += 1;
    }

    /// Returns when the next message can be received, or may return; `None` if there is none.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting.front().map(|sent| sent.visible);
        waiting.into_iter().chain(self.returns).min()
    }

    /// Returns messages to the queue whose visibility timeouts have ended.
    pub(super) fn return_expired(&mut self) {
        let now = Instant::now();
        if self.returns.is_none_or(|returns| returns > now) {
            return;
        }
        let expired = self.taken.extract_if(|_, taken| taken.until <= now);
        let returned = expired.map(|(_, Taken { sent, until, .. })| Sent {
            visible: until,
            ..sent
        });
        // They are not received in order, as in SQS.
        for sent in returned {
            self.waiting.push_front(sent);
        }
        self.returns = self.taken.values().map(|taken| taken.until).min();
    }

    /// Sets when a message returns to the queue, from now on.
    pub(super) fn change_visibility(&mut self, receipt: &str, timeout: Duration) {
        let taken = id_of(receipt).and_then(|id| self.taken.get_mut(&id));
        if let Some(taken) = taken {
            taken.until = Instant::now() + timeout;
            self.returns = self.returns.into_iter().chain([taken.until]).min();
        }
    }

    /// Returns at most this many messages, as ReceiveMessage does.
    pub(super) fn receive(&mut self, most: usize, visibility: Duration) -> Chunks {
        let mut answer = Chunks::from(r#"{"Messages":["#);
        let taken = Instant::now();
        let visible = self.waiting.iter().take(most);
        let count = visible.take_while(|sent| sent.visible <= taken).count();
        for (place, mut sent) in self.waiting.drain(..count).enumerate() {
            sent.receives += 1;
            if place > 0 {
                answer.push(",");
            }
            let message = Message {
                number: sent.number,
                id: sent.id,
                receipt: &format!("{RECEIPT}{}-{}", sent.id, sent.number),
                sent: sent.timestamp,
                receives: sent.receives,
            };
            match &self.bodies {
                Some(Bodies::Webhooks(webhooks)) => webhooks.write(message, &mut answer),
                Some(Bodies::Events(events)) => events.write(message, &mut answer),
                None => {}
            }
            self.awaited.insert(sent.number, sent.at);
            let taken = Taken {
                sent,
                at: taken,
                until: taken + visibility,
            };
            self.returns = self.returns.into_iter().chain([taken.until]).min();
            self.taken.insert(sent.id, taken);
        }
        answer.push("]}");
        answer
    }

    /// Returns when the message was sent whose effect has arrived now. Returns `None` for every
    /// call after the first.
    pub(super) fn arrived(&mut self, number: u64) -> Option<Instant> {
        self.awaited.remove(&number)
    }

    /// Deletes a message. Returns `None` if it was deleted before.
    pub(super) fn delete(&mut self, receipt: &str) -> Option<Times> {
        let taken = self.taken.remove(&id_of(receipt)?)?;
        Some(Times {
            sent: taken.sent.at,
            taken: taken.at,
        })
    }
}

/// Returns the number of the message with this receipt.
fn id_of(receipt: &str) -> Option<u64> {
    let (id, _) = receipt.strip_prefix(RECEIPT)?.split_once('-')?;
    id.parse().ok()
}

/// Returns the milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "AWS's clock is the machine's here"
)]
fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}
