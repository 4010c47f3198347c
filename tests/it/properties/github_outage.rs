//! A GitHub that is down for an hour delays no pipeline and loses no report. It is a simulation
//! like `simulation.rs`: two daemons in one world, in tokio's paused time.

#![expect(clippy::print_stdout, reason = "the figures are part of the test")]

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::Clock;
use branchline::worker::{Shutdown, WorkerConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::world::clock::FakeClock;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::FaultInjection;
use crate::world::history;
use crate::world::story::{World, seeded};
use crate::world::webhook::Webhook;

/// Runs of each outage.
const SEEDS: u64 = 2;
/// Pull requests that are opened during the outage.
const OPENED: u64 = 30;
/// How long GitHub is down.
const OUTAGE: Duration = Duration::from_secs(3_600);
/// The longest wait before a report is sent again whose failure a person has to correct, and some
/// minutes for the rest.
const AFTERWARDS: Duration = Duration::from_secs(3_600 + 600);

/// How GitHub fails.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Nothing,
    Answers(GitHubFaultKind),
    Limits,
    /// It does not answer until the client's time limit.
    Hangs,
}

const OUTAGES: [Outage; 6] = [
    Outage::Answers(GitHubFaultKind::Unavailable),
    Outage::Answers(GitHubFaultKind::Denied),
    Outage::Answers(GitHubFaultKind::Missing),
    Outage::Answers(GitHubFaultKind::Misconfigured),
    Outage::Limits,
    Outage::Hangs,
];

#[test]
fn a_github_that_is_down_for_an_hour_delays_no_pipeline_and_loses_no_report() {
    for seed in 0..SEEDS {
        let undisturbed = seeded(seed).block_on(play(Outage::Nothing, seed));
        println!("without an outage, seed {seed}: {undisturbed:?}");
        for outage in OUTAGES {
            let slowest = seeded(seed).block_on(play(outage, seed));
            println!("{outage:?}, seed {seed}: {slowest:?} to a pipeline at the most");
            assert!(
                slowest <= undisturbed,
                "{outage:?}, with BRANCHLINE_SEED={seed}"
            );
        }
    }
}

/// Opens pull requests while GitHub is down. Returns the longest time from a webhook to its
/// pipeline.
async fn play(outage: Outage, seed: u64) -> Duration {
    // The jitter of the reporter is random otherwise.
    fastrand::seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = Arc::new(history::world(FakeClock::following_tokio()));
    let mut bridge = EventBridge::disorderly(rng.u64(..), Duration::from_secs(60));
    let (shutdown, stop) = Shutdown::channel();
    let mut daemons = JoinSet::new();
    for number in 0..2 {
        let faults = FaultInjection::new(&world.clock);
        faults.slow_down(Duration::from_millis(50));
        let settings = WorkerConfig {
            concurrency: 8,
            drain_timeout: Duration::from_secs(25),
            seed: rng.u64(..),
        };
        let (name, rules) = (format!("w{number}"), history::reported_rules());
        let daemon = world.reporting_daemon(&name, rules, &faults, &world.clock, settings);
        let stop = stop.clone();
        daemons.spawn(async move { daemon.run(stop).await });
    }
    let life = async {
        let begun = Instant::now();
        begin(&world, outage);
        let slowest = open(&world, &mut rng).await;
        sleep_until(begun + OUTAGE).await;
        world.github.goes(None);
        world.account.leave_alone();
        sleep(AFTERWARDS).await;
        slowest
    };
    let slowest = tokio::select! {
        biased;
        never = bridge.run(&world) => match never {},
        slowest = life => slowest,
    };
    let mut left = world.leftovers();
    left.extend(world.reports_left());
    assert!(
        left.is_empty(),
        "{outage:?}, with BRANCHLINE_SEED={seed}: {}",
        left.join("\n")
    );
    shutdown.request();
    while let Some(ended) = daemons.join_next().await {
        assert!(ended.is_ok(), "{ended:?}");
    }
    slowest
}

fn begin(world: &World, outage: Outage) {
    match outage {
        Outage::Nothing => {}
        Outage::Answers(kind) => world.github.goes(Some(kind)),
        Outage::Limits => world.github.limits(world.clock.now().plus(OUTAGE)),
        Outage::Hangs => world.github.hangs(Duration::from_secs(10)),
    }
}

/// Opens pull requests, and pushes to some. Returns the longest time to a pipeline.
async fn open(world: &World, rng: &mut fastrand::Rng) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 1..=OPENED {
        world.send(&Webhook::pull_request("opened").number(number));
        let begun = Instant::now();
        let name = format!("api-pr-{number}");
        while !world.account.exists(&name) {
            sleep(Duration::from_millis(10)).await;
        }
        slowest = slowest.max(begun.elapsed());
        sleep(Duration::from_secs(rng.u64(1..60))).await;
        if rng.bool() {
            let pushed = Webhook::pull_request("synchronize").number(number);
            world.send(&pushed.before(1).sha(2));
        }
        sleep(Duration::from_secs(rng.u64(1..60))).await;
        if rng.u8(0..4) == 0 {
            world.send(&Webhook::pull_request("closed").number(number).sha(2));
        }
    }
    slowest
}
