//! Text from queues, files and the table cannot write lines of its own, move the cursor of a
//! terminal, or run in a spreadsheet: every command against hostile text.

use std::process::Output;

use branchline::domain::intake::envelope::Attribute;
use serde_json::json;

use super::account::Account;
use super::binary::{output, text};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::webhook::{Sealed, Webhook};

/// A line that a person would believe. It would stand above "Delete 1 message permanently?".
const LINE: &str = "FORGED: 0 of 0 messages";

/// Text that begins lines of its own, in both ways, and turns the rest around.
fn hostile(before: &str) -> String {
    format!("{before}\r\n{LINE}\u{2028}{LINE}\n{LINE}\u{202e}")
}

/// Gives a message attributes as nobody but an attacker writes them.
fn with_attributes(mut sealed: Sealed) -> Sealed {
    let ours = [
        "reason",
        "detail",
        "step",
        "first-seen",
        "replays",
        "replayed-by",
    ];
    for name in ours {
        let name = format!("branchline-{name}");
        sealed
            .attributes
            .push((name, Attribute::text(hostile("x"))));
    }
    for (name, value) in &mut sealed.attributes {
        if name == "X-GitHub-Delivery" || name == "X-GitHub-Event" {
            *value = Attribute::text(hostile("=cmd|' /C calc'!A0"));
        }
    }
    sealed
}

/// Fails if the text was shown as it is.
fn check(arguments: &[&str], output: Output) -> String {
    let (shown, notes) = (text(output.stdout), text(output.stderr));
    for written in [&shown, &notes] {
        for line in written.lines() {
            assert!(!line.starts_with("FORGED"), "{arguments:?}: {written}");
        }
        let bad = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{202e}');
        assert!(!written.contains(bad), "{arguments:?}: {written:?}");
    }
    shown
}

/// Makes an account with a mapping, dead letters and a quarantined message, all with hostile text.
async fn account(test: &str) -> Account {
    let account = Account::new(test).await;
    account.template().await;
    let pull = Webhook::pull_request("opened").with("/pull_request/title", hostile("a"));
    let pull = pull.with("/pull_request/user/login", hostile("b"));
    let pull = pull.with("/sender/login", hostile("c"));
    account.send(pull.clone()).await;
    let run = ["run", "--until-empty", "--log-format", "human"];
    for ran in account.process_all_by(|| account.command(&run)).await {
        check(&["run"], ran);
    }
    let action = Webhook::pull_request("opened").with("/action", hostile("d"));
    for (url, webhook) in [(1, pull.number(8)), (1, action), (2, Webhook::ping())] {
        let sealed = with_attributes(webhook.seal(START));
        emulator::send(&account.client, &account.urls[url], sealed).await;
    }
    account
}

#[tokio::test]
async fn no_command_shows_text_of_others_as_lines_of_its_own() {
    let account = account("hostile").await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let payload = Webhook::pull_request("opened").with("/pull_request/title", hostile("e"));
    std::fs::write(path("pull_request.json"), payload.seal(START).body).unwrap();
    let exported = json!({"id": hostile("\u{1b}[2J"), "body": "{}", "attributes": {
        "branchline-reason": hostile("f"), "X-Hub-Signature-256": "sha256=00",
    }});
    std::fs::write(path("messages.jsonl"), exported.to_string()).unwrap();
    let (payload, file, none) = (
        path("pull_request.json"),
        path("messages.jsonl"),
        hostile("g"),
    );
    let id = {
        let listed = output(&mut account.command(&["dlq", "list", "--output", "json"]));
        let first = text(listed.stdout).lines().next().unwrap().to_owned();
        let row: serde_json::Value = serde_json::from_str(&first).unwrap();
        row["id"].as_str().unwrap().to_owned()
    };
    let table = ["--output", "table"];
    let commands: [&[&str]; 19] = [
        &["dlq", "list"],
        &["dlq", "list", "--queue", "quarantine"],
        &["dlq", "list", "--id", &none],
        &["dlq", "list", "--reason", &none],
        &["dlq", "show", &id],
        &["dlq", "show", &none],
        &["mappings", "list"],
        &["mappings", "show", "acme/api#7"],
        &["mappings", "show", &none],
        &["mappings", "history", "acme/api#7"],
        &["explain", "--payload", &payload],
        &["explain", "--delivery", &none],
        &["audit"],
        &["audit", "--trail"],
        &["audit", "--trail", &none],
        &["check"],
        &["mappings", "list", "--repository", &none],
        &["mappings", "history", &none],
        &["mappings", "list", "--state", &none],
    ];
    for command in commands {
        let arguments = [command, &table].concat();
        check(&arguments, output(&mut account.command(&arguments)));
    }
    let acting: [&[&str]; 8] = [
        &["dlq", "replay", "--all", "--dry-run"],
        &["dlq", "replay", "--from", &file, "--dry-run"],
        &["dlq", "replay", "--from", &file, "--yes"],
        &["dlq", "replay", "--from", &none, "--yes"],
        &["dlq", "replay", "--all", "--yes", "--by", &none],
        &[
            "dlq",
            "drop",
            "--all",
            "--yes",
            "--to",
            &path("dropped.jsonl"),
        ],
        &[
            "dlq",
            "drop",
            "--queue",
            "quarantine",
            "--all",
            "--yes",
            "--no-export",
        ],
        &["audit", "--repair", "--yes"],
    ];
    for command in acting {
        check(command, output(&mut account.command(command)));
    }
}

#[tokio::test]
async fn no_cell_of_a_csv_runs_in_a_spreadsheet() {
    let account = account("formula").await;
    for (command, cell) in [
        (&["dlq", "list"][..], "'=cmd|"),
        (&["dlq", "list", "--queue", "quarantine"], "'=cmd|"),
        (&["mappings", "list"], "acme/api"),
        (&["mappings", "history", "acme/api#7"], "created"),
        (&["mappings", "export", "--history"], "created"),
    ] {
        let arguments = [command, &["--output", "csv"]].concat();
        let csv = text(output(&mut account.command(&arguments)).stdout);
        assert!(csv.contains(cell), "{arguments:?}: {csv}");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in &record.unwrap() {
                let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
                assert!(!runs || cell == "-", "{arguments:?}: {cell}");
            }
        }
    }
}
