//! `branchline check`, offline and against the emulator.

use std::process::Command;

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::account::Account;
use crate::world::emulator;

/// The exit code and what was found, each as `ok WHAT` or `NO WHAT`.
fn checked(command: &mut Command) -> (Option<i32>, Vec<String>) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let finding: Value = serde_json::from_str(line).unwrap();
        let (ok, mends) = (finding["ok"].as_bool(), !finding["mend"].is_null());
        assert_eq!(ok == Some(false), mends, "{finding}");
        let mark = match ok {
            Some(true) => "ok",
            Some(false) => "NO",
            None => "--",
        };
        format!("{mark} {}", finding["what"].as_str().unwrap())
    };
    (output.status.code(), said.lines().map(line).collect())
}

#[tokio::test]
async fn what_is_missing_is_found_and_what_is_mended_is_good() {
    let account = Account::in_region("check", "me-south-1").await;
    let (code, found) = checked(&mut account.command(&["check"]));
    assert_eq!(code, Some(1));
    let wanted = [
        "ok configuration",
        "NO queue of webhooks",
        "NO dead-letter queue",
        "ok quarantine",
        "ok table",
        "ok index by-state",
        "NO time to live",
        "NO template api-template",
    ];
    assert_eq!(found, wanted);

    emulator::redrive(&account.client, &account.urls[0], &account.urls[1], 100).await;
    let keep = account
        .client
        .set_queue_attributes()
        .queue_url(&account.urls[1]);
    let keep = keep.attributes(QueueAttributeName::MessageRetentionPeriod, "1209600");
    keep.send().await.unwrap();
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires_at");
    let config = emulator::config("me-south-1").await;
    let table = aws_sdk_dynamodb::Client::new(&config)
        .update_time_to_live()
        .table_name(&account.table);
    table
        .time_to_live_specification(ttl.build().unwrap())
        .send()
        .await
        .unwrap();
    account.template().await;
    let (code, found) = checked(&mut account.command(&["check"]));
    assert_eq!(code, Some(0), "{found:?}");
    let odd = found.iter().filter(|line| !line.starts_with("ok "));
    assert_eq!(odd.collect::<Vec<_>>(), ["-- roles"]);

    // What comes of it is said by tests/aws/roles.rs: the emulator does not judge.
    let daemon = emulator::role();
    let asked = ["check", "--output", "table", "--daemon-role", &daemon];
    let told = account.command(&asked).output().unwrap();
    let said = String::from_utf8(told.stdout).unwrap();
    assert_eq!(told.status.code(), Some(1));
    assert!(
        said.contains("✗ role ") && said.contains("iam:SimulatePrincipalPolicy"),
        "{said}"
    );
}

#[tokio::test]
async fn offline_nobody_is_asked_and_secrets_count() {
    let account = Account::in_region("check-offline", "me-south-1").await;
    let mut offline = account.command(&["check", "--offline"]);
    offline.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    assert_eq!(
        checked(&mut offline),
        (Some(0), vec!["ok configuration".to_owned()])
    );
    let without = account
        .command(&["check", "--offline"])
        .env_remove("WEBHOOK_SECRET")
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(2));
    let said = String::from_utf8(without.stderr).unwrap();
    assert!(
        said.contains("the variable WEBHOOK_SECRET is not set"),
        "{said}"
    );
}

#[tokio::test]
async fn a_queue_and_a_table_that_are_not_there_are_told() {
    let account = Account::in_region("check-missing", "me-south-1").await;
    let mut missing = account.command(&["check", "--table", "no-such-table"]);
    missing.args(["--queue-url", &format!("{}-gone", account.urls[0])]);
    let (code, found) = checked(&mut missing);
    assert_eq!(code, Some(1));
    let wanted = [
        "ok configuration",
        "NO queue of webhooks",
        "ok dead-letter queue",
        "ok quarantine",
        "NO table",
        "NO template api-template",
    ];
    assert_eq!(found, wanted);
}
