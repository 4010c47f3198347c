//! Reports converge: whatever the order, the duplicates and the losses of webhooks and of events of
//! executions, once the queues are empty GitHub shows how the newest execution of each head ended.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "the figures are part of the test, and a history that does not converge fails it"
)]

use std::time::{Duration, Instant};

use crate::world::clock::FakeClock;
use crate::world::event_bridge::EventBridge;
use crate::world::history::{self, History};
use crate::world::story::seeded;

/// Histories in one run.
const HISTORIES: u64 = 400;

/// Histories that once did not converge. 8359521064920856236: a late event of an execution before
/// the last one, of which nothing was heard, was that of the pipeline that was created again.
/// 2813497173414391556: a branch ended with a commit that had no deployment yet, and was created
/// again without a head, so that the deployment of the commit before was never ended.
/// 6004203471170052979: an execution of the pipeline that was deleted was taken for that of the new
/// head. 7627478544142301677: a late event of an execution before the one that was started, of
/// which nothing was heard yet. 6619722519646274626: the same, when it was not known when that one
/// began.
const FOUND: [u64; 5] = [
    8_359_521_064_920_856_236,
    2_813_497_173_414_391_556,
    6_004_203_471_170_052_979,
    7_627_478_544_142_301_677,
    6_619_722_519_646_274_626,
];

#[derive(Debug, Default)]
struct Figures {
    webhooks: usize,
    events: usize,
    lost: usize,
    created: usize,
    updated: usize,
    left_running: usize,
}

/// `BRANCHLINE_SEED=17` plays one history alone.
#[test]
fn github_shows_how_the_newest_execution_of_each_head_ended() {
    let begun = Instant::now();
    let mut figures = Figures::default();
    if let Ok(seed) = std::env::var("BRANCHLINE_SEED") {
        play(seed.parse().expect("a number"), &mut figures);
        return;
    }
    let first = fastrand::u64(..u64::MAX / 2);
    for seed in FOUND.into_iter().chain(first..first + HISTORIES) {
        play(seed, &mut figures);
    }
    println!(
        "{HISTORIES} histories from {first}: {figures:?}; {:?}",
        begun.elapsed()
    );
    assert!(
        figures.lost > 30 && figures.left_running > 10,
        "{figures:?}"
    );
}

fn play(seed: u64, figures: &mut Figures) {
    let ended = seeded(seed).block_on(converge(seed, figures));
    ended
        .unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {why}\nwith BRANCHLINE_SEED={seed}"));
}

/// Plays a history out of order, while its executions run.
async fn converge(seed: u64, figures: &mut Figures) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let subjects = 0..rng.usize(1..5);
    let history = History::random(&mut rng, subjects);
    let world = history::world(FakeClock::new());
    world.restart(history::reported_rules());
    world.expect_chaos(&history.back);
    if rng.bool() {
        world.queue.unruly(seed);
    }
    let latest = Duration::from_secs(rng.u64(0..120));
    let mut bridge = EventBridge::disorderly(rng.u64(..), latest);
    let mut webhooks: Vec<_> = history.events.iter().map(|event| &event.webhook).collect();
    for index in 1..webhooks.len() {
        if rng.u8(0..3) == 0 {
            webhooks.swap(index - 1, index);
        }
    }
    for webhook in &webhooks {
        world.send(webhook);
        if rng.u8(0..4) == 0 {
            world.send(webhook);
        }
        if rng.u8(0..3) > 0 {
            world.settle().await;
        }
        for _ in 0..rng.u8(0..4) {
            bridge.tick(&world);
            world.settle().await;
            let most = if rng.bool() { 1_500 } else { 90_000 };
            world.clock.advance(Duration::from_millis(rng.u64(1..most)));
            if rng.bool() {
                world.tell().await;
            }
        }
    }
    world.settle().await;
    figures.webhooks += webhooks.len();
    if rng.u8(0..4) > 0 {
        world.come_to_rest(&mut bridge).await;
    } else {
        bridge.hand_over(&world);
        world.settle().await;
        world.report_everything().await;
        figures.left_running += usize::from(!bridge.is_quiet(&world));
    }
    let (created, updated) = world.github.posts();
    figures.events += bridge.delivered;
    figures.lost += bridge.lost;
    figures.created += created;
    figures.updated += updated;
    let mut left = world.leftovers();
    left.extend(world.reports_left());
    if left.is_empty() {
        return Ok(());
    }
    for row in world.store.rows() {
        let subject = row.subject.display(&row.repository);
        left.push(format!("{subject}: {:?}", world.history(&subject)));
    }
    left.extend(webhooks.iter().map(|webhook| format!("{webhook:?}")));
    Err(left.join("\n"))
}
