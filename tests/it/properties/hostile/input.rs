//! One input of the corpus, and the corpus.

use branchline::domain::intake::authenticated::{CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE};
use branchline::domain::intake::envelope::{Attribute, Source};

use crate::world::clock::START;
use crate::world::queue::SENDER;
use crate::world::webhook::{SECRET, Webhook, sign};

/// Marks fields that are never logged, in every payload made here.
pub(crate) const MARKER: &str = "BODY-MARKER-7f3a";
/// Marks bodies that are not a payload.
pub(crate) const SECRET_BODY: &str = "hunter2";

/// A message of a source queue.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, Attribute)>,
    /// The queue that it is sent to.
    pub(crate) source: Source,
    /// The sender, as SQS knows it.
    pub(crate) sender: Option<String>,
}

impl Input {
    /// Makes an input from a webhook as GitHub would sign it.
    pub(crate) fn of(name: impl Into<String>, webhook: Webhook) -> Self {
        let sealed = webhook.seal(START);
        Self {
            name: name.into(),
            body: sealed.body,
            attributes: sealed.attributes,
            source: Source::Webhooks,
            sender: Some(SENDER.to_owned()),
        }
    }

    /// Makes an input from any body and any event, with a valid signature.
    pub(crate) fn signed(name: impl Into<String>, event: &str, body: impl Into<String>) -> Self {
        let body = body.into();
        let kind = "application/json".to_owned();
        let headers = [
            (EVENT, event.to_owned()),
            (DELIVERY, "0b6a8f4e-1f5a-11f0-8de9-0242ac120002".to_owned()),
            (CONTENT_TYPE, kind),
            (SIGNATURE, sign(SECRET, &body)),
        ];
        Self {
            name: name.into(),
            body,
            attributes: headers
                .map(|(name, value)| (name.to_owned(), Attribute::text(value)))
                .into(),
            source: Source::Webhooks,
            sender: Some(SENDER.to_owned()),
        }
    }

    /// Replaces the attribute of this name, or removes it.
    pub(crate) fn header(mut self, name: &str, value: Option<Attribute>) -> Self {
        self.attributes.retain(|(kept, _)| kept != name);
        self.attributes
            .extend(value.map(|value| (name.to_owned(), value)));
        self
    }
}

/// Returns a pull request whose unread fields hold the marker.
pub(crate) fn pull() -> Webhook {
    Webhook::pull_request("opened")
        .title(MARKER)
        .with("/pull_request/body", MARKER)
        .with("/pull_request/html_url", MARKER)
}

/// Returns all inputs.
pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = super::bodies::corpus();
    corpus.extend(super::fields::corpus());
    corpus.extend(super::words::corpus());
    corpus.extend(super::headers::corpus());
    corpus.extend(super::internal::corpus());
    corpus.extend(super::pipeline_events::corpus());
    corpus
}
