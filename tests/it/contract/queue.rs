//! The contract of [`Queue`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use branchline::domain::fault::{Fault, Reason, Step};
use branchline::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt};
use branchline::domain::outcome::dead_letter::dead_letter;
use branchline::domain::outcome::outgoing::{Destination, OutgoingMessage};
use branchline::ports::Queue;

/// A message as it is in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

/// Empty queues, and access to them past the port.
pub(crate) trait QueueStage {
    type Port: Queue;

    /// Returns the port.
    fn queue(&self) -> &Self::Port;
    /// Returns the visibility timeout here.
    fn visibility(&self) -> Duration;
    /// Returns how long one receive may wait here for a message that is due.
    fn patience(&self) -> Duration;
    /// Returns how often a message is received here before the queue moves it to the dead letters:
    /// 3 to 10.
    fn max_receives(&self) -> u32;
    /// Sends to the source queue. Returns the message's id.
    async fn send(&self, body: &str, attributes: &[(String, Attribute)]) -> String;
    /// Returns how many messages the source queue holds, visible or not.
    async fn count(&self) -> usize;
    /// Returns the messages in the dead letters or in quarantine.
    async fn look(&self, destination: Destination) -> Vec<StoredMessage>;
    /// Lets at least this much time pass.
    async fn wait(&self, time: Duration);
}

/// Makes every test of this contract for a stage: `queue_contract!(Stage::new().await)`.
macro_rules! queue_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(queue, $stage;
            receives_at_most_max,
            returns_nothing_from_an_empty_queue,
            a_received_message_is_invisible,
            returns_with_a_higher_count_and_a_new_receipt,
            body_and_attributes_arrive_byte_for_byte,
            knows_when_a_message_was_sent,
            a_deleted_message_does_not_return,
            deleting_twice_succeeds,
            returns_the_receipts_that_were_not_deleted,
            accepts_more_than_a_batch_and_an_empty_one,
            a_message_returned_at_zero_is_visible_at_once,
            a_message_returned_for_later_is_visible_later,
            returns_the_receipts_whose_visibility_did_not_change,
            the_queue_moves_a_message_that_was_received_too_often,
            a_dead_letter_arrives_with_attributes_and_body,
            each_destination_is_a_queue_of_its_own,
            a_send_that_sqs_refuses_is_a_fault,
        );
    };
}
pub(crate) use queue_contract;

async fn receive<S: QueueStage>(stage: &S, max: u32) -> Vec<Envelope> {
    stage.queue().receive(max, stage.patience()).await.unwrap()
}

/// Receives the one message that is due; a real queue may return nothing a few times first.
async fn receive_one<S: QueueStage>(stage: &S) -> Envelope {
    for _ in 0..10 {
        if let Some(envelope) = receive(stage, 1).await.pop() {
            return envelope;
        }
    }
    panic!("the message does not come");
}

async fn receive_nothing<S: QueueStage>(stage: &S) {
    let received = stage.queue().receive(10, Duration::ZERO).await.unwrap();
    assert!(received.is_empty(), "{received:?}");
}

fn text(name: &str, value: &str) -> (String, Attribute) {
    (name.to_owned(), Attribute::text(value))
}

/// "Receives at most `max` (1 to 10) messages."
pub(crate) async fn receives_at_most_max<S: QueueStage>(stage: &S) {
    for number in 0..5 {
        stage.send(&format!("body {number}"), &[]).await;
    }
    // By id: on a slow machine a message may be visible again before the last one came.
    let mut received = BTreeSet::new();
    for _ in 0..20 {
        let some = receive(stage, 2).await;
        assert!(some.len() <= 2, "{some:?}");
        received.extend(some.into_iter().map(|envelope| envelope.message_id));
        if received.len() == 5 {
            break;
        }
    }
    assert_eq!(received.len(), 5);
}

/// "Waits up to `wait` for the first": then the response is empty, which is not a fault.
pub(crate) async fn returns_nothing_from_an_empty_queue<S: QueueStage>(stage: &S) {
    receive_nothing(stage).await;
}

/// "A received message is invisible to others for the adapter's visibility timeout."
pub(crate) async fn a_received_message_is_invisible<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    for _ in 0..10 {
        let before = Instant::now();
        receive_one(stage).await;
        let again = stage.queue().receive(10, Duration::ZERO).await.unwrap();
        assert_eq!(stage.count().await, 1);
        if again.is_empty() {
            return;
        }
        // It may return only where this machine took longer than the visibility timeout.
        assert!(before.elapsed() >= stage.visibility(), "{again:?}");
        stage.wait(stage.visibility()).await;
    }
    panic!("this machine takes longer than {:?}", stage.visibility());
}

