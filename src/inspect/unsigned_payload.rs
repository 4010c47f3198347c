//! Turns a payload from a file into a message as API Gateway would send it. The message is signed
//! with a new key that is then discarded, so that it is authenticated like every other message.

use std::collections::BTreeMap;

use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::intake::authenticated::{Authenticator, DELIVERY, EVENT, SIGNATURE, Secrets};
use crate::domain::intake::envelope::{Attribute, Envelope, Receipt};

/// The id of a payload that was not delivered. GitHub's GUIDs are never all zero.
const NO_DELIVERY: &str = "00000000-0000-0000-0000-000000000000";

/// Returns true for the id of a message that [`seal`] created.
#[must_use]
pub fn is_no_delivery(id: &DeliveryId) -> bool {
    id.as_str() == NO_DELIVERY
}

/// Creates the message, and the authenticator that accepts it.
#[must_use]
pub fn seal(event: &str, body: String, now: Timestamp) -> (Envelope, Authenticator) {
    let key: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    let secrets = Secrets::new([key]);
    let signature = secrets.sign(body.as_bytes()).unwrap_or_default();
    let attributes = [
        (EVENT, event.to_owned()),
        (DELIVERY, NO_DELIVERY.to_owned()),
        (SIGNATURE, signature),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
    let envelope = Envelope::new(
        String::new(),
        Receipt(String::new()),
        body,
        BTreeMap::from(attributes),
        now,
        1,
    );
    (envelope, Authenticator::source_queues(secrets))
}
