//! Events of CodePipeline on the internal queue: the execution of a pull request has succeeded.

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::chunks::Chunks;
use super::webhooks::{Message, guid};
use crate::Trouble;

/// The event that all others are made from.
const SUCCEEDED: &str =
    include_str!("../../../tests/fixtures/pipeline-events/pipeline.succeeded.json");
/// The execution that each push starts.
pub(super) const EXECUTION: &str = "6f0c2e8a-41d7-4b93-9a5e-0c1d2e3f4a5b";

/// The part that all events share.
pub(super) struct Events(Value);

impl Events {
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut event: Value = serde_json::from_str(SUCCEEDED)?;
        let detail = event.get_mut("detail").ok_or("an event has details")?;
        *detail.get_mut("execution-id").ok_or("an execution")? = json!(EXECUTION);
        Ok(Self(event))
    }

    /// Appends the message in the format of ReceiveMessage (API reference, Message).
    pub(super) fn write(&self, message: Message<'_>, to: &mut Chunks) {
        let name = format!("api-pr-{}", message.number);
        let mut event = self.0.clone();
        if let Some(pipeline) = event.pointer_mut("/detail/pipeline") {
            *pipeline = json!(name);
        }
        let body = event.to_string();
        let message = json!({
            "MessageId": guid(message.id),
            "ReceiptHandle": message.receipt,
            "MD5OfBody": hex::encode(Md5::digest(&body)),
            "Body": body,
            "Attributes": {
                "SentTimestamp": message.sent.to_string(),
                "ApproximateReceiveCount": message.receives.to_string(),
            },
        });
        to.push(message.to_string());
    }
}
