//! A settling that the table refuses for anything but its condition is tried again under the claim,
//! and given up cleanly: the subject does not wait for the claim to expire.

use std::time::Duration;

use branchline::domain::fault::Reason;
use tokio::time::sleep;

use crate::stories::reliability::{beside, quiet};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::run_daemon;
use crate::world::webhook::Webhook;

/// What the table may answer to a write, other than that its condition does not hold.
const REFUSALS: [Reason; 3] = [
    Reason::AwsConflict,
    Reason::AwsThrottled,
    Reason::AwsUnavailable,
];

#[test]
fn a_settling_that_fails_is_tried_again_under_the_claim() {
    for reason in REFUSALS {
        for when in [When::Before, When::After] {
            run_daemon(async |world| {
                let refused = Trouble::Fail(when, reason);
                world.faults.next(Op::Record, 2, refused);
                world.send(&Webhook::pull_request("opened"));
                beside(world, quiet(world)).await;
                assert_eq!(world.history("acme/api#7"), ["created unseen>active"]);
                assert_eq!(world.faults.count(Op::GiveUp), 0, "{reason:?} {when:?}");
                assert_eq!(world.faults.count(Op::Create), 1);
                let took = world.clock.elapsed();
                assert!(took < Duration::from_secs(10), "{reason:?}: {took:?}");
            });
        }
    }
}

#[test]
fn a_settling_that_keeps_failing_is_given_up() {
    for reason in REFUSALS {
        run_daemon(async |world| {
            let refused = Trouble::Fail(When::Before, reason);
            world.faults.next(Op::Record, u32::MAX, refused);
            world.send(&Webhook::pull_request("opened"));
            beside(world, async {
                sleep(Duration::from_secs(6)).await;
                let row = world.mapping("acme/api#7");
                assert_eq!(row.attempts, 1, "{reason:?}");
                assert!(row.last_error.unwrap().starts_with(reason.as_str()));
                world.faults.clear();
                quiet(world).await;
            })
            .await;
            let history = world.history("acme/api#7");
            assert_eq!(history, ["already-created creating>active"], "{reason:?}");
            let took = world.clock.elapsed();
            assert!(took < Duration::from_secs(45), "{reason:?}: {took:?}");
            assert_eq!(world.pipeline("api-pr-7").executions(), 1);
        });
    }
}
