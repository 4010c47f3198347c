//! The queue port.

use std::future::Future;
use std::time::Duration;

use crate::domain::fault::Fault;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::outcome::outgoing::{Destination, OutgoingMessage};

/// A queue that is received from, and the queues that messages are sent to.
pub trait Queue: Send + Sync + 'static {
    /// Receives at most `max` (1 to 10) messages and waits up to `wait` for the first. A received
    /// message is invisible to others for the adapter's visibility timeout; then it returns with a
    /// higher receive count.
    ///
    /// Delivery is at least once, and the order is not guaranteed. If cancelled: messages may have
    /// been received; they return.
    fn receive(
        &self,
        max: u32,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Envelope>, Fault>> + Send;

    /// Deletes any number of messages. Returns the receipts that were not deleted. Deleting a
    /// message twice succeeds.
    fn delete(
        &self,
        receipts: &[Receipt],
    ) -> impl Future<Output = Result<Vec<Receipt>, Fault>> + Send;

    /// Makes any number of messages visible again after a time from now (0 s to 12 h): at once,
    /// later, or not yet, for a message whose lease is renewed. Returns the receipts for which that
    /// failed: these return when their visibility timeout ends, or were received by another
    /// consumer already.
    fn change_visibility(
        &self,
        messages: &[(Receipt, Duration)],
    ) -> impl Future<Output = Result<Vec<Receipt>, Fault>> + Send;

    /// Sends a message. `Ok` only when SQS confirmed it.
    ///
    /// If cancelled or failed: it may have been sent; sending it again makes a second copy, which
    /// changes nothing.
    fn send(
        &self,
        destination: Destination,
        message: OutgoingMessage,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
