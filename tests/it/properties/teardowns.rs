//! Subjects with stacks of their own: whatever happens, in the end the stacks are those of the open
//! pull requests, and the mapping stays until they are deleted.
//!
//! `BRANCHLINE_SEED=17 cargo test --test it properties::teardowns -- --nocapture` plays one seed
//! alone.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a world that does not converge fails the test, and the figures are part of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::ids::{SubjectKind, Timestamp};
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::Clock;
use tokio::time::sleep;

use super::crashes::TROUBLES;
use crate::world::clock::FakeClock;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::Trouble;
use crate::world::job_daemon::ChaoticDaemons;
use crate::world::queue_state::StoredMessage;
use crate::world::rules::{
    TEARDOWN, TEMPLATE, building_template, deploying_template, environment_rule, preview_rule,
    stacks_rule,
};
use crate::world::stacks::{DEPLOY, DESTROY};
use crate::world::story::{World, paused, seeded};
use crate::world::webhook::{REPOSITORY, Webhook};

/// Runs in one test.
const SEEDS: u64 = 40;
/// Worlds that once did not come to rest. 7840729491969332499: a stack that an attempt had deployed
/// again was taken for that of others, because the attempt was not settled, and the mapping had the
/// id of the one before. 2270074411479541334: an attempt of a deletion took a stack whose id
/// was gone for deleted, although the clone, made again after a teardown, still deployed it.
/// 7542259763747514346: the mapping did not have the ARN of a pipeline whose creation was not
/// settled, so what the pipeline deployed was not known when it was made again.
///
/// Each says whether others make stacks.
const FOUND: [(u64, bool); 3] = [
    (7_840_729_491_969_332_499, false),
    (2_270_074_411_479_541_334, false),
    (7_542_259_763_747_514_346, false),
];
/// Longer than `LATE` of `domain::clone::stacks`.
const LATE: Duration = Duration::from_secs(130);
/// Longer than messages, abandoned claims, the jobs and the repeated teardowns take to bring the
/// world to rest.
const SETTLED: Duration = Duration::from_secs(3 * 3_600);

/// What removes the environments of the subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A pipeline that branchline makes of the stacks.
    Run,
    /// The daemon.
    Stacks,
    /// A clone of a teardown template.
    Pipeline,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Run, Self::Stacks, Self::Pipeline];

    fn rule(self) -> Rule {
        match self {
            Self::Run => preview_rule(),
            Self::Stacks => stacks_rule(),
            Self::Pipeline => environment_rule(),
        }
    }

    /// Returns the name of what a pull request deploys.
    fn environment(self, number: u64) -> String {
        match self {
            Self::Run | Self::Stacks => format!("api-pr-{number}"),
            Self::Pipeline => format!("pr-{number}"),
        }
    }

    /// Makes a world whose template deploys an environment.
    fn world(self, clock: FakeClock) -> World {
        let world = World::new(clock);
        let add = |declaration| world.add_pipeline(declaration, Tags::new());
        match self {
            Self::Run | Self::Stacks => add(deploying_template(TEMPLATE, REPOSITORY.1)),
            Self::Pipeline => {
                add(building_template(TEMPLATE, REPOSITORY.1, DEPLOY));
                add(building_template(TEARDOWN, REPOSITORY.1, DESTROY));
            }
        }
        world.restart(vec![self.rule()]);
        world.expect_chaos(&BTreeSet::new());
        world
    }
}

#[test]
fn whatever_happens_stacks_are_those_of_open_pull_requests() {
    let seed = std::env::var("BRANCHLINE_SEED");
    if let Some(seed) = seed.ok().and_then(|seed| seed.parse().ok()) {
        let others = !FOUND.contains(&(seed, false));
        for kind in Kind::ALL {
            println!("{kind:?}: {:?}", play(kind, seed, others));
        }
        return;
    }
    let taken: usize = Kind::ALL.into_iter().map(play_seeds).sum();
    assert!(taken > 5, "others made {taken} stacks");
}

/// Returns how many stacks others have made.
fn play_seeds(kind: Kind) -> usize {
    let first = fastrand::u64(..u64::MAX / 2);
    let mut all = Figures::default();
    let new = (first..first + SEEDS).map(|seed| (seed, true));
    for (seed, others) in FOUND.into_iter().chain(new) {
        let figures = play(kind, seed, others);
        all.torn_down += figures.torn_down;
        all.repeated += figures.repeated;
        all.reopened += figures.reopened;
        all.taken += figures.taken;
        all.taken_early += figures.taken_early;
    }
    println!("{kind:?}: {SEEDS} seeds from {first}: {all:?}");
    assert!(
        all.torn_down > 20 && all.repeated > 5 && all.reopened > 5,
        "{kind:?}: too little happened: {all:?}"
    );
    all.taken + all.taken_early
}

