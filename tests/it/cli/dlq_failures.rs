//! `branchline dlq` where something is not as it should be: others hold messages, a word is wrong, AWS refuses.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::account::Account;
use super::dlq::{list, run, text};
use super::interrupted::{fill, proxy, typed, visible};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

/// What is in the audit trail of `acme/api#1`, as `outcome by actor`.
async fn trail(account: &Account) -> Vec<String> {
    let client = aws_sdk_dynamodb::Client::new(&emulator::config("eu-west-1").await);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = client
        .query()
        .table_name(&account.table)
        .key_condition_expression("pk = :pk and begins_with(sk, :sk)")
        .expression_attribute_values(":pk", text("REPO#1001"))
        .expression_attribute_values(":sk", text("AUDIT#PR#0000000001#"));
    let entries = request.send().await.unwrap().items.unwrap();
    let of = |entry: &HashMap<String, AttributeValue>, name| entry[name].as_s().unwrap().clone();
    let entries = entries.iter();
    entries
        .map(|entry| format!("{} by {}", of(entry, "outcome"), of(entry, "actor")))
        .collect()
}

#[tokio::test]
async fn what_others_hold_is_told_and_what_is_not_there_is_named() {
    let account = Account::new("held").await;
    fill(&account, 3).await;
    let held = account
        .client
        .receive_message()
        .queue_url(&account.urls[1])
        .max_number_of_messages(2);
    let held = held.visibility_timeout(60).send().await.unwrap();
    let held = held.messages.unwrap();
    let id = held[0].message_id.as_deref().unwrap();

    let partial = "partial: 2 are held by somebody else, as a rule for up to 2m";
    let looked = run(&account, &["list", "--event", "push"]);
    let said = text(looked.stderr);
    assert_eq!(looked.status.code(), Some(1), "{said}");
    assert!(said.contains(partial), "{said}");

    let none = format!("no message {id} is among them");
    for command in ["replay", "drop"] {
        let output = run(&account, &[command, id, "--yes"]);
        let said = text(output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&none) && said.contains(partial), "{said}");
    }
    let shown = run(&account, &["show", id]);
    assert_eq!(shown.status.code(), Some(2));
    assert!(text(shown.stderr).contains(partial));
    assert_eq!(visible(&account, 1).await, 1);
}

