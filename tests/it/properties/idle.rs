//! Idle subjects: whatever happens, no pipeline is removed while it is in use, nothing is lost, and
//! what became active again has its pipeline.
//!
//! `BRANCHLINE_SEED=17 cargo test --test it properties::idle -- --nocapture` plays one seed alone.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a world that does not converge fails the test, and the figures are part of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::domain::intake::envelope::Source;
use branchline::domain::intake::sleep_request::SleepRequest;
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::retention::{OnFull, Retention};
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::idle::EVICTED_AFTER;
use branchline::domain::state::mapping::State;
use branchline::ports::{Clock, Store};
use tokio::time::sleep;

use super::crashes::TROUBLES;
use crate::world::clock::FakeClock;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::Trouble;
use crate::world::job_daemon::ChaoticDaemons;
use crate::world::queue::SENDER;
use crate::world::rules::pull_request_rule;
use crate::world::story::{World, owner, paused, seeded};
use crate::world::webhook::Webhook;

/// Runs in one test.
const SEEDS: u64 = 100;
/// A reopening that the event after it overtook was no activity; a message that waited for a slot
/// until its attempts were used up; an eviction that was cut off and whose request was deleted.
const PINNED: [u64; 3] = [
    5_429_301_002_881_116_802,
    7_009_475_376_603_371_955,
    5_078_317_874_465_684_443,
];
/// `idle` of the rule.
const IDLE: Duration = Duration::from_secs(1_800);
/// Longer than messages, abandoned claims and the jobs take to bring the world to rest, and than
/// another announcement after a removal was withdrawn.
const SETTLED: Duration = Duration::from_secs(3_600);

/// Returns a rule under which idle pipelines are removed for those who wait.
fn evicting(max: u32, is_reported: bool) -> Rule {
    Rule {
        max_active: Some(max),
        retention: Retention {
            on_full: OnFull::EvictIdle,
            ..Retention::default()
        },
        ..rule(is_reported)
    }
}

/// Returns a rule under which pipelines are removed after [`IDLE`].
fn rule(is_reported: bool) -> Rule {
    Rule {
        retention: Retention {
            idle: Some(IDLE),
            ..Retention::default()
        },
        report: is_reported.then_some(ReportForm::Check),
        ..pull_request_rule()
    }
}

#[test]
fn whatever_happens_only_idle_subjects_are_asleep() {
    if let Ok(seed) = std::env::var("BRANCHLINE_SEED") {
        println!("{:?}", play(seed.parse().unwrap()));
        return;
    }
    let first = fastrand::u64(..u64::MAX / 2);
    let mut all = Figures::default();
    for seed in PINNED.into_iter().chain(first..first + SEEDS) {
        let figures = play(seed);
        all.slept += figures.slept;
        all.woke += figures.woke;
    }
    println!("{SEEDS} seeds from {first}: {all:?}");
    assert!(
        all.slept > 100 && all.woke > 100,
        "too little sleep: {all:?}"
    );
}

/// How often subjects fell asleep, and woke.
#[derive(Debug, Default)]
struct Figures {
    slept: usize,
    woke: usize,
}

/// A pull request at GitHub.
#[derive(Clone, Copy, Debug)]
struct Pull {
    is_open: bool,
    head: u64,
    last_activity: Timestamp,
}

fn play(seed: u64) -> Figures {
    let ended = seeded(seed).block_on(simulate(seed));
    ended.unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {why}"))
}

