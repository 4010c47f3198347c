//! `branchline dlq` against the emulator: what is there is shown and stays, what is replayed arrives, and nothing is lost.

use std::process::Output;

use branchline::inspect::dlq::letter::DeadLetter;
use serde_json::Value;

use super::account::Account;
use crate::world::webhook::Webhook;

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

pub(super) fn run(account: &Account, arguments: &[&str]) -> Output {
    let mut all = vec!["dlq"];
    all.extend(arguments);
    account.command(&all).env("USER", "ada").output().unwrap()
}

/// The letters that a list shows.
pub(super) fn list(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["list"];
    all.extend(arguments);
    let output = run(account, &all);
    let said = text(output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    let letters: Vec<Value> = text(output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(output.status.code(), Some(i32::from(!letters.is_empty())));
    letters
}

pub(super) fn work(account: &Account) {
    let ran = account.daemon(&["--until-empty"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", text(ran.stderr));
}

/// An account in which two poisoned messages, a forgery and a webhook without a template were buried.
pub(super) async fn buried(test: &str, region: &'static str) -> Account {
    let account = Account::in_region(test, region).await;
    for name in ["p-1", "p-2"] {
        let poison = Webhook::pull_request("opened").body("{\"action\":\"hunter2\"}");
        account.send(poison.delivery(name)).await;
    }
    account.send(Webhook::ping().signed_with("a guess")).await;
    account
        .send(Webhook::pull_request("opened").delivery("d-1"))
        .await;
    work(&account);
    account
}

#[tokio::test]
async fn what_is_there_is_shown_filtered_and_stays() {
    let account = buried("dlq-list", "eu-south-2").await;
    for _ in 0..2 {
        assert_eq!(list(&account, &[]).len(), 3, "handed back at once");
    }
    let letters = list(&account, &["--reason", "template-missing"]);
    let letter = &letters[0];
    assert_eq!(
        (letters.len(), letter["repository"].as_str()),
        (1, Some("acme/api"))
    );
    assert_eq!(letter["subject"], "acme/api#7");
    assert_eq!(letter["delivery"], "d-1");
    assert_eq!(
        (letter["attempts"].as_u64(), letter["verified"].as_bool()),
        (Some(1), Some(true))
    );
    assert!(
        letter["first_seen"].as_str().unwrap().starts_with("20"),
        "{letter}"
    );
    for none in [
        ["--repository", "other/*"],
        ["--until", "1h"],
        ["--event", "push"],
        ["--room", "delivery"],
    ] {
        assert_eq!(list(&account, &none), Vec::<Value>::new(), "{none:?}");
    }
    assert_eq!(
        list(&account, &["--repository", "acme/*", "--since", "1h"]).len(),
        1
    );
    let forged = list(&account, &["--queue", "quarantine"]);
    assert_eq!(
        (forged[0]["verified"].as_bool(), &forged[0]["repository"]),
        (Some(false), &Value::Null)
    );

    let csv = text(run(&account, &["list", "--output", "csv"]).stdout);
    let head = DeadLetter::FIELDS.join(",");
    assert_eq!(csv.lines().next(), Some(head.as_str()));
    let none = ["list", "--output", "csv", "--repository", "nobody/*"];
    assert_eq!(text(run(&account, &none).stdout).trim_end(), head);
    assert_eq!(csv.lines().count(), 4);
    let table = text(run(&account, &["list", "--output", "table"]).stdout);
    assert!(
        table.starts_with("ID ") && table.contains("body-not-githubs"),
        "{table}"
    );
    assert!(!table.contains("hunter2") && !csv.contains("hunter2"));

    let wrong = run(&account, &["list", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(wrong.stderr).starts_with("--since: 'yesterday' is no time"));
}

#[tokio::test]
async fn one_is_shown_whole_with_what_would_become_of_it() {
    let account = buried("dlq-show", "eu-central-2").await;
    account.template().await;
    let id = list(&account, &["--reason", "template-missing"])[0]["id"].clone();
    let id = id.as_str().unwrap();
    let said: Value = serde_json::from_slice(&run(&account, &["show", id]).stdout).unwrap();
    assert_eq!(said["attributes"]["branchline-reason"], "template-missing");
    assert_eq!(
        said["explanation"]["journal"]["outcome"], "would-create",
        "{said}"
    );
    assert_eq!(said["explanation"]["clone"]["pipeline"], "api-pr-7");
    assert_eq!(said.get("body"), None);
    let with: Value =
        serde_json::from_slice(&run(&account, &["show", id, "--body"]).stdout).unwrap();
    assert!(
        with["body"]
            .as_str()
            .unwrap()
            .contains("\"action\":\"opened\"")
    );
    let unknown = run(&account, &["show", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(unknown.stderr).contains("no message nothing among 3"));
}

#[tokio::test]
async fn what_is_replayed_is_processed_and_says_by_whom() {
    let account = buried("dlq-replay", "me-central-1").await;
    account.template().await;
    let reason = ["--reason", "template-missing"];
    let dry = run(&account, &["replay", reason[0], reason[1], "--dry-run"]);
    let said = text(dry.stderr);
    assert!(
        said.contains("1 of 3 messages") && said.contains("today: would-create"),
        "{said}"
    );
    assert_eq!(list(&account, &[]).len(), 3);
    let unasked = run(&account, &["replay", reason[0], reason[1]]);
    assert_eq!(unasked.status.code(), Some(2), "nobody can be asked");
    let nothing = run(&account, &["replay"]);
    assert!(text(nothing.stderr).contains("which messages? give ids, filters, or --all"));

    let done = run(&account, &["replay", reason[0], reason[1], "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(done.stderr));
    assert_eq!(list(&account, &[]).len(), 2);
    work(&account);
    let explained = account
        .command(&["explain", "--delivery", "d-1"])
        .output()
        .unwrap();
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let recorded = explained["recorded"].as_array().unwrap();
    let said = |outcome: &str| recorded.iter().find(|entry| entry["outcome"] == outcome);
    assert!(said("created").is_some(), "{explained}");
    assert_eq!(said("replayed").unwrap()["actor"], "ada");

    // Replayed as it is, a poisoned one is buried again, and counts.
    run(&account, &["replay", "--all", "--yes"]);
    work(&account);
    let again = list(&account, &["--reason", "body-not-githubs"]);
    assert_eq!((again.len(), again[0]["replays"].as_u64()), (2, Some(1)));
}

#[tokio::test]
async fn what_is_dropped_is_in_a_file_first_and_can_come_back() {
    let account = buried("dlq-drop", "il-central-1").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.jsonl");
    let file = file.to_str().unwrap();
    let copied = run(&account, &["replay", "--all", "--to", file]);
    assert_eq!(copied.status.code(), Some(0), "{}", text(copied.stderr));
    assert_eq!(list(&account, &[]).len(), 3, "a copy");
    let unwritable = run(&account, &["drop", "--all", "--yes", "--to", file]);
    assert_eq!(
        unwritable.status.code(),
        Some(2),
        "never over a file that is there"
    );
    assert_eq!(list(&account, &[]).len(), 3);

    std::fs::remove_file(file).unwrap();
    let dropped = run(&account, &["drop", "--all", "--yes", "--to", file]);
    assert_eq!(dropped.status.code(), Some(0), "{}", text(dropped.stderr));
    assert_eq!(list(&account, &[]), Vec::<Value>::new());
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 3);

    account.template().await;
    predicted_and_filtered(&account, file);
    assert_eq!(account.counts().await, [1, 0, 1]);
    work(&account);
    let said = recorded(&account, "d-1");
    assert!(said.contains(&"created by octocat".to_owned()), "{said:?}");
    assert!(said.contains(&"dropped by ada".to_owned()), "{said:?}");
    assert!(said.contains(&"replayed by ada".to_owned()), "{said:?}");

    let missing = run(&account, &["replay", "--from", file, "--id", "nothing"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(missing.stderr).contains("no message nothing is among them"));
    std::fs::write(file, "{}\n").unwrap();
    let odd = run(&account, &["replay", "--from", file, "--yes"]);
    assert!(text(odd.stderr).contains(":1: no letter that branchline wrote"));
}

/// A file is looked at as a queue is, and what the filters leave out is not sent.
fn predicted_and_filtered(account: &Account, file: &str) {
    let dry = run(account, &["replay", "--from", file, "--dry-run"]);
    let said = text(dry.stderr);
    assert_eq!(dry.status.code(), Some(0), "{said}");
    for line in [
        "3 of 3 messages",
        "1  template-missing  acme/api",
        "1  today: would-create",
        "2  today: buried again, body-not-githubs",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let chosen = ["--reason", "template-missing"];
    let sent = run(
        account,
        &[&["replay", "--from", file, "--yes"], &chosen[..]].concat(),
    );
    let said = text(sent.stderr);
    assert_eq!(sent.status.code(), Some(0), "{said}");
    assert!(said.contains("1 replayed, 0 left"), "{said}");
}

/// What was recorded of a delivery, as `outcome by actor`.
fn recorded(account: &Account, delivery: &str) -> Vec<String> {
    let mut explain = account.command(&["explain", "--delivery", delivery]);
    let explained = explain.output().unwrap();
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let recorded = explained["recorded"].as_array().unwrap();
    let entry = |entry: &Value| format!("{} by {}", entry["outcome"], entry["actor"]);
    recorded
        .iter()
        .map(|one| entry(one).replace('"', ""))
        .collect()
}
