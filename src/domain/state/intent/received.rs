//! The receipt of an event.

use crate::domain::ids::{BodyDigest, DeliveryId, Timestamp};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::envelope::Source;
use crate::domain::outcome::cause::Cause;

/// The message of an event, as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The queue that the message came from.
    pub source: Source,
    /// The id of the delivery, which GitHub does not sign.
    pub delivery: DeliveryId,
    /// The digest of the body.
    pub body: BodyDigest,
    /// The time at which the message entered the queue.
    pub received_at: Timestamp,
}

impl Received {
    /// Returns the cause of the changes that follow from the event.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self.source {
            Source::Webhooks => Cause::Webhook(self.delivery.clone()),
            Source::Internal => Cause::Sighting(self.delivery.clone()),
        }
    }
}

impl From<&AuthenticatedMessage> for Received {
    fn from(message: &AuthenticatedMessage) -> Self {
        Self {
            source: message.envelope().source,
            delivery: message.id().clone(),
            body: message.digest(),
            received_at: message.received_at(),
        }
    }
}
