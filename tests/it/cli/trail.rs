//! `branchline audit --trail`, and exports of the trail, against the emulator.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

const SUBJECT: &str = "REPO#1001/PR#0000000007";

/// Verifies the trail without a webhook secret, which must end with `code`. Returns standard output
/// and standard error.
fn verify(account: &Account, arguments: &[&str], code: i32) -> (String, String) {
    let mut command = account.command(&[&["audit", "--trail"], arguments].concat());
    let output = output(command.env_remove("WEBHOOK_SECRET"));
    let messages = text(output.stderr);
    assert_eq!(output.status.code(), Some(code), "{messages}");
    (text(output.stdout), messages)
}

/// Returns the findings, each as `kind subject entry`.
fn findings(account: &Account, arguments: &[&str]) -> Vec<String> {
    let (lines, _) = verify(account, arguments, 1);
    let findings = json_lines(&lines).into_iter();
    let line = |one: Value| {
        let word = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("kind"), word("subject"), one["sequence"])
    };
    findings.map(line).collect()
}

/// Makes an account with two entries for pull request 7, one of a dead letter and one of a forgery.
async fn with_trail(test: &str) -> Account {
    let account = Account::new(test).await;
    account.template().await;
    let pull = Webhook::pull_request;
    let stories = [
        pull("opened").delivery("d-1"),
        pull("synchronize").before(1).sha(2).delivery("d-2"),
        pull("opened").number(8).body("{").delivery("d-3"),
        Webhook::ping().signed_with("a guess"),
    ];
    for (seconds, webhook) in (0..).zip(stories) {
        let at = START.plus(std::time::Duration::from_secs(seconds));
        account.send(webhook.at(at)).await;
        account.process_all().await;
    }
    account
}

async fn client(account: &Account) -> Client {
    Client::new(&emulator::config(account.region.as_str()).await)
}

