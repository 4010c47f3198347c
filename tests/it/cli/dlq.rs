//! `branchline dlq` against the emulator: listed messages stay, replayed messages arrive, and no
//! message is lost.

use std::process::Output;

use branchline::inspect::dlq::dead_letter::DeadLetter;
use serde_json::Value;

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::webhook::Webhook;

pub(super) fn run(account: &Account, arguments: &[&str]) -> Output {
    let mut command = account.command(&[&["dlq"], arguments].concat());
    output(command.env("USER", "ada"))
}

/// The same, where no webhook secret can be read.
pub(super) fn run_without_secret(account: &Account, arguments: &[&str]) -> Output {
    let mut command = account.command(&[&["dlq"], arguments].concat());
    output(command.env("USER", "ada").env_remove("WEBHOOK_SECRET"))
}

/// Returns the messages that a list prints.
pub(super) fn list(account: &Account, arguments: &[&str]) -> Vec<Value> {
    listed(run(account, &[&["list"], arguments].concat()))
}

fn listed(output: Output) -> Vec<Value> {
    let errors = text(output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{errors}");
    let messages = json_lines(&text(output.stdout));
    assert_eq!(output.status.code(), Some(i32::from(!messages.is_empty())));
    messages
}

/// Makes an account with three dead letters (two invalid payloads and a webhook without a template)
/// and one quarantined forgery.
pub(super) async fn with_dead_letters(test: &str) -> Account {
    let account = Account::new(test).await;
    for name in ["p-1", "p-2"] {
        let invalid = Webhook::pull_request("opened").body("{\"action\":\"hunter2\"}");
        account.send(invalid.delivery(name)).await;
    }
    account.send(Webhook::ping().signed_with("a guess")).await;
    account
        .send(Webhook::pull_request("opened").delivery("d-1"))
        .await;
    account.process_all().await;
    account
}

#[tokio::test]
async fn messages_are_listed_and_filtered_and_stay() {
    let account = with_dead_letters("dlq-list").await;
    for _ in 0..2 {
        assert_eq!(list(&account, &[]).len(), 3, "returned at once");
    }
    let messages = list(&account, &["--reason", "template-missing"]);
    let message = &messages[0];
    assert_eq!(
        (messages.len(), message["repository"].as_str()),
        (1, Some("acme/api"))
    );
    assert_eq!(message["subject"], "acme/api#7");
    assert_eq!(message["delivery"], "d-1");
    assert_eq!(
        (message["attempts"].as_u64(), message["verified"].as_bool()),
        (Some(1), Some(true))
    );
    assert!(
        message["first_seen"].as_str().unwrap().starts_with("20"),
        "{message}"
    );
    for none in [
        ["--repository", "other/*"],
        ["--until", "1h"],
        ["--event", "push"],
        ["--step", "authenticated"],
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
        table.starts_with("ID ") && table.contains("invalid-payload"),
        "{table}"
    );
    assert!(!table.contains("hunter2") && !csv.contains("hunter2"));

    let invalid = run(&account, &["list", "--since", "yesterday"]);
    assert_eq!(invalid.status.code(), Some(2));
    assert!(text(invalid.stderr).starts_with("error: --since: invalid time 'yesterday'"));
}

#[tokio::test]
async fn one_message_is_shown_with_a_prediction() {
    let account = with_dead_letters("dlq-show").await;
    account.template().await;
    let id = list(&account, &["--reason", "template-missing"])[0]["id"].clone();
    let id = id.as_str().unwrap();
    let shown: Value = serde_json::from_slice(&run(&account, &["show", id]).stdout).unwrap();
    assert_eq!(shown["attributes"]["branchline-reason"], "template-missing");
    assert_eq!(shown["message"]["verified"], true);
    let explanation = &shown["explanation"];
    assert_eq!(explanation["journal"]["outcome"], "created", "{shown}");
    assert_eq!(
        explanation["prediction"],
        "create api-pr-7 from api-template"
    );
    assert_eq!(explanation["dead_lettered"], false);
    assert_eq!(explanation["clone"]["pipeline"], "api-pr-7");
    assert_eq!(shown.get("body"), None);
    let with_body: Value =
        serde_json::from_slice(&run(&account, &["show", id, "--body"]).stdout).unwrap();
    assert!(
        with_body["body"]
            .as_str()
            .unwrap()
            .contains("\"action\":\"opened\"")
    );
    let unknown = run(&account, &["show", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(
        text(unknown.stderr),
        "error: message nothing is not among the 3 messages of the queue: the other queue has 1 message: try --queue quarantine\n"
    );
}

#[tokio::test]
async fn a_replayed_message_is_processed_and_its_history_has_the_operator() {
    let account = with_dead_letters("dlq-replay").await;
    account.template().await;
    let reason = ["--reason", "template-missing"];
    let dry = run(&account, &["replay", reason[0], reason[1], "--dry-run"]);
    let preview = text(dry.stderr);
    assert!(
        preview.contains("1 of 3 messages") && preview.contains("today: created"),
        "{preview}"
    );
    assert_eq!(list(&account, &[]).len(), 3);
    let unconfirmed = run(&account, &["replay", reason[0], reason[1]]);
    assert_eq!(unconfirmed.status.code(), Some(2), "there is no terminal");
    let nothing = run(&account, &["replay"]);
    assert_eq!(
        text(nothing.stderr),
        "error: no message is selected: give IDs, filters, or --all\n"
    );

    let done = run(&account, &["replay", reason[0], reason[1], "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(done.stderr));
    assert_eq!(list(&account, &[]).len(), 2);
    account.process_all().await;
    let recorded = recorded(&account, "d-1");
    assert!(
        recorded.contains(&"created by octocat".to_owned()),
        "{recorded:?}"
    );
    assert!(
        recorded.contains(&"replayed by ada".to_owned()),
        "{recorded:?}"
    );

    // An invalid payload is dead-lettered again after its replay, which is counted.
    run(&account, &["replay", "--all", "--yes"]);
    account.process_all().await;
    let again = list(&account, &["--reason", "invalid-payload"]);
    assert_eq!((again.len(), again[0]["replays"].as_u64()), (2, Some(1)));
}

#[tokio::test]
async fn a_dropped_message_is_written_to_a_file_first_and_can_be_replayed() {
    let account = with_dead_letters("dlq-drop").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.jsonl");
    let file = file.to_str().unwrap();
    let copied = run(&account, &["replay", "--all", "--to", file]);
    assert_eq!(copied.status.code(), Some(0), "{}", text(copied.stderr));
    assert_eq!(list(&account, &[]).len(), 3, "a copy");
    let unwritable = run(&account, &["drop", "--all", "--yes", "--to", file]);
    assert_eq!(
        unwritable.status.code(),
        Some(2),
        "an existing file is never overwritten"
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
    account.process_all().await;
    let recorded = recorded(&account, "d-1");
    for entry in ["created by octocat", "dropped by ada", "replayed by ada"] {
        assert!(recorded.contains(&entry.to_owned()), "{recorded:?}");
    }

    let missing = run(&account, &["replay", "--from", file, "--id", "nothing"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(missing.stderr).contains("message nothing was not found"));
    std::fs::write(file, "{}\n").unwrap();
    let foreign = run(&account, &["replay", "--from", file, "--yes"]);
    let error = text(foreign.stderr);
    assert!(
        error.starts_with("error: --from: ") && error.contains(":1: not a branchline export"),
        "{error}"
    );
}

/// Checks that a file is previewed like a queue, and that only messages that match the filters are
/// sent.
fn predicted_and_filtered(account: &Account, file: &str) {
    let dry = run(account, &["replay", "--from", file, "--dry-run"]);
    let preview = text(dry.stderr);
    assert_eq!(dry.status.code(), Some(0), "{preview}");
    for line in [
        "3 of 3 messages",
        "1  template-missing  acme/api",
        "1  today: created",
        "2  today: dead-lettered again, invalid-payload",
    ] {
        assert!(preview.contains(line), "{preview}");
    }
    let chosen = ["--reason", "template-missing"];
    let sent = run(
        account,
        &[&["replay", "--from", file, "--yes"], &chosen[..]].concat(),
    );
    let messages = text(sent.stderr);
    assert_eq!(sent.status.code(), Some(0), "{messages}");
    assert!(messages.contains("1 replayed, 0 left"), "{messages}");
}

/// Returns the audit trail of a delivery, as `outcome by actor`.
fn recorded(account: &Account, delivery: &str) -> Vec<String> {
    let explained = output(&mut account.command(&["explain", "--delivery", delivery]));
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let recorded = explained["recorded"].as_array().unwrap();
    let entry = |entry: &Value| format!("{} by {}", entry["outcome"], entry["actor"]);
    recorded
        .iter()
        .map(|one| entry(one).replace('"', ""))
        .collect()
}

#[tokio::test]
async fn no_subcommand_needs_a_webhook_secret() {
    let account = with_dead_letters("dlq-no-secret").await;
    account.template().await;
    let reason = ["--reason", "template-missing"];
    let messages = listed(run_without_secret(&account, &["list"]));
    assert_eq!(messages.len(), 3);
    // The daemon authenticated it before it failed, so its body is read.
    let messages = listed(run_without_secret(
        &account,
        &[&["list"], &reason[..]].concat(),
    ));
    assert_eq!(messages[0]["subject"], "acme/api#7");
    assert_eq!(messages[0]["verified"], Value::Null, "not checked");
    let quarantined = ["list", "--queue", "quarantine"];
    let quarantined = listed(run_without_secret(&account, &quarantined));
    assert_eq!(
        (&quarantined[0]["verified"], &quarantined[0]["repository"]),
        (&Value::Null, &Value::Null)
    );

    let id = messages[0]["id"].as_str().unwrap();
    let shown = run_without_secret(&account, &["show", id]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["message"]["verified"], Value::Null);
    assert_eq!(shown["explanation"]["journal"]["outcome"], "created");
    let not_checked = "the signature was not checked: no webhook secret can be read here";
    let table = ["show", id, "--output", "table"];
    let without_secret = text(run_without_secret(&account, &table).stdout);
    assert!(without_secret.contains(not_checked), "{without_secret}");
    let with_secret = text(run(&account, &table).stdout);
    let valid =
        "the signature is valid today, under the secret 'env:WEBHOOK_SECRET'; in this queue";
    assert!(with_secret.contains(valid), "{with_secret}");

    let replay = [&["replay", "--yes"], &reason[..]].concat();
    let replayed = run_without_secret(&account, &replay);
    let messages = text(replayed.stderr);
    assert_eq!(replayed.status.code(), Some(0), "{messages}");
    assert!(messages.contains("1 replayed, 0 left"), "{messages}");
    account.process_all().await;
    let recorded = recorded(&account, "d-1");
    assert!(
        recorded.contains(&"created by octocat".to_owned()),
        "{recorded:?}"
    );
}