async fn simulate(seed: u64) -> Result<Figures, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = Arc::new(World::new(FakeClock::following_tokio()));
    world.expect_chaos(&BTreeSet::new());
    if rng.bool() {
        world.queue.unruly(seed);
    }
    let is_reported = rng.bool();
    let max = rng.bool().then(|| rng.u32(1..=2));
    // The limit is not new: a first count would count what is half-way as well.
    let counted = world.store.count_slots("pull requests", &[]);
    counted.await.map_err(|fault| fault.to_string())?;
    let rule = match max {
        Some(max) => evicting(max, is_reported),
        None => rule(is_reported),
    };
    let daemons = ChaoticDaemons::start(&world, &[rule], &mut rng);
    let mut bridge = EventBridge::disorderly(seed, Duration::from_secs(60));
    let mut pulls: BTreeMap<u64, Pull> = BTreeMap::new();
    let life = async {
        for _ in 0..rng.usize(10..30) {
            let wait = match (rng.u8(0..4), max) {
                // About as long as it takes to fall asleep, so that both happen at the same time.
                (0, None) => rng.u64(1_700..2_600),
                (0, Some(_)) => rng.u64(3_000..4_500),
                _ => rng.u64(2..400),
            };
            sleep(Duration::from_secs(wait)).await;
            step(&world, &mut pulls, &mut rng);
        }
        daemons.stop_chaos();
        sleep(SETTLED).await;
        check(&world, &pulls, max)?;
        // Those that are asleep wake.
        for (number, pull) in &mut pulls {
            push(&world, *number, pull);
        }
        sleep(Duration::from_secs(600)).await;
        check(&world, &pulls, max)?;
        if max.is_some() {
            // Nobody waits any more.
            for (number, pull) in &pulls {
                let now = world.clock.now().plus(Duration::from_secs(2));
                world.send(&webhook("closed", *number, pull.head, now));
            }
            sleep(Duration::from_secs(7_200)).await;
        }
        Ok::<_, String>(())
    };
    let lived = tokio::select! {
        biased;
        never = bridge.run(&world) => match never {},
        lived = life => lived,
    };
    daemons.end().await?;
    lived?;
    // A request or an event may have been sent last.
    world.settle().await;
    let mut left = without_expired_waits(&world);
    left.extend(world.leftovers());
    if !left.is_empty() {
        return Err(left.join("\n"));
    }
    Ok(figures(&world))
}

/// Takes the messages that waited for a slot until their attempts were used up: their subjects keep
/// their places, which was checked. Returns the other dead letters.
fn without_expired_waits(world: &World) -> Vec<String> {
    let dead_letters = world.take_dead_letters().into_iter();
    let others = dead_letters.filter(|letter| {
        let attempts = letter.text("branchline-attempts");
        let attempts = attempts.and_then(|text| text.parse().ok());
        letter.text("branchline-reason") != Some("rule-full")
            || attempts < Some(MaxAttempts::default().quota)
    });
    others
        .map(|letter| format!("dead letter: {:?}", letter.text("branchline-detail")))
        .collect()
}

/// Lets something happen to a pull request.
fn step(world: &World, pulls: &mut BTreeMap<u64, Pull>, rng: &mut fastrand::Rng) {
    let number = rng.u64(1..=4);
    let now = world.clock.now();
    let Some(pull) = pulls.get_mut(&number) else {
        let pull = Pull {
            is_open: true,
            head: 1,
            last_activity: now,
        };
        pulls.insert(number, pull);
        world.send(&webhook("opened", number, 1, now));
        return;
    };
    match (pull.is_open, rng.u8(0..6)) {
        (true, 0..=2) => push(world, number, pull),
        (true, 3) => {
            let edited = webhook("edited", number, pull.head, now);
            world.send(&edited.title(&format!("Title {now}")));
        }
        (true, _) => {
            pull.is_open = false;
            world.send(&webhook("closed", number, pull.head, now));
        }
        (false, _) => {
            (pull.is_open, pull.last_activity) = (true, now);
            world.send(&webhook("reopened", number, pull.head, now));
        }
    }
}

fn push(world: &World, number: u64, pull: &mut Pull) {
    if !pull.is_open {
        return;
    }
    let (before, now) = (pull.head, world.clock.now());
    (pull.head, pull.last_activity) = (before + 1, now);
    world.send(&webhook("synchronize", number, pull.head, now).before(before));
}

fn webhook(action: &str, number: u64, head: u64, now: Timestamp) -> Webhook {
    Webhook::pull_request(action)
        .number(number)
        .sha(head)
        .at(now)
}

