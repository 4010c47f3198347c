//! Step 1 of 7. In: a message that SQS delivered. Out: [`Envelope`].
//!
//! An envelope is not trusted, and nothing here reads its body.
//! [`Envelope::authenticate`](crate::domain::intake::authenticated) leads to the next step: it
//! proves where the message comes from.

use std::collections::BTreeMap;

use crate::domain::ids::Timestamp;

/// The handle with which a received message is deleted or returned. Each receive has a new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message attribute, kept as it was received so that a dead letter can carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// SQS's data type, for instance `String`.
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// The value of an attribute: text (SQS's strings and numbers) or bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// `StringValue`.
    Text(String),
    /// `BinaryValue`.
    Bytes(Vec<u8>),
}

impl Attribute {
    /// Creates an attribute of type `String`.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            data_type: "String".to_owned(),
            value: AttributeValue::Text(value.into()),
        }
    }

    /// Returns the text; `None` for bytes.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            AttributeValue::Text(text) => Some(text),
            AttributeValue::Bytes(_) => None,
        }
    }

    /// Returns how many bytes the attribute adds to its message's size, without its name.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data_type.len()
            + match &self.value {
                AttributeValue::Text(text) => text.len(),
                AttributeValue::Bytes(bytes) => bytes.len(),
            }
    }
}

/// The queue that a message was received from. The queue decides how the message is authenticated;
/// the message itself has no say in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// The queue of webhooks. Only API Gateway's role may send to it, and GitHub's signature
    /// authenticates each body.
    #[default]
    Webhooks,
    /// The queue of branchline's own messages. Its policy and IAM decide who may send to it.
    Internal,
}

/// One message as received: its body, unread, and its attributes.
pub struct Envelope {
    /// SQS's id of the message, the same at every receive.
    pub message_id: String,
    /// The handle of this receive.
    pub receipt: Receipt,
    /// The raw body, not authenticated. It is moved, never copied.
    pub(super) body: String,
    /// Every message attribute.
    pub attributes: BTreeMap<String, Attribute>,
    /// When the message entered the queue (`SentTimestamp`).
    pub sent_at: Timestamp,
    /// The number of receives, including this one (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// X-Ray's trace header, if SQS passes one (`AWSTraceHeader`).
    pub trace_header: Option<String>,
    /// The queue that the message was received from.
    pub source: Source,
    /// The sender according to SQS (`SenderId`): an IAM user's id, or a role's id and session name.
    pub sender: Option<String>,
    /// The ARN of the queue from which SQS itself moved the message (`DeadLetterQueueSourceArn`).
    pub redriven_from: Option<String>,
}

impl Envelope {
    /// Wraps a message that SQS delivered. Nothing reads the body before it is authenticated.
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
            source: Source::default(),
            sender: None,
            redriven_from: None,
        }
    }

    /// Returns a header of GitHub, which API Gateway passes as a message attribute. Names are
    /// compared without case, as in HTTP.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, attribute)| attribute.as_text())
    }

    /// Returns the body's length in bytes, which is safe to log.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Returns a copy of the body, unread, for a person who asked for it.
    #[must_use]
    pub fn copy_body(&self) -> String {
        self.body.clone()
    }

    /// Returns the body, unread, and the attributes, to dead-letter the message.
    #[must_use]
    pub fn into_parts(self) -> (String, BTreeMap<String, Attribute>) {
        (self.body, self.attributes)
    }
}

/// Leaves out the body, which may contain anything.
impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("message_id", &self.message_id)
            .field("body_len", &self.body_len())
            .field("receive_count", &self.receive_count)
            .finish_non_exhaustive()
    }
}
