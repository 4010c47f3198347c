//! Implements the queue port with SQS.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName,
};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt, Source};
use crate::domain::outcome::dead_letter::{INTERNAL, SOURCE};
use crate::domain::outcome::outgoing::{Destination, OutgoingMessage};
use crate::ports::Queue;

use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};
use crate::aws::poll_timeouts;

/// The highest number of entries in a batch (API reference, DeleteMessageBatch).
const BATCH: usize = 10;

/// The URLs of branchline's queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrls {
    /// The queue of webhooks.
    pub webhooks: String,
    /// The queue of branchline's own messages.
    pub internal: String,
    /// The queue of messages that could not be processed.
    pub dead_letters: String,
    /// The queue of messages that could not be authenticated.
    pub quarantine: String,
}

impl QueueUrls {
    /// Returns the URL of one of the queues.
    #[must_use]
    pub fn url(&self, queue: Destination) -> &str {
        match queue {
            Destination::Webhooks => &self.webhooks,
            Destination::Internal => &self.internal,
            Destination::DeadLetters => &self.dead_letters,
            Destination::Quarantine => &self.quarantine,
        }
    }
}

/// One of the queues to receive from, and all of them to send to.
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
    receives_from: Destination,
    visibility: Duration,
}

impl SqsQueue {
    /// Creates a queue that receives from one of the queues. A received message stays invisible for
    /// `visibility`, in whole seconds.
    #[must_use]
    pub fn new(
        client: Client,
        urls: QueueUrls,
        receives_from: Destination,
        visibility: Duration,
    ) -> Self {
        Self {
            client,
            urls,
            receives_from,
            visibility,
        }
    }

    fn source_url(&self) -> &str {
        self.urls.url(self.receives_from)
    }

    /// Returns the source of a received message. For a message in the dead-letter or the quarantine
    /// queue, it is the queue from which the message first came: SQS names it if SQS moved the
    /// message; otherwise dead-lettering recorded it.
    fn source_of(&self, envelope: &Envelope) -> Source {
        let internal = match self.receives_from {
            Destination::Webhooks => false,
            Destination::Internal => true,
            Destination::DeadLetters | Destination::Quarantine => match &envelope.redriven_from {
                Some(arn) => queue_name(arn, ':') == queue_name(&self.urls.internal, '/'),
                None => envelope.header(SOURCE) == Some(INTERNAL),
            },
        };
        if internal {
            Source::Internal
        } else {
            Source::Webhooks
        }
    }
}

/// Returns the last part of a queue's ARN or URL.
fn queue_name(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or_default()
}

impl Queue for SqsQueue {
    async fn receive(&self, max: u32, wait: Duration) -> Result<Vec<Envelope>, Fault> {
        let call = format!("ReceiveMessage from {}", self.source_url());
        let request = self
            .client
            .receive_message()
            .queue_url(self.source_url())
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(self.visibility))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .message_system_attribute_names(MessageSystemAttributeName::SenderId)
            .message_system_attribute_names(MessageSystemAttributeName::DeadLetterQueueSourceArn)
            .customize()
            .config_override(Builder::new().timeout_config(poll_timeouts()));
        let answer = measured(Service::Sqs, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(|message| {
                let mut envelope = envelope(message);
                envelope.source = self.source_of(&envelope);
                envelope
            })
            .collect())
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Receipt>, Fault> {
        let mut failed = Vec::new();
        for batch in receipts.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(id, receipt)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(id.to_string())
                    .receipt_handle(&receipt.0)
                    .build()
            });
            let entries = entries
                .collect::<Result<_, _>>()
                .map_err(|error| incomplete(&error))?;
            let call = format!("DeleteMessageBatch on {}", self.source_url());
            let request = self.client.delete_message_batch();
            let request = request
                .queue_url(self.source_url())
                .set_entries(Some(entries));
            let answer = measured(Service::Sqs, &call, request.send()).await;
            let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
            failed.extend(
                answer
                    .failed()
                    .iter()
                    .filter_map(|entry| by_id(batch, entry.id()).cloned()),
            );
        }
        Ok(failed)
    }

    async fn change_visibility(
        &self,
        messages: &[(Receipt, Duration)],
    ) -> Result<Vec<Receipt>, Fault> {
        let mut failed = Vec::new();
        for batch in messages.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(id, (receipt, wait))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(id.to_string())
                    .receipt_handle(&receipt.0)
                    .visibility_timeout(seconds(*wait))
                    .build()
            });
            let entries = entries
                .collect::<Result<_, _>>()
                .map_err(|error| incomplete(&error))?;
            let call = format!("ChangeMessageVisibilityBatch on {}", self.source_url());
            let request = self.client.change_message_visibility_batch();
            let request = request
                .queue_url(self.source_url())
                .set_entries(Some(entries));
            let answer = measured(Service::Sqs, &call, request.send()).await;
            let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
            let failures = answer
                .failed()
                .iter()
                .filter_map(|entry| by_id(batch, entry.id()));
            failed.extend(failures.map(|(receipt, _)| receipt.clone()));
        }
        Ok(failed)
    }

    async fn send(&self, destination: Destination, message: OutgoingMessage) -> Result<(), Fault> {
        let url = self.urls.url(destination);
        let mut request = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(message.body);
        for (name, attribute) in message.attributes {
            request = request.message_attributes(name, outgoing(attribute)?);
        }
        if url.ends_with(".fifo") {
            // Order does not matter, so each message is its own group. A message that is sent again
            // within 5 minutes counts as the same message.
            request = request
                .message_group_id(&message.message_id)
                .message_deduplication_id(&message.message_id);
        }
        let call = format!("SendMessage to {url}");
        let sent = measured(Service::Sqs, &call, request.send()).await;
        sent.map(|_| ())
            .map_err(|error| fault(Service::Sqs, &call, error))
    }
}

