//! `branchline dlq` when something fails: another consumer holds messages, an argument is invalid,
//! AWS denies a call.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use branchline::domain::intake::envelope::Attribute;
use serde_json::Value;

use super::account::Account;
use super::binary::{output, text};
use super::dlq::{list, run};
use super::interrupted::{fill, proxy, typed, visible};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

/// Returns what operators did with dead letters of `acme/api#1`, as `outcome by actor`.
async fn trail(account: &Account) -> Vec<String> {
    let client = aws_sdk_dynamodb::Client::new(&emulator::config(account.region.as_str()).await);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = client
        .query()
        .table_name(format!("{}-audit", account.table))
        .key_condition_expression("pk = :pk and begins_with(sk, :sk)")
        .expression_attribute_values(":pk", text("OPERATOR#REPO#1001/PR#0000000001"))
        .expression_attribute_values(":sk", text("ACTION#"));
    let entries = request.send().await.unwrap().items.unwrap();
    let of = |entry: &HashMap<String, AttributeValue>, name| entry[name].as_s().unwrap().clone();
    let entries = entries.iter();
    entries
        .map(|entry| format!("{} by {}", of(entry, "outcome"), of(entry, "actor")))
        .collect()
}

#[tokio::test]
async fn messages_of_another_consumer_and_unknown_ids_are_reported() {
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

    let partial = "partial: 2 messages held by another consumer, usually for up to 2m: run the command again then";
    let listed = run(&account, &["list", "--event", "push"]);
    let messages = text(listed.stderr);
    assert_eq!(listed.status.code(), Some(1), "{messages}");
    assert!(messages.contains(partial), "{messages}");

    let none = format!("message {id} was not found: see `branchline dlq list`");
    for command in ["replay", "drop"] {
        let output = run(&account, &[command, id, "--yes"]);
        let messages = text(output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(
            messages.contains(&none) && messages.contains(partial),
            "{messages}"
        );
    }
    let shown = run(&account, &["show", id]);
    assert_eq!(shown.status.code(), Some(2));
    assert!(text(shown.stderr).contains(partial));
    assert_eq!(visible(&account, 1).await, 1);
}

#[test]
fn a_reason_or_step_that_does_not_exist_is_refused() {
    let invalid = [
        ("--reason", "tempalte-missing", "template-missing"),
        (
            "--step",
            "kitchen",
            "authenticated, event, intent, mapping, plan, none",
        ),
    ];
    for (flag, word, known) in invalid {
        let output = output(&mut super::binary::branchline(&["dlq", "list", flag, word]));
        let messages = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{messages}");
        assert!(
            messages.starts_with(&format!("error: invalid value '{word}' for '{flag} <")),
            "{messages}"
        );
        assert!(messages.contains(known), "{messages}");
    }
}

#[tokio::test]
async fn messages_without_a_prediction_are_counted_and_stay() {
    let account = Account::new("unpredicted").await;
    fill(&account, 3).await;
    let id = list(&account, &[])[0]["id"].as_str().unwrap().to_owned();
    let table = ["--table", "no-such-table"];
    let dry = run(
        &account,
        &[&["replay", "--all", "--dry-run"], &table[..]].concat(),
    );
    let messages = text(dry.stderr);
    assert_eq!(dry.status.code(), Some(0), "{messages}");
    assert!(
        messages.contains("3  today: cannot be predicted: aws-missing"),
        "{messages}"
    );
    assert_eq!(visible(&account, 1).await, 3, "returned");

    let shown = run(&account, &[&["show", &id], &table[..]].concat());
    assert_eq!(shown.status.code(), Some(2));
    let error = text(shown.stderr);
    assert!(
        error.starts_with("error: the outcome of a replay cannot be predicted: aws-missing"),
        "{error}"
    );
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["message"]["id"], *id);
    assert_eq!(shown["explanation"], Value::Null);
    let error = shown["prediction_error"].as_str().unwrap();
    assert!(error.starts_with("aws-missing"), "{error}");
    assert_eq!(visible(&account, 1).await, 3, "returned");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_sent_and_not_deleted_is_counted_and_reported() {
    let account = Account::new("undeleted").await;
    fill(&account, 1).await;
    let proxy = proxy(&account).await;
    proxy.deny("amazonsqs.deletemessagebatch");
    let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--by", "eve"]);
    let replay = output(replay.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    let messages = text(replay.stderr);
    assert_eq!(replay.status.code(), Some(2), "{messages}");
    assert!(messages.contains("1 replayed, 0 left"), "{messages}");
    let still = "was sent, but could not be deleted from this queue";
    assert!(
        messages.contains(still) && messages.contains("aws-denied"),
        "{messages}"
    );
    assert_eq!(
        (visible(&account, 0).await, visible(&account, 1).await),
        (1, 1)
    );
    assert_eq!(
        trail(&account).await,
        ["replaying by eve", "replayed by eve"]
    );
}

/// A queue that was made before SQS accepted 1 MiB gets a copy that is cut, and that stays where it
/// is: a replay would lose it.
#[tokio::test]
async fn a_message_that_nothing_proves_any_more_is_not_replayed() {
    let account = Account::new("unproven").await;
    for url in &account.urls[1..] {
        let limit = account.client.set_queue_attributes().queue_url(url);
        let limit = limit.attributes(QueueAttributeName::MaximumMessageSize, "262144");
        limit.send().await.unwrap();
    }
    let long = "x".repeat(300_000);
    let webhook = |number| Webhook::pull_request("opened").number(number);
    let large = webhook(1).with("/pull_request/body", long);
    account.send(large.clone()).await;
    account.send(large.number(2).signed_with("a guess")).await;
    account.process_all().await;
    for url in &account.urls[1..] {
        assert_eq!(emulator::depth(&account.client, url).await, 1);
    }
    let mut unsigned = webhook(3).seal(START);
    unsigned
        .attributes
        .retain(|(name, _)| name != "X-Hub-Signature-256");
    let step = Attribute::text("plan");
    unsigned
        .attributes
        .push(("branchline-step".to_owned(), step));
    emulator::send(&account.client, &account.urls[1], unsigned).await;
    fill(&account, 1).await;

    let without = ["dlq", "replay", "--all", "--yes"];
    let mut without = account.command(&without);
    without.env_remove("WEBHOOK_SECRET");
    for (command, replayed) in [
        (&mut without, 1),
        (
            &mut account.command(&["dlq", "replay", "--all", "--yes"]),
            0,
        ),
    ] {
        let replay = output(command);
        let messages = text(replay.stderr);
        assert_eq!(replay.status.code(), Some(1), "{messages}");
        for why in [
            "its body was cut; redeliver it at GitHub",
            "it has no signature",
        ] {
            let line = format!("1  stays, the daemon would not believe it: {why}");
            assert!(messages.contains(&line), "{messages}");
        }
        if replayed > 0 {
            assert!(messages.contains("1 replayed, 0 left"), "{messages}");
        }
        assert_eq!(visible(&account, 1).await, 2);
    }
    let listed = list(&account, &["--queue", "quarantine"]);
    assert!(listed[0]["original_bytes"].as_u64().unwrap() > 300_000);
    assert_eq!(listed[0]["verified"], false);
    let quarantined = run(
        &account,
        &["replay", "--queue", "quarantine", "--all", "--yes"],
    );
    assert_eq!(quarantined.status.code(), Some(1));
    assert_eq!(visible(&account, 2).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_entry_in_the_audit_trail_no_message_is_touched() {
    let account = Account::new("untrailed").await;
    fill(&account, 2).await;
    let proxy = proxy(&account).await;
    proxy.deny("dynamodb_20120810.putitem");
    for arguments in [&["replay"][..], &["drop", "--no-export"]] {
        let all = [&["dlq"], arguments, &["--all", "--yes"]].concat();
        let mut command = account.command(&all);
        let output = output(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
        let messages = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{messages}");
        assert!(
            messages.contains("the audit trail cannot be written"),
            "{messages}"
        );
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
    let replay = output(replay.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    let messages = text(replay.stderr);
    assert_eq!(replay.status.code(), Some(0), "{messages}");
    assert!(messages.contains("1 replayed, 0 left"), "{messages}");
    let warning =
        "warning: the audit trail says 'replaying' of replay:message-1 and not 'replayed'";
    assert!(messages.contains(warning), "{messages}");
    assert_eq!(
        (visible(&account, 0).await, visible(&account, 1).await),
        (1, 0)
    );
    assert_eq!(trail(&account).await, ["replaying by eve"]);
}

#[tokio::test]
async fn the_audit_trail_has_the_printable_name_of_the_operator() {
    let account = Account::new("dropped").await;
    let names = [("", "ada"), ("\u{1}", "ada"), ("e\u{7}ve", "eve")];
    for (number, (given, expected)) in names.iter().enumerate() {
        fill(&account, 1).await;
        let dropped = run(
            &account,
            &["drop", "--all", "--yes", "--no-export", "--by", given],
        );
        assert_eq!(dropped.status.code(), Some(0), "{}", text(dropped.stderr));
        let both = ["dropping", "dropped"].map(|what| format!("{what} by {expected}"));
        assert_eq!(trail(&account).await[2 * number..], both);
    }
    fill(&account, 1).await;
    let unnamed = ["dlq", "replay", "--all", "--yes"];
    let unnamed = output(account.command(&unnamed).env("USER", ""));
    assert_eq!(unnamed.status.code(), Some(0), "{}", text(unnamed.stderr));
    let last = trail(&account).await.pop();
    assert_eq!(last.as_deref(), Some("replayed by unknown"));
}

#[tokio::test]
async fn a_file_that_cannot_be_created_is_reported_before_any_message_is_read() {
    let account = Account::new("to-file").await;
    fill(&account, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let there = name("there");
    std::fs::write(&there, "").unwrap();
    for file in [&there, &name("no/such/folder")] {
        for command in ["replay", "drop"] {
            let output = run(&account, &[command, "--all", "--yes", "--to", file]);
            let messages = text(output.stderr);
            assert_eq!(output.status.code(), Some(2), "{messages}");
            assert!(
                messages.starts_with(&format!("error: cannot create {file}: ")),
                "{messages}"
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
async fn an_unauthenticated_body_does_not_control_the_terminal() {
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
    let shown = text(typed(account.command(&show), "no such prompt", "").stdout);
    assert!(shown.contains(r#""a": "\u{9b}2J\u{202e}"}"#), "{shown}");
    assert!(!shown.contains(['\u{9b}', '\u{202e}']));
    let raw = output(&mut account.command(&show));
    let raw: Value = serde_json::from_slice(&raw.stdout).unwrap();
    assert_eq!(raw["body"], body);
}
