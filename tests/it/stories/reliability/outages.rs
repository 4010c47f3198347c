//! An outage is logged once, slows the daemon down, uses up no message's attempts, and ends by
//! itself. What waiting cannot help ends the daemon at start, and only there.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::ports::Clock;
use branchline::worker::{RunMode, Shutdown};
use tokio::time::sleep;

use crate::stories::reliability::{beside, beside_jobs, quiet, run};
use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::TEMPLATE;
use crate::world::story::{World, run_daemon};
use crate::world::webhook::Webhook;

const HOUR: Duration = Duration::from_secs(3_600);

/// Lets every call of these operations fail for an hour. Returns how many calls were made.
async fn an_hour_without(world: &World, ops: &[Op], reason: Reason) -> usize {
    world.faults.clear();
    for op in ops {
        world
            .faults
            .next(*op, u32::MAX, Trouble::Fail(When::Before, reason));
    }
    sleep(HOUR).await;
    let calls = ops.iter().map(|op| world.faults.count(*op)).sum();
    world.faults.clear();
    calls
}

#[test]
fn an_outage_of_the_queue_for_an_hour_is_logged_once() {
    for reason in [
        Reason::AwsUnavailable,
        Reason::AwsThrottled,
        Reason::AwsDenied,
        Reason::AwsMissing,
    ] {
        run_daemon(async |world| {
            let logs = CapturedLogs::start();
            beside(world, async {
                sleep(Duration::from_secs(60)).await;
                let polls = an_hour_without(world, &[Op::Receive], reason).await;
                assert!((100..250).contains(&polls), "{polls} polls in an hour");
                world.send(&Webhook::pull_request("opened"));
                quiet(world).await;
            })
            .await;
            assert_eq!(
                logs.lines("The webhook queue does not answer").len(),
                1,
                "{reason:?}"
            );
            assert_eq!(logs.lines("The webhook queue answers again").len(), 1);
            assert!(logs.lines("The internal queue").is_empty());
            assert_eq!(world.pipelines(), ["api-pr-7"]);
        });
    }
}

#[test]
fn an_outage_of_both_queues_is_logged_once_for_each() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        beside(world, async {
            sleep(Duration::from_secs(60)).await;
            let ops = [Op::Receive, Op::ReceiveInternal];
            let polls = an_hour_without(world, &ops, Reason::AwsUnavailable).await;
            assert!((200..500).contains(&polls), "{polls} polls in an hour");
            sleep(Duration::from_secs(60)).await;
        })
        .await;
        for queue in ["webhook", "internal"] {
            let lines = |text: &str| logs.lines(&format!("The {queue} queue {text}")).len();
            assert_eq!(lines("does not answer"), 1);
            assert_eq!(lines("answers again"), 1);
        }
    });
}

#[test]
fn webhooks_are_processed_during_an_outage_of_the_internal_queue() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        beside(world, async {
            sleep(Duration::from_secs(60)).await;
            let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
            world.faults.next(Op::ReceiveInternal, u32::MAX, denied);
            world.send(&Webhook::pull_request("opened"));
            quiet(world).await;
            sleep(Duration::from_secs(60)).await;
            world.faults.clear();
            sleep(Duration::from_secs(60)).await;
        })
        .await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert!(logs.lines("The webhook queue").is_empty());
        let lines = logs.lines("The internal queue does not answer");
        assert_eq!(lines.len(), 1);
        assert_eq!(logs.lines("The internal queue answers again").len(), 1);
    });
}

#[test]
fn an_outage_of_the_table_for_an_hour_loses_no_message() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        beside(world, async {
            sleep(Duration::from_secs(60)).await;
            for number in 1..=200 {
                world.send(&Webhook::pull_request("opened").number(number));
            }
            let ops = [Op::Claim, Op::Record, Op::GiveUp, Op::Probe];
            let calls = an_hour_without(world, &ops, Reason::AwsUnavailable).await;
            assert!(calls < 200, "{calls} calls in an hour: one probe at a time");
            quiet(world).await;
        })
        .await;
        assert_eq!(logs.lines("AWS does not answer as it should;").len(), 1);
        assert_eq!(logs.lines("AWS answers as it should again").len(), 1);
        assert_eq!(world.pipelines().len(), 200);
    });
}

