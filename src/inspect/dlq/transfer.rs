//! Removes one message from a dead-letter queue: by sending it back to its source queue, or by
//! deleting it.

use crate::domain::fault::{Fault, Reason};
use crate::domain::intake::envelope::{Envelope, Receipt, Source};
use crate::domain::outcome::outgoing::Destination;
use crate::inspect::dlq::exported_message::ExportedMessage;
use crate::ports::Queue;

/// The result of sending a message back.
#[derive(Debug)]
#[must_use]
pub enum Sent {
    /// The message left the dead-letter queue.
    Moved,
    /// The message is in both queues, because SQS did not delete it. A second replay changes
    /// nothing.
    Copied(Fault),
}

/// Returns the queue that a message goes back to.
#[must_use]
pub fn source_queue(source: Source) -> Destination {
    match source {
        Source::Webhooks => Destination::Webhooks,
        Source::Internal => Destination::Internal,
    }
}

/// Sends a message back to its source queue and then deletes it. If the command is killed in
/// between, the message exists twice, and the second copy changes nothing. A message without a
/// receipt is not in the queue, and is only sent.
///
/// # Errors
/// The send was not confirmed. The message is still in the dead-letter queue.
pub async fn send_back<Q: Queue>(
    queue: &Q,
    envelope: Envelope,
    receipt: Option<&Receipt>,
    operator: &str,
) -> Result<Sent, Fault> {
    let destination = source_queue(envelope.source);
    let message = ExportedMessage::new(envelope).replayed_by(operator);
    queue.send(destination, message).await?;
    let Some(receipt) = receipt else {
        return Ok(Sent::Moved);
    };
    Ok(match remove(queue, receipt).await {
        Ok(()) => Sent::Moved,
        Err(fault) => Sent::Copied(fault),
    })
}

/// Deletes a message.
///
/// # Errors
/// SQS did not delete the message, or the message has become visible again.
pub async fn remove<Q: Queue>(queue: &Q, receipt: &Receipt) -> Result<(), Fault> {
    let failed = queue.delete(std::slice::from_ref(receipt)).await?;
    if failed.is_empty() {
        return Ok(());
    }
    let detail = "a message could not be deleted: it stays, and may be replayed or dropped again";
    Err(Fault::new(Reason::AwsConflict, detail))
}
