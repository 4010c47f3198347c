//! Leases: a message in work stays invisible to other consumers, however long its processing takes.
//!
//! Guarantees: a lease that holds was renewed less than [`VISIBILITY`] ago, so SQS gives the
//! message to no other consumer. A lost lease is reported, and the processing stops before it
//! changes a pipeline. Caveat: a standard queue may still deliver a message twice; mutual exclusion
//! depends on claims, not on leases.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::intake::envelope::Receipt;
use crate::ports::Queue;
use crate::telemetry::metrics;

/// How long a received message stays invisible unless its lease is renewed. After this time another
/// worker receives the message of a worker that ended.
pub const VISIBILITY: Duration = Duration::from_secs(60);
/// The time between two rounds of renewals: two may fail before the first lease is lost.
const RENEW_INTERVAL: Duration = Duration::from_secs(15);
/// A lease younger than this is renewed in the next round, so that quick processing costs no
/// renewal.
const RENEW_MIN_AGE: Duration = Duration::from_secs(10);
/// The time until the next round if SQS did not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// The lease on one message. Clones are the same lease.
#[derive(Clone, Debug)]
pub struct Lease {
    receipt: Receipt,
    /// The end of the lease; `None` once it is lost.
    until: Arc<Mutex<Option<Instant>>>,
}

impl Lease {
    /// Creates the lease of a message that was received now.
    #[must_use]
    pub fn begin(receipt: Receipt) -> Self {
        let until = Instant::now() + VISIBILITY;
        Self {
            receipt,
            until: Arc::new(Mutex::new(Some(until))),
        }
    }

    /// Returns the message's receipt.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Returns true if no other consumer can receive the message.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.left().is_some()
    }

    /// Returns the remaining time.
    fn left(&self) -> Option<Duration> {
        let until = (*lock(&self.until))?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn renewed(&self, at: Instant) {
        if let Some(until) = lock(&self.until).as_mut() {
            *until = at + VISIBILITY;
        }
    }

    fn lost(&self) {
        *lock(&self.until) = None;
    }
}

/// The leases of all messages in work.
#[derive(Default)]
pub(crate) struct Leases {
    held: Mutex<LeaseTable>,
}

#[derive(Default)]
struct LeaseTable {
    leases: BTreeMap<u64, Lease>,
    next: u64,
}

impl Leases {
    /// Renews a lease until the returned guard is dropped.
    pub(crate) fn keep(&self, lease: &Lease) -> LeaseGuard<'_> {
        let mut held = lock(&self.held);
        let id = held.next;
        held.next += 1;
        held.leases.insert(id, lease.clone());
        LeaseGuard { leases: self, id }
    }

    /// Renews the leases of all messages in work. Never returns.
    ///
    /// If cancelled, leases end when their time is up.
    pub(crate) async fn renew_forever<Q: Queue>(&self, queue: &Q) -> Infallible {
        let mut pause = RENEW_INTERVAL;
        loop {
            sleep(pause).await;
            pause = if self.renew(queue).await {
                RENEW_INTERVAL
            } else {
                RETRY_INTERVAL
            };
        }
    }

    /// Returns true if SQS answered.
    async fn renew<Q: Queue>(&self, queue: &Q) -> bool {
        let due = self.due();
        if due.is_empty() {
            return true;
        }
        let wanted: Vec<_> = due
            .iter()
            .map(|lease| (lease.receipt.clone(), VISIBILITY))
            .collect();
        let asked = Instant::now();
        match queue.change_visibility(&wanted).await {
            Ok(failed) => {
                for lease in due {
                    if failed.contains(&lease.receipt) {
                        lease.lost();
                        metrics::lease_lost();
                    } else {
                        lease.renewed(asked);
                    }
                }
                true
            }
            Err(fault) => {
                tracing::debug!(fault = %fault, leases = wanted.len(), "Leases were not renewed; soon again");
                false
            }
        }
    }

    fn due(&self) -> Vec<Lease> {
        let held = lock(&self.held);
        let old = |lease: &&Lease| {
            lease
                .left()
                .is_some_and(|left| left + RENEW_MIN_AGE <= VISIBILITY)
        };
        held.leases.values().filter(old).cloned().collect()
    }
}

/// Renews a lease while it exists.
pub(crate) struct LeaseGuard<'a> {
    leases: &'a Leases,
    id: u64,
}

impl Drop for LeaseGuard<'_> {
    fn drop(&mut self) {
        lock(&self.leases.held).leases.remove(&self.id);
    }
}

/// No code panics under these locks, and the guarded values are consistent between any two
/// statements.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
