//! The daemon's message loop over fakes: how much it takes, that it acknowledges everything, and
//! how it ends.

#![expect(clippy::unwrap_used, reason = "a loop that fails, fails the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::outcome::chain::Chain;
use branchline::reconcile::UNKNOWN_PER_MINUTE;
use branchline::worker::{RunMode, Shutdown, Worker, WorkerConfig};

use super::bound_secrets;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::pull_request_rule;
use crate::world::story::{FakeReconciler, World, run_daemon};
use crate::world::webhook::Webhook;

fn settings(concurrency: usize) -> WorkerConfig {
    WorkerConfig {
        concurrency,
        drain_timeout: Duration::from_secs(25),
        seed: 1,
    }
}

async fn run_until_empty(world: &World, concurrency: usize) {
    let reconciler = world.worker("daemon", vec![pull_request_rule()]);
    work_until_empty(world, reconciler, concurrency).await;
}

async fn work_until_empty(world: &World, reconciler: FakeReconciler, concurrency: usize) {
    let (_shutdown, stop) = Shutdown::channel();
    let worker = Worker::new(
        world.queue.clone(),
        world.queue.internal(),
        reconciler,
        settings(concurrency),
        world.outbox(),
    );
    worker.run(RunMode::UntilEmpty, stop).await.unwrap();
}

#[test]
fn the_daemon_empties_the_queue_and_ends() {
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
fn the_daemon_never_receives_more_than_it_can_start() {
    run_daemon(async |world| {
        for number in 1..=5 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        world
            .faults
            .next(Op::Template, 1, Trouble::Hang(When::Before));
        let (shutdown, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(2),
            world.outbox(),
        );
        let run = worker.run(RunMode::Daemon, stop);
        tokio::select! {
            _ = run => panic!("it ended without a shutdown"),
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
        drop(shutdown);
        // Both wait for the same template, and the rest was not even received.
        assert_eq!(world.queue.depth().in_flight, 2);
        world.settle().await;
        assert_eq!(world.pipelines().len(), 5);
    });
}

#[test]
fn a_deletion_that_fails_is_sent_again() {
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
fn a_dead_letter_that_is_not_confirmed_is_not_lost() {
    run_daemon(async |world| {
        world.send(&Webhook::ping().signed_with("guess"));
        world.faults.next(
            Op::Send,
            1,
            Trouble::Fail(When::Before, Reason::AwsUnavailable),
        );
        run_until_empty(world, 1).await;
        assert!(
            world.take_quarantined().is_empty(),
            "it was returned for later"
        );
        world.settle().await;
        assert_eq!(world.take_quarantined().len(), 1);
    });
}

#[test]
fn a_flood_of_forgeries_fills_no_quarantine() {
    run_daemon(async |world| {
        for number in 0..1_500 {
            let forged = Webhook::ping().delivery(&format!("forged-{number}"));
            world.send(&forged.signed_with("guess"));
        }
        world.send(&Webhook::pull_request("opened"));
        run_until_empty(world, 8).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert!(world.queue.waiting().is_empty());
        let quarantined = world.take_quarantined().len();
        assert!((1_000..1_100).contains(&quarantined), "{quarantined}");
    });
}

#[test]
fn a_flood_of_one_kind_displaces_no_message_of_another_from_quarantine() {
    run_daemon(async |world| {
        let forged = |number: u64, secret: &'static str| {
            let webhook = Webhook::pull_request("opened").number(number);
            world.send(&webhook.signed_with(secret));
        };
        for number in 0..1_500 {
            forged(number, "guess");
            forged(number, bound_secrets::WEB_SECRET);
        }
        let rules = vec![pull_request_rule()];
        let reconciler = world.worker_with_secrets("daemon", rules, bound_secrets::secrets());
        work_until_empty(world, reconciler, 8).await;
        assert!(world.queue.waiting().is_empty());
        let mut quarantined = BTreeMap::<_, usize>::new();
        for message in world.take_quarantined() {
            let reason = message.text("branchline-reason").unwrap().to_owned();
            *quarantined.entry(reason).or_default() += 1;
        }
        for reason in ["signature-mismatch", "wrong-secret"] {
            let count = quarantined[reason];
            assert!((1_000..1_100).contains(&count), "{quarantined:?}");
        }
        // The trail has its own limits.
        let entries = world.store.chain_of(&Chain::Messages("daemon".to_owned()));
        let of = |reason: &str| {
            let outcome = format!("\"outcome\":\"{reason}\"");
            entries
                .iter()
                .filter(|entry| entry.journal.contains(&outcome))
                .count()
        };
        let limit = UNKNOWN_PER_MINUTE as usize;
        assert_eq!(
            (of("signature-mismatch"), of("wrong-secret")),
            (limit, limit)
        );
    });
}

#[test]
fn a_queue_that_does_not_answer_is_polled_again() {
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
fn on_shutdown_messages_in_work_are_finished() {
    run_daemon(async |world| {
        world.send(&Webhook::pull_request("opened"));
        let (shutdown, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(1),
            world.outbox(),
        );
        let run = worker.run(RunMode::Daemon, stop);
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.request();
        };
        let (ended, ()) = tokio::join!(run, stopping);
        ended.unwrap();
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn the_daemon_is_ready_while_it_works_and_gives_the_reason_otherwise() {
    run_daemon(async |world| {
        let (shutdown, stop) = Shutdown::channel();
        let reconciler = world.worker("daemon", vec![pull_request_rule()]);
        let worker = Worker::new(
            world.queue.clone(),
            world.queue.internal(),
            reconciler,
            settings(4),
            world.outbox(),
        );
        let ready = worker.readiness();
        assert_eq!(
            ready.not_ready_reason(),
            Some("the webhook queue does not answer")
        );
        let observe = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert_eq!(ready.not_ready_reason(), None);
            let out = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(Op::Receive, 1_000, out);
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(
                ready.not_ready_reason(),
                Some("the webhook queue does not answer")
            );
            shutdown.request();
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
