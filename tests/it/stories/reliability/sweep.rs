//! The sweep at start finishes half-way mappings whose worker died, although their messages are
//! gone.

use std::time::Duration;

use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, Queue};
use branchline::reconcile::CLAIM;
use branchline::worker::{RunMode, Shutdown};
use tokio::time::sleep;

use crate::stories::reliability::run;
use crate::world::captured_logs::CapturedLogs;
use crate::world::driver;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, pull_request_rule};
use crate::world::story::{World, run_daemon};
use crate::world::webhook::{Webhook, commit};

/// Lets a worker die while it processes this webhook, and loses its message.
async fn abandon(world: &World, webhook: Webhook, op: Op, when: When) {
    world.send(&webhook);
    world.faults.next(op, 1, Trouble::Hang(when));
    let mut received = world.queue.receive(1, Duration::ZERO).await.unwrap();
    let processed = driver::handle(world, received.remove(0)).await;
    assert!(processed.is_none(), "the worker crashed on the way");
    world.queue.purge();
}

/// Starts a daemon that finds an empty queue and ends.
async fn start(world: &World) {
    let (_shutdown, stop) = Shutdown::channel();
    run(world, RunMode::UntilEmpty, stop).await.unwrap();
}

async fn open_and_abandon(world: &World, number: u64) {
    let opened = Webhook::pull_request("opened").number(number);
    let when = if number.is_multiple_of(2) {
        When::Before
    } else {
        When::After
    };
    abandon(world, opened, Op::Create, when).await;
}

#[test]
fn every_abandoned_mapping_is_finished_page_by_page() {
    run_daemon(async |world| {
        for number in 1..=8 {
            open_and_abandon(world, number).await;
        }
        world
            .deliver(Webhook::pull_request("opened").number(9))
            .await;
        let closed = Webhook::pull_request("closed").number(9);
        abandon(world, closed, Op::Remove, When::Before).await;
        sleep(CLAIM).await;

        let logs = CapturedLogs::start();
        start(world).await;
        assert_eq!(logs.lines("A half-way mapping was finished").len(), 9);
        assert_eq!(world.pipelines().len(), 8);
        assert_eq!(
            world.history("acme/api#1"),
            ["already-created creating>active"]
        );
        assert_eq!(world.history("acme/api#2"), ["created creating>active"]);
        let history = world.history("acme/api#9");
        assert_eq!(history, ["created unseen>active", "deleted deleting>gone"]);
    });
}

#[test]
fn a_mapping_with_a_live_claim_is_left_alone() {
    run_daemon(async |world| {
        open_and_abandon(world, 1).await;
        start(world).await;
        assert!(
            world
                .mapping("acme/api#1")
                .claim_at(world.clock.now())
                .is_some()
        );
        sleep(CLAIM).await;
        start(world).await;
        assert_eq!(world.pipelines(), ["api-pr-1"]);
    });
}

#[test]
fn a_mapping_that_cannot_be_finished_is_logged_and_stays() {
    run_daemon(async |world| {
        open_and_abandon(world, 2).await;
        open_and_abandon(world, 3).await;
        sleep(CLAIM).await;
        world.account.remove(TEMPLATE);
        let logs = CapturedLogs::start();
        start(world).await;
        assert_eq!(
            logs.lines("A half-way mapping could not be finished").len(),
            2
        );
        assert!(
            world
                .mapping("acme/api#2")
                .last_error
                .unwrap()
                .starts_with("template-missing")
        );
        // A mapping that was given up waits for its next event: another start does not try again.
        start(world).await;
        assert_eq!(
            logs.lines("A half-way mapping could not be finished").len(),
            2
        );
        world.expect_half_way("acme/api#2");
        world.expect_half_way("acme/api#3");
    });
}

#[test]
fn the_commit_of_a_mapping_that_was_finished_is_reported() {
    run_daemon(async |world| {
        let reported = Rule {
            report: Some(ReportForm::Check),
            ..pull_request_rule()
        };
        world.restart(vec![reported]);
        open_and_abandon(world, 7).await;
        sleep(CLAIM).await;
        start(world).await;
        // The table is asked for what is older than two minutes.
        world.tell().await;
        let page = world.github.page(&commit(1));
        assert_eq!(page, ["in-progress: Running in CodePipeline"]);
    });
}
