//! The law of isolation: whatever is wrong with one rule, its template or its repository, the
//! pipelines of the others are made in time. It is a simulation like `simulation.rs`: daemons in
//! one world, in tokio's paused time, and a seed plays the same run again.

#![expect(clippy::print_stdout, reason = "the figures are part of the test")]

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::world::clock::FakeClock;
use crate::world::fault_injection::{FaultInjection, Op, Trouble, When};
use crate::world::history::{WEB, WEB_TEMPLATE};
use crate::world::rules::{patterns, pipeline_name, pull_request_rule, template};
use crate::world::story::{World, seeded};
use crate::world::webhook::Webhook;

/// Runs of each breakage.
const SEEDS: u64 = 2;
/// Pull requests of the broken rule, opened in bursts while the others are opened.
const BROKEN: u64 = 200;
/// Pull requests of the other repository, one after the other.
const OTHERS: u64 = 12;
/// The longest time from the webhook to the pipeline of the other repository. It allows for two
/// calls that time out in every message that was received before, when nobody knew that the rule is
/// broken.
const BOUND: Duration = Duration::from_secs(40);

/// What is wrong with the rule of `acme/web`.
struct Breakage {
    what: &'static str,
    ops: &'static [Op],
    trouble: Trouble,
}

/// Every call that names a clone.
const CLONE_CALLS: &[Op] = &[
    Op::Create,
    Op::Update,
    Op::Start,
    Op::Retry,
    Op::Find,
    Op::FindByName,
    Op::Executions,
    Op::Remove,
];
/// Every write of a row.
const ROW_WRITES: &[Op] = &[Op::Claim, Op::Record, Op::GiveUp];

const fn fails(what: &'static str, ops: &'static [Op], reason: Reason) -> Breakage {
    Breakage {
        what,
        ops,
        trouble: Trouble::Fail(When::Before, reason),
    }
}

const fn times_out(what: &'static str, ops: &'static [Op]) -> Breakage {
    Breakage {
        what,
        ops,
        trouble: Trouble::TimeOut,
    }
}

const BREAKAGES: [Breakage; 18] = [
    fails("its role is denied", &[Op::Create], Reason::AwsDenied),
    fails("its names are denied", CLONE_CALLS, Reason::AwsDenied),
    fails("its template is denied", &[Op::Template], Reason::AwsDenied),
    fails(
        "its template is missing",
        &[Op::Template],
        Reason::TemplateMissing,
    ),
    fails(
        "its template fails",
        &[Op::Template],
        Reason::AwsUnavailable,
    ),
    times_out("its template times out", &[Op::Template]),
    fails(
        "its declaration is refused",
        &[Op::Create],
        Reason::DeclarationRefused,
    ),
    fails(
        "something of it is missing",
        &[Op::Create],
        Reason::AwsMissing,
    ),
    fails("its creations fail", &[Op::Create], Reason::AwsUnavailable),
    times_out("its creations time out", &[Op::Create]),
    fails(
        "its creations are throttled",
        &[Op::Create],
        Reason::AwsThrottled,
    ),
    fails("its creations conflict", &[Op::Create], Reason::AwsConflict),
    fails(
        "its creations fail strangely",
        &[Op::Create],
        Reason::AwsUnknown,
    ),
    fails("a quota is reached", &[Op::Create], Reason::AwsQuota),
    fails("its rows are throttled", ROW_WRITES, Reason::AwsThrottled),
    fails("its rows are denied", ROW_WRITES, Reason::AwsDenied),
    fails("its settlings conflict", &[Op::Record], Reason::AwsConflict),
    times_out("its settlings time out", &[Op::Record]),
];

fn rules() -> Vec<Rule> {
    let api = Rule {
        name: "api".to_owned(),
        repository: patterns(["acme/api"]),
        ..pull_request_rule()
    };
    let web = Rule {
        name: "web".to_owned(),
        repository: patterns([WEB.1]),
        template: pipeline_name(WEB_TEMPLATE),
        ..pull_request_rule()
    };
    vec![web, api]
}

#[test]
fn a_broken_rule_delays_no_other_repository() {
    let mut late = Vec::new();
    for breakage in &BREAKAGES {
        let worst = (0..SEEDS)
            .map(|seed| (seeded(seed).block_on(slowest(breakage, seed)), seed))
            .max();
        let (worst, seed) = worst.unwrap_or_default();
        println!("{}: {worst:?} at the most, with seed {seed}", breakage.what);
        if worst > BOUND {
            late.push(breakage.what);
        }
    }
    assert!(late.is_empty(), "over {BOUND:?}: {late:?}");
}

/// Returns the longest time from a webhook of `acme/api` to its pipeline.
async fn slowest(breakage: &Breakage, seed: u64) -> Duration {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = Arc::new(World::new(FakeClock::following_tokio()));
    world.add_pipeline(template(WEB_TEMPLATE, WEB.1), Tags::new());
    let (shutdown, stop) = Shutdown::channel();
    let mut tasks = JoinSet::new();
    for number in 0..rng.u64(1..=2) {
        let faults = FaultInjection::new(&world.clock);
        faults.slow_down(Duration::from_millis(100));
        faults.break_all("web", breakage.ops, breakage.trouble);
        let config = WorkerConfig {
            concurrency: if rng.bool() { 8 } else { 32 },
            drain_timeout: Duration::from_secs(25),
            seed: rng.u64(..),
        };
        let name = format!("w{number}");
        let daemon = world.daemon(&name, rules(), &faults, &world.clock, config);
        let stop = stop.clone();
        tasks.spawn(async move {
            let ended = daemon.run(RunMode::Daemon, stop).await;
            assert!(ended.is_ok(), "{ended:?}");
        });
    }
    tasks.spawn(open_broken(Arc::clone(&world), rng.fork()));
    let mut worst = Duration::ZERO;
    for number in 1..=OTHERS {
        sleep(Duration::from_millis(rng.u64(5_000..90_000))).await;
        world.send(&Webhook::pull_request("opened").number(number));
        worst = worst.max(time_to_pipeline(&world, number).await);
    }
    shutdown.request();
    while let Some(ended) = tasks.join_next().await {
        assert!(ended.is_ok(), "{ended:?}");
    }
    worst
}

/// Opens the pull requests of the broken rule, in bursts.
async fn open_broken(world: Arc<World>, mut rng: fastrand::Rng) {
    for number in 1..=BROKEN {
        if rng.u8(0..20) == 0 {
            sleep(Duration::from_secs(rng.u64(0..90))).await;
        }
        let opened = Webhook::pull_request("opened").of(WEB.0, WEB.1);
        world.send(&opened.number(number));
    }
}

/// Waits for a pipeline, and returns how long that took. Twice the bound is long enough to know.
async fn time_to_pipeline(world: &World, number: u64) -> Duration {
    let begun = Instant::now();
    let name = format!("api-pr-{number}");
    while !world.account.exists(&name) && begun.elapsed() < 2 * BOUND {
        sleep(Duration::from_millis(200)).await;
    }
    begun.elapsed()
}
