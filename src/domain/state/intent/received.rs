//! The receipt of an event.

use crate::domain::ids::{BodyDigest, DeliveryId, Timestamp};
use crate::domain::intake::authenticated::AuthenticatedMessage;

/// The message of an event, as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The id of the delivery, which GitHub does not sign.
    pub delivery: DeliveryId,
    /// The digest of the body.
    pub body: BodyDigest,
    /// The time at which the message entered the queue.
    pub received_at: Timestamp,
}

impl From<&AuthenticatedMessage> for Received {
    fn from(message: &AuthenticatedMessage) -> Self {
        Self {
            delivery: message.id().clone(),
            body: message.digest(),
            received_at: message.received_at(),
        }
    }
}