/// How often a teardown was started, was repeated after a failure, and was followed by a start, and
/// how many stacks others have made, of subjects that are gone and of those that are retiring.
#[derive(Debug, Default)]
struct Figures {
    torn_down: usize,
    repeated: usize,
    reopened: usize,
    taken: usize,
    taken_early: usize,
}

/// A pull request at GitHub.
#[derive(Clone, Copy, Debug)]
struct Pull {
    is_open: bool,
    head: u64,
    /// Once others have made a stack under the name of its own, which has to stay: the state of its
    /// mapping then. It is not opened again.
    taken: Option<State>,
}

fn play(kind: Kind, seed: u64, others: bool) -> Figures {
    let ended = seeded(seed).block_on(simulate(kind, seed, others));
    ended.unwrap_or_else(|why| panic!("BRANCHLINE_SEED={seed}: {kind:?}: {why}"))
}

async fn simulate(kind: Kind, seed: u64, others: bool) -> Result<Figures, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = Arc::new(kind.world(FakeClock::following_tokio()));
    if rng.bool() {
        world.queue.unruly(seed);
    }
    let daemons = ChaoticDaemons::start(&world, &[kind.rule()], &mut rng);
    let mut bridge = EventBridge::disorderly(seed, Duration::from_secs(60));
    let mut pulls: BTreeMap<u64, Pull> = BTreeMap::new();
    let life = async {
        for _ in 0..rng.usize(10..30) {
            sleep(Duration::from_secs(rng.u64(2..200))).await;
            step(kind, others, &world, &mut pulls, &mut rng);
        }
        daemons.stop_chaos();
        sleep(SETTLED).await;
    };
    tokio::select! {
        biased;
        never = bridge.run(&world) => match never {},
        () = life => {}
    }
    daemons.end().await?;
    world.settle().await;
    let mut left = world.leftovers();
    for (number, pull) in &pulls {
        let row = world.mapping(&format!("acme/api#{number}"));
        let (state, teardown) = (row.state, row.resources.teardown);
        let wanted = if pull.is_open {
            State::Active
        } else {
            State::Gone
        };
        if state != wanted {
            let error = row.last_error;
            left.push(format!(
                "#{number} {pull:?} is {state:?}, {teardown:?}, {error:?}"
            ));
        }
    }
    let taken = |state| {
        let pulls = pulls.values();
        pulls.filter(|pull| pull.taken == Some(state)).count()
    };
    match left.is_empty() {
        true => Ok(Figures {
            taken: taken(State::Gone),
            taken_early: taken(State::Retiring),
            ..figures(&world)
        }),
        false => Err(left.join("\n")),
    }
}

/// Lets something happen to a pull request, or to the name of its stack.
fn step(
    kind: Kind,
    others: bool,
    world: &World,
    pulls: &mut BTreeMap<u64, Pull>,
    rng: &mut fastrand::Rng,
) {
    let number = rng.u64(1..=3);
    let now = world.clock.now();
    let Some(pull) = pulls.get_mut(&number) else {
        let pull = Pull {
            is_open: true,
            head: 1,
            taken: None,
        };
        pulls.insert(number, pull);
        // More in all would take longer than this world is watched.
        let environment = kind.environment(number);
        world.account.refuse_deletion(&environment, rng.u32(0..=2));
        world.send(&webhook("opened", number, 1, now));
        return;
    };
    match (pull.is_open, rng.u8(0..5)) {
        (true, 0 | 1) => {
            let before = pull.head;
            pull.head += 1;
            world.send(&webhook("synchronize", number, pull.head, now).before(before));
        }
        (true, 2) => {
            let edited = webhook("edited", number, pull.head, now);
            world.send(&edited.title(&format!("Title {now}")));
        }
        (true, _) => {
            pull.is_open = false;
            world.send(&webhook("closed", number, pull.head, now));
        }
        (false, _) if pull.taken.is_some() => {}
        (false, 0 | 1) if others && may_be_taken(kind, world, number) => {
            let row = world.mapping(&format!("acme/api#{number}"));
            pull.taken = Some(row.state);
            let name = kind.environment(number);
            world.account.give_stack(&name);
            world.expect_stack(&name);
        }
        (false, _) => {
            pull.is_open = true;
            world.send(&webhook("reopened", number, pull.head, now));
        }
    }
}

