//! A signed webhook can be sent again at any time, by anyone who captured it: GitHub signs the
//! body, and neither the delivery's id nor the time. A replay of a captured message changes nothing
//! that later events decided, whatever its headers are.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    clippy::expect_used,
    reason = "the figures are part of the test, and a replay that changes something fails it"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use branchline::domain::ids::Timestamp;
use branchline::domain::intake::authenticated::{CONTENT_TYPE, DELIVERY};
use branchline::domain::intake::envelope::Attribute;
use branchline::domain::state::mapping::Mapping;
use branchline::ports::Clock;
use serde_json::json;

use crate::world::account::Pipeline;
use crate::world::clock::FakeClock;
use crate::world::history::{self, History, WEB};
use crate::world::story::{World, seeded};
use crate::world::webhook::{REPOSITORY, Sealed, Webhook};

/// Histories in one run.
const HISTORIES: u64 = 1_000;

/// The kinds of events that a pipeline depends on, as [`Webhook::kind`] writes them.
const KINDS: [&str; 12] = [
    "pull_request opened",
    "pull_request synchronize",
    "pull_request edited",
    "pull_request converted_to_draft",
    "pull_request ready_for_review",
    "pull_request closed",
    "pull_request reopened",
    "push ",
    "create ",
    "delete ",
    "repository deleted",
    "repository archived",
];

/// Histories that failed once: a creation that was older than its push was not remembered; two
/// events entered the queue in one millisecond.
const FOUND: [u64; 3] = [
    6_603_096_087_359_011_258,
    8_119_897_384_670_625_593,
    6_503_675_980_342_364_164,
];

#[derive(Default)]
struct Figures {
    webhooks: usize,
    replays: BTreeMap<String, usize>,
}

/// `BRANCHLINE_SEED=17` plays one history alone.
#[test]
fn a_replay_changes_nothing_that_later_events_decided() {
    let begun = Instant::now();
    let mut figures = Figures::default();
    if let Ok(seed) = std::env::var("BRANCHLINE_SEED") {
        play(seed.parse().expect("a number"), &mut figures);
        return;
    }
    for seed in FOUND {
        play(seed, &mut figures);
    }
    let first = fastrand::u64(..u64::MAX / 2);
    for seed in first..first + HISTORIES {
        play(seed, &mut figures);
    }
    println!(
        "{HISTORIES} histories from {first}: {} webhooks, replays {:?}; {:?}",
        figures.webhooks,
        figures.replays,
        begun.elapsed()
    );
    for kind in KINDS {
        let replays = figures.replays.get(kind);
        assert!(replays.is_some(), "no {kind} was replayed");
    }
}

fn play(seed: u64, figures: &mut Figures) {
    let ended = seeded(seed).block_on(replay(seed, figures));
    ended
        .unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {why}\nwith BRANCHLINE_SEED={seed}"));
}

/// Plays a history in its order, with replays of what was captured so far after each event.
async fn replay(seed: u64, figures: &mut Figures) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = history::world(FakeClock::new());
    let mut lives: Vec<Vec<Webhook>> = (0..rng.usize(1..5))
        .map(|subject| History::random(&mut rng, subject..subject + 1))
        .map(|history| history.events.into_iter().map(|event| event.webhook))
        .map(|webhooks| webhooks.rev().collect())
        .collect();
    for life in &mut lives {
        push_before_create(life, &mut rng);
    }
    let mut captured: Vec<(String, Sealed)> = Vec::new();
    while !lives.is_empty() {
        let now = world.clock.now();
        let webhook = match rng.u8(0..16) {
            0 => repository(now, &mut rng),
            _ => {
                let life = rng.usize(..lives.len());
                let next = lives.get_mut(life).and_then(Vec::pop);
                let Some(webhook) = next else {
                    lives.swap_remove(life);
                    continue;
                };
                webhook.at(now)
            }
        };
        let kind = webhook.kind();
        let sealed = webhook.seal(now);
        deliver(&world, &sealed, &mut rng).await;
        if kind.starts_with("repository ") {
            // Nobody restores a repository within the second in which it was deleted or archived.
            world.clock.advance(Duration::from_secs(1));
        }
        captured.push((kind, sealed));
        figures.webhooks += 1;
        for _ in 0..rng.u8(0..4) {
            let Some((kind, sealed)) = rng.choice(&captured).cloned() else {
                continue;
            };
            let (before, shown) = (state(&world), show(&world));
            deliver(&world, &forged(sealed, &captured, &mut rng), &mut rng).await;
            if state(&world) != before {
                let after = show(&world);
                return Err(format!("{kind}: before {shown:#?}\nafter {after:#?}"));
            }
            *figures.replays.entry(kind).or_default() += 1;
        }
    }
    Ok(())
}

/// Lets the push of some new branches arrive before their `create`. The next webhook is the last in
/// the list.
fn push_before_create(life: &mut [Webhook], rng: &mut fastrand::Rng) {
    for index in 1..life.len() {
        let is_create = life.get(index).is_some_and(|one| one.kind() == "create ");
        if is_create && rng.bool() {
            life.swap(index - 1, index);
        }
    }
}

/// Deletes or archives a repository. It may be restored: later events of its subjects follow.
fn repository(now: Timestamp, rng: &mut fastrand::Rng) -> Webhook {
    let (id, name) = if rng.bool() { REPOSITORY } else { WEB };
    let action = if rng.bool() { "deleted" } else { "archived" };
    let now = Timestamp(now.seconds() * 1_000);
    let repository = json!({"id": id, "full_name": name, "updated_at": now.to_string()});
    let payload = json!({"action": action, "repository": repository});
    Webhook::event("repository", payload)
}

/// Gives a captured message other headers: an id of its own or that of another delivery, and any
/// content type.
fn forged(mut sealed: Sealed, captured: &[(String, Sealed)], rng: &mut fastrand::Rng) -> Sealed {
    let random = format!("{:032x}", rng.u128(..));
    let other = rng.choice(captured).and_then(|(_, other)| {
        let mut attributes = other.attributes.iter();
        attributes.find(|(name, _)| name == DELIVERY)
    });
    let id = match other {
        Some((_, id)) if rng.bool() => id.clone(),
        Some(_) | None => Attribute::text(random),
    };
    let form = Attribute::text("application/x-www-form-urlencoded");
    for (name, value) in &mut sealed.attributes {
        if name == DELIVERY && rng.u8(0..4) > 0 {
            *value = id.clone();
        }
        if name == CONTENT_TYPE && rng.bool() {
            *value = form.clone();
        }
    }
    sealed
}

/// Delivers a message and lets some time pass: often less than a second, sometimes months.
async fn deliver(world: &World, sealed: &Sealed, rng: &mut fastrand::Rng) {
    let sent = world.queue.deliver(&sealed.body, &sealed.attributes);
    sent.expect("a message that SQS accepts");
    world.settle().await;
    let millis = match rng.u8(0..16) {
        0 => rng.u64(..10_000_000_000),
        1..4 => rng.u64(..3_000),
        _ => rng.u64(1..300),
    };
    world.clock.advance(Duration::from_millis(millis));
}

/// Returns what a person needs to understand a change.
fn show(world: &World) -> Vec<String> {
    let rows = world.store.rows();
    let order = |row: &Mapping| format!("{:?} {:?} {:?}", row.subject, row.state, row.order);
    let mut shown: Vec<String> = rows.iter().map(order).collect();
    shown.extend(world.picture(true));
    shown
}

fn state(world: &World) -> (Vec<Mapping>, BTreeMap<String, Pipeline>) {
    (world.store.rows(), world.account.all())
}
