//! The law of [`Queue`].

use std::collections::BTreeMap;
use std::time::Duration;

use branchline::domain::fault::{Fault, Reason, Step};
use branchline::domain::intake::envelope::{Attribute, AttributeValue, Envelope, Receipt};
use branchline::domain::outcome::disposition::{Burial, Grave};
use branchline::ports::Queue;

/// A message as it lies in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lying {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

/// Three empty queues and what the port cannot do.
pub(crate) trait QueueStage {
    type Port: Queue;

    /// The port.
    fn queue(&self) -> &Self::Port;
    /// How long a received message stays invisible here.
    fn visibility(&self) -> Duration;
    /// How long one receive may wait here for what should come.
    fn patience(&self) -> Duration;
    /// How often a message is received here before the queue moves it to the dead letters: 3 to 10.
    fn max_receives(&self) -> u32;
    /// Sends to the source queue; answers with the message's id.
    async fn send(&self, body: &str, attributes: &[(String, Attribute)]) -> String;
    /// How many messages the source queue holds, visible or not.
    async fn count(&self) -> usize;
    /// What lies in a grave.
    async fn look(&self, grave: Grave) -> Vec<Lying>;
    /// Lets at least that much time pass.
    async fn wait(&self, time: Duration);
}

/// Every law, for a stage: `queue_laws!(Stage::new().await)`.
macro_rules! queue_laws {
    ($stage:expr) => {
        crate::contract::laws!(queue, $stage;
            receives_at_most_max,
            answers_with_nothing_when_nothing_is_there,
            is_invisible_while_it_is_held,
            comes_back_with_a_higher_count_and_a_new_receipt,
            body_and_attributes_arrive_byte_for_byte,
            knows_when_a_message_was_sent,
            what_is_deleted_does_not_come_back,
            deleting_twice_is_done,
            answers_with_the_receipts_that_were_not_deleted,
            takes_more_than_a_batch_and_nothing,
            handed_back_at_zero_is_visible_at_once,
            handed_back_for_later_comes_later,
            answers_with_the_receipts_that_were_not_handed_back,
            received_too_often_the_queue_moves_it_by_itself,
            buried_arrives_with_attributes_and_body,
            each_grave_is_its_own,
            a_burial_that_sqs_refuses_is_a_fault,
        );
    };
}
pub(crate) use queue_laws;

async fn receive<S: QueueStage>(stage: &S, max: u32) -> Vec<Envelope> {
    stage.queue().receive(max, stage.patience()).await.unwrap()
}

/// Receives the one message that must come; a real queue may answer empty a few times first.
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

/// "Receives at most `max` messages."
pub(crate) async fn receives_at_most_max<S: QueueStage>(stage: &S) {
    for number in 0..5 {
        stage.send(&format!("body {number}"), &[]).await;
    }
    let mut received = 0;
    for _ in 0..20 {
        let some = receive(stage, 2).await;
        assert!(some.len() <= 2, "{some:?}");
        received += some.len();
        if received >= 5 {
            break;
        }
    }
    assert_eq!(received, 5);
}

/// "... waiting up to `wait` for the first": then the answer is empty, which is no fault.
pub(crate) async fn answers_with_nothing_when_nothing_is_there<S: QueueStage>(stage: &S) {
    receive_nothing(stage).await;
}

/// "A message received is invisible to others for the adapter's visibility timeout."
pub(crate) async fn is_invisible_while_it_is_held<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    receive_one(stage).await;
    receive_nothing(stage).await;
    assert_eq!(stage.count().await, 1);
}

/// "... then it comes back with a higher receive count", under a receipt of its own.
pub(crate) async fn comes_back_with_a_higher_count_and_a_new_receipt<S: QueueStage>(stage: &S) {
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

/// `SentTimestamp` is of the send, not of the receive.
pub(crate) async fn knows_when_a_message_was_sent<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let first = receive_one(stage).await;
    stage.wait(stage.visibility()).await;
    let second = receive_one(stage).await;
    assert_eq!(first.sent_at, second.sent_at);
    // After 2020 and in milliseconds.
    assert!(first.sent_at.0 > 1_577_836_800_000, "{:?}", first.sent_at);
}

/// "Deletes messages."
pub(crate) async fn what_is_deleted_does_not_come_back<S: QueueStage>(stage: &S) {
    stage.send("one", &[]).await;
    let envelope = receive_one(stage).await;
    let failed = stage.queue().delete(&[envelope.receipt]).await.unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    stage.wait(stage.visibility()).await;
    receive_nothing(stage).await;
    assert_eq!(stage.count().await, 0);
}

/// "Deleting twice is done."
pub(crate) async fn deleting_twice_is_done<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let receipt = [receive_one(stage).await.receipt];
    for _ in 0..2 {
        let failed = stage.queue().delete(&receipt).await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    }
}

/// "... answers with the receipts that were not deleted", and deletes the others.
pub(crate) async fn answers_with_the_receipts_that_were_not_deleted<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let good = receive_one(stage).await.receipt;
    let bad = Receipt("never-issued".to_owned());
    let failed = stage.queue().delete(&[bad.clone(), good]).await.unwrap();
    assert_eq!(failed, [bad]);
    assert_eq!(stage.count().await, 0);
}

