//! The queue port over SQS.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName,
};

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt};
use crate::domain::outcome::disposition::{Burial, Grave};
use crate::ports::Queue;

use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};
use crate::aws::poll_timeouts;

/// Entries of a batch (API reference, DeleteMessageBatch).
const BATCH: usize = 10;

/// Where messages come from and where they are buried.
#[derive(Clone, Debug)]
pub struct QueueUrls {
    /// The webhooks.
    pub source: String,
    /// For what cannot be processed.
    pub dead_letters: String,
    /// For what is not proven to be GitHub's.
    pub quarantine: String,
}

/// SQS as our queue.
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
    visibility: Duration,
}

impl SqsQueue {
    /// Over these queues; a received message stays invisible for `visibility`, in whole seconds.
    #[must_use]
    pub fn new(client: Client, urls: QueueUrls, visibility: Duration) -> Self {
        Self {
            client,
            urls,
            visibility,
        }
    }
}

impl Queue for SqsQueue {
    async fn receive(&self, max: u32, wait: Duration) -> Result<Vec<Envelope>, Fault> {
        let call = format!("ReceiveMessage from {}", self.urls.source);
        let request = self
            .client
            .receive_message()
            .queue_url(&self.urls.source)
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(self.visibility))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .customize()
            .config_override(Builder::new().timeout_config(poll_timeouts()));
        let answer = measured(Service::Sqs, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(envelope)
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
            let call = format!("DeleteMessageBatch on {}", self.urls.source);
            let request = self.client.delete_message_batch();
            let request = request
                .queue_url(&self.urls.source)
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
            let call = format!("ChangeMessageVisibilityBatch on {}", self.urls.source);
            let request = self.client.change_message_visibility_batch();
            let request = request
                .queue_url(&self.urls.source)
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

    async fn bury(&self, grave: Grave, burial: Burial) -> Result<(), Fault> {
        let url = match grave {
            Grave::DeadLetters => &self.urls.dead_letters,
            Grave::Quarantine => &self.urls.quarantine,
        };
        let mut request = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(burial.body);
        for (name, attribute) in burial.attributes {
            request = request.message_attributes(name, outgoing(attribute)?);
        }
        if url.ends_with(".fifo") {
            // Graves keep no order, so each message is a group; a burial repeated within 5 minutes is one message.
            request = request
                .message_group_id(&burial.message_id)
                .message_deduplication_id(&burial.message_id);
        }
        let call = format!("SendMessage to {url}");
        let sent = measured(Service::Sqs, &call, request.send()).await;
        sent.map(|_| ())
            .map_err(|error| fault(Service::Sqs, &call, error))
    }
}

/// SQS counts in whole seconds; a part of one counts as one, so that nothing comes back too early.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

fn by_id<'a, T>(batch: &'a [T], id: &str) -> Option<&'a T> {
    batch.get(id.parse::<usize>().ok()?)
}

/// The body is moved, not copied. A system attribute that SQS left out costs us its knowledge, never the message: it
/// then counts as received for the first time, and as sent before everything else.
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

/// A request of ours that lacks a field: a bug, told as one.
fn incomplete(error: &aws_sdk_sqs::error::BuildError) -> Fault {
    Fault::new(
        Step::Queue,
        Reason::AwsUnknown,
        format!("a request to SQS is incomplete: {error}"),
    )
}
