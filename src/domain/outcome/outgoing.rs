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
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The id by which a repeated send is recognized: SQS's id of the message that it came from, or
    /// our own.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// At most ten attributes, which fit into SQS's 1 MiB beside the body. The most important is
    /// first.
    pub attributes: Vec<(String, Attribute)>,
}

impl OutgoingMessage {
    /// Returns its size as SQS counts it, in bytes: the body, and the names, types and values of
    /// the attributes.
    #[must_use]
    pub fn size(&self) -> usize {
        let one = |(name, attribute): &(String, Attribute)| name.len() + attribute.size();
        self.body.len() + self.attributes.iter().map(one).sum::<usize>()
    }
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
