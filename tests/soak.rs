//! The soak: three daemons, as their users run them, against the emulator, behind proxies that do what networks and
//! services do. Daemons are killed at random, webhooks arrive shuffled and twice, with poison and forgeries among them. At
//! the end pipelines are exactly the open subjects, and nothing is lost.
//!
//! The short form runs with the tests; `scripts/soak` runs the long one. `BRANCHLINE_SEED` plays a script again; what
//! the machine does in between is its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "the table is the point, and a daemon that loses something fails the test"
)]

mod support;

mod soak {
    pub(crate) mod account;
    pub(crate) mod checks;
    pub(crate) mod daemons;
    pub(crate) mod script;
}

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use soak::account::Account;
use soak::checks::{Expected, Verdict};
use soak::daemons::Daemons;
use soak::script::Round;

/// Subjects of one round; they make about 300 webhooks.
const SUBJECTS: usize = 60;
/// Requests that meet a fault, in thousandths.
const FAULTS: u32 = 60;
/// How long the short form's trouble lasts.
const SHORT: Duration = Duration::from_secs(25);
/// Messages that may wait when a round begins.
const BACKLOG: usize = 150;
/// How long the queue may take to become empty once the trouble is over: visibility, claim and retries are minutes.
const REST: Duration = Duration::from_secs(420);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_made_twice() {
    run("short", SHORT, 700..4_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/soak runs it"]
async fn for_long() {
    let seconds = std::env::var("BRANCHLINE_SOAK_SECONDS");
    let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
    run(
        "long",
        Duration::from_secs(seconds.unwrap_or(600)),
        3_000..12_000,
    )
    .await;
}

/// `pause` is the time between two kills or stops, in milliseconds.
async fn run(name: &'static str, time: Duration, pause: Range<u64>) {
    let seed = std::env::var("BRANCHLINE_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("BRANCHLINE_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let account = Account::new(name).await;
    let mut daemons = Daemons::start(&account, dice.u64(..)).await;
    let begun = Instant::now();
    daemons.faults(FAULTS);

    let mut expected = Expected::default();
    let mut sent = 0;
    let mut again = 0;
    let mut rounds = 0;
    while begun.elapsed() < time {
        let round = Round::new(&mut dice, rounds, SUBJECTS);
        sent += round.webhooks.len();
        again += round.again;
        expected.add(&round);
        let until = begun + time.min(begun.elapsed() + SHORT);
        let mut sender = dice.fork();
        let sending = round.send(&account, until, &mut sender);
        daemons.trouble(sending, &pause, &mut dice).await;
        rounds += 1;
        // A backlog beyond this only makes the emulator slow.
        let worked_off = async {
            while account.waiting().await > BACKLOG && begun.elapsed() < time {
                sleep(Duration::from_secs(1)).await;
            }
        };
        daemons.trouble(worked_off, &pause, &mut dice).await;
    }
    let troubled = begun.elapsed();
    daemons.faults(0);
    daemons.all_up();
    let rested = account.rest(REST).await;
    let rest = begun.elapsed() - troubled;
    let faults = daemons.done();
    let ends = daemons.stop().await;
    let verdict = soak::checks::look(&account, &expected).await;
    let table = table(&[
        ("webhooks sent", sent),
        ("of them sent again", again),
        ("rounds of subjects", rounds),
        ("subjects", expected.subjects()),
        ("open at the end", expected.open()),
        ("poison", expected.poison()),
        ("forgeries", expected.forgeries()),
        ("SIGKILLs", daemons.killed),
        ("SIGTERMs, each with exit code 0", daemons.stopped),
        (
            "seconds of trouble",
            usize::try_from(troubled.as_secs()).unwrap(),
        ),
        (
            "seconds until the queue was empty",
            usize::try_from(rest.as_secs()).unwrap(),
        ),
    ]);
    println!("{table}{}", faults_table(&faults));
    println!("{verdict}");
    println!("most memory of a daemon: {} KiB", daemons.memory);
    let mut wrong = verdict.wrong;
    wrong.extend(rested.err());
    wrong.extend(ends);
    wrong.extend(daemons.wrong_words());
    assert!(
        wrong.is_empty(),
        "BRANCHLINE_SEED={seed}\n{}\n{}",
        wrong.join("\n"),
        daemons.tails()
    );
}

fn table(rows: &[(&str, usize)]) -> String {
    let line = |(what, count): &(&str, usize)| format!("{what:36} {count:7}\n");
    rows.iter().map(line).collect()
}

fn faults_table(faults: &BTreeMap<String, usize>) -> String {
    let all: usize = faults.values().sum();
    let mut rows = vec![("faults injected", all)];
    rows.extend(faults.iter().map(|(name, count)| (name.as_str(), *count)));
    table(&rows)
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = [
            ("pipelines made and there", self.pipelines),
            ("lost: open without a pipeline", self.lost),
            ("orphaned: pipelines of nobody", self.orphaned),
            ("buried", self.buried),
            ("burials repeated", self.buried_again),
            ("quarantined", self.quarantined),
            ("quarantined again", self.quarantined_again),
            ("audit entries", self.audited),
            ("claims left", self.claims),
        ];
        f.write_str(&table(&rows))
    }
}
