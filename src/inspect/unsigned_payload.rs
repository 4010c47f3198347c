//! A payload that somebody holds in his hands, as the gateway would have sent it: signed under a key that is made for it
//! and forgotten, so that it goes through the same door as every other message.

use std::collections::BTreeMap;

use crate::domain::ids::Timestamp;
use crate::domain::intake::authenticated::Secrets;
use crate::domain::intake::envelope::{Attribute, Envelope, Receipt};

/// The delivery id of what was never delivered.
pub(super) const DELIVERY: &str = "explain";

/// The message, and the secrets under which it is proven.
#[must_use]
pub fn seal(event: &str, body: String, now: Timestamp) -> (Envelope, Secrets) {
    let key: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    let secrets = Secrets::new([key]);
    let proof = secrets.sign(body.as_bytes()).unwrap_or_default();
    let attributes = [
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Delivery", DELIVERY.to_owned()),
        ("X-Hub-Signature-256", proof),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
    let envelope = Envelope::new(
        String::new(),
        Receipt(String::new()),
        body,
        BTreeMap::from(attributes),
        now,
        0,
    );
    (envelope, secrets)
}