/// "Then it returns with a higher receive count", and under a new receipt.
pub(crate) async fn returns_with_a_higher_count_and_a_new_receipt<S: QueueStage>(stage: &S) {
    let id = stage.send("body", &[]).await;
    let first = receive_one(stage).await;
    stage.wait(stage.visibility()).await;
    let second = receive_one(stage).await;
    assert_eq!((&first.message_id, &second.message_id), (&id, &id));
    assert_eq!((first.receive_count, second.receive_count), (1, 2));
    assert_ne!(first.receipt, second.receipt);
}

/// The signature is over the body's bytes: not one may change.
pub(crate) async fn body_and_attributes_arrive_byte_for_byte<S: QueueStage>(stage: &S) {
    let body = "{\"a\": \"ü 日本 🦀 \u{2028}\u{FEFF}\",\r\n\t\"b\": \"<&>'\\\" + %20\"}\n  ";
    let attributes = [
        text("X-GitHub-Event", "pull_request"),
        text("X-Note", " ü & <b> \r\n🦀"),
        (
            "Count".to_owned(),
            Attribute {
                data_type: "Number".to_owned(),
                value: AttributeValue::Text("42".to_owned()),
            },
        ),
        (
            "Raw".to_owned(),
            Attribute {
                data_type: "Binary".to_owned(),
                value: AttributeValue::Bytes(vec![0, 255, 13, 10]),
            },
        ),
        (
            "Kind".to_owned(),
            Attribute {
                data_type: "String.custom".to_owned(),
                value: AttributeValue::Text("x".to_owned()),
            },
        ),
    ];
    stage.send(body, &attributes).await;
    let (came, with) = receive_one(stage).await.into_parts();
    assert_eq!(came, body);
    assert_eq!(with, attributes.into_iter().collect());
}

/// `SentTimestamp` is the time of the send, not of the receive.
pub(crate) async fn knows_when_a_message_was_sent<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let first = receive_one(stage).await;
    stage.wait(stage.visibility()).await;
    let second = receive_one(stage).await;
    assert_eq!(first.sent_at, second.sent_at);
    // After 2020 and in milliseconds.
    assert!(first.sent_at.0 > 1_577_836_800_000, "{:?}", first.sent_at);
}

/// "Deletes any number of messages."
pub(crate) async fn a_deleted_message_does_not_return<S: QueueStage>(stage: &S) {
    stage.send("one", &[]).await;
    let envelope = receive_one(stage).await;
    let failed = stage.queue().delete(&[envelope.receipt]).await.unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    stage.wait(stage.visibility()).await;
    receive_nothing(stage).await;
    assert_eq!(stage.count().await, 0);
}

/// "Deleting a message twice succeeds."
pub(crate) async fn deleting_twice_succeeds<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let receipt = [receive_one(stage).await.receipt];
    for _ in 0..2 {
        let failed = stage.queue().delete(&receipt).await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    }
}

/// "Returns the receipts that were not deleted", and deletes the others.
pub(crate) async fn returns_the_receipts_that_were_not_deleted<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let good = receive_one(stage).await.receipt;
    let bad = Receipt("never-issued".to_owned());
    let failed = stage.queue().delete(&[bad.clone(), good]).await.unwrap();
    assert_eq!(failed, [bad]);
    assert_eq!(stage.count().await, 0);
}

/// The adapter alone knows about SQS's batches.
pub(crate) async fn accepts_more_than_a_batch_and_an_empty_one<S: QueueStage>(stage: &S) {
    assert_eq!(stage.queue().delete(&[]).await, Ok(Vec::new()));
    assert_eq!(stage.queue().change_visibility(&[]).await, Ok(Vec::new()));
    for number in 0..12 {
        stage.send(&format!("body {number}"), &[]).await;
    }
    // In few calls, so that none of them is visible again before it is returned; if one is, its
    // last receipt counts.
    let mut held = BTreeMap::new();
    while held.len() < 12 {
        let received = stage.queue().receive(10, stage.patience()).await.unwrap();
        held.extend(
            received
                .into_iter()
                .map(|envelope| (envelope.message_id, envelope.receipt)),
        );
    }
    let receipts: Vec<Receipt> = held.into_values().collect();
    let back = receipts
        .iter()
        .cloned()
        .map(|r| (r, stage.visibility() * 5));
    let back: Vec<_> = back.collect();
    assert_eq!(stage.queue().change_visibility(&back).await, Ok(Vec::new()));
    assert_eq!(stage.queue().delete(&receipts).await, Ok(Vec::new()));
    assert_eq!(stage.count().await, 0);
}

/// "Makes any number of messages visible again after a time from now (0 s ...): at once."
pub(crate) async fn a_message_returned_at_zero_is_visible_at_once<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let receipt = receive_one(stage).await.receipt;
    let back = [(receipt, Duration::ZERO)];
    let failed = stage.queue().change_visibility(&back).await.unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(receive_one(stage).await.receive_count, 2);
}

