//! A payload that a person has in a file, as the gateway would have sent it: signed with a key that is made for it and then
//! forgotten, so that it is authenticated like every other message.

use std::collections::BTreeMap;

use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::intake::authenticated::{Authenticator, DELIVERY, EVENT, SIGNATURE, Secrets};
use crate::domain::intake::envelope::{Attribute, Envelope, Receipt};

/// The id of a delivery that never happened: GitHub's GUIDs are never all zero.
const NO_DELIVERY: &str = "00000000-0000-0000-0000-000000000000";

/// Returns true for the id that [`seal`] gives a payload without a delivery.
#[must_use]
pub fn is_no_delivery(id: &DeliveryId) -> bool {
    id.as_str() == NO_DELIVERY
}

/// Makes the message, and what authenticates it.
#[must_use]
pub fn seal(event: &str, body: String, now: Timestamp) -> (Envelope, Authenticator) {
    let key: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    let secrets = Secrets::new([key]);
    let proof = secrets.sign(body.as_bytes()).unwrap_or_default();
    let attributes = [
        (EVENT, event.to_owned()),
        (DELIVERY, NO_DELIVERY.to_owned()),
        (SIGNATURE, proof),
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
    (envelope, Authenticator::SourceQueues(secrets))
}
