//! Going through a grave. SQS lists nothing: one receives what is there, and hands it back.
//!
//! Guarantees: a scan that goes on keeps what it received invisible, however long it takes, so that each message comes by
//! once and an end is an end; whatever it holds is handed back by [`Scan::finish`], also where it was told to stop.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::ports::Queue;

/// How long a message stays invisible without a renewal: long enough for two of them to fail, short enough that nobody
/// misses it where the scan was killed.
pub const VISIBILITY: Duration = Duration::from_secs(120);
/// The time between two renewals of a message.
const RENEW_INTERVAL: Duration = Duration::from_secs(40);
/// Messages of one receive (API reference, ReceiveMessage).
const BATCH: u32 = 10;
/// How long a receive waits for the first: with a long poll SQS asks all of its servers.
const WAIT: Duration = Duration::from_secs(1);
/// Messages that may come by a second time, beside as many as there are, before the scan gives up: a standard queue may
/// deliver any of them twice, but then not for ever.
const AGAIN: usize = 100;

/// A walk through a grave. Every message comes by once; what does not leave is handed back at the end.
pub struct Scan<'a, Q> {
    queue: &'a Q,
    seen: HashSet<String>,
    held: BTreeMap<String, Held>,
    /// When the next renewal is due, at the earliest.
    due: Instant,
    again: usize,
    end: Option<End>,
}

struct Held {
    receipt: Receipt,
    renewed: Instant,
}

/// Why nothing more comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing visible is left.
    Empty,
    /// The same messages came back again and again: others hand them back, or the queue is not one's own alone.
    Restless,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanSummary {
    /// Messages that came by.
    pub letters: usize,
    /// Messages that could not be handed back at once: they are visible again after [`VISIBILITY`].
    pub held: usize,
    /// Why nothing more came by. `None` where there may be more: it was stopped before.
    pub end: Option<End>,
}

impl<'a, Q: Queue> Scan<'a, Q> {
    /// Begins.
    pub fn of(queue: &'a Q) -> Self {
        Self {
            queue,
            seen: HashSet::new(),
            held: BTreeMap::new(),
            due: Instant::now() + RENEW_INTERVAL,
            again: 0,
            end: None,
        }
    }

    /// The next messages that did not come by yet; empty when there are no more. They are held until they are
    /// [`gone`](Self::gone) or the scan ends.
    ///
    /// Cancelled: messages may be invisible for [`VISIBILITY`]. So it is not to be cancelled; it takes little longer than a second.
    ///
    /// # Errors
    /// SQS did not answer.
    pub async fn next(&mut self) -> Result<Vec<Envelope>, Fault> {
        while self.end.is_none() {
            self.renew().await?;
            let asked = Instant::now();
            let received = self.queue.receive(BATCH, WAIT).await?;
            if received.is_empty() {
                self.end = Some(End::Empty);
            }
            let new: Vec<_> = received
                .into_iter()
                .filter(|envelope| self.take(envelope, asked))
                .collect();
            if !new.is_empty() {
                return Ok(new);
            }
            if self.again > self.seen.len() + AGAIN {
                self.end = Some(End::Restless);
            }
        }
        Ok(Vec::new())
    }

    /// Holds a message under its latest receipt. Whether it is a new one.
    fn take(&mut self, envelope: &Envelope, renewed: Instant) -> bool {
        let id = envelope.message_id.clone();
        let receipt = envelope.receipt.clone();
        self.held.insert(id.clone(), Held { receipt, renewed });
        let new = self.seen.insert(id);
        self.again += usize::from(!new);
        new
    }

    /// Keeps invisible what is held, where that is due. To be called before anything that takes long.
    ///
    /// # Errors
    /// SQS did not answer.
    pub async fn renew(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        if now < self.due {
            return Ok(());
        }
        // Those of a second beat together: a batch of ten costs one call.
        let is_due = |held: &Held| now.duration_since(held.renewed) >= RENEW_INTERVAL / 2;
        let due: Vec<_> = self.held.values().filter(|held| is_due(held)).collect();
        let due: Vec<_> = due
            .into_iter()
            .map(|held| (held.receipt.clone(), VISIBILITY))
            .collect();
        let lost: HashSet<_> = self
            .queue
            .change_visibility(&due)
            .await?
            .into_iter()
            .collect();
        // What is lost is visible again, or somebody else's.
        self.held.retain(|_, held| !lost.contains(&held.receipt));
        for held in self.held.values_mut() {
            if now.duration_since(held.renewed) >= RENEW_INTERVAL / 2 {
                held.renewed = now;
            }
        }
        let oldest = self.held.values().map(|held| held.renewed).min();
        self.due = oldest.unwrap_or(now) + RENEW_INTERVAL;
        Ok(())
    }

    /// The handle of a message that is held.
    #[must_use]
    pub fn receipt(&self, id: &str) -> Option<Receipt> {
        self.held.get(id).map(|held| held.receipt.clone())
    }

    /// This one left the queue, and is not handed back.
    pub fn gone(&mut self, id: &str) {
        self.held.remove(id);
    }

    /// How many messages are held.
    #[must_use]
    pub fn holds(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing more comes by.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// Hands back what is held.
    ///
    /// # Errors
    /// SQS did not answer: what is held is visible again after [`VISIBILITY`].
    pub async fn finish(self) -> Result<ScanSummary, Fault> {
        let back: Vec<_> = self
            .held
            .into_values()
            .map(|held| (held.receipt, Duration::ZERO))
            .collect();
        let failed = self.queue.change_visibility(&back).await?;
        Ok(ScanSummary {
            letters: self.seen.len(),
            held: failed.len(),
            end: self.end,
        })
    }
}
