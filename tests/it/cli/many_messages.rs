//! The operator's commands over many messages, while daemons work.

use std::collections::BTreeSet;
use std::process::Output;
use std::thread;

use serde_json::Value;

use super::account::Account;
use super::binary::{Process, json_lines, output, text};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

const MESSAGES: u64 = 1_000;
/// The messages among them that create a pipeline. The others are pings.
const PULL_REQUESTS: u64 = 10;

/// Returns the rows of a command that must end with one of these codes.
fn rows(output: Output, codes: &[i32]) -> Vec<Value> {
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{code}: {}", text(output.stderr));
    json_lines(&text(output.stdout))
}

fn run(account: &Account, arguments: &[&str]) -> Output {
    output(&mut account.command(arguments))
}

/// Sends a thousand messages that SQS would have moved by itself, as after an outage of half an
/// hour.
async fn fill(account: &Account) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for number in 1..=MESSAGES {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_are_listed_and_replayed_while_two_daemons_work() {
    let account = Account::new("crowd").await;
    account.template().await;
    let sent = fill(&account).await;
    let daemons = [(); 2].map(|()| Process::start(&mut account.daemon(&["--log", "warn"])));

    let listed = rows(run(&account, &["dlq", "list"]), &[1]);
    let deliveries: BTreeSet<String> = listed
        .iter()
        .map(|row| row["delivery"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((listed.len(), deliveries), (sent.len(), sent));

    // Other commands read while messages are replayed and pipelines are created.
    thread::scope(|scope| {
        let replay = scope.spawn(|| {
            let all = ["dlq", "replay", "--all", "--yes", "--rate", "1000"];
            run(&account, &all)
        });
        for _ in 0..5 {
            rows(run(&account, &["mappings", "list"]), &[0]);
            rows(run(&account, &["audit"]), &[0, 1]);
            rows(run(&account, &["mappings", "export"]), &[0]);
        }
        rows(replay.join().unwrap(), &[0]);
    });
    for daemon in daemons {
        daemon.signal("-TERM");
        let (code, log) = daemon.end();
        assert_eq!(code, Some(0), "{log}");
    }
    // Messages that a daemon had in hand when it was stopped were returned.
    rows(run_until_empty(&account), &[0]);

    assert_eq!(account.counts().await, [0, 0, 0], "nothing is left");
    let mappings = rows(run(&account, &["mappings", "list"]), &[0]);
    let created: BTreeSet<&str> = mappings
        .iter()
        .map(|row| row["pipeline"].as_str().unwrap())
        .collect();
    let expected: BTreeSet<String> = (1..=PULL_REQUESTS)
        .map(|number| format!("api-pr-{number}"))
        .collect();
    assert_eq!(created, expected.iter().map(String::as_str).collect());
    assert!(mappings.iter().all(|row| row["state"] == "active"));
    rows(run(&account, &["audit"]), &[0]);
}

fn run_until_empty(account: &Account) -> Output {
    output(&mut account.daemon(&["--until-empty"]))
}
