//! A message that keeps failing is dead-lettered with its last error, and its mapping shows that it
//! is stuck.

use std::time::Duration;

use branchline::domain::fault::{Class, Reason};
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::inspect::waiting::longest_wait;
use branchline::worker::backoff::visibility;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

fn limits() -> [(Reason, u32); 4] {
    let max = MaxAttempts::default();
    [
        (Reason::AwsUnavailable, max.transient),
        (Reason::AwsThrottled, max.throttled),
        (Reason::AwsQuota, max.quota),
        (Reason::AwsUnknown, max.unknown),
    ]
}

#[test]
fn each_class_is_dead_lettered_at_its_limit_with_the_last_error() {
    for (reason, limit) in limits() {
        run_story(async |world| {
            world
                .faults
                .next(Op::Create, u32::MAX, Trouble::Fail(When::Before, reason));
            world.send(&Webhook::pull_request("opened"));
            world.settle().await;
            assert_eq!(
                world.faults.count(Op::Create),
                usize::try_from(limit).unwrap()
            );
            let dead_letters = world.take_dead_letters();
            assert_eq!(
                dead_letters[0].text("branchline-reason"),
                Some(reason.as_str())
            );
            let detail = dead_letters[0].text("branchline-detail").unwrap();
            assert!(detail.contains("Create failed"), "{detail}");
            let mapping = world.mapping("acme/api#7");
            assert_eq!(mapping.attempts, limit);
            assert!(mapping.last_error.unwrap().starts_with(reason.as_str()));
            world.expect_half_way("acme/api#7");
        });
    }
}

#[test]
fn a_busy_subject_uses_up_no_attempts() {
    run_story(async |world| {
        // Another worker holds the claim for long, then CodePipeline fails a few times.
        let busy = Trouble::Fail(When::Before, Reason::SubjectBusy);
        world.faults.next(Op::Claim, 50, busy);
        let fails = Trouble::Fail(When::Before, Reason::AwsUnknown);
        world.faults.next(Op::Create, 4, fails);
        let begun = world.clock.elapsed();
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        let longest = Duration::from_secs(50 * 30 + 900);
        assert!(
            world.clock.elapsed() - begun < longest,
            "a busy subject's message returns within seconds"
        );
    });
}

#[test]
fn a_table_that_fails_is_counted_by_receives() {
    run_story(async |world| {
        let max = MaxAttempts::default();
        // Some of the receives may have been waits for a slot.
        let limit = max.throttled + max.quota;
        let fails = Trouble::Fail(When::Before, Reason::AwsThrottled);
        world.faults.next(Op::Claim, limit - 1, fails);
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7"], "the last attempt succeeds");

        world.faults.next(Op::Claim, limit, fails);
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        assert_eq!(world.take_dead_letters().len(), 1);
    });
}

#[test]
fn the_next_event_repairs_a_subject_after_its_dead_letter() {
    run_story(async |world| {
        let limit = MaxAttempts::default().unknown;
        let fails = Trouble::Fail(When::After, Reason::AwsUnknown);
        world.faults.next(Op::Create, limit, fails);
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.take_dead_letters().len(), 1);

        world
            .deliver(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        let mapping = world.mapping("acme/api#7");
        assert_eq!((mapping.attempts, mapping.last_error), (0, None));
        // The failed attempts created it; the head that came since is started.
        assert_eq!(world.pipeline("api-pr-7").executions(), 2);
    });
}

/// `status` and `audit` tell a mapping whose message is tried again from one that is stuck.
#[test]
fn operators_are_told_the_longest_wait_of_each_class() {
    for reason in Reason::ALL {
        let longest = longest_wait(reason.class());
        if let Some(longest) = longest {
            assert_eq!(
                visibility(reason.class(), u32::MAX, 1.0),
                longest,
                "{reason:?}"
            );
        }
        let is_retried = !matches!(
            reason.class(),
            Class::Unverified | Class::Permanent | Class::Refused
        );
        assert_eq!(longest.is_some(), is_retried, "{reason:?}");
    }
}
