//! A dead-letter or quarantine queue that refuses messages holds nothing else up, and no message is
//! lost.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::outcome::dead_letter::{ORIGINAL_BYTES, REASON};
use branchline::domain::outcome::outgoing::Destination;
use serde_json::json;
use tokio::time::sleep;

use crate::stories::reliability::{beside, quiet};
use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_daemon};
use crate::world::webhook::Webhook;

/// The limit of a queue that was made before SQS accepted 1 MiB.
const OLD_LIMIT: usize = 262_144;

/// A forgery with a body of 300 KB.
fn forged(number: u64) -> Webhook {
    let webhook = Webhook::pull_request("opened").number(number);
    let long = webhook.with("/pull_request/body", "x".repeat(300_000));
    long.signed_with("a guess")
}

/// Sends ten messages that fail and then a pull request, which must have its pipeline soon.
async fn forgeries_hold_nothing_up(world: &World, reason: Reason) {
    world.faults.clear();
    let refused = Trouble::Fail(When::Before, reason);
    world.faults.next(Op::Send, u32::MAX, refused);
    for number in 1..=10 {
        world.send(&forged(number));
    }
    sleep(Duration::from_secs(60)).await;
    world.send(&Webhook::pull_request("opened"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.pipelines(), ["api-pr-7"]);
    assert_eq!(world.queue.waiting().len(), 10, "none is lost");
    world.faults.clear();
    quiet(world).await;
    assert_eq!(world.take_quarantined().len(), 10);
}

#[test]
fn a_message_that_is_too_large_for_its_queue_is_cut_and_holds_nothing_up() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        world.queue.limit(Destination::Quarantine, OLD_LIMIT);
        for number in 1..=10 {
            world.send(&forged(number));
        }
        world.send(&Webhook::pull_request("opened"));
        beside(world, async {
            sleep(Duration::from_secs(5)).await;
            assert_eq!(world.pipelines(), ["api-pr-7"]);
            assert!(world.queue.waiting().is_empty());
        })
        .await;
        assert!(logs.lines("AWS does not answer").is_empty());
        let quarantined = world.take_quarantined();
        assert_eq!(quarantined.len(), 10);
        for message in quarantined {
            assert!(message.body.len() > OLD_LIMIT - 2_000);
            assert_eq!(message.text(REASON), Some("signature-mismatch"));
            let original = message.text(ORIGINAL_BYTES).unwrap().parse::<usize>();
            assert!(original.unwrap() > 300_000);
            assert!(message.text("X-Hub-Signature-256").is_some());
        }
    });
}

#[test]
fn a_dead_letter_is_cut_to_a_queue_of_any_limit() {
    for limit in [1_024, 20_000, OLD_LIMIT] {
        run_daemon(async |world| {
            world.queue.limit(Destination::DeadLetters, limit);
            let payload = json!({"action": 7, "text": "é".repeat(200_000)});
            world.send(&Webhook::event("pull_request", payload));
            beside(world, quiet(world)).await;
            let dead_letters = world.take_dead_letters();
            let [message] = dead_letters.as_slice() else {
                panic!("{limit}: one message")
            };
            assert_eq!(message.text(REASON), Some("invalid-payload"));
            assert!(message.text(ORIGINAL_BYTES).is_some());
        });
    }
}

#[test]
fn what_sqs_refuses_of_one_message_is_no_outage() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        let story = forgeries_hold_nothing_up(world, Reason::MessageRefused);
        beside(world, story).await;
        for line in [
            "AWS does not answer",
            "accepts no message",
            "accepts messages again",
        ] {
            assert!(logs.lines(line).is_empty(), "{line}");
        }
    });
}

#[test]
fn a_queue_that_accepts_no_message_is_logged_once_and_holds_nothing_up() {
    for reason in [
        Reason::AwsDenied,
        Reason::AwsMissing,
        Reason::AwsUnavailable,
        Reason::AwsThrottled,
    ] {
        run_daemon(async |world| {
            let logs = CapturedLogs::start();
            beside(world, forgeries_hold_nothing_up(world, reason)).await;
            let lines = |text: &str| logs.lines(&format!("The quarantine queue {text}")).len();
            assert_eq!(lines("accepts no message"), 1, "{reason:?}");
            assert_eq!(lines("accepts messages again"), 1, "{reason:?}");
            assert!(logs.lines("AWS does not answer").is_empty());
        });
    }
}
