//! The queue: webhooks that are visible, and those in flight. Nothing returns by itself: a message
//! that is not deleted keeps the measurement from its end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::chunks::Chunks;
use super::webhooks::Webhooks;

/// The first pull request: a number of seven digits, as all that follow.
const FIRST: u64 = 1_000_000;
/// The constant part of a receipt handle; handles of SQS have about two hundred characters.
const RECEIPT: &str = "AQEBkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBgMlPeSdFOIArTkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBgMlPeSdFOIArTkYn2rZ0cVbLwq8x4pJt1dGmHuTfE6sN9oRiW3aKyXvC7zQjU5hBg+";

/// A message in the queue.
#[derive(Clone, Copy)]
struct Sent {
    number: u64,
    at: Instant,
}

/// When a message was sent, and when it was received.
pub(super) struct Times {
    pub(super) sent: Instant,
    pub(super) taken: Instant,
}

#[derive(Default)]
pub(super) struct Queue {
    webhooks: Option<Arc<Webhooks>>,
    sent: u64,
    visible: VecDeque<Sent>,
    taken: HashMap<u64, Times>,
}

impl Queue {
    /// Sets the kind of the webhooks that are sent from now on.
    pub(super) fn prepare(&mut self, webhooks: Arc<Webhooks>) {
        self.webhooks = Some(webhooks);
    }

    /// Sends one more webhook.
    pub(super) fn send(&mut self) {
        let number = FIRST + self.sent;
        self.sent += 1;
        let at = Instant::now();
        self.visible.push_back(Sent { number, at });
    }

    /// Returns true if nothing can be received.
    pub(super) fn is_empty(&self) -> bool {
        self.visible.is_empty()
    }

    /// Returns at most this many messages, as ReceiveMessage does.
    pub(super) fn receive(&mut self, most: usize) -> Chunks {
        let mut answer = Chunks::from(r#"{"Messages":["#);
        let taken = Instant::now();
        let count = most.min(self.visible.len());
        for (place, Sent { number, at: sent }) in self.visible.drain(..count).enumerate() {
            if place > 0 {
                answer.push(",");
            }
            if let Some(webhooks) = &self.webhooks {
                webhooks.write(number, &format!("{RECEIPT}{number}"), now(), &mut answer);
            }
            self.taken.insert(number, Times { sent, taken });
        }
        answer.push("]}");
        answer
    }

    /// Deletes a message. Returns `None` if it was deleted before.
    pub(super) fn delete(&mut self, receipt: &str) -> Option<Times> {
        let number = receipt.strip_prefix(RECEIPT)?.parse().ok()?;
        self.taken.remove(&number)
    }
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
