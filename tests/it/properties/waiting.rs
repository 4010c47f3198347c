//! Subjects that wait for a slot of `max_active`: the one that waited longest gets the slot that
//! becomes free, at once, whatever happens to daemons and to wakes.
//!
//! `BRANCHLINE_SEED=17 cargo test --test it waiting -- --nocapture` plays one seed alone.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a world that does not converge fails the test, and the figures are part of it"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::ids::Timestamp;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, Store};
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::clock::FakeClock;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::job_daemon::{ChaoticDaemons, JOBS, job_daemon};
use crate::world::rules::pull_request_rule;
use crate::world::story::{World, paused, run_daemon, run_story, seeded};
use crate::world::webhook::Webhook;

/// Shorter than any wait of a message that found its rule full.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Runs in one test.
const SEEDS: u64 = 100;
/// How long webhooks arrive and the chaos lasts.
const CHAOS: Duration = Duration::from_secs(600);
/// Longer than an abandoned claim and the period of the job, and shorter than the time after which
/// a message that found its rule full is dead-lettered.
const SETTLED: Duration = Duration::from_secs(1_800);

fn limited(max: u32) -> Vec<Rule> {
    vec![Rule {
        max_active: Some(max),
        ..pull_request_rule()
    }]
}

fn opened(number: u64) -> Webhook {
    Webhook::pull_request("opened").number(number)
}

fn closed(number: u64) -> Webhook {
    Webhook::pull_request("closed").number(number)
}

/// Plays a life beside so many daemons, and checks that nothing is left over.
fn beside_daemons(workers: usize, rules: Vec<Rule>, life: impl AsyncFnOnce(&World)) {
    paused().block_on(async {
        let world = Arc::new(World::new(FakeClock::following_tokio()));
        let (shutdown, stop) = Shutdown::channel();
        let mut daemons = JoinSet::new();
        for number in 0..workers {
            let faults = world.faults.clone();
            let name = format!("w{number}");
            daemons.spawn(job_daemon(
                Arc::clone(&world),
                name,
                rules.clone(),
                faults,
                stop.clone(),
            ));
        }
        life(&world).await;
        shutdown.request();
        while let Some(ended) = daemons.join_next().await {
            ended.unwrap();
        }
        world.finish();
    });
}

/// Opens pull requests 1 to `last`, one after the other.
async fn open(world: &World, last: u64) {
    sleep(AT_ONCE).await;
    for number in 1..=last {
        world.send(&opened(number));
        sleep(Duration::from_secs(1)).await;
    }
}

/// Closes pull requests, until nothing is left to do.
async fn close(world: &World, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        world.send(&closed(number));
    }
    sleep(Duration::from_secs(7_200)).await;
}

#[test]
fn a_closing_makes_room_for_exactly_one_at_once() {
    for workers in [1, 2] {
        beside_daemons(workers, limited(2), async |world| {
            open(world, 6).await;
            assert_eq!(world.pipelines(), ["api-pr-1", "api-pr-2"]);
            let begun = world.clock.now();
            world.send(&closed(1));
            while world.pipelines() != ["api-pr-2", "api-pr-3"] {
                sleep(Duration::from_millis(10)).await;
                assert!(
                    world.clock.now().since(begun) < AT_ONCE,
                    "{workers} workers"
                );
            }
            let took = world.clock.now().since(begun);
            println!("{workers} workers: {took:?} from the closing to the next pipeline");
            sleep(Duration::from_secs(1_200)).await;
            assert_eq!(world.pipelines(), ["api-pr-2", "api-pr-3"]);
            close(world, 2..=6).await;
        });
    }
}

#[test]
fn a_subject_that_closes_while_it_waits_hands_its_turn_on() {
    beside_daemons(1, limited(1), async |world| {
        open(world, 4).await;
        // The second and the third close in the same moment as the first.
        for number in [2, 1, 3] {
            world.send(&closed(number));
        }
        sleep(AT_ONCE).await;
        assert_eq!(world.pipelines(), ["api-pr-4"]);
        close(world, [4]).await;
    });
}

#[test]
fn a_newcomer_does_not_overtake_those_who_wait() {
    beside_daemons(1, limited(1), async |world| {
        open(world, 2).await;
        // The wake is lost, so that the slot is free for a while.
        world.faults.next(
            Op::Send,
            1,
            Trouble::Fail(When::Before, Reason::AwsThrottled),
        );
        world.send(&closed(1));
        sleep(AT_ONCE).await;
        world.send(&opened(3));
        sleep(AT_ONCE).await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        sleep(JOBS).await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
        close(world, [2, 3]).await;
    });
}

#[test]
fn the_job_finds_who_is_in_turn_if_the_wake_is_lost() {
    for trouble in [
        Trouble::Fail(When::Before, Reason::AwsThrottled),
        Trouble::Hang(When::Before),
    ] {
        beside_daemons(1, limited(1), async |world| {
            open(world, 2).await;
            // Nor does its own message return in time.
            world.queue.purge();
            world.faults.next(Op::Send, 1, trouble);
            world.send(&closed(1));
            sleep(AT_ONCE).await;
            assert_eq!(world.pipelines(), Vec::<String>::new(), "{trouble:?}");
            sleep(JOBS + Duration::from_secs(10)).await;
            assert_eq!(world.pipelines(), ["api-pr-2"], "{trouble:?}");
            close(world, [2]).await;
        });
    }
}

