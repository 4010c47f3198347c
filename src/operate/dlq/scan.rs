//! Going through a grave. SQS lists nothing: one receives what is there, and hands it back.

use std::collections::HashSet;
use std::time::Duration;

use crate::line::envelope::{Envelope, Receipt};
use crate::line::fault::Fault;
use crate::ports::Queue;

/// How long a message stays invisible while the scan goes on: long enough for thousands, short enough that nobody misses
/// them where the scan was killed.
pub const HOLD: Duration = Duration::from_secs(120);
/// Messages of one receive (API reference, ReceiveMessage).
const BATCH: u32 = 10;
/// How long a receive waits for the first: with a long poll SQS asks all of its servers.
const WAIT: Duration = Duration::from_secs(1);

/// A walk through a grave. Every message comes by once; what is not taken is handed back at the end.
pub struct Scan<'a, Q> {
    queue: &'a Q,
    seen: HashSet<String>,
    held: Vec<Receipt>,
    empty: bool,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Messages that came by.
    pub letters: usize,
    /// Messages that could not be handed back at once: they are visible again after [`HOLD`].
    pub held: usize,
}

impl<'a, Q: Queue> Scan<'a, Q> {
    /// Begins.
    pub fn of(queue: &'a Q) -> Self {
        Self {
            queue,
            seen: HashSet::new(),
            held: Vec::new(),
            empty: false,
        }
    }

    /// The next messages that did not come by yet, each with its receipt; empty when there are no more.
    ///
    /// Cancelled: messages may be invisible for [`HOLD`].
    pub async fn next(&mut self) -> Result<Vec<Envelope>, Fault> {
        while !self.empty {
            let received = self.queue.receive(BATCH, WAIT).await?;
            let is_new = |envelope: &Envelope| self.seen.insert(envelope.message_id.clone());
            let (new, again): (Vec<_>, Vec<_>) = received.into_iter().partition(is_new);
            self.held
                .extend(again.iter().map(|envelope| envelope.receipt.clone()));
            // Either nothing is left, or the first ones are visible again.
            self.empty = new.is_empty();
            if !new.is_empty() {
                return Ok(new);
            }
        }
        Ok(Vec::new())
    }

    /// This one is handed back at the end.
    pub fn keep(&mut self, receipt: Receipt) {
        self.held.push(receipt);
    }

    /// Hands back what was kept.
    pub async fn finish(self) -> Result<Seen, Fault> {
        let back: Vec<_> = self
            .held
            .into_iter()
            .map(|receipt| (receipt, Duration::ZERO))
            .collect();
        let failed = self.queue.hand_back(&back).await?;
        Ok(Seen {
            letters: self.seen.len(),
            held: failed.len(),
        })
    }
}