/// Rounds up to whole seconds, as SQS expects them, so that no message returns too early.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

fn by_id<'a, T>(batch: &'a [T], id: &str) -> Option<&'a T> {
    batch.get(id.parse::<usize>().ok()?)
}

/// Converts a received message. The body is moved, not copied. If SQS left out a system attribute,
/// the message is still accepted: it counts as received for the first time, and as sent at time 0.
fn envelope(message: Message) -> Envelope {
    let system = |name| {
        message
            .attributes
            .as_ref()
            .and_then(|attributes| attributes.get(&name))
    };
    let sent_at =
        system(MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
    let receives = system(MessageSystemAttributeName::ApproximateReceiveCount)
        .and_then(|text| text.parse().ok());
    let trace_header = system(MessageSystemAttributeName::AwsTraceHeader).cloned();
    let sender = system(MessageSystemAttributeName::SenderId).cloned();
    let redriven_from = system(MessageSystemAttributeName::DeadLetterQueueSourceArn).cloned();
    let incoming =
        |attributes: std::collections::HashMap<String, MessageAttributeValue>| -> BTreeMap<_, _> {
            attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name, attribute(value)?)))
                .collect()
        };
    let mut envelope = Envelope::new(
        message.message_id.unwrap_or_default(),
        Receipt(message.receipt_handle.unwrap_or_default()),
        message.body.unwrap_or_default(),
        message.message_attributes.map(incoming).unwrap_or_default(),
        Timestamp(sent_at.unwrap_or(0)),
        receives.unwrap_or(1),
    );
    envelope.trace_header = trace_header;
    envelope.sender = sender;
    envelope.redriven_from = redriven_from;
    envelope
}

fn attribute(value: MessageAttributeValue) -> Option<Attribute> {
    let data = match (value.string_value, value.binary_value) {
        (Some(text), _) => AttributeValue::Text(text),
        (None, Some(bytes)) => AttributeValue::Bytes(bytes.into_inner()),
        (None, None) => return None,
    };
    Some(Attribute {
        data_type: value.data_type,
        value: data,
    })
}

fn outgoing(attribute: Attribute) -> Result<MessageAttributeValue, Fault> {
    let builder = MessageAttributeValue::builder().data_type(attribute.data_type);
    let builder = match attribute.value {
        AttributeValue::Text(text) => builder.string_value(text),
        AttributeValue::Bytes(bytes) => builder.binary_value(Blob::new(bytes)),
    };
    builder.build().map_err(|error| incomplete(&error))
}

/// Converts the error of a request that lacks a field, which is a bug in branchline.
fn incomplete(error: &aws_sdk_sqs::error::BuildError) -> Fault {
    Fault::new(
        Reason::AwsUnknown,
        format!("a request to SQS is incomplete: {error}"),
    )
}
