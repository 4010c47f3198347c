//! A restored table and a lost one: what docs/RESTORE.md tells operators to do, against the
//! emulator.

use std::time::Duration;

use serde_json::Value;

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::clock::START;
use crate::world::webhook::Webhook;

/// Runs a command, which must end with `code`. Returns the lines of standard output, and standard
/// error.
fn run(account: &Account, arguments: &[&str], code: i32) -> (Vec<Value>, String) {
    let output = output(&mut account.command(arguments));
    let messages = text(output.stderr);
    assert_eq!(output.status.code(), Some(code), "{messages}");
    (json_lines(&text(output.stdout)), messages)
}

/// Returns the findings, each as `kind pipeline`.
fn audit(account: &Account, arguments: &[&str], code: i32) -> (Vec<String>, String) {
    let (findings, messages) = run(account, &[&["audit"], arguments].concat(), code);
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or("-").to_owned();
    let findings = findings.iter();
    let lines = findings.map(|one| format!("{} {}", word(one, "kind"), word(one, "pipeline")));
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    (lines, messages)
}

/// Returns the mappings, each as `state pipeline`.
fn mappings(account: &Account) -> Vec<String> {
    let (rows, _) = run(account, &["mappings", "list"], 0);
    let word = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let lines = rows.iter();
    let mut lines: Vec<String> = lines
        .map(|row| format!("{} {}", word(row, "state"), word(row, "pipeline")))
        .collect();
    lines.sort();
    lines
}

/// Returns the clones and how many executions each has, in order.
async fn clones(account: &Account) -> Vec<String> {
    let client = account.pipelines().await;
    let listed = client.list_pipelines().send().await.unwrap();
    let mut clones = Vec::new();
    for pipeline in listed.pipelines() {
        let name = pipeline.name().unwrap();
        if name != "api-template" {
            let runs = client.list_pipeline_executions().pipeline_name(name);
            let runs = runs.send().await.unwrap();
            clones.push(format!(
                "{name} {}",
                runs.pipeline_execution_summaries().len()
            ));
        }
    }
    clones.sort();
    clones
}

fn pull(action: &str, number: u64, seconds: u64) -> Webhook {
    let at = START.plus(Duration::from_secs(seconds));
    let delivery = format!("d-{number}-{seconds}");
    Webhook::pull_request(action)
        .number(number)
        .at(at)
        .delivery(&delivery)
}

/// Sends webhooks one after the other, and lets the daemon process them.
async fn process(account: &Account, webhooks: &[Webhook]) {
    for webhook in webhooks {
        account.send(webhook.clone()).await;
        account.process_all().await;
    }
}

#[tokio::test]
async fn a_table_of_an_earlier_moment_is_brought_up_to_date() {
    let before = Account::new("restore").await;
    before.template().await;
    let until_then = [
        pull("opened", 5, 0),
        pull("opened", 7, 1),
        pull("opened", 8, 2),
        pull("closed", 5, 3),
    ];
    process(&before, &until_then).await;
    let mut restored = before.restored("restored").await;
    let since_then = [
        pull("reopened", 5, 10),
        pull("synchronize", 7, 11).before(1).sha(2),
        pull("closed", 8, 12),
        pull("opened", 9, 13),
    ];
    process(&before, &since_then).await;
    let built = clones(&before).await;
    assert_eq!(built, ["api-pr-5 1", "api-pr-7 2", "api-pr-9 1"]);

    // Under the name of the table, every clone is a stranger's.
    restored.owner = None;
    assert_eq!(
        audit(&restored, &[], 1).0,
        ["missing api-pr-8", "not-ours api-pr-7"]
    );

    restored.owner = Some(before.table.clone());
    let three = ["missing api-pr-8", "orphan api-pr-5", "orphan api-pr-9"];
    assert_eq!(audit(&restored, &[], 1).0, three);
    let (orphans, messages) = audit(&restored, &["--adopt", "--yes"], 1);
    assert_eq!(orphans, ["orphan api-pr-5", "orphan api-pr-9"]);
    assert!(
        messages.contains("2 adoptions: deletes no pipeline\n"),
        "{messages}"
    );
    restored.process_all().await;
    assert_eq!(
        clones(&restored).await,
        built,
        "an adoption changes no clone"
    );
    assert_eq!(
        mappings(&restored),
        [
            "active api-pr-5",
            "active api-pr-7",
            "active api-pr-8",
            "active api-pr-9"
        ]
    );

    // GitHub sends its webhooks since that moment again.
    process(&restored, &since_then).await;
    assert_eq!(audit(&restored, &[], 0).1, "0 findings\n");
    assert_eq!(mappings(&restored), mappings(&before));
    let names = |clones: Vec<String>| clones.join(",").replace(" 1", "").replace(" 2", "");
    assert_eq!(names(clones(&restored).await), "api-pr-5,api-pr-7,api-pr-9");
    assert_eq!(restored.counts().await, [0, 0, 0]);
    run(&restored, &["audit", "--trail"], 0);
}

#[tokio::test]
async fn every_clone_of_a_lost_table_is_adopted_and_none_is_deleted() {
    let before = Account::new("lost").await;
    before.template().await;
    process(&before, &[pull("opened", 7, 0), pull("opened", 8, 1)]).await;
    let built = clones(&before).await;
    let empty = before.with_new_table("new").await;
    let (orphans, messages) = audit(&empty, &["--repair", "--yes"], 2);
    assert_eq!(orphans, ["orphan api-pr-7", "orphan api-pr-8"]);
    let refused = "error: 2 clones of owner 'cli-lost' without a mapping, and 0 mappings with a pipeline in table 'cli-lost-new': if the table is new or was restored, use `branchline audit --adopt` (docs/RESTORE.md); to delete these clones, add --delete-orphans; nothing was sent";
    assert_eq!(messages.lines().last(), Some(refused));
    assert_eq!(empty.internal_count().await, 0);

    let (_, messages) = audit(&empty, &["--adopt"], 2);
    assert!(messages.contains("add --yes"), "{messages}");
    audit(&empty, &["--adopt", "--yes"], 1);
    empty.process_all().await;
    assert_eq!(clones(&empty).await, built);
    assert_eq!(mappings(&empty), mappings(&before));
    assert_eq!(audit(&empty, &[], 0).1, "0 findings\n");

    // The next webhooks work as before.
    let next = [
        pull("synchronize", 7, 10).before(1).sha(2),
        pull("closed", 8, 11),
    ];
    process(&empty, &next).await;
    assert_eq!(clones(&empty).await, ["api-pr-7 2"]);

    // Whoever means it may delete the orphans of an empty table.
    let other = before.with_new_table("other").await;
    let sent = audit(&other, &["--repair", "--yes", "--delete-orphans"], 1);
    assert!(
        sent.1.contains("1 repair: deletes 1 pipeline"),
        "{}",
        sent.1
    );
    other.process_all().await;
    assert!(clones(&other).await.is_empty());
}
