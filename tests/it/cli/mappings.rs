//! `branchline mappings` against the emulator.

use std::process::Output;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::Webhook;

/// The first line of a history in CSV.
const HISTORY_HEAD: &str = "repository,repository_id,subject,time,cause,processed_at,actor,outcome,from,to,pipeline,journal,schema,chain,sequence,previous,hash\n";

fn run(account: &Account, arguments: &[&str]) -> Output {
    let mut command = account.command(&[&["mappings"], arguments].concat());
    // The command needs no webhook secret.
    output(command.env_remove("WEBHOOK_SECRET"))
}

fn rows(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let output = run(account, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    json_lines(&text(output.stdout))
}

/// Makes an account with three mappings: pull request 7 was pushed to, 8 was closed, and 9 came
/// from a fork.
async fn with_mappings(test: &str) -> Account {
    let account = Account::new(test).await;
    account.template().await;
    let pull = Webhook::pull_request;
    let stories = [
        vec![
            pull("opened").delivery("d-1"),
            pull("opened").number(8),
            pull("opened").number(9).fork(),
        ],
        vec![
            pull("synchronize").before(1).sha(2).delivery("d-2"),
            pull("closed").number(8),
        ],
    ];
    for (seconds, story) in (0..).zip(stories) {
        for webhook in story {
            let at = START.plus(std::time::Duration::from_secs(seconds));
            account.send(webhook.at(at)).await;
        }
        account.process_all().await;
    }
    account
}

#[tokio::test]
async fn mappings_are_listed_by_filters() {
    let account = with_mappings("mappings-list").await;
    let subjects = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["list"];
        all.extend(arguments);
        let mut found: Vec<_> = rows(&account, &all)
            .iter()
            .map(|row| row["subject"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        found
    };
    assert_eq!(subjects(&[]), ["acme/api#7"]);
    assert_eq!(subjects(&["--state", "gone"]), ["acme/api#8", "acme/api#9"]);
    assert_eq!(
        subjects(&[
            "--pull-request",
            "7",
            "--pipeline",
            "api-*",
            "--branch",
            "feature/*"
        ]),
        ["acme/api#7"]
    );
    for none in [
        ["--repository", "other*"],
        ["--older", "1h"],
        ["--branch", "Feature/*"],
    ] {
        assert_eq!(subjects(&none), Vec::<String>::new(), "{none:?}");
    }
    for all in [
        ["--repository", "*"],
        ["--repository", "ACME/*"],
        ["--branch", "*"],
        ["--state", "active,active"],
    ] {
        assert_eq!(subjects(&all), ["acme/api#7"], "{all:?}");
    }
    assert_eq!(subjects(&["--error"]), Vec::<String>::new());
    let empty = run(&account, &["list", "--error", "--output", "csv"]);
    assert!(text(empty.stdout).starts_with("repository,repository_id,subject,state,"));
    let row = &rows(&account, &["list"])[0];
    assert_eq!(
        (row["state"].as_str(), row["rule"].as_str()),
        (Some("active"), Some("rule 1"))
    );
    assert_eq!(row["built"], row["head"]);
    let gone = rows(&account, &["list", "--state", "gone"]);
    let why: Vec<_> = gone
        .iter()
        .map(|row| row["absence"].as_str().unwrap())
        .collect();
    assert!(why.contains(&"closed") && why.contains(&"fork"), "{why:?}");
    let table = text(run(&account, &["list", "--output", "table"]).stdout);
    assert!(
        table.starts_with("SUBJECT") && table.contains("api-pr-7"),
        "{table}"
    );
    let invalid = run(&account, &["list", "--state", "drowsy"]);
    assert_eq!(invalid.status.code(), Some(2));
    assert_eq!(
        text(invalid.stderr),
        "error: invalid value 'drowsy' for '--state <STATE>' [possible values: creating, active, starting, deleting, retiring, gone, asleep]; see `branchline mappings list --help`\n"
    );
}

#[tokio::test]
async fn a_mapping_is_shown_by_its_subject_or_its_pipeline() {
    let account = with_mappings("mappings-show").await;
    for name in ["acme/api#7", "Acme/API#7", "api-pr-7"] {
        let shown = &rows(&account, &["show", name])[0];
        assert_eq!(shown["subject"], "acme/api#7");
        assert_eq!(shown["live"]["exists"], true);
        assert_eq!(shown["live"]["executions"].as_array().unwrap().len(), 2);
        let console = shown["live"]["console"].as_str().unwrap();
        assert!(
            console.ends_with("/pipelines/api-pr-7/view?region=cli-mappings-show"),
            "{console}"
        );
    }
    assert_eq!(
        rows(&account, &["show", "acme/api#9"])[0]["live"],
        Value::Null
    );
    // Its pipeline was deleted, so its mapping is found by the last name.
    assert_eq!(
        rows(&account, &["show", "api-pr-8"])[0]["subject"],
        "acme/api#8"
    );
    let lines = text(run(&account, &["show", "api-pr-7", "--output", "table"]).stdout);
    // No stage has run in the emulator, so there is no line for one.
    assert!(
        lines.contains("\nsubject          acme/api#7\n")
            && lines.contains("\nexecution        ")
            && lines.ends_with("view?region=cli-mappings-show\n"),
        "{lines}"
    );
    let cases = [
        ("acme/other#1", "the table has no repository 'acme/other'"),
        ("acme/api#99", "the table has no mapping of acme/api#99"),
        ("api-pr-99", "no subject has the pipeline 'api-pr-99'"),
        (
            "acme/api#x",
            "'acme/api#x' names no pull request and no branch",
        ),
        ("what is it", "'what is it' is neither a subject"),
    ];
    for (name, expected) in cases {
        let output = run(&account, &["show", name]);
        let error = text(output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            error.starts_with(&format!("error: {expected}")) && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_history_has_the_cause_the_outcome_and_the_actor() {
    let account = with_mappings("mappings-history").await;
    let summary = |entries: &[Value]| -> Vec<String> {
        let line = |entry: &Value| {
            format!(
                "{} {} {}",
                entry["cause"].as_str().unwrap(),
                entry["outcome"].as_str().unwrap(),
                entry["actor"].as_str().unwrap()
            )
        };
        entries.iter().map(line).collect()
    };
    let history = rows(&account, &["history", "acme/api#7"]);
    assert_eq!(
        summary(&history),
        ["d-1 created octocat", "d-2 started octocat"]
    );
    let one = rows(&account, &["history", "--delivery", "d-2"]);
    assert_eq!(summary(&one), ["d-2 started octocat"]);
    let removed = rows(&account, &["history", "acme/api#8"]);
    assert_eq!(removed.last().unwrap()["outcome"], "deleted");
    a_history_of_every_subject_is_in_the_order_of_what_was_done(&account);
    a_history_in_csv_has_a_column_for_missing_values(&account).await;
}

fn a_history_of_every_subject_is_in_the_order_of_what_was_done(account: &Account) {
    let all = rows(account, &["history", "--since", "1h"]);
    let done: Vec<_> = all
        .iter()
        .map(|row| row["processed_at"].as_str().unwrap())
        .collect();
    assert!(done.is_sorted(), "{done:?}");
    let of = |arguments: &[&str]| rows(account, &[&["history"], arguments].concat()).len();
    let subjects = ["acme/api#7", "acme/api#8", "acme/api#9"];
    let each: usize = subjects.iter().map(|subject| of(&[subject])).sum();
    assert_eq!(all.len(), each);
    assert_eq!(of(&[]), all.len(), "the default is a day");
    assert_eq!(of(&["--repository", "ACME/*"]), all.len());
    for none in [
        &["--repository", "other/*"][..],
        &["--until", "1h"],
        &["--since", "2020-01-01", "--until", "2020-01-02"],
        &["acme/api#7", "--until", "1h"],
    ] {
        assert_eq!(of(none), 0, "{none:?}");
    }
    let table = text(run(account, &["history", "--output", "table"]).stdout);
    assert!(
        table.starts_with("DONE AT               SUBJECT "),
        "{table}"
    );
    let both = run(
        account,
        &["history", "acme/api#7", "--repository", "acme/*"],
    );
    assert_eq!(both.status.code(), Some(2));
}

async fn a_history_in_csv_has_a_column_for_missing_values(account: &Account) {
    // The entry of a replay has no state and no pipeline.
    let message = Webhook::pull_request("edited").delivery("d-3").seal(START);
    emulator::send(&account.client, &account.urls[1], message).await;
    let replayed = output(&mut account.command(&["dlq", "replay", "--all", "--yes"]));
    assert_eq!(replayed.status.code(), Some(0));
    let output = run(account, &["history", "acme/api#7", "--output", "csv"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    let csv = text(output.stdout);
    assert!(
        csv.starts_with(HISTORY_HEAD) && csv.contains("replay:d-3"),
        "{csv}"
    );
    for entry in rows(account, &["history", "acme/api#7"]) {
        assert_eq!(entry.as_object().unwrap().len(), 17, "{entry}");
    }
}

#[tokio::test]
async fn an_export_has_a_count_and_a_hash() {
    let account = with_mappings("mappings-export").await;
    for format in ["json", "csv"] {
        let output = run(&account, &["export", "--output", format]);
        let hash = hex::encode(Sha256::digest(&output.stdout));
        assert_eq!(text(output.stderr), format!("3 mappings, sha256 {hash}\n"));
        let lines = text(output.stdout.clone()).lines().count();
        assert_eq!(lines, if format == "csv" { 4 } else { 3 });
        // After a second, an age would differ.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let again = run(&account, &["export", "--output", format]);
        assert_eq!(output.stdout, again.stdout);
    }
    an_export_of_the_history_has_every_entry_of_every_subject(&account);
    an_unreadable_row_is_counted_and_the_exit_code_is_1(&account).await;
}

fn an_export_of_the_history_has_every_entry_of_every_subject(account: &Account) {
    let mut entries = 0;
    for subject in ["acme/api#7", "acme/api#8", "acme/api#9"] {
        entries += rows(account, &["history", subject]).len();
    }
    for format in ["json", "csv"] {
        let output = run(account, &["export", "--history", "--output", format]);
        let hash = hex::encode(Sha256::digest(&output.stdout));
        let summary = format!("{entries} entries of 3 subjects, sha256 {hash}\n");
        assert_eq!(text(output.stderr), summary);
        let lines = text(output.stdout.clone()).lines().count();
        assert_eq!(lines, entries + usize::from(format == "csv"));
    }
    let head = text(run(account, &["export", "--history", "--output", "csv"]).stdout);
    assert!(head.starts_with(HISTORY_HEAD), "{head}");
}

async fn an_unreadable_row_is_counted_and_the_exit_code_is_1(account: &Account) {
    account.damage("PR#0000000008").await;
    for arguments in [&["export"][..], &["list", "--state", "gone"]] {
        let output = run(account, arguments);
        let messages = text(output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(messages.contains("PR#0000000008"), "{messages}");
    }
    let messages = text(run(account, &["export"]).stderr);
    assert!(
        messages
            .lines()
            .last()
            .unwrap()
            .starts_with("2 mappings, sha256 ")
            && messages.ends_with(", without 1 unreadable row\n"),
        "{messages}"
    );
}