/// Returns true if the stack of a pull request does not exist, and will not be deployed any more:
/// one of its name that appears now is not its own. A pipeline that deletes stacks does so by their
/// names.
fn may_be_taken(kind: Kind, world: &World, number: u64) -> bool {
    let is_webhook = |message: &StoredMessage| message.text("X-GitHub-Event").is_some();
    if world.queue.waiting().iter().any(is_webhook) {
        return false;
    }
    let rows = world.store.rows();
    let is_it = |row: &&Mapping| row.subject.kind == SubjectKind::PullRequest(number);
    let Some(row) = rows.iter().find(is_it) else {
        return false;
    };
    let until = row.resources.deployed_until();
    let is_safe = match row.state {
        State::Gone => true,
        State::Retiring => kind == Kind::Stacks && until.is_some(),
        State::Creating | State::Starting | State::Active | State::Deleting | State::Asleep => {
            false
        }
    };
    let late = until.is_none_or(|until| world.clock.now() > until.plus(LATE));
    let environment = kind.environment(number);
    is_safe && late && !world.account.stacks().contains(&environment)
}

fn webhook(action: &str, number: u64, head: u64, now: Timestamp) -> Webhook {
    Webhook::pull_request(action)
        .number(number)
        .sha(head)
        .at(now)
}

/// Returns what happened, by the audit trail.
fn figures(world: &World) -> Figures {
    let rows = world.store.rows();
    let entries: Vec<_> = rows
        .iter()
        .flat_map(|row| world.store.audit(&row.subject))
        .collect();
    let count = |outcome: Option<&str>, from: &str, to: &str| {
        let of = entries.iter().filter(|entry| {
            let is_outcome = outcome.is_none_or(|outcome| entry.outcome == outcome);
            is_outcome && entry.from.as_deref() == Some(from) && entry.to == to
        });
        of.count()
    };
    Figures {
        torn_down: count(None, "active", "retiring"),
        repeated: count(Some("teardown-started"), "retiring", "retiring"),
        reopened: count(None, "retiring", "active"),
        ..Figures::default()
    }
}

/// Plays the life of a pull request that is closed, and reopened if `reopens`. The calls of these
/// numbers meet trouble. Returns the end, and the number of calls.
async fn tear_down(
    kind: Kind,
    reopens: bool,
    troubles: &[(usize, Trouble)],
) -> (Result<Vec<String>, Vec<String>>, usize) {
    let world = kind.world(FakeClock::new());
    for (number, trouble) in troubles {
        world.faults.at_call(*number, *trouble);
    }
    world.deliver(Webhook::pull_request("opened")).await;
    let mut bridge = EventBridge::orderly();
    go_on(&world, &mut bridge).await;
    world
        .deliver(Webhook::pull_request("closed").at(world.clock.now()))
        .await;
    if reopens {
        let reopened = Webhook::pull_request("reopened").at(world.clock.now());
        world.deliver(reopened).await;
    }
    for _ in 0..4 {
        go_on(&world, &mut bridge).await;
        world.clock.advance(Duration::from_secs(3_600));
        let driver = world.driver("w2");
        tokio::select! {
            biased;
            _ = driver.run_due() => {}
            () = world.faults.hangs() => {}
        }
        world.settle().await;
    }
    let calls = world.faults.calls().len();
    let left = world.leftovers();
    let end = match left.is_empty() {
        true => Ok(world.picture(true)),
        false => Err(left),
    };
    (end, calls)
}

/// Lets the executions end.
async fn go_on(world: &World, bridge: &mut EventBridge) {
    while !bridge.is_quiet(world) {
        bridge.tick(world);
        world.settle().await;
        world.clock.advance(Duration::from_secs(30));
    }
}

#[test]
fn any_call_of_a_teardown_may_meet_any_trouble() {
    let runtime = paused();
    let cases = Kind::ALL.map(|kind| [(kind, false), (kind, true)]);
    for (kind, reopens) in cases.concat() {
        let (wanted, calls) = runtime.block_on(tear_down(kind, reopens, &[]));
        let state = if reopens { "active" } else { "gone" };
        assert!(
            format!("{wanted:?}").contains(&format!("acme/api#7 {state}")),
            "{wanted:?}"
        );
        for number in 1..=calls {
            for trouble in TROUBLES {
                let (got, _) = runtime.block_on(tear_down(kind, reopens, &[(number, trouble)]));
                assert_eq!(
                    got, wanted,
                    "{kind:?}, {reopens}: call {number}: {trouble:?}"
                );
            }
        }
        println!("{calls:3} calls, {kind:?}, {reopens}");
    }
}
