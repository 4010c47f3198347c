//! `branchline mappings` against the emulator.

use std::process::Output;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::account::Account;
use crate::support::webhook::Webhook;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(account: &Account, arguments: &[&str]) -> Output {
    let mut all = vec!["mappings"];
    all.extend(arguments);
    // Whoever reads mappings needs no webhook secret.
    account
        .command(&all)
        .env_remove("WEBHOOK_SECRET")
        .output()
        .unwrap()
}

fn rows(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let output = run(account, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Pull request 7 was pushed to, 8 closed, 9 opened as a fork.
async fn lived(test: &str, region: &'static str) -> Account {
    let account = Account::in_region(test, region).await;
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
            let at = crate::support::clock::START.plus(std::time::Duration::from_secs(seconds));
            account.send(webhook.at(at)).await;
        }
        let ran = account.daemon(&["--until-empty"]).output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    }
    account
}

#[tokio::test]
async fn mappings_are_listed_by_what_is_asked_for() {
    let account = lived("mappings-list", "sa-east-1").await;
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
        ["--repository", "other/*"],
        ["--older", "1h"],
        ["--branch", "main"],
    ] {
        assert_eq!(subjects(&none), Vec::<String>::new(), "{none:?}");
    }
    assert_eq!(subjects(&["--error"]), Vec::<String>::new());
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
    let table = text(&run(&account, &["list", "--output", "table"]).stdout);
    assert!(
        table.starts_with("SUBJECT") && table.contains("api-pr-7"),
        "{table}"
    );
    let wrong = run(&account, &["list", "--state", "asleep"]);
    assert_eq!(
        (wrong.status.code(), text(&wrong.stderr).lines().count()),
        (Some(2), 1)
    );
}

#[tokio::test]
async fn one_is_shown_by_its_subject_or_its_pipeline() {
    let account = lived("mappings-show", "ap-northeast-3").await;
    for name in ["acme/api#7", "api-pr-7"] {
        let shown = &rows(&account, &["show", name])[0];
        assert_eq!(shown["subject"], "acme/api#7");
        assert_eq!(shown["live"]["exists"], true);
        // The emulator starts no first execution.
        assert_eq!(shown["live"]["executions"].as_array().unwrap().len(), 1);
        let console = shown["live"]["console"].as_str().unwrap();
        assert!(
            console.ends_with("/pipelines/api-pr-7/view?region=ap-northeast-3"),
            "{console}"
        );
    }
    assert_eq!(
        rows(&account, &["show", "acme/api#9"])[0]["live"],
        Value::Null
    );
    let cases = [
        ("acme/other#1", "the table knows no repository 'acme/other'"),
        ("acme/api#99", "the table has no mapping of acme/api#99"),
        ("api-pr-99", "no subject has the pipeline 'api-pr-99'"),
        (
            "acme/api#x",
            "'acme/api#x' names no pull request and no branch",
        ),
        ("what is it", "'what is it' is neither a subject"),
    ];
    for (name, wanted) in cases {
        let said = run(&account, &["show", name]);
        let line = text(&said.stderr);
        assert_eq!(said.status.code(), Some(2));
        assert!(
            line.starts_with(wanted) && line.lines().count() == 1,
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_history_says_what_was_done_when_and_by_whom() {
    let account = lived("mappings-history", "ap-south-2").await;
    let told = |entries: &[Value]| -> Vec<String> {
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
        told(&history),
        ["d-1 created octocat", "d-2 started octocat"]
    );
    let one = rows(&account, &["history", "--delivery", "d-2"]);
    assert_eq!(told(&one), ["d-2 started octocat"]);
    let removed = rows(&account, &["history", "acme/api#8"]);
    assert_eq!(removed.last().unwrap()["outcome"], "deleted");
}

#[tokio::test]
async fn an_export_is_whole_and_says_so() {
    let account = lived("mappings-export", "ap-southeast-3").await;
    for format in ["json", "csv"] {
        let output = run(&account, &["export", "--output", format]);
        let hash = hex::encode(Sha256::digest(&output.stdout));
        assert_eq!(text(&output.stderr), format!("3 mappings, sha256 {hash}\n"));
        let lines = text(&output.stdout).lines().count();
        assert_eq!(lines, if format == "csv" { 4 } else { 3 });
    }
}
