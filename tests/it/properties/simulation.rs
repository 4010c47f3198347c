//! Deterministic simulation: one to four daemons over one world, in a chaos. Time is tokio's, paused, so hours pass in
//! milliseconds and a seed plays the same run again.
//!
//! `BRANCHLINE_SEED=17 cargo test --test simulation -- --nocapture` plays one seed alone.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "the figures are part of the test, and a world that does not converge fails it"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::state::claim::CLOCK_SKEW;
use branchline::ports::Clock;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::chaos::{Chaos, Figures};
use crate::world::clock::{FakeClock, START};
use crate::world::fault_injection::FaultInjection;
use crate::world::history::{self, History};
use crate::world::queue::Letter;
use crate::world::webhook::Webhook;
use crate::world::world::{World, paused};

/// Runs of one test.
const SEEDS: u64 = 1_000;
/// How long GitHub sends and the chaos rages.
const STORM: Duration = Duration::from_secs(400);
/// How long a world may take to come to rest afterwards.
const REST: Duration = Duration::from_secs(12 * 3_600);
/// Clocks of machines go wrong by so much, either way, in milliseconds.
const WRONG: i64 = CLOCK_SKEW.as_millis() as i64 / 2;

/// What came of a run.
#[derive(Debug, Default)]
struct Run {
    figures: Figures,
    workers: usize,
    webhooks: usize,
    open: usize,
    took: Duration,
}

#[test]
fn whatever_happens_pipelines_are_open_subjects() {
    let begun = Instant::now();
    if let Ok(seed) = std::env::var("BRANCHLINE_SEED") {
        let run = play(seed.parse().expect("a number"));
        println!("{run:#?}");
        return;
    }
    let first = fastrand::u64(..u64::MAX / 2);
    let next = AtomicU64::new(0);
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let work = || {
            let mut runs = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SEEDS {
                    return runs;
                }
                runs.push(play(first + number));
            }
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|runs| runs.expect("every seed converges"))
            .collect()
    });
    let mut all = Figures::default();
    runs.iter().for_each(|run| all += run.figures);
    let sum = |of: fn(&Run) -> usize| runs.iter().map(of).sum::<usize>();
    let hours = runs.iter().map(|run| run.took.as_secs()).sum::<u64>() / 3_600;
    println!(
        "{} seeds from {first}: {} workers, {} webhooks, {} subjects open; {hours} h in {:?}\n{all:?}",
        runs.len(),
        sum(|run| run.workers),
        sum(|run| run.webhooks),
        sum(|run| run.open),
        begun.elapsed(),
    );
    assert!(
        all.crashes > 500 && all.freezes > 500 && all.echoes > 100,
        "too fair: {all:?}"
    );
}

#[test]
fn a_seed_plays_the_same_run_again() {
    for seed in 0..5 {
        let (one, two) = (play(seed), play(seed));
        assert_eq!(format!("{one:?}"), format!("{two:?}"), "seed {seed}");
    }
}

fn play(seed: u64) -> Run {
    let ended = paused().block_on(simulate(seed));
    ended.unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {why}"))
}

async fn simulate(seed: u64) -> Result<Run, String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let world = Arc::new(history::world(FakeClock::following_tokio()));
    if dice.bool() {
        world.queue.unruly(seed);
    }
    let subjects = 0..dice.usize(1..6);
    let history = History::random(&mut dice, subjects);
    world.storms(&history.back);
    let workers = dice.usize(1..=4);
    let (told, stop) = Shutdown::channel();
    let mut daemons = JoinSet::new();
    let mut weathers = Vec::new();
    for number in 0..workers {
        let faults = FaultInjection::new(&world.clock);
        let daemon = Daemon {
            world: Arc::clone(&world),
            number,
            clock: world.clock.skewed(dice.i64(-WRONG..=WRONG)),
            faults: faults.clone(),
            dice: dice.fork(),
        };
        faults.rage(Chaos::new(dice.u64(..)));
        weathers.push(faults);
        daemons.spawn(daemon.live(stop.clone()));
    }
    let webhooks = send(&world, &history, &mut dice).await;
    let mut figures = Figures::default();
    for faults in &weathers {
        figures += faults.calm();
    }
    let rested = rest(&world).await;
    told.request();
    while let Some(ended) = daemons.join_next().await {
        ended.map_err(|error| format!("a daemon panicked: {error}"))?;
    }
    rested?;
    check(&world, &history).await?;
    Ok(Run {
        figures,
        workers,
        webhooks,
        open: history.open.len(),
        took: world.clock.now().since(START),
    })
}

