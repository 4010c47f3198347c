//! What `floor+` does in addition to the calls: it verifies the signature of each body, and parses
//! the fields that branchline reads, with the same crates.

use aws_sdk_sqs::types::Message;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::{SECRET, Trouble};

/// The header that carries the signature, and the beginning of its value.
const SIGNATURE: &str = "X-Hub-Signature-256";
const ALGORITHM: &str = "sha256=";

/// Verifies and parses bodies.
pub(super) struct Reader(Hmac<Sha256>);

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are only parsed")]
struct Payload {
    action: String,
    number: u64,
    before: Option<String>,
    pull_request: Pull,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are only parsed")]
struct Pull {
    state: String,
    title: String,
    draft: Option<bool>,
    updated_at: String,
    labels: Vec<Label>,
    user: Option<User>,
    head: Head,
    base: Base,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only parsed")]
struct Label {
    name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are only parsed")]
struct Head {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<HeadRepository>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only parsed")]
struct HeadRepository {
    id: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only parsed")]
struct Base {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only parsed")]
struct User {
    login: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are only parsed")]
struct Repository {
    id: u64,
    full_name: String,
    updated_at: Option<String>,
}

impl Reader {
    pub(super) fn new() -> Result<Self, Trouble> {
        Ok(Self(Hmac::new_from_slice(SECRET)?))
    }

    /// Returns the number of the pull request of a verified message.
    pub(super) fn read(&self, message: &Message) -> Result<u64, Trouble> {
        let body = message.body.as_deref().ok_or("a message without a body")?;
        let headers = message.message_attributes.as_ref();
        let signature = headers.and_then(|headers| headers.get(SIGNATURE)?.string_value());
        let signature = signature.and_then(|signature| signature.strip_prefix(ALGORITHM));
        let mut keyed = self.0.clone();
        keyed.update(body.as_bytes());
        keyed.verify_slice(&hex::decode(
            signature.ok_or("a message without a signature")?,
        )?)?;
        let payload: Payload = serde_json::from_str(body)?;
        Ok(payload.number)
    }
}
