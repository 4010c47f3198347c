//! A message in work is not delivered to another consumer; a message that another consumer has is
//! not worked on.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::reconcile::lease::VISIBILITY;
use serde_json::Value;

use crate::stories::reliability::{beside, quiet};
use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::run_daemon;
use crate::world::webhook::Webhook;

/// Returns each as `disposition outcome`.
fn outcomes(journals: &[Value]) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let outcome = |line| format!("{} {}", text(line, "disposition"), text(line, "outcome"));
    journals.iter().map(outcome).collect()
}

#[test]
fn a_message_that_waits_for_its_turn_is_received_once() {
    run_daemon(async |world| {
        let slow = Trouble::Stall(When::Before, Duration::from_secs(40));
        world.faults.next(Op::Claim, 4, slow);
        for sha in 1..=4 {
            world.send(
                &Webhook::pull_request("synchronize")
                    .before(sha - 1)
                    .sha(sha),
            );
        }
        beside(world, quiet(world)).await;
        // The last one waited longer than its visibility timeout.
        assert_eq!(world.queue.received(), 4);
        assert!(world.faults.count(Op::ChangeVisibility) >= 4);
        assert_eq!(world.pipeline("api-pr-7").executions(), 4);
    });
}

#[test]
fn quick_processing_needs_no_renewal() {
    run_daemon(async |world| {
        for number in 1..=20 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        beside(world, quiet(world)).await;
        assert_eq!(world.faults.count(Op::ChangeVisibility), 0);
    });
}

#[test]
fn a_renewal_that_fails_is_tried_again_in_time() {
    run_daemon(async |world| {
        let slow = Trouble::Stall(When::Before, Duration::from_secs(35));
        world.faults.next(Op::Claim, 3, slow);
        let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::ChangeVisibility, 3, fails);
        for sha in 1..=3 {
            world.send(
                &Webhook::pull_request("synchronize")
                    .before(sha - 1)
                    .sha(sha),
            );
        }
        beside(world, quiet(world)).await;
        assert_eq!(world.queue.received(), 3);
    });
}

#[test]
fn a_lost_lease_stops_processing_before_it_acts() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        let slow = Trouble::Stall(When::Before, VISIBILITY + Duration::from_secs(10));
        world.faults.next(Op::Claim, 1, slow);
        let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::ChangeVisibility, 20, fails);
        world.send(&Webhook::pull_request("opened"));
        beside(world, quiet(world)).await;

        assert_eq!(world.queue.received(), 2);
        let outcomes = outcomes(&logs.journals());
        assert_eq!(outcomes, ["retried lease-lost", "deleted created"]);
        assert_eq!(world.faults.count(Op::Create), 1);
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
    });
}

#[test]
fn messages_of_one_subject_are_processed_in_turn() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        // A lane takes fewer than these: the rest returns within seconds.
        for sha in 1..=8 {
            world.send(
                &Webhook::pull_request("synchronize")
                    .before(sha - 1)
                    .sha(sha),
            );
        }
        let slow = Trouble::Stall(When::Before, Duration::from_secs(2));
        world.faults.next(Op::Create, 1, slow);
        world.send(&Webhook::pull_request("opened").number(8));
        beside(world, quiet(world)).await;
        let outcomes = outcomes(&logs.journals());
        let retried = outcomes.iter().filter(|text| text.starts_with("retried"));
        let retried: Vec<_> = retried.collect();
        let busy = ["retried subject-busy"; 4];
        assert_eq!(retried, busy, "those beyond the lane's depth, once each");
        assert!(world.clock.elapsed() < Duration::from_secs(15));
        assert_eq!(world.pipelines(), ["api-pr-7", "api-pr-8"]);
    });
}