fn value(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Changes the actor of an entry, as somebody with UpdateItem can.
async fn alter(account: &Account, number: u64, actor: &str) {
    let update = client(account).await;
    let update = update
        .update_item()
        .table_name(format!("{}-audit", account.table))
        .key("pk", value(SUBJECT))
        .key("sk", value(&format!("CHANGE#{number:010}")))
        .update_expression("SET actor = :actor")
        .expression_attribute_values(":actor", value(actor));
    update.send().await.unwrap();
}

async fn delete(account: &Account, table: &str, pk: &str, sk: &str) {
    let delete = client(account).await.delete_item().table_name(table);
    let delete = delete.key("pk", value(pk)).key("sk", value(sk));
    delete.send().await.unwrap();
}

#[tokio::test]
async fn a_whole_trail_is_verified_and_every_change_of_it_is_found() {
    let account = with_trail("trail").await;
    let scopes: [&[&str]; 5] = [
        &[],
        &["acme/api"],
        &["acme/api#7"],
        &["api-pr-7"],
        &[SUBJECT],
    ];
    let whole = [
        "4 entries in 3 chains: 0 findings\n",
        "2 entries in 1 chain: 0 findings\n",
        "2 entries in 1 chain: 0 findings\n",
        "2 entries in 1 chain: 0 findings\n",
        "2 entries in 1 chain: 0 findings\n",
    ];
    for (scope, expected) in scopes.into_iter().zip(whole) {
        let (found, messages) = verify(&account, scope, 0);
        assert_eq!((found.as_str(), messages.as_str()), ("", expected));
    }

    alter(&account, 1, "nobody").await;
    for scope in scopes {
        assert_eq!(findings(&account, scope), ["altered acme/api#7 1"]);
    }
    let (table, _) = verify(&account, &["--output", "table"], 1);
    assert!(
        table.starts_with("KIND") && table.contains("altered       acme/api#7"),
        "{table}"
    );
    let (csv, messages) = verify(&account, &["--output", "csv"], 1);
    assert!(
        csv.starts_with("kind,subject,chain,sequence,detail\naltered,acme/api#7,REPO#"),
        "{csv}"
    );
    assert_eq!(messages, "4 entries in 3 chains: 1 finding\n");
    alter(&account, 1, "octocat").await;
    verify(&account, &[], 0);

    let audit = format!("{}-audit", account.table);
    delete(&account, &audit, SUBJECT, "CHANGE#0000000002").await;
    assert_eq!(findings(&account, &[]), ["truncated acme/api#7 1"]);
    delete(&account, &audit, SUBJECT, "CHANGE#0000000001").await;
    assert_eq!(findings(&account, &[]), ["truncated - null"]);

    let (_, error) = verify(&account, &["--only", "orphan"], 2);
    assert!(error.contains("cannot be used with"), "{error}");
    let (_, error) = verify(&account, &["acme/other"], 2);
    assert_eq!(error, "error: the table has no repository 'acme/other'\n");
}

/// Runs `branchline mappings`.
fn rows(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let output = output(&mut account.command(&[&["mappings"], arguments].concat()));
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    json_lines(&text(output.stdout))
}

#[tokio::test]
async fn the_entries_of_a_mapping_that_is_gone_are_exported() {
    let account = with_trail("trail-gone").await;
    let before = rows(&account, &["export", "--history"]);
    assert_eq!(before.len(), 4);
    delete(&account, &account.table, "REPO#1001", "PR#0000000007").await;
    assert_eq!(rows(&account, &["export", "--history"]), before);
    for name in ["acme/api#7", SUBJECT] {
        assert_eq!(rows(&account, &["history", name]).len(), 2, "{name}");
    }
    assert_eq!(findings(&account, &[]), ["mapping-gone acme/api#7 2"]);
}

/// Anybody can verify an export: the hash of an entry is that of its other fields, as sorted JSON.
/// docs/OPERATING.md does the same with jq.
#[tokio::test]
async fn an_exported_entry_has_the_hash_of_its_own_fields() {
    let account = with_trail("trail-export").await;
    let mut outcomes = Vec::new();
    for row in rows(&account, &["export", "--history"]) {
        let Value::Object(mut fields) = row else {
            panic!("{row}");
        };
        outcomes.push(fields["outcome"].as_str().unwrap().to_owned());
        let hash = fields.remove("hash").unwrap();
        fields.remove("repository_id");
        fields.remove("subject");
        let mut sorted = Value::Object(Map::from_iter(fields));
        sorted.sort_all_objects();
        let computed = hex::encode(Sha256::digest(sorted.to_string()));
        assert_eq!(hash, computed, "{sorted}");
    }
    outcomes.sort();
    assert_eq!(
        outcomes,
        ["created", "dead-lettered", "quarantined", "started"]
    );
}

#[tokio::test]
async fn what_operators_do_with_messages_without_a_subject_is_in_the_trail() {
    let account = with_trail("trail-operators").await;
    for arguments in [
        &["replay", "--by", "eve"][..],
        &[
            "drop",
            "--queue",
            "quarantine",
            "--no-export",
            "--by",
            "ada",
        ],
    ] {
        let all = [&["dlq"], arguments, &["--all", "--yes"]].concat();
        let ran = output(&mut account.command(&all));
        assert_eq!(ran.status.code(), Some(0), "{}", text(ran.stderr));
    }
    let mut entries = rows(&account, &["export", "--history"]);
    entries.retain(|entry| entry["chain"] == "OPERATOR#MESSAGES/ACTION");
    entries.sort_by_key(|entry| entry["sequence"].as_u64());
    let line = |entry: &Value| {
        assert!(entry["cause"].as_str().unwrap().starts_with("message:"));
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let journal: Value = serde_json::from_str(&word("journal")).unwrap();
        let reason = journal["reason"].as_str().unwrap();
        format!("{} {} {reason}", word("outcome"), word("actor"))
    };
    let expected = [
        "replaying eve invalid-payload",
        "replayed eve invalid-payload",
        "dropping ada signature-mismatch",
        "dropped ada signature-mismatch",
    ];
    assert_eq!(entries.iter().map(line).collect::<Vec<_>>(), expected);
    verify(&account, &[], 0);
}

/// A daemon without the table could make a change and not settle it.
#[tokio::test]
async fn a_daemon_without_the_table_of_the_trail_does_not_start() {
    let account = Account::new("trail-missing").await;
    let audit = format!("{}-audit", account.table);
    let delete = client(&account).await.delete_table().table_name(&audit);
    delete.send().await.unwrap();
    account.send(Webhook::pull_request("opened")).await;
    let ran = output(&mut account.daemon(&[]));
    let messages = text(ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{messages}");
    assert!(
        messages.contains("aws-missing") && messages.contains(&audit),
        "{messages}"
    );
}