/// How SQS batches is the adapter's business.
pub(crate) async fn takes_more_than_a_batch_and_nothing<S: QueueStage>(stage: &S) {
    assert_eq!(stage.queue().delete(&[]).await, Ok(Vec::new()));
    assert_eq!(stage.queue().change_visibility(&[]).await, Ok(Vec::new()));
    for number in 0..12 {
        stage.send(&format!("body {number}"), &[]).await;
    }
    // In few calls, so that none of them is visible again before it is handed back; of one that is, the last receipt
    // counts.
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

/// "Makes messages visible again after a time from now (0 s ...)."
pub(crate) async fn handed_back_at_zero_is_visible_at_once<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let receipt = receive_one(stage).await.receipt;
    let back = [(receipt, Duration::ZERO)];
    let failed = stage.queue().change_visibility(&back).await.unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(receive_one(stage).await.receive_count, 2);
}

/// "... after a time from now": not before it, longer than the visibility timeout too.
pub(crate) async fn handed_back_for_later_comes_later<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let receipt = receive_one(stage).await.receipt;
    let later = stage.visibility() * 2;
    let failed = stage
        .queue()
        .change_visibility(&[(receipt, later)])
        .await
        .unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    stage.wait(stage.visibility()).await;
    receive_nothing(stage).await;
    stage.wait(stage.visibility()).await;
    assert_eq!(receive_one(stage).await.receive_count, 2);
}

/// "... answers with the receipts for which that failed", and hands back the others. (An expired receipt fails at AWS, and
/// does not at moto: `tests/world.rs` holds the fake to AWS.)
pub(crate) async fn answers_with_the_receipts_that_were_not_handed_back<S: QueueStage>(stage: &S) {
    stage.send("body", &[]).await;
    let good = receive_one(stage).await.receipt;
    let never = Receipt("never-issued".to_owned());
    let back = [(never.clone(), Duration::ZERO), (good, Duration::ZERO)];
    let failed = stage.queue().change_visibility(&back).await.unwrap();
    assert_eq!(failed, [never]);
    assert_eq!(receive_one(stage).await.receive_count, 2);
}

/// The net under us (`maxReceiveCount`): the message goes to the dead letters as it is, without our reasons.
pub(crate) async fn received_too_often_the_queue_moves_it_by_itself<S: QueueStage>(stage: &S) {
    let attributes = [text("X-GitHub-Event", "push")];
    stage.send("body", &attributes).await;
    for receive in 1..=stage.max_receives() {
        let envelope = receive_one(stage).await;
        assert_eq!(envelope.receive_count, receive);
        let back = [(envelope.receipt, Duration::ZERO)];
        stage.queue().change_visibility(&back).await.unwrap();
    }
    receive_nothing(stage).await;
    let whole = Lying {
        body: "body".to_owned(),
        attributes: attributes.into_iter().collect(),
    };
    assert_eq!(stage.look(Grave::DeadLetters).await, [whole]);
    assert_eq!(stage.count().await, 0);
}

fn burial(body: &str, attributes: Vec<(String, Attribute)>) -> Burial {
    Burial {
        message_id: "m-1".to_owned(),
        body: body.to_owned(),
        attributes,
    }
}

/// "Sends a message to a queue where people look." What the line makes of a received envelope arrives whole.
pub(crate) async fn buried_arrives_with_attributes_and_body<S: QueueStage>(stage: &S) {
    let body = "not GitHub's: ü\r\n🦀";
    stage.send(body, &[text("X-GitHub-Event", "push")]).await;
    let fault = Fault::new(Step::Event, Reason::BodyNotGitHubs, "not JSON, at line 1");
    let buried = Burial::of(receive_one(stage).await, &fault);
    let expected: BTreeMap<_, _> = buried.attributes.iter().cloned().collect();
    stage
        .queue()
        .bury(Grave::DeadLetters, buried)
        .await
        .unwrap();

    let lying = stage.look(Grave::DeadLetters).await;
    let whole = Lying {
        body: body.to_owned(),
        attributes: expected,
    };
    assert_eq!(lying, [whole]);
    // Burial sends; the message itself is still the receiver's to delete.
    assert_eq!(stage.count().await, 1);
}

/// Dead letters and quarantine are two queues.
pub(crate) async fn each_grave_is_its_own<S: QueueStage>(stage: &S) {
    let forged = burial(
        "forged",
        vec![text("branchline-reason", "signature-mismatch")],
    );
    stage.queue().bury(Grave::Quarantine, forged).await.unwrap();
    assert_eq!(stage.look(Grave::Quarantine).await.len(), 1);
    assert_eq!(stage.look(Grave::DeadLetters).await, []);
    assert_eq!(stage.count().await, 0);
}

/// "`Ok` only when the send is confirmed." (AWS refuses more than moto does: `tests/world.rs`.)
pub(crate) async fn a_burial_that_sqs_refuses_is_a_fault<S: QueueStage>(stage: &S) {
    let too_long = burial(&"x".repeat(1_048_577), Vec::new());
    let answer = stage.queue().bury(Grave::DeadLetters, too_long).await;
    assert!(answer.is_err());
    assert_eq!(stage.look(Grave::DeadLetters).await, []);
}
