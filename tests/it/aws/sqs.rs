//! SQS's partial failures, its errors for a message, and dead-letter queues that are FIFO queues.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchOutput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_sdk_sqs::types::{BatchResultErrorEntry, Message};
use aws_smithy_mocks::mock;
use branchline::domain::ids::Timestamp;
use branchline::domain::intake::envelope::{Attribute, Receipt};
use branchline::domain::outcome::outgoing::{Destination, OutgoingMessage};
use branchline::ports::Queue;

use super::clients;

fn receipts(count: usize) -> Vec<Receipt> {
    (0..count)
        .map(|number| Receipt(format!("receipt-{number}")))
        .collect()
}

fn failed(id: &str) -> BatchResultErrorEntry {
    BatchResultErrorEntry::builder()
        .id(id)
        .code("InternalError")
        .sender_fault(false)
        .build()
        .unwrap()
}

#[tokio::test]
async fn entries_that_were_not_deleted_are_returned_by_receipt() {
    let first = mock!(aws_sdk_sqs::Client::delete_message_batch)
        .match_requests(|request| request.entries().len() == 10)
        .then_output(|| {
            DeleteMessageBatchOutput::builder()
                .failed(failed("3"))
                .set_successful(Some(vec![]))
                .build()
                .unwrap()
        });
    let second = mock!(aws_sdk_sqs::Client::delete_message_batch)
        .match_requests(|request| request.entries().len() == 2)
        .then_output(|| {
            DeleteMessageBatchOutput::builder()
                .failed(failed("1"))
                .set_successful(Some(vec![]))
                .build()
                .unwrap()
        });
    let left = clients::queue(&[&first, &second])
        .delete(&receipts(12))
        .await
        .unwrap();
    assert_eq!(
        left,
        [Receipt("receipt-3".into()), Receipt("receipt-11".into())]
    );
}

#[tokio::test]
async fn entries_whose_visibility_did_not_change_are_returned_by_receipt() {
    let rule = mock!(aws_sdk_sqs::Client::change_message_visibility_batch)
        .match_requests(|request| {
            let times: Vec<_> = request
                .entries()
                .iter()
                .map(|entry| entry.visibility_timeout())
                .collect();
            times == [Some(0), Some(300)]
        })
        .then_output(|| {
            let output = ChangeMessageVisibilityBatchOutput::builder();
            output
                .failed(failed("0"))
                .set_successful(Some(vec![]))
                .build()
                .unwrap()
        });
    let times = [Duration::ZERO, Duration::from_secs(300)];
    let messages: Vec<_> = receipts(2).into_iter().zip(times).collect();
    let left = clients::queue(&[&rule])
        .change_visibility(&messages)
        .await
        .unwrap();
    assert_eq!(left, [Receipt("receipt-0".into())]);
}

#[tokio::test]
async fn a_poll_requests_what_it_needs_and_no_more() {
    let rule = mock!(aws_sdk_sqs::Client::receive_message)
        .match_requests(|request| {
            request.max_number_of_messages() == Some(7)
                && request.wait_time_seconds() == Some(20)
                && request.visibility_timeout() == Some(120)
                && request.message_attribute_names() == ["All"]
        })
        .then_output(|| ReceiveMessageOutput::builder().build());
    let received = clients::queue(&[&rule])
        .receive(7, Duration::from_secs(20))
        .await
        .unwrap();
    assert!(received.is_empty());
}

#[tokio::test]
async fn a_message_without_system_attributes_is_not_lost() {
    let rule = mock!(aws_sdk_sqs::Client::receive_message).then_output(|| {
        let message = Message::builder()
            .message_id("m-1")
            .receipt_handle("r-1")
            .body("body")
            .build();
        ReceiveMessageOutput::builder().messages(message).build()
    });
    let received = clients::queue(&[&rule])
        .receive(1, Duration::ZERO)
        .await
        .unwrap();
    let [envelope] = received.as_slice() else {
        panic!("one message")
    };
    assert_eq!(
        (envelope.sent_at, envelope.receive_count),
        (Timestamp(0), 1)
    );
}

#[tokio::test]
async fn a_fifo_dead_letter_queue_gets_group_and_deduplication_ids() {
    let fifo = mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(|request| {
            request.message_group_id() == Some("m-1")
                && request.message_deduplication_id() == Some("m-1")
        })
        .then_output(|| SendMessageOutput::builder().build());
    let standard = mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(|request| {
            request.message_group_id().is_none() && request.message_deduplication_id().is_none()
        })
        .then_output(|| SendMessageOutput::builder().build());
    let queue = clients::queue(&[&fifo, &standard]);
    let message = || OutgoingMessage {
        message_id: "m-1".into(),
        body: "body".into(),
        attributes: BTreeMap::from([("X-GitHub-Event".to_owned(), Attribute::text("push"))])
            .into_iter()
            .collect(),
    };
    queue
        .send(Destination::DeadLetters, message())
        .await
        .unwrap();
    queue
        .send(Destination::Quarantine, message())
        .await
        .unwrap();
}