#[test]
fn a_word_that_no_letter_can_have_is_refused() {
    let wrong = [
        ("--reason", "tempalte-missing", "template-missing"),
        (
            "--room",
            "kitchen",
            "delivery, event, intent, mapping, none",
        ),
    ];
    for (flag, word, known) in wrong {
        let output = super::binary::branchline(&["dlq", "list", flag, word]).output();
        let output = output.unwrap();
        let said = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with(&format!("{flag}: '{word}' is none of ")),
            "{said}"
        );
        assert!(said.contains(known), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_predicted_is_counted_and_stays() {
    let account = Account::new("unpredicted").await;
    fill(&account, 3).await;
    let id = list(&account, &[])[0]["id"].as_str().unwrap().to_owned();
    let table = ["--table", "no-such-table"];
    let dry = run(
        &account,
        &[&["replay", "--all", "--dry-run"], &table[..]].concat(),
    );
    let said = text(dry.stderr);
    assert_eq!(dry.status.code(), Some(0), "{said}");
    assert!(
        said.contains("3  today: cannot be told: aws-missing"),
        "{said}"
    );
    assert_eq!(visible(&account, 1).await, 3, "handed back");

    let shown = run(&account, &[&["show", &id], &table[..]].concat());
    assert_eq!(shown.status.code(), Some(2));
    let letter: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(letter["letter"]["id"], *id);
    assert_eq!(letter["explanation"], Value::Null);
    let told = letter["cannot_be_told"].as_str().unwrap();
    assert!(told.starts_with("aws-missing"), "{told}");
    assert_eq!(visible(&account, 1).await, 3, "handed back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_was_sent_and_could_not_be_deleted_counts_and_is_told() {
    let account = Account::new("undeleted").await;
    fill(&account, 1).await;
    let proxy = proxy(&account).await;
    proxy.deny("amazonsqs.deletemessagebatch");
    let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--by", "eve"]);
    let replay = replay.env("AWS_ENDPOINT_URL", &proxy.endpoint).output();
    let replay = replay.unwrap();
    let said = text(replay.stderr);
    assert_eq!(replay.status.code(), Some(2), "{said}");
    assert!(said.contains("1 replayed, 0 left"), "{said}");
    let still = "was sent, and is still in the queue that it came from";
    assert!(
        said.contains(still) && said.contains("aws-denied"),
        "{said}"
    );
    assert_eq!(
        (visible(&account, 0).await, visible(&account, 1).await),
        (1, 1)
    );
    assert_eq!(trail(&account).await, ["replayed by eve"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_entry_in_the_audit_trail_nothing_is_done() {
    let account = Account::new("untrailed").await;
    fill(&account, 2).await;
    let proxy = proxy(&account).await;
    proxy.deny("dynamodb_20120810.putitem");
    for arguments in [&["replay"][..], &["drop", "--no-export"]] {
        let all = [&["dlq"], arguments, &["--all", "--yes"]].concat();
        let mut command = account.command(&all);
        let output = command.env("AWS_ENDPOINT_URL", &proxy.endpoint).output();
        let output = output.unwrap();
        let said = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("the audit trail cannot be written"), "{said}");
        assert_eq!(
            (visible(&account, 0).await, visible(&account, 1).await),
            (0, 2)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_cannot_be_finished_is_a_warning_and_stops_nothing() {
    let account = Account::new("half-trailed").await;
    fill(&account, 1).await;
    let proxy = proxy(&account).await;
    proxy.deny_after("dynamodb_20120810.putitem", 1);
    let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--by", "eve"]);
    let replay = replay.env("AWS_ENDPOINT_URL", &proxy.endpoint).output();
    let replay = replay.unwrap();
    let said = text(replay.stderr);
    assert_eq!(replay.status.code(), Some(0), "{said}");
    assert!(said.contains("1 replayed, 0 left"), "{said}");
    let warning = "warning: the audit trail says 'replaying' of replay:letter-1 and not 'replayed'";
    assert!(said.contains(warning), "{said}");
    assert_eq!(
        (visible(&account, 0).await, visible(&account, 1).await),
        (1, 0)
    );
    assert_eq!(trail(&account).await, ["replaying by eve"]);
}

#[tokio::test]
async fn whoever_drops_is_in_the_audit_trail_by_a_name_that_can_be_printed() {
    let account = Account::new("dropped").await;
    let names = [("", "ada"), ("\u{1}", "ada"), ("e\u{7}ve", "eve")];
    for (number, (said, meant)) in names.iter().enumerate() {
        fill(&account, 1).await;
        let dropped = run(
            &account,
            &["drop", "--all", "--yes", "--no-export", "--by", said],
        );
        assert_eq!(dropped.status.code(), Some(0), "{}", text(dropped.stderr));
        assert_eq!(trail(&account).await[number], format!("dropped by {meant}"));
    }
    fill(&account, 1).await;
    let nobody = ["dlq", "replay", "--all", "--yes"];
    let nobody = account.command(&nobody).env("USER", "").output().unwrap();
    assert_eq!(nobody.status.code(), Some(0), "{}", text(nobody.stderr));
    assert_eq!(trail(&account).await[names.len()], "replayed by unknown");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_before_anything_is_looked_at() {
    let account = Account::new("to-file").await;
    fill(&account, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let there = name("there");
    std::fs::write(&there, "").unwrap();
    for file in [&there, &name("no/such/folder")] {
        for command in ["replay", "drop"] {
            let output = run(&account, &[command, "--all", "--yes", "--to", file]);
            let said = text(output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(
                said.starts_with(&format!("{file} cannot be written")),
                "{said}"
            );
        }
    }
    let copy = name("copy");
    run(&account, &["replay", "--event", "push", "--to", &copy]);
    assert!(
        !std::fs::exists(&copy).unwrap(),
        "nothing was to be written"
    );
    let copied = run(&account, &["replay", "--all", "--to", &copy]);
    assert_eq!(copied.status.code(), Some(0), "{}", text(copied.stderr));
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_strangers_body_moves_nothing_on_a_terminal() {
    let account = Account::new("body").await;
    let body = "{\n\t\"a\": \"\u{9b}2J\u{202e}\"}";
    let sealed = Webhook::ping()
        .body(body)
        .signed_with("a guess")
        .seal(START);
    emulator::send(&account.client, &account.urls[2], sealed).await;
    let quarantine = ["--queue", "quarantine"];
    let id = list(&account, &quarantine)[0]["id"].clone();
    let id = id.as_str().unwrap();
    let show = [&["dlq", "show", id, "--body"], &quarantine[..]].concat();
    let shown = text(typed(account.command(&show), "never asked", "").stdout);
    assert!(shown.contains(r#""a": "\u{9b}2J\u{202e}"}"#), "{shown}");
    assert!(!shown.contains(['\u{9b}', '\u{202e}']));
    let raw = account.command(&show).output().unwrap();
    let raw: Value = serde_json::from_slice(&raw.stdout).unwrap();
    assert_eq!(raw["body"], body);
}
