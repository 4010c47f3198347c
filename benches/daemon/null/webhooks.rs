//! Webhooks of a given size, as GitHub sends them, each for another pull request, signed.
//!
//! They differ only in the number of the pull request, which is at the end, so that the rest is
//! hashed once.

use hmac::{Hmac, KeyInit, Mac};
use hyper::body::Bytes;
use md5::{Digest, Md5};
use serde_json::json;
use sha2::Sha256;

use super::chunks::Chunks;
use crate::payload::{self, NUMBER};
use crate::{SECRET, Trouble};

/// The payload of a push to a pull request.
const SYNCHRONIZE: &str =
    include_str!("../../../tests/fixtures/webhooks/pull_request.synchronize.json");

/// What happened to the pull request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Event {
    #[default]
    Opened,
    /// A push.
    Synchronize,
    /// No webhook: the execution of its pipeline has succeeded.
    Succeeded,
}

impl Event {
    /// Reads the word for it in orders.
    pub(super) fn parse(action: &str) -> Option<Self> {
        match action {
            "opened" => Some(Self::Opened),
            "synchronize" => Some(Self::Synchronize),
            "succeeded" => Some(Self::Succeeded),
            _ => None,
        }
    }

    /// Returns true if it is a message of the internal queue.
    pub(super) fn is_internal(self) -> bool {
        self == Self::Succeeded
    }
}

/// What one message has for itself.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// The number of the pull request.
    pub(super) number: u64,
    /// The number of the message.
    pub(super) id: u64,
    pub(super) receipt: &'a str,
    /// When it was sent, in milliseconds since 1970.
    pub(super) sent: u128,
    /// How often it was received, this time included.
    pub(super) receives: u32,
}

/// The part that all webhooks of one size share.
pub(super) struct Webhooks {
    /// The body up to the number, escaped for JSON.
    escaped: Bytes,
    keyed: Hmac<Sha256>,
    hashed: Md5,
}

impl Webhooks {
    /// Makes webhooks of this size in bytes, or of the least size with all fields that GitHub
    /// sends.
    pub(super) fn of_size(event: Event, bytes: usize) -> Result<Self, Trouble> {
        let fixture = match event {
            Event::Synchronize => SYNCHRONIZE,
            Event::Opened | Event::Succeeded => payload::OPENED,
        };
        let whole = payload::of_size(fixture, bytes)?.to_string();
        let start = whole.strip_suffix('}').ok_or("a payload is an object")?;
        let escaped = serde_json::to_string(start)?;
        let mut keyed = Hmac::<Sha256>::new_from_slice(SECRET)?;
        keyed.update(start.as_bytes());
        let mut hashed = Md5::new();
        hashed.update(start);
        Ok(Self {
            escaped: Bytes::from(escaped.trim_end_matches('"').to_owned()),
            keyed,
            hashed,
        })
    }

    /// Appends the message in the format of ReceiveMessage (API reference, Message).
    pub(super) fn write(&self, message: Message<'_>, to: &mut Chunks) {
        let Message {
            number,
            id,
            receipt,
            sent,
            receives,
        } = message;
        let end = format!(",\"{NUMBER}\":{number}}}");
        let mut keyed = self.keyed.clone();
        keyed.update(end.as_bytes());
        let signature = hex::encode(keyed.finalize().into_bytes());
        let mut hashed = self.hashed.clone();
        hashed.update(&end);
        let md5 = hex::encode(hashed.finalize());
        to.push(format!(
            r#"{{"MessageId":"{}","ReceiptHandle":"{receipt}","MD5OfBody":"{md5}","Body":"#,
            guid(id)
        ));
        to.push(self.escaped.clone());
        let text = |value: &str| json!({"StringValue": value, "DataType": "String"});
        let attributes = json!({
            "X-GitHub-Event": text("pull_request"),
            "X-GitHub-Delivery": text(&guid(id)),
            "X-Hub-Signature-256": text(&format!("sha256={signature}")),
            "Content-Type": text("application/json"),
        });
        let end = end.replace('"', "\\\"");
        to.push(format!(
            r#"{end}","Attributes":{{"SentTimestamp":"{sent}","ApproximateReceiveCount":"{receives}"}},"MessageAttributes":{attributes}}}"#
        ));
    }
}

pub(super) fn guid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
