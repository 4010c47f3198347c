//! Events that GitHub could not deliver: they are asked for, and what is lost is named.

#![expect(clippy::unwrap_used, reason = "a job without a result fails the test")]

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::domain::jobs::{Job, JobResult, Periods};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::Clock;

use crate::stories::jobs::record;
use crate::world::captured_logs::CapturedLogs;
use crate::world::daemons::FakeDriver;
use crate::world::deliveries::Fate;
use crate::world::fault_injection::Op;
use crate::world::story::{World, run_story};
use crate::world::webhook::{Webhook, commit};

const JOB: Job = Job::MissedDeliveries;
const GIVEN_UP: &str = "GitHub could not deliver an event, and is not asked for it any more";
const UNRECORDED: &str = "GitHub delivered an event of which there is no record";

fn opened(number: u64) -> Webhook {
    let webhook = Webhook::pull_request("opened").number(number);
    webhook.head(&format!("branch-{number}")).sha(number)
}

/// Lets the period of the job pass, runs what is due, and returns what the job did.
async fn next_run(world: &World, daemon: &Arc<FakeDriver>) -> String {
    world.clock.advance(Periods::default().of(JOB).unwrap());
    run(world, daemon).await
}

async fn run(world: &World, daemon: &Arc<FakeDriver>) -> String {
    daemon.run_due().await;
    let result = record(world, JOB).await.result.unwrap();
    format!("{}: {}", result.as_str(), result.detail())
}

async fn open_since(world: &World) -> Option<Timestamp> {
    record(world, JOB).await.success.unwrap().open_since
}

/// Runs the job this often, while the front door is closed.
async fn run_in_vain(world: &World, daemon: &Arc<FakeDriver>, runs: usize) {
    for _ in 0..runs {
        next_run(world, daemon).await;
        world.redeliver(Fate::Fails);
    }
}

/// Plays a story after the first run, in which the repository is known by `acme/api#1`.
fn run_after_the_first(story: impl AsyncFnOnce(&World, &Arc<FakeDriver>)) {
    run_story(async |world| {
        let daemon = world.driver("w1");
        world.attempt(&opened(1), Fate::Arrives);
        world.settle().await;
        run(world, &daemon).await;
        story(world, &daemon).await;
    });
}

#[test]
fn of_events_of_which_five_in_a_hundred_are_lost_none_is_missing_after_one_run() {
    run_after_the_first(async |world, daemon| {
        for number in 2..=201 {
            let fate = if number % 20 == 0 {
                Fate::Fails
            } else {
                Fate::Arrives
            };
            world.attempt(&opened(number), fate);
        }
        world.settle().await;
        assert_eq!(world.mappings().len(), 191);
        let spent = world.faults.spent();
        let detail = next_run(world, daemon).await;
        assert_eq!(
            detail, "done: 21 pages read, 10 events requested",
            "a page of the fake has ten attempts"
        );
        // The other jobs, and begin and end of each; 21 pages, the repository and ten requests. The
        // next run reads the records of the events that arrived.
        assert!(world.faults.spent() - spent < 60);
        world.redeliver(Fate::Arrives);
        world.settle().await;
        assert_eq!(world.mappings().len(), 201);
        let mut again = next_run(world, daemon).await;
        again.retain(|c| !c.is_ascii_digit());
        assert_eq!(again, "done:  pages read,  events requested");
        assert_eq!(world.github.request_counts().len(), 10);
    });
}

#[test]
fn an_event_is_asked_for_three_times_and_named_once() {
    run_after_the_first(async |world, daemon| {
        let logs = CapturedLogs::start();
        for number in 2..=4 {
            world.attempt(&opened(number), Fate::Fails);
        }
        run_in_vain(world, daemon, 200).await;
        let counts = world.github.request_counts();
        assert_eq!(counts.len(), 3);
        assert!(counts.values().all(|count| *count == 3), "{counts:?}");
        let named = logs.lines(GIVEN_UP);
        assert_eq!(named.len(), 3, "{named:?}");
        let line = &named[0];
        assert_eq!(line["delivery.event"], "pull_request");
        assert_eq!(line["delivery.status"], "failed to connect to host");
        assert_eq!(line["repository.id"], 1_001);
        assert_eq!(line["delivery.redeliveries"], 3);
        assert_eq!(open_since(world).await, None);
    });
}

#[test]
fn an_outage_of_the_front_door_is_healed_twenty_events_in_a_run() {
    run_after_the_first(async |world, daemon| {
        for number in 2..=61 {
            world.attempt(&opened(number), Fate::Fails);
            world.clock.advance(Duration::from_secs(120));
        }
        for expected in [40, 20, 0] {
            let detail = next_run(world, daemon).await;
            assert!(detail.contains("20 events requested"), "{detail}");
            let waiting = format!("{expected} waiting for a later run");
            assert_eq!(detail.contains(&waiting), expected > 0, "{detail}");
            world.redeliver(Fate::Arrives);
            world.settle().await;
        }
        assert_eq!(world.mappings().len(), 61);
        assert!(open_since(world).await.is_some());
        next_run(world, daemon).await;
        assert_eq!(open_since(world).await, None);
    });
}