/// One worker's machine: the daemon runs, dies, and is started again.
struct Daemon {
    world: Arc<World>,
    number: usize,
    clock: FakeClock,
    faults: FaultInjection,
    dice: fastrand::Rng,
}

impl Daemon {
    async fn live(mut self, told: Shutdown) {
        for start in 0.. {
            let settings = WorkerConfig {
                concurrency: self.dice.usize(1..=8),
                drain_timeout: Duration::from_secs(25),
                seed: self.dice.u64(..),
            };
            let name = format!("w{}-{start}", self.number);
            let daemon =
                self.world
                    .daemon(&name, history::rules(), &self.faults, &self.clock, settings);
            let (stop, stopped) = Shutdown::channel();
            // A supervisor that stops it in between, as a deployment does.
            let deployed = Duration::from_secs(self.dice.u64(20..600));
            let run = daemon.run(RunMode::Daemon, stopped);
            tokio::pin!(run);
            tokio::select! {
                biased;
                _ = &mut run => {}
                () = self.faults.hangs() => {}
                () = told.requested() => {
                    stop.request();
                    let _ = run.await;
                    return;
                }
                () = sleep(deployed) => {
                    stop.request();
                    tokio::select! {
                        biased;
                        _ = &mut run => {}
                        () = self.faults.hangs() => {}
                    }
                }
            }
            sleep(Duration::from_millis(self.dice.u64(0..30_000))).await;
        }
    }
}

/// GitHub sends, out of order and some of it twice, a forgery and a poisoned one among it. Answers with how many.
async fn send(world: &World, history: &History, dice: &mut fastrand::Rng) -> usize {
    let statements = history.statements.iter();
    let mut webhooks: Vec<Webhook> = statements.map(|said| said.webhook.clone()).collect();
    let again: Vec<Webhook> = webhooks
        .iter()
        .filter(|_| dice.u8(0..4) == 0)
        .cloned()
        .collect();
    webhooks.extend(again);
    dice.shuffle(&mut webhooks);
    webhooks.push(Webhook::ping().unsigned());
    webhooks.push(Webhook::pull_request("opened").body("{"));
    let end = tokio::time::Instant::now() + STORM;
    let most = STORM.as_secs() / u64::try_from(webhooks.len()).unwrap_or(1);
    for webhook in &webhooks {
        // In bursts: what comes together is worked on together.
        if dice.bool() {
            sleep(Duration::from_secs(dice.u64(0..=2 * most))).await;
        }
        world.send(webhook);
    }
    tokio::time::sleep_until(end).await;
    webhooks.len()
}

/// Waits until the queue is empty.
async fn rest(world: &World) -> Result<(), String> {
    let end = tokio::time::Instant::now() + REST;
    while !world.queue.waiting().is_empty() {
        if tokio::time::Instant::now() > end {
            return Err(format!("no rest within {REST:?}: {:#?}", world.leftovers()));
        }
        sleep(Duration::from_secs(5)).await;
    }
    Ok(())
}

/// The world is that of the ordered history, and in the graves lies what belongs there.
async fn check(world: &World, history: &History) -> Result<(), String> {
    for (grave, reason) in [
        (Destination::Quarantine, "signature-missing"),
        (Destination::DeadLetters, "invalid-payload"),
    ] {
        let letters = world.queue.take(grave);
        let right = |letter: &Letter| letter.text("branchline-reason") == Some(reason);
        // A burial whose answer is lost is repeated.
        if letters.is_empty() || !letters.iter().all(right) {
            return Err(format!("{grave:?}: {letters:#?}"));
        }
    }
    let left = world.leftovers();
    if !left.is_empty() || world.open() != history.open {
        let (open, wanted) = (world.open(), &history.open);
        return Err(format!(
            "open are {open:?}, not {wanted:?}; left over: {left:#?}"
        ));
    }
    let ordered = history::world(FakeClock::new());
    for statement in &history.statements {
        ordered.deliver(statement.webhook.clone()).await;
    }
    let (wanted, got) = (ordered.picture(true), world.picture(true));
    if wanted != got {
        return Err(format!("in order {wanted:#?}\nin the chaos {got:#?}"));
    }
    Ok(())
}
