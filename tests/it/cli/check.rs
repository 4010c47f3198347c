//! `branchline check`, offline and against the emulator.

use std::process::Command;

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::emulator;

/// Returns the exit code and the findings, each as `ok WHAT`, `NO WHAT` or `-- WHAT`.
fn check(command: &mut Command) -> (Option<i32>, Vec<String>) {
    let output = output(command);
    let findings = json_lines(&text(output.stdout));
    let line = |finding: &Value| {
        let (ok, has_fix) = (finding["ok"].as_bool(), !finding["fix"].is_null());
        assert_eq!(ok == Some(false), has_fix, "{finding}");
        let mark = match ok {
            Some(true) => "ok",
            Some(false) => "NO",
            None => "--",
        };
        format!("{mark} {}", finding["what"].as_str().unwrap())
    };
    (output.status.code(), findings.iter().map(line).collect())
}

#[tokio::test]
async fn missing_parts_are_found_and_fixed_ones_are_good() {
    let account = Account::new("check").await;
    let (code, found) = check(&mut account.command(&["check"]));
    assert_eq!(code, Some(1));
    let expected = [
        "ok configuration",
        "NO queue of webhooks",
        "NO internal queue",
        "NO dead-letter queue",
        "ok quarantine",
        "-- pipeline events",
        "ok table",
        "ok index by-state",
        "NO time to live",
        "ok audit trail",
        "ok index by-time",
        "NO template api-template",
    ];
    assert_eq!(found, expected);

    for source in [&account.urls[0], &account.internal] {
        emulator::redrive(&account.client, source, &account.urls[1], 100).await;
    }
    let keep = account
        .client
        .set_queue_attributes()
        .queue_url(&account.urls[1]);
    let keep = keep.attributes(QueueAttributeName::MessageRetentionPeriod, "1209600");
    keep.send().await.unwrap();
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires_at");
    let config = emulator::config(account.region.as_str()).await;
    let table = aws_sdk_dynamodb::Client::new(&config)
        .update_time_to_live()
        .table_name(&account.table);
    table
        .time_to_live_specification(ttl.build().unwrap())
        .send()
        .await
        .unwrap();
    account.template().await;
    let (code, found) = check(&mut account.command(&["check"]));
    assert_eq!(code, Some(0), "{found:?}");
    let others = found.iter().filter(|line| !line.starts_with("ok "));
    assert_eq!(
        others.collect::<Vec<_>>(),
        ["-- pipeline events", "-- roles"]
    );

    // The emulator has no policy simulator: tests/it/aws tests the result of one.
    let daemon = emulator::role();
    let arguments = ["check", "--output", "table", "--daemon-role", &daemon];
    let with_role = output(&mut account.command(&arguments));
    let table = text(with_role.stdout);
    assert_eq!(with_role.status.code(), Some(1));
    assert!(
        table.contains("✗ role ") && table.contains("iam:SimulatePrincipalPolicy"),
        "{table}"
    );
}

#[tokio::test]
async fn offline_it_calls_no_service_and_reads_the_secrets() {
    let account = Account::new("check-offline").await;
    let mut offline = account.command(&["check", "--offline"]);
    offline.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    assert_eq!(
        check(&mut offline),
        (Some(0), vec!["ok configuration".to_owned()])
    );
    let mut without_secret = account.command(&["check", "--offline"]);
    let without_secret = output(without_secret.env_remove("WEBHOOK_SECRET"));
    assert_eq!(without_secret.status.code(), Some(2));
    let error = text(without_secret.stderr);
    assert!(
        error.starts_with("error: RULES:")
            && error.contains("the variable WEBHOOK_SECRET is not set"),
        "{error}"
    );
}

#[tokio::test]
async fn queues_and_a_table_that_do_not_exist_are_found() {
    let account = Account::new("check-missing").await;
    // Other tests of this Region may create the template of the configuration.
    let rules = account.rules().replace("api-template", "no-such-template");
    let mut missing = account.command(&["check", "--table", "no-such-table"]);
    missing.env("RULES", rules);
    missing.args(["--queue-url", &format!("{}-gone", account.urls[0])]);
    missing.args([
        "--internal-queue-url",
        &format!("{}-gone", account.internal),
    ]);
    let (code, found) = check(&mut missing);
    assert_eq!(code, Some(1));
    let expected = [
        "ok configuration",
        "NO queue of webhooks",
        "NO internal queue",
        "ok dead-letter queue",
        "ok quarantine",
        "NO table",
        "NO audit trail",
        "NO template no-such-template",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_internal_queue_is_judged_like_a_source_queue() {
    let account = Account::new("check-internal").await;
    let internal = || {
        let output = output(&mut account.command(&["check"]));
        let findings = json_lines(&text(output.stdout)).into_iter();
        let mut findings = findings.filter(|finding| finding["what"] == "internal queue");
        let finding = findings.next().unwrap();
        assert!(findings.next().is_none());
        finding
    };
    let without_redrive = internal();
    assert_eq!(without_redrive["ok"], false);
    let detail = without_redrive["detail"].as_str().unwrap();
    assert!(detail.contains("no redrive policy"), "{detail}");
    let fix = without_redrive["fix"].as_str().unwrap();
    assert!(fix.contains(&account.internal), "{fix}");
    assert!(
        fix.contains("cli-check-internal:123456789012:dead"),
        "{fix}"
    );

    emulator::redrive(&account.client, &account.internal, &account.urls[1], 5).await;
    let few_receives = internal();
    let detail = few_receives["detail"].as_str().unwrap();
    assert!(detail.contains("maxReceiveCount is 5"), "{detail}");
}

#[tokio::test]
async fn the_policy_of_the_internal_queue_decides_who_sends_events() {
    let account = Account::new("check-events").await;
    let found = async |condition: &str| {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"events.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"*"{condition}}}]}}"#
        );
        let request = account
            .client
            .set_queue_attributes()
            .queue_url(&account.internal)
            .attributes(QueueAttributeName::Policy, policy);
        request.send().await.unwrap();
        let (_, found) = check(&mut account.command(&["check"]));
        let mut found = found.into_iter();
        found
            .find(|line| line.ends_with("pipeline events"))
            .unwrap()
    };
    assert_eq!(found("").await, "NO pipeline events");
    let condition = r#","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:eu-west-1:123456789012:rule/events"}}"#;
    assert_eq!(found(condition).await, "ok pipeline events");
}
