//! The daemon's loop over fakes: how much it takes, that it acknowledges everything, and how it ends.

#![expect(
    clippy::unwrap_used,
    reason = "a loop that does not do its part fails the test"
)]

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::worker::{RunMode, Shutdown, Worker, WorkerConfig};

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::pull_request_rule;
use crate::world::webhook::Webhook;
use crate::world::world::{World, run_daemon};

fn settings(concurrency: usize) -> WorkerConfig {
    WorkerConfig {
        concurrency,
        drain_timeout: Duration::from_secs(25),
        seed: 1,
    }
}

async fn run_until_empty(world: &World, concurrency: usize) {
    let (_told, stop) = Shutdown::channel();
    let reconciler = world.worker("daemon", vec![pull_request_rule()]);
    let worker = Worker::new(
        world.queue.clone(),
        world.queue.internal(),
        reconciler,
        settings(concurrency),
    );
    worker.run(RunMode::UntilEmpty, stop).await.unwrap();
}

#[test]
fn it_works_through_the_queue_and_ends() {
    run_daemon(async |world| {
        for number in 1..=25 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        run_until_empty(world, 4).await;
        assert_eq!(world.pipelines().len(), 25);
        let batches = world
            .faults
            .calls()
            .into_iter()
            .filter(|op| *op == Op::Delete)
            .count();
        assert!(
            batches <= 13,
            "{batches} batches for 25 messages, taken four at a time"
        );
    });
}

#[test]
fn it_never_asks_for_more_than_it_can_start() {
    run_daemon(async |world| {
        for number in 1..=5 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        world
            .faults
            .next(Op::Template, 1, Trouble::Hang(When::Before));
        let (told, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(2),
        );
        let run = worker.run(RunMode::Daemon, stop);
        tokio::select! {
            _ = run => panic!("it was not told to stop"),
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
        drop(told);
        // Both wait for the same template, and the rest was not even taken.
        assert_eq!(world.queue.depth().in_flight, 2);
        world.settle().await;
        assert_eq!(world.pipelines().len(), 5);
    });
}

#[test]
fn what_sqs_does_not_take_is_sent_again() {
    run_daemon(async |world| {
        world.send(&Webhook::pull_request("opened"));
        world.faults.next(
            Op::Delete,
            2,
            Trouble::Fail(When::Before, Reason::AwsUnavailable),
        );
        run_until_empty(world, 1).await;
        assert_eq!(
            world
                .faults
                .calls()
                .iter()
                .filter(|op| **op == Op::Delete)
                .count(),
            3
        );
    });
}

#[test]
fn a_burial_that_is_not_confirmed_loses_nothing() {
    run_daemon(async |world| {
        world.send(&Webhook::ping().unsigned());
        world.faults.next(
            Op::Send,
            1,
            Trouble::Fail(When::Before, Reason::AwsUnavailable),
        );
        run_until_empty(world, 1).await;
        assert!(
            world.take_quarantined().is_empty(),
            "it was handed back for later"
        );
        world.settle().await;
        assert_eq!(world.take_quarantined().len(), 1);
    });
}

#[test]
fn a_queue_that_does_not_answer_is_asked_again() {
    run_daemon(async |world| {
        world.send(&Webhook::pull_request("opened"));
        world.faults.next(
            Op::Receive,
            2,
            Trouble::Fail(When::Before, Reason::AwsUnavailable),
        );
        run_until_empty(world, 1).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn told_to_stop_it_finishes_what_is_in_work() {
    run_daemon(async |world| {
        world.send(&Webhook::pull_request("opened"));
        let (told, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(1),
        );
        let run = worker.run(RunMode::Daemon, stop);
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            told.request();
        };
        let (ended, ()) = tokio::join!(run, stopping);
        ended.unwrap();
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn it_is_ready_while_it_works_and_says_why_it_is_not() {
    run_daemon(async |world| {
        let (tell, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(4),
        );
        let ready = worker.readiness();
        assert_eq!(ready.not_ready_reason(), Some("the queue does not answer"));
        let observe = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert_eq!(ready.not_ready_reason(), None);
            let out = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(Op::Receive, 1_000, out);
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(ready.not_ready_reason(), Some("the queue does not answer"));
            tell.request();
        };
        let (ran, ()) = tokio::join!(worker.run(RunMode::Daemon, stop), observe);
        ran.unwrap();
        world.faults.clear();
        assert_eq!(
            ready.not_ready_reason(),
            Some("stopping: messages in work are finished first")
        );
    });
}
