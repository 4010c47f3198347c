//! `branchline reconcile`, against a GitHub with canned answers.

use std::process::Command;

use serde_json::{Value, json};

use super::account::Account;
use super::binary::{failure, json_lines, output, text};
use crate::github::server::{Reply, Server, reply};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// Returns a command whose configuration has a token for this GitHub.
fn command(account: &Account, server: &Server, args: &[&str]) -> Command {
    let secrets = r#"secrets = ["env:WEBHOOK_SECRET"]"#;
    let github = format!(
        r#"{secrets}, token = "env:TOKEN", api_url = "{}""#,
        server.url
    );
    let rules = account.rules().replace(secrets, &github);
    let mut command = account.command(args);
    command
        .env("RULES", rules)
        .env("TOKEN", "github_pat_hunter2");
    command
}

fn pull(number: u64, state: &str) -> Value {
    json!({
        "number": number, "state": state, "draft": false, "title": "Add login",
        "user": {"login": "hubot"}, "updated_at": "2026-03-02T10:00:00Z",
        "head": {"ref": "feature/x", "sha": commit(1), "repo": {"id": REPOSITORY.0}},
        "base": {"ref": "main", "repo": {"id": REPOSITORY.0}},
    })
}

async fn github(pull_requests: Reply) -> Server {
    let server = Server::start().await;
    let repositories = json!([{ "id": REPOSITORY.0, "full_name": REPOSITORY.1 }]);
    server
        .on("GET /user/repos", reply(200, &repositories))
        .on("GET /repos/acme/api/pulls", pull_requests);
    server
}

/// Runs the command, and returns its lines as `SUBJECT CHANGE`, its notes, and its exit code.
fn run(command: &mut Command) -> (Vec<String>, String, Option<i32>) {
    let ended = output(command);
    let (shown, notes) = (text(ended.stdout), text(ended.stderr));
    assert!(!format!("{shown}{notes}").contains("hunter2"), "{notes}");
    let rows = json_lines(&shown).into_iter();
    let line = |row: Value| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        format!("{} {}", text("subject"), text("change"))
    };
    (rows.map(line).collect(), notes, ended.status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_webhook_is_found_shown_and_made_up_for() {
    let account = Account::new("reconcile").await;
    account.template().await;
    let server = github(reply(200, &json!([pull(7, "open")]))).await;
    let (rows, notes, code) = run(&mut command(&account, &server, &["reconcile", "--dry-run"]));
    assert_eq!(rows, ["acme/api#7 create"]);
    assert_eq!((notes.as_str(), code), ("1 difference\n", Some(1)));
    assert_eq!(account.internal_count().await, 0);

    let refused = output(&mut command(&account, &server, &["reconcile"]));
    let refused = text(refused.stderr);
    assert!(refused.contains("--yes"), "{refused}");
    assert_eq!(account.internal_count().await, 0);

    let (_, notes, code) = run(&mut command(&account, &server, &["reconcile", "--yes"]));
    assert!(
        notes.contains("1 difference sent to the internal queue (creates 1, deletes 0)"),
        "{notes}"
    );
    assert_eq!((code, account.internal_count().await), (Some(1), 1));
    account.process_all().await;
    let history = output(&mut account.command(&["mappings", "history", "acme/api#7"]));
    let entry = &json_lines(&text(history.stdout))[0];
    assert_eq!(entry["outcome"], "created");
    let cause = entry["cause"].as_str().unwrap();
    assert!(cause.starts_with("sighting:sighting-"), "{cause}");

    // The mapping has just changed, which would be left to a webhook.
    let (rows, notes, code) = run(&mut command(&account, &server, &["reconcile"]));
    assert_eq!(
        (rows.len(), notes.as_str(), code),
        (0, "0 differences\n", Some(0))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_named_and_left_alone() {
    let account = Account::new("reconcile-unreadable").await;
    account.template().await;
    account.send(Webhook::pull_request("opened")).await;
    account.process_all().await;
    let server = github(reply(403, &json!({ "message": "Resource not accessible" }))).await;
    let (rows, notes, code) = run(&mut command(&account, &server, &["reconcile", "--yes"]));
    assert_eq!((rows.len(), code), (0, Some(1)));
    assert!(
        notes.starts_with(
            "acme/api could not be compared, and nothing of it is changed: github-denied"
        ),
        "{notes}"
    );
    let args = ["reconcile", "--repository", "umbrella/*"];
    let (rows, notes, code) = run(&mut command(&account, &server, &args));
    assert_eq!(
        (rows.len(), notes.as_str(), code),
        (0, "0 differences\n", Some(0))
    );
    let (_, without) = failure(&mut account.command(&["reconcile"]));
    assert_eq!(
        without,
        "error: GitHub cannot be asked: set app and private_key, or token, in [github]\n"
    );
    let args = ["reconcile", "--repository", "{"];
    let (_, wrong) = failure(&mut command(&account, &server, &args));
    assert!(wrong.starts_with("error: --repository: "), "{wrong}");
}