/// "After a time from now": not earlier, and later than the visibility timeout too.
pub(crate) async fn a_message_returned_for_later_is_visible_later<S: QueueStage>(stage: &S) {
    let hour = Duration::from_secs(3_600);
    // An hour is not over here, however slow the machine is; the other time is over, at the latest,
    // when it was waited for.
    for (later, returns) in [(hour, false), (stage.visibility() * 2, true)] {
        stage.send("body", &[]).await;
        let receipt = receive_one(stage).await.receipt;
        let failed = stage.queue().change_visibility(&[(receipt, later)]).await;
        assert_eq!(failed, Ok(Vec::new()));
        stage.wait(stage.visibility()).await;
        if returns {
            stage.wait(stage.visibility()).await;
            assert_eq!(receive_one(stage).await.receive_count, 2);
        } else {
            receive_nothing(stage).await;
        }
    }
}

/// "Returns the receipts for which that failed", and returns the others to the queue. (An expired
/// receipt fails at AWS, and not in moto: `tests/it/stories/fakes.rs` compares the fake with AWS.)
pub(crate) async fn returns_the_receipts_whose_visibility_did_not_change<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let good = receive_one(stage).await.receipt;
    let never = Receipt("never-issued".to_owned());
    let back = [(never.clone(), Duration::ZERO), (good, Duration::ZERO)];
    let failed = stage.queue().change_visibility(&back).await.unwrap();
    assert_eq!(failed, [never]);
    assert_eq!(receive_one(stage).await.receive_count, 2);
}

/// The queue's own limit (`maxReceiveCount`): the message moves to the dead letters as it is,
/// without our reasons.
pub(crate) async fn the_queue_moves_a_message_that_was_received_too_often<S: QueueStage>(
    stage: &S,
) {
    let attributes = [text("X-GitHub-Event", "push")];
    stage.send("body", &attributes).await;
    for receive in 1..=stage.max_receives() {
        let envelope = receive_one(stage).await;
        assert_eq!(envelope.receive_count, receive);
        let back = [(envelope.receipt, Duration::ZERO)];
        stage.queue().change_visibility(&back).await.unwrap();
    }
    receive_nothing(stage).await;
    let whole = StoredMessage {
        body: "body".to_owned(),
        attributes: attributes.into_iter().collect(),
    };
    assert_eq!(stage.look(Destination::DeadLetters).await, [whole]);
    assert_eq!(stage.count().await, 0);
}

fn message(body: &str, attributes: Vec<(String, Attribute)>) -> OutgoingMessage {
    OutgoingMessage {
        message_id: "m-1".to_owned(),
        body: body.to_owned(),
        attributes,
    }
}

/// "Sends a message." The dead letter of a received envelope arrives whole.
pub(crate) async fn a_dead_letter_arrives_with_attributes_and_body<S: QueueStage>(stage: &S) {
    let body = "not GitHub's: ü\r\n🦀";
    stage.send(body, &[text("X-GitHub-Event", "push")]).await;
    let fault = Fault::new(Reason::InvalidPayload, "not JSON, at line 1");
    let dead_letter = dead_letter(receive_one(stage).await, &fault, Step::Event);
    let expected: BTreeMap<_, _> = dead_letter.attributes.iter().cloned().collect();
    stage
        .queue()
        .send(Destination::DeadLetters, dead_letter)
        .await
        .unwrap();

    let lying = stage.look(Destination::DeadLetters).await;
    let whole = StoredMessage {
        body: body.to_owned(),
        attributes: expected,
    };
    assert_eq!(lying, [whole]);
    // Sending does not delete: the receiver does.
    assert_eq!(stage.count().await, 1);
}

/// Dead letters and quarantine are two queues.
pub(crate) async fn each_destination_is_a_queue_of_its_own<S: QueueStage>(stage: &S) {
    let forged = message(
        "forged",
        vec![text("branchline-reason", "signature-mismatch")],
    );
    stage
        .queue()
        .send(Destination::Quarantine, forged)
        .await
        .unwrap();
    assert_eq!(stage.look(Destination::Quarantine).await.len(), 1);
    assert_eq!(stage.look(Destination::DeadLetters).await, []);
    assert_eq!(stage.count().await, 0);
}

/// "`Ok` only when SQS confirmed it." (AWS refuses more than moto does:
/// `tests/it/stories/fakes.rs`.)
pub(crate) async fn a_send_that_sqs_refuses_is_a_fault<S: QueueStage>(stage: &S) {
    let too_long = message(&"x".repeat(1_048_577), Vec::new());
    let answer = stage.queue().send(Destination::DeadLetters, too_long).await;
    assert!(answer.is_err());
    assert_eq!(stage.look(Destination::DeadLetters).await, []);
}
