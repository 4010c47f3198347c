//! Messages of branchline's own: they are accepted from the internal queue, and only from there.

use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Value, json};

use super::account::Account;
use super::binary::{json_lines, text};
use super::dlq::{list, run, run_without_secret};
use crate::world::webhook::Webhook;

/// Returns an event of CodePipeline in an account.
fn pipeline_event(account: &Account, number: &str) -> Value {
    let event = include_str!("../../fixtures/pipeline-events/pipeline.failed.json");
    let mut event: Value = serde_json::from_str(event).unwrap();
    event["account"] = json!(number);
    event["region"] = json!(account.region);
    event
}

/// Sends an event to the internal queue, as EventBridge does: without attributes.
async fn send_event(account: &Account, event: &Value) {
    let request = account.client.send_message().queue_url(&account.internal);
    let request = request.message_body(event.to_string());
    request.send().await.unwrap();
}

/// Sends a message to the internal queue, as `branchline audit --repair` does.
async fn send_internal(account: &Account, id: &str, body: &str) {
    let mut request = account
        .client
        .send_message()
        .queue_url(&account.internal)
        .message_body(body);
    for (name, value) in [
        ("branchline-event", "branchline_repair"),
        ("branchline-id", id),
    ] {
        let attribute = MessageAttributeValue::builder().data_type("String");
        let attribute = attribute.string_value(value).build().unwrap();
        request = request.message_attributes(name, attribute);
    }
    request.send().await.unwrap();
}

#[tokio::test]
async fn a_replayed_repair_goes_back_to_the_internal_queue() {
    let account = Account::new("replayed-repair").await;
    send_internal(&account, "repair-1", "{}").await;
    account.process_all().await;
    assert_eq!(account.internal_count().await, 0);
    assert_eq!(account.counts().await, [0, 1, 0], "dead-lettered");
    let message = &list(&account, &["--reason", "invalid-payload"])[0];
    assert_eq!(message["event"], "branchline_repair");
    assert_eq!(message["delivery"], "repair-1");

    let id = message["id"].as_str().unwrap();
    let shown = run(&account, &["show", id, "--output", "table"]);
    let shown = text(shown.stdout);
    assert!(
        shown.contains("an internal message, which needs no signature"),
        "{shown}"
    );

    let replayed = run_without_secret(&account, &["replay", "--all", "--yes"]);
    let messages = text(replayed.stderr);
    assert_eq!(replayed.status.code(), Some(0), "{messages}");
    assert!(messages.contains("1 replayed, 0 left"), "{messages}");
    assert_eq!(account.internal_count().await, 1);
    assert_eq!(account.counts().await, [0, 0, 0]);

    // The daemon reads it from there, and dead-letters it again.
    account.process_all().await;
    assert_eq!(account.internal_count().await, 0);
    let message = &list(&account, &["--reason", "invalid-payload"])[0];
    assert_eq!(message["replays"], 1);
}

#[tokio::test]
async fn a_repair_on_the_webhook_queue_is_quarantined() {
    let account = Account::new("repair-on-webhooks").await;
    // The signature is valid: GitHub's secret does not authenticate a repair.
    let payload = json!({
        "kind": "orphan", "generation": 0, "subject": "PR#0000000007", "pipeline": "api-pr-7",
        "repository": {"id": 1001, "full_name": "acme/api"},
    });
    let repair = Webhook::event("branchline_repair", payload);
    account.send(repair.delivery("repair-1")).await;
    let daemon = || account.daemon(&["--until-empty"]);
    let runs = account.process_all_by(daemon).await;
    let log: String = runs.into_iter().map(|ran| text(ran.stderr)).collect();
    assert_eq!(account.counts().await, [0, 0, 1], "{log}");
    let quarantined = |line: &Value| line["disposition"] == "quarantined";
    assert_eq!(
        json_lines(&log)
            .iter()
            .filter(|line| quarantined(line))
            .count(),
        1,
        "{log}"
    );
    let message = &list(&account, &["--queue", "quarantine"])[0];
    assert_eq!(message["event"], "branchline_repair");
    assert_eq!(message["reason"], "wrong-queue", "{message}");
    assert_eq!(message["step"], "authenticated", "{message}");
}

#[tokio::test]
async fn an_event_of_another_account_is_quarantined() {
    let account = Account::new("foreign-event").await;
    let ours = account.internal.rsplit('/').nth(1).unwrap();
    send_event(&account, &pipeline_event(&account, ours)).await;
    send_event(&account, &pipeline_event(&account, "210987654321")).await;
    account.process_all().await;
    assert_eq!(account.internal_count().await, 0);
    assert_eq!(account.counts().await, [0, 0, 1]);
    let message = &list(&account, &["--queue", "quarantine"])[0];
    assert_eq!(message["reason"], "foreign-event", "{message}");
    assert_eq!(message["step"], "authenticated", "{message}");

    // A replay sends it to the internal queue again, where it is refused again.
    let id = message["id"].as_str().unwrap();
    let replay = ["replay", id, "--queue", "quarantine", "--yes"];
    let messages = text(run(&account, &replay).stderr);
    account.process_all().await;
    assert_eq!(account.counts().await, [0, 0, 1], "{messages}");
}

#[tokio::test]
async fn a_dead_lettered_event_is_listed_and_replayed_to_the_internal_queue() {
    let account = Account::new("dead-lettered-event").await;
    let ours = account.internal.rsplit('/').nth(1).unwrap();
    let mut event = pipeline_event(&account, ours);
    event["detail"]["pipeline"] = json!("not a name");
    send_event(&account, &event).await;
    account.process_all().await;
    let message = &list(&account, &["--reason", "invalid-payload"])[0];
    assert_eq!(message["event"], "codepipeline", "{message}");
    assert_eq!(message["delivery"], event["id"], "{message}");
    let id = message["id"].as_str().unwrap();
    let replayed = run_without_secret(&account, &["replay", id, "--yes"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", text(replayed.stderr));
    assert_eq!(account.internal_count().await, 1);
    account.process_all().await;
    let message = &list(&account, &["--reason", "invalid-payload"])[0];
    assert_eq!(message["replays"], 1, "{message}");
}
