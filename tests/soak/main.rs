//! The soak: three daemons, run as users run them, against the emulator, behind proxies that do
//! what networks and services do. Daemons are killed at random; webhooks arrive shuffled and twice,
//! or never, with invalid ones and forgeries among them. At the end, `branchline reconcile`
//! compares the mappings with GitHub once. Then the pipelines are exactly those of the open
//! subjects, and nothing is lost.
//!
//! The short form runs with the tests; `scripts/soak` runs the long one. `BRANCHLINE_SEED` plays a
//! script again, but not the timing of the machine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "the table is the point of the test, and a daemon that loses something fails the test"
)]

mod account;
mod checks;
mod daemons;
mod github;
mod script;
#[expect(dead_code, reason = "the soak uses a part of the world")]
#[path = "../it/world/mod.rs"]
mod world;

use std::ops::Range;
use std::time::{Duration, Instant};

use branchline::domain::intake::sighting::SETTLED_AFTER;
use tokio::time::sleep;

use crate::account::Account;
use crate::checks::{Expected, Report};
use crate::daemons::Daemons;
use crate::script::{Loss, Round};

/// Subjects of one round; they make about 300 webhooks, and as many again that are sent twice,
/// invalid or forged.
const SUBJECTS: usize = 60;
/// Requests that meet a fault, in thousandths.
const FAULTS: u32 = 60;
/// The shortest time for which a round has trouble.
const TROUBLE: Duration = Duration::from_secs(25);
/// The time between two kills or stops, in milliseconds.
const PAUSE: Range<u64> = 700..4_000;
/// The longest time in which the queue may become empty after the trouble: visibility, claims and
/// retries take minutes.
const REST_LIMIT: Duration = Duration::from_secs(420);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_made_twice() {
    let mut rng = rng();
    println!(
        "{}",
        Table(round("short", 0, Loss::Subjects, &mut rng).await)
    );
}

/// Plays round after round, each in an account of its own: the emulator copies all tables of a
/// Region for every transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/soak runs it"]
async fn for_long() {
    let seconds = std::env::var("BRANCHLINE_SOAK_SECONDS");
    let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(600));
    let mut rng = rng();
    let begun = Instant::now();
    let mut all: Vec<Row> = Vec::new();
    for number in 0.. {
        let rows = round("long", number, Loss::Webhooks, &mut rng).await;
        println!(
            "round {} of {:?} so far\n{}",
            number + 1,
            begun.elapsed(),
            Table(rows.clone())
        );
        all = match all.is_empty() {
            true => rows,
            false => all
                .iter()
                .zip(&rows)
                .map(|(sum, row)| sum.and(row))
                .collect(),
        };
        if begun.elapsed() >= time {
            println!(
                "{} rounds in {:?}\n{}",
                number + 1,
                begun.elapsed(),
                Table(all)
            );
            return;
        }
    }
}

fn rng() -> fastrand::Rng {
    let seed = std::env::var("BRANCHLINE_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("BRANCHLINE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Sends webhooks, makes trouble, waits for rest, and checks the state. Returns the figures, and
/// fails if anything is wrong.
async fn round(name: &str, number: usize, loss: Loss, rng: &mut fastrand::Rng) -> Vec<Row> {
    let account = Account::new(&format!("{name}-{number}")).await;
    let mut daemons = Daemons::start(&account, rng.u64(..)).await;
    let script = Round::new(rng, number, SUBJECTS, loss);
    account.github.learn(&script.history).await;
    let expected = Expected::of(&script);
    let begun = Instant::now();
    daemons.faults(FAULTS);
    let mut sender = rng.fork();
    let sending = script.send(&account, begun + TROUBLE, &mut sender);
    daemons.trouble(sending, &PAUSE, rng).await;
    let troubled = begun.elapsed();
    daemons.faults(0);
    daemons.all_up();
    let rested = account.rest(REST_LIMIT).await;
    let rest = begun.elapsed() - troubled;
    if loss == Loss::Webhooks {
        sleep(SETTLED_AFTER + Duration::from_secs(1)).await;
    }
    let found = account.reconcile();
    let healed = account.rest(REST_LIMIT).await;
    let faults = daemons.done();
    let mut wrong = daemons.stop().await;
    let report = checks::look(&account, &expected).await;

    let seconds = |time: Duration| usize::try_from(time.as_secs()).unwrap();
    let mut rows = vec![
        Row::sum("webhooks sent", script.webhooks.len()),
        Row::sum("of them duplicates", script.again),
        Row::sum("lost before the queue", script.lost),
        Row::sum("differences found at GitHub", found),
        Row::sum("subjects", expected.subjects()),
        Row::sum("SIGKILLs", daemons.killed),
        Row::sum("SIGTERMs, each with exit code 0", daemons.stopped),
        Row::sum("seconds of trouble", seconds(troubled)),
        Row::most("seconds until the queue was empty", seconds(rest)),
        Row::most("KiB of memory of a daemon", daemons.memory),
        Row::sum("faults injected", faults.values().sum()),
    ];
    rows.extend(
        faults
            .into_iter()
            .map(|(name, count)| Row::sum(name, count)),
    );
    rows.extend(report.rows(&expected));
    wrong.extend(report.wrong);
    wrong.extend(rested.err());
    wrong.extend(healed.err());
    wrong.extend(daemons.forbidden_log_lines());
    let (table, tails) = (Table(rows.clone()), daemons.tails());
    assert!(wrong.is_empty(), "{table}\n{}\n{tails}", wrong.join("\n"));
    rows
}

/// A figure of a round; of several rounds it is the sum or the largest.
#[derive(Clone)]
struct Row {
    name: &'static str,
    figure: usize,
    is_sum: bool,
}

impl Row {
    fn sum(name: &'static str, figure: usize) -> Self {
        Self {
            name,
            figure,
            is_sum: true,
        }
    }

    fn most(name: &'static str, figure: usize) -> Self {
        Self {
            is_sum: false,
            ..Self::sum(name, figure)
        }
    }

    fn and(&self, other: &Self) -> Self {
        let figure = match self.is_sum {
            true => self.figure + other.figure,
            false => self.figure.max(other.figure),
        };
        Self {
            figure,
            ..self.clone()
        }
    }
}

struct Table(Vec<Row>);

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|row| writeln!(f, "{:36} {:7}", row.name, row.figure))
    }
}

impl Report {
    fn rows(&self, expected: &Expected) -> Vec<Row> {
        vec![
            Row::sum("open subjects", expected.open()),
            Row::sum("pipelines", self.pipelines),
            Row::sum("lost: open without a pipeline", self.lost),
            Row::sum("orphaned: without a mapping", self.orphaned),
            Row::sum("invalid", expected.invalid()),
            Row::sum("dead-lettered", self.dead_lettered),
            Row::sum("of them dead-lettered again", self.dead_lettered_again),
            Row::sum("forgeries", expected.forgeries()),
            Row::sum("quarantined", self.quarantined),
            Row::sum("of them quarantined again", self.quarantined_again),
            Row::sum("dead letters in the audit trail", self.dead_letters_audited),
            Row::sum("quarantined in the audit trail", self.quarantined_audited),
            Row::sum("audit entries", self.audited),
            Row::sum("claims left", self.claims),
        ]
    }
}
