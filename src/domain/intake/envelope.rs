//! Step 1 of 7. In: what SQS handed us. Out: [`Envelope`].
//!
//! An envelope is not trusted: its body has not been proven to be GitHub's, and nothing here looks into it. The
//! only way on is [`Envelope::verify`](crate::domain::intake::authenticated), which proves the body and makes a `Delivery`.

use std::collections::BTreeMap;

use crate::domain::ids::Timestamp;

/// The handle under which a received message is deleted or handed back. A new one with every receive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message attribute, kept as it came so that a burial can carry it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// SQS's data type, for instance `String`.
    pub data_type: String,
    /// Its value.
    pub value: AttributeValue,
}

/// SQS knows text (strings and numbers) and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// `StringValue`.
    Text(String),
    /// `BinaryValue`.
    Bytes(Vec<u8>),
}

impl Attribute {
    /// A plain string.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            data_type: "String".to_owned(),
            value: AttributeValue::Text(value.into()),
        }
    }

    /// The text, where it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            AttributeValue::Text(text) => Some(text),
            AttributeValue::Bytes(_) => None,
        }
    }

    /// Bytes that it adds to its message's size, without its name.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data_type.len()
            + match &self.value {
                AttributeValue::Text(text) => text.len(),
                AttributeValue::Bytes(bytes) => bytes.len(),
            }
    }
}

/// One message as received: a body that nobody has looked into, and what the gateway wrote beside it.
pub struct Envelope {
    /// SQS's id of the message, the same at every receive.
    pub message_id: String,
    /// The handle of this receive.
    pub receipt: Receipt,
    /// The raw body, unverified. Moved on, never copied.
    pub(super) body: String,
    /// Every message attribute.
    pub attributes: BTreeMap<String, Attribute>,
    /// When the message entered the queue (`SentTimestamp`).
    pub sent_at: Timestamp,
    /// How often it was received, this time included (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// X-Ray's header, where SQS hands one on (`AWSTraceHeader`).
    pub trace_header: Option<String>,
}

impl Envelope {
    /// Wraps what SQS handed us. The body goes in and is not seen again before it is verified.
    #[must_use]
    pub fn new(
        message_id: String,
        receipt: Receipt,
        body: String,
        attributes: BTreeMap<String, Attribute>,
        sent_at: Timestamp,
        receive_count: u32,
    ) -> Self {
        Self {
            message_id,
            receipt,
            body,
            attributes,
            sent_at,
            receive_count,
            trace_header: None,
        }
    }

    /// A header of GitHub's, which the gateway passes as a message attribute. Names compare without case, as in HTTP.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, attribute)| attribute.as_text())
    }

    /// The body's length in bytes, which may be told.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The body for a person who asked to see it, unread.
    #[must_use]
    pub fn copy_body(&self) -> String {
        self.body.clone()
    }

    /// Gives the body up for a burial, which carries it unread.
    #[must_use]
    pub fn into_parts(self) -> (String, BTreeMap<String, Attribute>) {
        (self.body, self.attributes)
    }
}

/// Never the body: it may hold anything.
impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("message_id", &self.message_id)
            .field("body_len", &self.body_len())
            .field("receive_count", &self.receive_count)
            .finish_non_exhaustive()
    }
}