#[test]
fn its_own_message_returns_if_the_worker_dies_between_release_and_wake() {
    for (op, trouble) in [
        (Op::ReleaseSlot, Trouble::Hang(When::After)),
        (Op::ReleaseSlot, Trouble::Hang(When::Before)),
        (Op::Send, Trouble::Hang(When::Before)),
        (Op::Send, Trouble::Hang(When::After)),
    ] {
        run_story(async |world| {
            world.restart(limited(1));
            world.store.count_slots("pull requests", &[]).await.unwrap();
            world.deliver(opened(1)).await;
            world.send(&opened(2));
            world.work_once().await;
            world.faults.next(op, 1, trouble);
            world.deliver(closed(1)).await;
            assert_eq!(world.pipelines(), ["api-pr-2"], "{op:?} {trouble:?}");
        });
    }
}

#[test]
fn a_raised_limit_wakes_as_many_as_fit() {
    run_daemon(async |world| {
        let work = async |max| {
            let (shutdown, stop) = Shutdown::channel();
            let settings = WorkerConfig {
                concurrency: 8,
                drain_timeout: Duration::from_secs(25),
                seed: 1,
            };
            let daemon = world.daemon("w2", limited(max), &world.faults, &world.clock, settings);
            let end = async {
                sleep(Duration::from_secs(10)).await;
                shutdown.request();
            };
            let (ended, ()) = tokio::join!(daemon.run(RunMode::Daemon, stop), end);
            ended.unwrap();
        };
        work(1).await;
        for number in 1..=5 {
            world.send(&opened(number));
        }
        work(1).await;
        assert_eq!(world.pipelines().len(), 1);
        work(3).await;
        assert_eq!(world.pipelines().len(), 3);
        for number in 1..=5 {
            world.send(&closed(number));
        }
        world.settle().await;
    });
}

/// Pull requests open and close at random, daemons die, calls fail and wakes are lost. In the end
/// there are as many pipelines as open pull requests or slots, and a closing makes room for one.
#[test]
fn whatever_happens_the_slots_are_used() {
    if let Ok(seed) = std::env::var("BRANCHLINE_SEED") {
        play(seed.parse().unwrap());
        return;
    }
    let first = fastrand::u64(..u64::MAX / 2);
    for seed in first..first + SEEDS {
        play(seed);
    }
    println!("{SEEDS} seeds from {first}");
}

fn play(seed: u64) {
    let ended = seeded(seed).block_on(simulate(seed));
    ended.unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {why}"));
}

async fn simulate(seed: u64) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = Arc::new(World::new(FakeClock::following_tokio()));
    world.expect_chaos(&BTreeSet::new());
    // The limit is not new: a first count would count what is half-way as well.
    world.store.count_slots("pull requests", &[]).await.unwrap();
    if rng.bool() {
        world.queue.unruly(seed);
    }
    let max = rng.usize(1..=3);
    let rules = limited(u32::try_from(max).unwrap());
    let daemons = ChaoticDaemons::start(&world, &rules, &mut rng);
    let last = rng.u64(2..9);
    let mut open: BTreeSet<u64> = BTreeSet::new();
    let end = tokio::time::Instant::now() + CHAOS;
    for _ in 0..rng.usize(5..30) {
        // The order within a second of GitHub's times is not known.
        sleep(Duration::from_secs(rng.u64(2..40))).await;
        let number = rng.u64(1..=last);
        let at = world.clock.now();
        if open.remove(&number) {
            world.send(&closed(number).at(at));
        } else {
            open.insert(number);
            world.send(&Webhook::pull_request("reopened").number(number).at(at));
        }
        if rng.u8(0..8) == 0 {
            world.queue.lose_wakes();
        }
    }
    tokio::time::sleep_until(end).await;
    daemons.stop_chaos();
    sleep(SETTLED).await;
    let check = |open: &BTreeSet<u64>, what: &str| {
        let pipelines = world.pipelines();
        let is_right = pipelines.len() == open.len().min(max);
        let rows = world.store.rows();
        let errors = rows.iter().filter_map(|row| row.last_error.as_deref());
        let (errors, mappings) = (errors.collect::<Vec<_>>(), world.mappings());
        let slots = world.store.slot_use("pull requests");
        let why = format!(
            "{what}: {pipelines:?} for {open:?} and {max} slots: {mappings:?} {errors:?} {slots:#?}"
        );
        is_right.then_some(()).ok_or(why)
    };
    check(&open, "after the chaos")?;
    let having: Vec<u64> = world.open().iter().map(|name| number(name)).collect();
    if let Some(first) = having.first() {
        open.remove(first);
        world.send(&closed(*first).at(later(&world)));
        sleep(AT_ONCE).await;
        check(&open, "at once after a closing")?;
    }
    for number in open {
        world.send(&closed(number).at(later(&world)));
    }
    sleep(Duration::from_secs(7_200)).await;
    daemons.end().await?;
    let left = world.leftovers();
    left.is_empty().then_some(()).ok_or(left.join("\n"))
}

fn number(name: &str) -> u64 {
    name.rsplit_once('#').unwrap().1.parse().unwrap()
}

/// Returns a time of GitHub's after all others: its clock is exact to a second.
fn later(world: &World) -> Timestamp {
    world.clock.now().plus(Duration::from_secs(2))
}