/// Checks that each open pull request has a pipeline, waits for one, or is asleep; that one is
/// asleep only if it was idle for long enough; and that no activity was missed.
fn check(world: &World, pulls: &BTreeMap<u64, Pull>, max: Option<u32>) -> Result<(), String> {
    let rows = world.store.rows();
    let active = rows.iter().filter(|row| row.state == State::Active).count();
    let is_full = max.is_some_and(|max| usize::try_from(max) == Ok(active));
    let needed = max.map_or(IDLE, |_| EVICTED_AFTER);
    for (number, pull) in pulls {
        let row = world.mapping(&format!("acme/api#{number}"));
        let last = pull.last_activity.seconds();
        // If an edit arrives before the opening, it is the first to name the head commit.
        let is_known = row.activity.last.map(Timestamp::seconds) >= Some(last);
        let is_right = match (pull.is_open, row.state, row.activity.sleep) {
            (false, State::Gone, None) => true,
            (true, State::Active, None) => is_known,
            (true, State::Asleep, Some(sleep)) => {
                let idle_for = sleep.since.since(pull.last_activity);
                is_known && idle_for + Duration::from_secs(10) >= needed
            }
            // It waits for a slot.
            (true, State::Creating, None) => is_known && is_full,
            _ => false,
        };
        let row = (row.state, &row.activity, &row.last_error);
        is_right
            .then_some(())
            .ok_or_else(|| format!("#{number} {pull:?} is {row:?}; {:?}", world.mappings()))?;
    }
    Ok(())
}

/// Returns how often subjects fell asleep and woke, by the audit trail.
fn figures(world: &World) -> Figures {
    let rows = world.store.rows();
    let entries: Vec<_> = rows
        .iter()
        .flat_map(|row| world.store.audit(&row.subject))
        .collect();
    let count = |is: &dyn Fn(&str, &str) -> bool| {
        let of = entries.iter().filter(|entry| {
            let from = entry.from.as_deref().unwrap_or_default();
            is(from, &entry.to)
        });
        of.count()
    };
    Figures {
        slept: count(&|from, to| from != "asleep" && to == "asleep"),
        woke: count(&|from, to| from == "asleep" && to == "active"),
    }
}

/// Plays the life of a pull request that falls asleep, and wakes if `wakes`. The calls of these
/// numbers meet trouble. Returns the end, and the number of calls.
async fn fall_asleep(
    wakes: bool,
    is_reported: bool,
    troubles: &[(usize, Trouble)],
) -> (Result<Vec<String>, Vec<String>>, usize) {
    let world = World::new(FakeClock::new());
    world.restart(vec![rule(is_reported)]);
    world.expect_chaos(&BTreeSet::new());
    for (number, trouble) in troubles {
        world.faults.at_call(*number, *trouble);
    }
    world.deliver(Webhook::pull_request("opened")).await;
    let mut bridge = EventBridge::orderly();
    while !bridge.is_quiet(&world) {
        bridge.tick(&world);
        world.settle().await;
        world.clock.advance(Duration::from_secs(30));
    }
    // The announcement, then the removal. The job asks again until nothing is due.
    for _ in 0..5 {
        world.clock.advance(IDLE);
        let row = world.mapping("acme/api#7");
        let message = SleepRequest::new(&row, None).to_message(&owner());
        let (body, attributes) = (&message.body, &message.attributes);
        let sent = world
            .queue
            .deliver_to(Source::Internal, Some(SENDER), body, attributes);
        assert!(sent.is_ok(), "{sent:?}");
        world.settle().await;
    }
    if wakes {
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
    }
    let calls = world.faults.calls().len();
    let left = world.leftovers();
    let end = match left.is_empty() {
        true => Ok(world.picture(true)),
        false => Err(left),
    };
    (end, calls)
}

#[test]
fn any_call_of_a_subject_that_falls_asleep_may_meet_any_trouble() {
    let runtime = paused();
    for (wakes, is_reported) in [(false, false), (false, true), (true, true)] {
        let (wanted, calls) = runtime.block_on(fall_asleep(wakes, is_reported, &[]));
        let state = if wakes { "active" } else { "asleep" };
        assert!(
            format!("{wanted:?}").contains(&format!("acme/api#7 {state}")),
            "{wanted:?}"
        );
        for number in 1..=calls {
            for trouble in TROUBLES {
                let troubles = [(number, trouble)];
                let played = fall_asleep(wakes, is_reported, &troubles);
                let (got, _) = runtime.block_on(played);
                assert_eq!(
                    got, wanted,
                    "{wakes} {is_reported}: call {number}: {trouble:?}"
                );
            }
        }
        println!("{calls:3} calls, {wakes} {is_reported}");
    }
}
