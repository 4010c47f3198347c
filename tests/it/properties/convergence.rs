//! Convergence: whatever the order, the duplicates, the cuts and the repairs, once the queues are
//! empty the world is the world of the ordered history.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "the figures are part of the test, and a history that does not converge fails it"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::world::clock::FakeClock;
use crate::world::history::{self, Event, History};
use crate::world::story::{World, seeded};

/// Histories in one run, half of them on each of two threads.
const HISTORIES: u32 = 10_000;

/// What is done to a history before it arrives.
#[derive(Clone, Copy, Debug)]
struct Disorder {
    seed: u64,
    /// Some webhooks are lost, but never the last of a subject.
    cuts: bool,
    /// The queue does everything that a standard queue may do.
    unruly: bool,
    /// Operators send repairs of any generation.
    repairs: bool,
}

#[derive(Default)]
struct Figures {
    events: AtomicUsize,
    arrivals: AtomicUsize,
    repairs: AtomicUsize,
    left: AtomicUsize,
    open: AtomicUsize,
}

fn add(figure: &AtomicUsize, more: usize) {
    figure.fetch_add(more, Ordering::Relaxed);
}

#[test]
fn any_order_ends_in_the_world_of_the_ordered_history() {
    let begun = Instant::now();
    let figures = Figures::default();
    std::thread::scope(|scope| {
        let half = || scope.spawn(|| run(HISTORIES / 2, &figures));
        for half in [half(), half()] {
            half.join().expect("no history fails");
        }
    });
    let figure = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
    println!(
        "{HISTORIES} histories of {} events, {} after the cuts; {} arrivals and {} repairs; {} subjects open at the end; {:?}",
        figure(&figures.events),
        figure(&figures.left),
        figure(&figures.arrivals),
        figure(&figures.repairs),
        figure(&figures.open),
        begun.elapsed(),
    );
}

/// Histories in which names and rules change.
const RENAMED_HISTORIES: u32 = 3_000;

#[test]
fn whatever_happens_to_names_and_rules_nothing_is_left_of_what_ended() {
    let config = Config {
        cases: RENAMED_HISTORIES,
        failure_persistence: None,
        ..Config::default()
    };
    let lives = vec(vec(any::<u8>(), 0..7), 1..5);
    let outcome = TestRunner::new(config).run(&(lives, any::<u64>()), |(lives, seed)| {
        let ended = seeded(seed).block_on(rename(&lives, seed));
        ended.map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, (lives, seed))) => panic!("{lives:?} {seed}\n{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// Plays a history out of order in which the repositories have other names for a while, and in
/// which the rules are narrowed once.
async fn rename(lives: &[Vec<u8>], seed: u64) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut history = History::of(lives);
    history.rename(&mut rng);
    let world = history::world(FakeClock::new());
    history::make_known(&world).await;
    if rng.bool() {
        world.queue.unruly(seed);
    }
    let mut arrivals = arrivals(&history.events, &mut rng);
    let narrowed = arrivals.split_off(rng.usize(..=arrivals.len()));
    deliver(&world, arrivals, None, &mut rng).await;
    if rng.bool() {
        world.restart(history::narrowed_rules());
    }
    deliver(&world, narrowed, None, &mut rng).await;
    history::nothing_left_of_what_ended(&world, &history)
}

fn run(histories: u32, figures: &Figures) {
    let config = Config {
        cases: histories,
        failure_persistence: None,
        ..Config::default()
    };
    let lives = vec(vec(any::<u8>(), 0..7), 1..5);
    let disorder = (any::<u64>(), any::<bool>(), any::<bool>(), any::<bool>());
    let outcome = TestRunner::new(config).run(&(lives, disorder), |(lives, disorder)| {
        let (seed, cuts, unruly, repairs) = disorder;
        let disorder = Disorder {
            seed,
            cuts,
            unruly,
            repairs,
        };
        let ended = seeded(seed).block_on(compare(&lives, disorder, figures));
        ended.map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, (lives, disorder))) => panic!("{lives:?} {disorder:?}\n{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

async fn compare(lives: &[Vec<u8>], disorder: Disorder, figures: &Figures) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(disorder.seed);
    let mut history = History::of(lives);
    add(&figures.events, history.events.len());
    if disorder.cuts {
        history
            .events
            .retain(|event| event.last || rng.u8(0..4) > 0);
    }
    add(&figures.left, history.events.len());

    let ordered = history::world(FakeClock::new());
    for event in &history.events {
        ordered.deliver(event.webhook.clone()).await;
    }
    let disordered = history::world(FakeClock::new());
    if disorder.unruly {
        disordered.queue.unruly(disorder.seed);
    }
    let arrivals = arrivals(&history.events, &mut rng);
    add(&figures.arrivals, arrivals.len());
    if disorder.repairs {
        // A repair that updates a clone stops its execution and starts it again.
        disordered.expect_chaos(&history.back);
    }
    let repairs = disorder.repairs.then_some(&history);
    let repairs = deliver(&disordered, arrivals, repairs, &mut rng).await;
    add(&figures.repairs, repairs);

    add(&figures.open, history.open.len());
    settled(&ordered, "in order", &history)?;
    settled(&disordered, "out of order", &history)?;
    // `create` does not name a commit, and the push beside it may be cut.
    let picture = |world: &World| history::without_strays(world.picture(!disorder.cuts));
    let (wanted, got) = (picture(&ordered), picture(&disordered));
    if wanted == got {
        return Ok(());
    }
    Err(format!("in order {wanted:#?}\nout of order {got:#?}"))
}

/// Returns the webhooks in another order, some of them twice: swapped here and there, or shuffled.
fn arrivals(events: &[Event], rng: &mut fastrand::Rng) -> Vec<Event> {
    let again: Vec<Event> = events
        .iter()
        .filter(|_| rng.u8(0..5) == 0)
        .cloned()
        .collect();
    let mut arrivals = [events, &again].concat();
    if rng.bool() {
        rng.shuffle(&mut arrivals);
    } else {
        for index in 1..arrivals.len() {
            if rng.u8(0..3) == 0 {
                arrivals.swap(index - 1, index);
            }
        }
    }
    arrivals
}

/// Sends them in bursts, between which the world may or may not come to rest, with repairs in
/// between and at the end. Returns the number of repairs.
async fn deliver(
    world: &World,
    arrivals: Vec<Event>,
    repairs: Option<&History>,
    rng: &mut fastrand::Rng,
) -> usize {
    let mut sent = 0;
    let mut send_repair = |rng: &mut fastrand::Rng| {
        if let Some(history) = repairs {
            let (repair, repository) = history::repair(world, history, rng);
            world.send_repair(&repair, &repository);
            sent += 1;
        }
    };
    for event in arrivals {
        world.send(&event.webhook);
        if rng.u8(0..3) == 0 {
            send_repair(rng);
        }
        world
            .clock
            .advance(Duration::from_millis(rng.u64(1..1_500)));
        if rng.u8(0..4) == 0 {
            world.settle().await;
        }
    }
    world.settle().await;
    send_repair(rng);
    send_repair(rng);
    world.settle().await;
    sent
}

fn settled(world: &World, how: &str, history: &History) -> Result<(), String> {
    let left = world.leftovers();
    if !left.is_empty() {
        return Err(format!("{how}, left over: {left:#?}"));
    }
    if world.open() != history.open {
        let (got, wanted) = (world.open(), &history.open);
        return Err(format!("{how}, open are {got:?} and not {wanted:?}"));
    }
    Ok(())
}
