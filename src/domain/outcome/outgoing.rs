//! A message that branchline sends to one of its queues.

use crate::domain::intake::envelope::Attribute;

/// A queue that branchline sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// The queue of webhooks, for a replayed webhook.
    Webhooks,
    /// The queue of branchline's own messages.
    Internal,
    /// The queue of messages that could not be processed.
    DeadLetters,
    /// The queue of messages that could not be authenticated.
    Quarantine,
}

/// A message ready to be sent.
#[derive(PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The id by which a repeated send is recognized: SQS's id of the message that it came from, or
    /// our own.
    pub message_id: String,
    /// The body, which is moved and not copied.
    pub body: String,
    /// At most ten attributes, which fit into SQS's 1 MiB beside the body.
    pub attributes: Vec<(String, Attribute)>,
}

/// Leaves out the body, which may contain anything.
impl std::fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingMessage")
            .field("message_id", &self.message_id)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
