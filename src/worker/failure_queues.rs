//! Sends dead letters, cut to what their queue accepts, and logs once when a queue accepts none.
//!
//! A queue that refuses stops nothing that processing needs: the messages that fail return to
//! their queue, and all others are processed meanwhile.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::fault::{Fault, Reason};
use crate::domain::outcome::outgoing::{Destination, OutgoingMessage};
use crate::ports::Queue;

/// The sizes that a message is cut to until its queue accepts it, in bytes: first what queues
/// accepted at most before they accepted 1 MiB, and is still the limit of many; then the lowest
/// limit that a queue may have (API reference, SetQueueAttributes, `MaximumMessageSize`).
const SIZES: [usize; 2] = [262_144, 1_024];

/// The dead-letter and the quarantine queue, as the daemon has seen them last.
#[derive(Default)]
pub(super) struct FailureQueues {
    /// The queues that accept no message.
    refusing: Mutex<HashSet<Destination>>,
}

impl FailureQueues {
    /// Sends a message. If its queue refuses it, sends a copy with as much of its body as fits.
    ///
    /// # Errors
    /// The send was not confirmed.
    pub(super) async fn send<Q: Queue>(
        &self,
        queue: &Q,
        destination: Destination,
        message: OutgoingMessage,
    ) -> Result<(), Fault> {
        let sent = send(queue, destination, message).await;
        self.record(destination, sent.as_ref().err());
        sent
    }

    fn record(&self, destination: Destination, fault: Option<&Fault>) {
        // No code panics under this lock.
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let name = match destination {
            Destination::DeadLetters => "dead-letter queue",
            Destination::Quarantine => "quarantine queue",
            Destination::Webhooks => "webhook queue",
            Destination::Internal => "internal queue",
        };
        match fault {
            None if refusing.remove(&destination) => {
                tracing::info!("The {name} accepts messages again");
            }
            Some(fault) if fault.reason.scope().may_be_outage() && refusing.insert(destination) => {
                tracing::error!(fault = %fault, "The {name} accepts no message; those that fail return to their queue");
            }
            None | Some(_) => {}
        }
    }
}

async fn send<Q: Queue>(
    queue: &Q,
    destination: Destination,
    message: OutgoingMessage,
) -> Result<(), Fault> {
    let mut message = message;
    for size in SIZES {
        // Nothing is copied if the message cannot be cut further.
        if message.size() <= size {
            continue;
        }
        match queue.send(destination, message.clone()).await {
            Err(fault) if fault.reason == Reason::MessageRefused => {
                message = message.cut_to(size);
            }
            sent => return sent,
        }
    }
    queue.send(destination, message).await
}