#[test]
fn a_long_processing_does_not_delay_the_end_of_an_outage() {
    run_daemon(async |world| {
        let long = Duration::from_secs(600);
        beside(world, async {
            sleep(Duration::from_secs(60)).await;
            let stalls = Trouble::Stall(When::Before, long);
            world.faults.next(Op::Record, 1, stalls);
            world.send(&Webhook::pull_request("opened"));
            sleep(Duration::from_secs(1)).await;
            let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
            for op in [Op::Claim, Op::Probe] {
                world.faults.next(op, u32::MAX, denied);
            }
            for number in 11..=20 {
                world.send(&Webhook::pull_request("opened").number(number));
            }
            sleep(Duration::from_secs(60)).await;
            assert!(world.pipelines().len() <= 1);
            world.faults.clear();
            // The longest pause of a probe, and the longest wait of the messages that failed.
            sleep(Duration::from_secs(35)).await;
            assert_eq!(world.pipelines().len(), 11);
            assert!(world.clock.elapsed() < long);
            quiet(world).await;
        })
        .await;
    });
}

#[test]
fn messages_that_wait_for_one_template_share_one_call() {
    run_daemon(async |world| {
        // GetPipeline takes its whole time and finds nothing: eight calls in a row would outlast
        // every claim.
        let slow = Trouble::Stall(When::Before, Duration::from_secs(15));
        world.faults.next(Op::Template, 1, slow);
        world.account.remove(TEMPLATE);
        for number in 1..=8 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        beside(world, async {
            sleep(Duration::from_secs(16)).await;
            assert_eq!(world.faults.count(Op::Template), 1);
            quiet(world).await;
        })
        .await;
        assert_eq!(world.take_dead_letters().len(), 8);
        for number in 1..=8 {
            world.expect_half_way(&format!("acme/api#{number}"));
        }
    });
}

#[test]
fn a_failure_of_one_subject_slows_no_other() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::Create, 2, denied);
        for number in 1..=20 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        beside(world, quiet(world)).await;
        assert!(logs.lines("AWS does not answer").is_empty());
        assert_eq!(world.pipelines().len(), 20);
    });
}

#[test]
fn a_fault_that_waiting_cannot_help_ends_the_daemon_at_start() {
    for op in [Op::Receive, Op::ReceiveInternal, Op::InState] {
        for reason in [Reason::AwsMissing, Reason::AwsDenied] {
            run_daemon(async |world| {
                world
                    .faults
                    .next(op, u32::MAX, Trouble::Fail(When::Before, reason));
                let (_shutdown, stop) = Shutdown::channel();
                let fault = run(world, RunMode::Daemon, stop).await.unwrap_err();
                assert_eq!(fault.reason, reason, "{op:?}");
                assert!(world.clock.elapsed() < Duration::from_secs(5));
            });
        }
    }
}

#[test]
fn a_fault_that_may_pass_is_waited_for_at_start() {
    run_daemon(async |world| {
        world.send(&Webhook::pull_request("opened"));
        let ops = [
            Op::Receive,
            Op::ReceiveInternal,
            Op::InState,
            Op::Claim,
            Op::Probe,
        ];
        beside(world, async {
            an_hour_without(world, &ops, Reason::AwsUnavailable).await;
            quiet(world).await;
        })
        .await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_run_until_empty_fails_instead_of_waiting() {
    for op in [Op::Receive, Op::ReceiveInternal, Op::Claim] {
        run_daemon(async |world| {
            for number in 1..=5 {
                world.send(&Webhook::pull_request("opened").number(number));
            }
            let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(op, u32::MAX, fails);
            world.faults.next(Op::Probe, u32::MAX, fails);
            let (_shutdown, stop) = Shutdown::channel();
            let fault = run(world, RunMode::UntilEmpty, stop).await.unwrap_err();
            assert_eq!(fault.reason, Reason::AwsUnavailable);
            world.faults.clear();
            world.settle().await;
            assert_eq!(world.pipelines().len(), 5);
        });
    }
}

#[test]
fn after_an_outage_of_the_queue_lost_webhooks_are_looked_for_at_once() {
    run_daemon(async |world| {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let lost = |number| {
            let opened = Webhook::pull_request("opened").number(number);
            world.github.learn(&opened, world.clock.now());
        };
        beside_jobs(world, async {
            sleep(minutes(5)).await;
            lost(7);
            // One poll that fails is no outage.
            let fault = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(Op::Receive, 1, fault);
            sleep(minutes(10)).await;
            assert!(world.pipelines().is_empty());
            world.faults.next(Op::Receive, u32::MAX, fault);
            sleep(minutes(10)).await;
            world.faults.clear();
            sleep(minutes(5)).await;
            assert_eq!(world.pipelines(), ["api-pr-7"]);
            lost(8);
            sleep(minutes(20)).await;
            assert_eq!(world.pipelines(), ["api-pr-7"], "once for an outage");
            sleep(minutes(60)).await;
            assert_eq!(world.pipelines(), ["api-pr-7", "api-pr-8"]);
        })
        .await;
    });
}
