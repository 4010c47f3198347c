//! The operator's commands over many letters, while a daemon works.

use std::collections::BTreeSet;
use std::process::{Child, Output, Stdio};
use std::thread;

use serde_json::Value;

use super::account::Account;
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

const LETTERS: u64 = 1_000;
/// Those among them that ask for a pipeline; the others are pings.
const PULL_REQUESTS: u64 = 10;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Rows of JSON, from a command that ended with one of these codes.
fn rows(output: &Output, codes: &[i32]) -> Vec<Value> {
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{code}: {}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(account: &Account, arguments: &[&str]) -> Output {
    account.command(arguments).output().unwrap()
}

/// A thousand letters that SQS moved by itself, as after an outage of half an hour.
async fn bury(account: &Account) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for number in 1..=LETTERS {
        let webhook = if number <= PULL_REQUESTS {
            Webhook::pull_request("opened").number(number)
        } else {
            Webhook::ping()
        };
        let delivery = format!("crowd-{number}");
        let webhook = webhook.delivery(&delivery);
        emulator::send(&account.client, &account.urls[1], webhook.seal(START)).await;
        sent.insert(delivery);
    }
    sent
}

/// A daemon that works until it is told to stop, and ends with its test.
struct Daemon(Option<Child>);

impl Daemon {
    fn start(account: &Account) -> Self {
        let mut daemon = account.daemon(&["--log", "warn"]);
        Self(Some(daemon.stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn stop(mut self) {
        let daemon = self.0.take().unwrap();
        super::run::tell(&daemon, "-TERM");
        let output = daemon.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.0 {
            daemon.kill().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_letters_are_listed_and_replayed_while_two_daemons_work() {
    let account = Account::in_region("crowd", "ap-southeast-6").await;
    account.template().await;
    let sent = bury(&account).await;
    let daemons = [Daemon::start(&account), Daemon::start(&account)];

    let listed = rows(&run(&account, &["dlq", "list"]), &[1]);
    let deliveries: BTreeSet<String> = listed
        .iter()
        .map(|row| row["delivery"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((listed.len(), deliveries), (sent.len(), sent));

    // What the others look at while letters come back and pipelines come into being.
    thread::scope(|scope| {
        let replay = scope.spawn(|| {
            let all = ["dlq", "replay", "--all", "--yes", "--rate", "1000"];
            run(&account, &all)
        });
        for _ in 0..5 {
            rows(&run(&account, &["mappings", "list"]), &[0]);
            rows(&run(&account, &["audit"]), &[0, 1]);
            rows(&run(&account, &["mappings", "export"]), &[0]);
        }
        rows(&replay.join().unwrap(), &[0]);
    });
    for daemon in daemons {
        daemon.stop();
    }
    // What a daemon had in hand when it was stopped is handed back.
    rows(&run_until_empty(&account), &[0]);

    assert_eq!(account.counts().await, [0, 0, 0], "nothing is left");
    let mappings = rows(&run(&account, &["mappings", "list"]), &[0]);
    let made: BTreeSet<&str> = mappings
        .iter()
        .map(|row| row["pipeline"].as_str().unwrap())
        .collect();
    let wanted: BTreeSet<String> = (1..=PULL_REQUESTS)
        .map(|number| format!("api-pr-{number}"))
        .collect();
    assert_eq!(made, wanted.iter().map(String::as_str).collect());
    assert!(mappings.iter().all(|row| row["state"] == "active"));
    rows(&run(&account, &["audit"]), &[0]);
}

fn run_until_empty(account: &Account) -> Output {
    account.daemon(&["--until-empty"]).output().unwrap()
}
