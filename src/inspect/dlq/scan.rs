//! Reads through a dead-letter queue. SQS cannot list messages, so a scan receives them and returns
//! them to the queue.
//!
//! Guarantees: a scan keeps the messages that it received invisible for as long as it takes, so
//! that it returns each message once and notices the end; [`Scan::finish`] returns all of them to
//! the queue, also after a shutdown request.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::ports::Queue;

/// How long a message stays invisible without a renewal: long enough that two renewals may fail,
/// short enough that the messages of a scan that was killed are soon visible again.
pub const VISIBILITY: Duration = Duration::from_secs(120);
/// The time between two renewals of a message.
const RENEW_INTERVAL: Duration = Duration::from_secs(40);
/// The highest number of messages in a receive (API reference, ReceiveMessage).
const BATCH: u32 = 10;
/// The longest wait of a receive. With a long poll, SQS queries all its servers.
const WAIT: Duration = Duration::from_secs(1);
/// How many repeated messages a scan accepts, in addition to the number of different ones, before
/// it gives up. A standard queue may deliver any message twice, but not endlessly.
const MAX_REPEATS: usize = 100;

/// A scan of a queue. It returns every message once, and at the end returns those that were not
/// removed to the queue.
pub struct Scan<'a, Q> {
    queue: &'a Q,
    seen: HashSet<String>,
    held: BTreeMap<String, Held>,
    /// When the next renewal is due, at the earliest.
    due: Instant,
    repeats: usize,
    end: Option<End>,
}

struct Held {
    receipt: Receipt,
    renewed: Instant,
}

/// The reason why a scan returns no more messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No visible message is left.
    Empty,
    /// The same messages were received again and again: another consumer returns them, or other
    /// consumers use the queue.
    Restless,
}

/// The result of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanSummary {
    /// The number of different messages.
    pub messages: usize,
    /// The number of messages that could not be returned at once. They are visible again after
    /// [`VISIBILITY`].
    pub held: usize,
    /// The reason why there were no more messages; `None` if the scan was stopped earlier, so that
    /// there may be more.
    pub end: Option<End>,
}

impl<'a, Q: Queue> Scan<'a, Q> {
    /// Starts a scan.
    pub fn new(queue: &'a Q) -> Self {
        Self {
            queue,
            seen: HashSet::new(),
            held: BTreeMap::new(),
            due: Instant::now() + RENEW_INTERVAL,
            repeats: 0,
            end: None,
        }
    }

    /// Returns the next messages that the scan has not returned yet; none when it has ended. They
    /// are held until they are [`removed`](Self::remove) or the scan ends.
    ///
    /// Do not cancel it: messages may then be invisible for [`VISIBILITY`]. It takes little longer
    /// than a second.
    ///
    /// # Errors
    /// SQS did not answer.
    pub async fn next(&mut self) -> Result<Vec<Envelope>, Fault> {
        while self.end.is_none() {
            self.renew().await?;
            let requested = Instant::now();
            let received = self.queue.receive(BATCH, WAIT).await?;
            if received.is_empty() {
                self.end = Some(End::Empty);
            }
            let new: Vec<_> = received
                .into_iter()
                .filter(|envelope| self.hold(envelope, requested))
                .collect();
            if !new.is_empty() {
                return Ok(new);
            }
            if self.repeats > self.seen.len() + MAX_REPEATS {
                self.end = Some(End::Restless);
            }
        }
        Ok(Vec::new())
    }

    /// Holds a message under its latest receipt. Returns true if the message is new.
    fn hold(&mut self, envelope: &Envelope, renewed: Instant) -> bool {
        let id = envelope.message_id.clone();
        let receipt = envelope.receipt.clone();
        self.held.insert(id.clone(), Held { receipt, renewed });
        let new = self.seen.insert(id);
        self.repeats += usize::from(!new);
        new
    }

    /// Renews the visibility timeouts that are due. Call it before anything that takes long.
    ///
    /// # Errors
    /// SQS did not answer.
    pub async fn renew(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        if now < self.due {
            return Ok(());
        }
        // Messages that are due soon are renewed as well: a batch of ten costs one call.
        let is_due = |held: &Held| now.duration_since(held.renewed) >= RENEW_INTERVAL / 2;
        let due: Vec<_> = self
            .held
            .values()
            .filter(|held| is_due(held))
            .map(|held| (held.receipt.clone(), VISIBILITY))
            .collect();
        let lost: HashSet<_> = self
            .queue
            .change_visibility(&due)
            .await?
            .into_iter()
            .collect();
        // A lost message is visible again, or another consumer has it.
        self.held.retain(|_, held| !lost.contains(&held.receipt));
        for held in self.held.values_mut() {
            if is_due(held) {
                held.renewed = now;
            }
        }
        let oldest = self.held.values().map(|held| held.renewed).min();
        self.due = oldest.unwrap_or(now) + RENEW_INTERVAL;
        Ok(())
    }

    /// Returns the receipt of a message that is held.
    #[must_use]
    pub fn receipt(&self, id: &str) -> Option<Receipt> {
        self.held.get(id).map(|held| held.receipt.clone())
    }

    /// Forgets a message that has left the queue, so that it is not returned.
    pub fn remove(&mut self, id: &str) {
        self.held.remove(id);
    }

    /// Returns the number of messages that are held.
    #[must_use]
    pub fn held_messages(&self) -> usize {
        self.held.len()
    }

    /// Returns true if there are no more messages.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// Returns the messages that are held to the queue.
    ///
    /// # Errors
    /// SQS did not answer. The messages are visible again after [`VISIBILITY`].
    pub async fn finish(self) -> Result<ScanSummary, Fault> {
        let returned: Vec<_> = self
            .held
            .into_values()
            .map(|held| (held.receipt, Duration::ZERO))
            .collect();
        let failed = self.queue.change_visibility(&returned).await?;
        Ok(ScanSummary {
            messages: self.seen.len(),
            held: failed.len(),
            end: self.end,
        })
    }
}