#[test]
fn what_a_run_could_not_read_is_read_by_the_next_one() {
    run_after_the_first(async |world, daemon| {
        world.attempt(&opened(2), Fate::Fails);
        world
            .github
            .refuses(Op::ListDeliveries, Some(GitHubFaultKind::Denied));
        // Longer than the overlap of two runs.
        for _ in 0..12 {
            let failed = next_run(world, daemon).await;
            assert_eq!(failed, "failed: github-denied: as the test ordered");
        }
        world.github.refuses(Op::ListDeliveries, None);
        let detail = next_run(world, daemon).await;
        assert_eq!(detail, "done: 1 page read, 1 event requested");
        world.redeliver(Fate::Arrives);
        world.settle().await;
        assert_eq!(world.mappings().len(), 2);
    });
}

#[test]
fn what_github_refuses_to_deliver_again_stops_nothing() {
    run_after_the_first(async |world, daemon| {
        world.attempt(&opened(2), Fate::Fails);
        world
            .github
            .refuses(Op::Redeliver, Some(GitHubFaultKind::Refused));
        let detail = next_run(world, daemon).await;
        assert_eq!(
            detail,
            "done: 1 page read, 0 events requested, 1 refused by GitHub"
        );
        world
            .github
            .refuses(Op::Redeliver, Some(GitHubFaultKind::Denied));
        let failed = next_run(world, daemon).await;
        assert_eq!(failed, "failed: github-denied: as the test ordered");
    });
}

#[test]
fn one_of_two_daemons_asks_and_what_github_delays_is_left_to_it() {
    run_after_the_first(async |world, one| {
        let other = world.driver("w2");
        world.attempt(&opened(2), Fate::Fails);
        let delayed = opened(3).at(world.clock.now());
        world.attempt(&delayed, Fate::Throttled);
        world.clock.advance(Periods::default().of(JOB).unwrap());
        tokio::join!(one.run_due(), other.run_due());
        let counts = world.github.request_counts();
        assert_eq!(counts.values().sum::<usize>(), 1, "{counts:?}");
        world.redeliver(Fate::Arrives);
        world.attempt(&delayed, Fate::Arrives);
        world.settle().await;
        assert_eq!(world.mappings().len(), 3);
        let detail = next_run(world, one).await;
        assert_eq!(detail, "done: 1 page read, 0 events requested");
    });
}

#[test]
fn an_event_that_arrived_and_left_no_record_is_named_once() {
    run_after_the_first(async |world, daemon| {
        let logs = CapturedLogs::start();
        let (older, newer) = (
            world.clock.now(),
            world.clock.now().plus(Duration::from_secs(5)),
        );
        let push = |number: u64, at| {
            let webhook = Webhook::pull_request("synchronize")
                .number(1)
                .head("branch-1");
            webhook.sha(number).before(1).at(at)
        };
        // The older push of two comes later, changes nothing, and leaves no record.
        world.attempt(&push(50, newer), Fate::Arrives);
        world.settle().await;
        world.attempt(&push(40, older), Fate::Arrives);
        world.settle().await;
        assert_eq!(
            world.mapping("acme/api#1").order.head.unwrap().as_str(),
            commit(50)
        );
        // Ignored, and about a branch that no rule names.
        world.attempt(&Webhook::pull_request("labeled").number(1), Fate::Arrives);
        world.attempt(&Webhook::push("elsewhere", 1, 2), Fate::Vanishes);
        world.attempt(&opened(2), Fate::Vanishes);
        world.settle().await;
        let early = next_run(world, daemon).await;
        assert_eq!(early, "done: 1 page read, 0 events requested");
        let first = next_run(world, daemon).await;
        assert_eq!(
            first,
            "done: 1 page read, 0 events requested, 1 without a record"
        );
        for _ in 0..8 {
            let detail = next_run(world, daemon).await;
            assert!(!detail.contains("without"), "{detail}");
        }
        let named = logs.lines(UNRECORDED);
        assert_eq!(named.len(), 1, "{named:?}");
        assert_eq!(named[0]["delivery.action"], "opened");
        assert_eq!(world.github.request_counts().len(), 0);
    });
}

#[test]
fn nothing_is_said_about_events_before_the_first_run() {
    run_story(async |world| {
        world.attempt(&opened(1), Fate::Arrives);
        world.attempt(&opened(2), Fate::Vanishes);
        world.settle().await;
        world.clock.advance(Duration::from_hours(2));
        let detail = run(world, &world.driver("w1")).await;
        assert_eq!(detail, "done: 1 page read, 0 events requested");
        let JobResult::Done(done) = record(world, JOB).await.result.unwrap() else {
            unreachable!("{detail}")
        };
        assert_eq!(done.open_since, None);
    });
}

#[test]
fn a_list_that_is_too_long_is_read_in_part_and_says_so() {
    run_after_the_first(async |world, daemon| {
        world.attempt(&opened(2), Fate::Fails);
        world.clock.advance(Duration::from_secs(60));
        // 200 pages of the fake, which has ten attempts on each.
        for _ in 0..2_000 {
            world.attempt(&Webhook::ping(), Fate::Arrives);
        }
        let unread = world.clock_text();
        world.attempt(&opened(3), Fate::Fails);
        world.settle().await;
        let detail = next_run(world, daemon).await;
        assert_eq!(
            detail,
            format!(
                "done: 200 pages read, 1 event requested, attempts before {unread} were not read"
            )
        );
        world.redeliver(Fate::Arrives);
        world.settle().await;
        assert_eq!(world.mappings().len(), 2, "the oldest one was not seen");
    });
}
