//! `branchline status` and `branchline why` against the emulator.

use serde_json::Value;

use super::account::Account;
use super::binary::{Process, json_lines, output, text};
use crate::world::webhook::Webhook;

/// A delivery in GitHub's form.
const GUID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

fn run(account: &Account, arguments: &[&str], code: i32) -> Value {
    // The commands need no webhook secret.
    let output = output(account.command(arguments).env_remove("WEBHOOK_SECRET"));
    let messages = text(output.stderr);
    assert_eq!(output.status.code(), Some(code), "{messages}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn why(account: &Account, question: &str, code: i32) -> Value {
    run(account, &["why", question], code)
}

fn problems(status: &Value) -> Vec<&str> {
    let problems = status["problems"].as_array().unwrap().iter();
    problems.map(|one| one.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_status_shows_daemons_queues_dead_letters_and_the_last_change() {
    let account = Account::new("status").await;
    let empty = run(&account, &["status"], 1);
    assert_eq!(
        problems(&empty),
        ["no daemon is running: none was seen within a day; start one with `branchline run`"]
    );
    account.template().await;
    account.send(Webhook::pull_request("opened")).await;
    for name in ["p-1", "p-2"] {
        let invalid = Webhook::pull_request("opened").body("{\"action\":\"hunter2\"}");
        account.send(invalid.delivery(name)).await;
    }
    account.send(Webhook::ping().signed_with("a guess")).await;
    account.process_all().await;
    let status = run(&account, &["status"], 1);
    let found = problems(&status);
    assert!(
        found[0].contains(" stopped less than a minute ago"),
        "{found:?}"
    );
    assert_eq!(
        &found[1..],
        [
            "2 messages in the dead-letter queue: branchline dlq list --summary",
            "1 message in quarantine: branchline dlq list --queue quarantine --summary",
        ]
    );
    assert_eq!(status["daemons"][0]["stopped"], true);
    assert_eq!(status["daemons"][0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["dead_letters"][0]["count"], 2);
    assert_eq!(status["dead_letters"][0]["reason"], "invalid-payload");
    assert_eq!(status["quarantine"][0]["reason"], "signature-mismatch");
    assert_eq!(status["last_change"]["subject"], "acme/api#7");
    assert_eq!(status["last_change"]["outcome"], "created");
    assert_eq!(account.counts().await, [0, 2, 1], "every message stays");

    let mut daemon = Process::start(&mut account.daemon(&[]));
    daemon.wait_for("Polling for webhooks");
    // The heartbeat is written beside the first polls.
    let runs = |status: &Value| status["daemons"][0]["running"] == true;
    let mut status = run(&account, &["status", "--no-reasons"], 1);
    for _ in 0..100 {
        if runs(&status) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        status = run(&account, &["status", "--no-reasons"], 1);
    }
    assert!(runs(&status) && problems(&status).len() == 2, "{status}");
    assert_eq!(status["dead_letters"].as_array().unwrap().len(), 0);
    let table = account.command(&["status", "--output", "table"]).output();
    let table = text(table.unwrap().stdout);
    assert!(
        table.starts_with("problem      2 messages") && table.contains("\ndaemon       "),
        "{table}"
    );
    drop(daemon);
}

#[tokio::test]
async fn a_pull_request_that_no_rule_admits_names_the_condition() {
    let account = Account::new("why-rules").await;
    account.template().await;
    let refused = Webhook::pull_request("opened").number(8).base("release/1");
    account.send(refused).await;
    account.send(Webhook::pull_request("opened")).await;
    account
        .send(Webhook::pull_request("opened").number(9).fork())
        .await;
    let rules = account
        .rules()
        .replace("on = ", "base = [\"main\", \"next/*\"]\n on = ");
    let daemon = || {
        let mut daemon = account.daemon(&["--until-empty"]);
        daemon.env("RULES", &rules);
        daemon
    };
    account.process_all_by(daemon).await;
    let why = |question: &str, code| {
        let mut command = account.command(&["why", question]);
        let output = output(command.env("RULES", &rules));
        assert_eq!(output.status.code(), Some(code), "{}", text(output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let refused = why("https://github.com/acme/api/pull/8/files", 1);
    assert_eq!(
        refused["answer"],
        "no rule admits acme/api#8: rule 'rule 1' wants base = main, next/*, and it is release/1"
    );
    let failed: Vec<_> = refused["rules"][0]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|condition| condition["holds"] == false)
        .map(|condition| condition["key"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["base"]);
    let fork = why("acme/api#9", 1);
    assert_eq!(
        fork["answer"],
        "the head of acme/api#9 is in a fork, and forks are not built"
    );
    for question in [
        "acme/api#7",
        "ACME/API#7",
        "api-pr-7",
        "https://github.com/acme/api/pull/7",
    ] {
        let open = why(question, 0);
        assert_eq!(
            open["answer"], "acme/api#7 has the pipeline api-pr-7",
            "{question}"
        );
        assert_eq!(open["rules"][0]["admits"], true, "{open}");
    }
    let other = why("other/api#7", 1);
    assert_eq!(
        other["answer"],
        "no rule admits other/api#7: rule 'rule 1' wants repository = acme/*, and it is other/api"
    );
    let unseen = why("acme/web#1", 1);
    assert_eq!(
        unseen["answer"],
        "branchline has no trace of acme/web#1: its webhook never arrived, or changed nothing"
    );
    let steps = unseen["what_to_do"].as_array().unwrap();
    assert!(
        steps[0]
            .as_str()
            .unwrap()
            .starts_with("no daemon is running: ")
    );
    let mut command = account.command(&["why", "acme/api#8", "--output", "table"]);
    let table = text(output(command.env("RULES", &rules)).stdout);
    let rule = "rule         'rule 1'  + repository acme/*: acme/api  + on pull_request: pull_request  - base main, next/*: release/1  + branches any: feature/x  + head in the repository: in the repository  ? drafts no draft: unknown\n";
    assert!(
        table.starts_with("no rule admits ") && table.contains("rule         'rule 1'"),
        "{table} {rule}"
    );
}

#[tokio::test]
async fn a_dead_letter_is_found_by_its_subject_and_by_its_delivery() {
    let account = Account::new("why-dead").await;
    account
        .send(Webhook::pull_request("opened").delivery(GUID))
        .await;
    account.process_all().await;
    for question in ["acme/api#7", GUID] {
        let found = why(&account, question, 1);
        let answer = found["answer"].as_str().unwrap();
        let start = "a webhook of acme/api#7 is in the dead-letter queue: template-missing: ";
        assert!(answer.starts_with(start), "{answer}");
        let steps = found["what_to_do"].as_array().unwrap();
        assert_eq!(
            steps.last().unwrap(),
            "branchline dlq replay --subject 'acme/api#7' --wait"
        );
        assert_eq!(found["waits_for"], "dead-lettered");
    }
    let explained = run(&account, &["explain", "--delivery", GUID], 1);
    assert_eq!(explained["whereabouts"]["state"], "dead-lettered");
    assert_eq!(explained["whereabouts"]["source"], "the dead-letter queue");
    let prediction = explained["prediction"].as_str().unwrap();
    assert!(
        prediction.starts_with("dead-letter it: template-missing"),
        "{prediction}"
    );

    account.template().await;
    let explained = run(&account, &["explain", "--delivery", GUID], 1);
    assert_eq!(explained["prediction"], "create api-pr-7 from api-template");
    assert_eq!(account.counts().await, [0, 1, 0]);
}

#[tokio::test]
async fn a_delivery_is_processed_quarantined_waiting_or_unseen() {
    let account = Account::new("explain-delivery").await;
    account.template().await;
    account
        .send(Webhook::pull_request("opened").delivery("d-1"))
        .await;
    account
        .send(Webhook::ping().delivery("d-2").signed_with("a guess"))
        .await;
    account.process_all().await;
    let place = |delivery: &str, code| {
        let explained = run(&account, &["explain", "--delivery", delivery], code);
        let place = &explained["whereabouts"];
        let word = |name: &str| place[name].as_str().unwrap().to_owned();
        (word("state"), word("source"))
    };
    let expected = |state: &str, source: &str| (state.to_owned(), source.to_owned());
    assert_eq!(place("d-1", 0), expected("processed", "the audit trail"));
    assert_eq!(
        place("d-2", 1),
        expected("quarantined", "the quarantine queue")
    );
    assert_eq!(place("d-3", 0), expected("unseen", "every source"));
    account
        .send(Webhook::pull_request("opened").number(8).delivery("d-4"))
        .await;
    assert_eq!(place("d-4", 0), expected("waiting", "the webhook queue"));
}

#[tokio::test]
async fn a_delivery_that_failed_for_now_waits_for_its_next_attempt() {
    let account = Account::new("explain-waiting").await;
    account.template().await;
    let limit = "name = \"pulls\"\n max_active = 1\n on = ";
    let rules = account.rules().replace("on = ", limit);
    let daemon = || {
        let mut daemon = account.daemon(&["--until-empty"]);
        daemon.env("RULES", &rules);
        daemon
    };
    account.send(Webhook::pull_request("opened")).await;
    account.process_all_by(daemon).await;
    let full = Webhook::pull_request("opened").number(8).delivery(GUID);
    account.send(full).await;
    // Its message waits for an hour, so the queue is not empty afterwards.
    let ran = output(&mut daemon());
    assert_eq!(ran.status.code(), Some(0), "{}", text(ran.stderr));
    let explained = run(&account, &["explain", "--delivery", GUID], 0);
    let place = &explained["whereabouts"];
    assert_eq!(place["state"], "waiting", "{place}");
    assert_eq!(place["source"], "the mapping", "{place}");
    let detail = place["detail"].as_str().unwrap();
    assert!(detail.starts_with("rule-full; creating, "), "{detail}");
    let answer = why(&account, GUID, 1);
    assert_eq!(answer["waits_for"], "rule-full", "{answer}");
    assert_eq!(answer["place"]["ahead"], 0, "{answer}");
    let sentence = answer["answer"].as_str().unwrap();
    let expected = "acme/api#8 waits for its turn: next in line, of 1 waiting for rule 'pulls'";
    assert_eq!(sentence, expected);
}

#[tokio::test]
async fn a_subject_whose_webhooks_all_failed_is_found_by_its_name() {
    let account = Account::new("why-failed").await;
    // It is refused before there is a mapping.
    let refused = Webhook::pull_request("opened").head("feature/#{x}");
    account.send(refused.delivery("d-1")).await;
    account.process_all().await;
    let history = output(&mut account.command(&["mappings", "history", "acme/api#7"]));
    assert_eq!(history.status.code(), Some(0), "{}", text(history.stderr));
    let entries = json_lines(&text(history.stdout));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["cause"], "dead-letter:d-1");
    let shown = output(&mut account.command(&["mappings", "show", "acme/api#7"]));
    let error = text(shown.stderr);
    assert!(error.contains("see `branchline why acme/api#7`"), "{error}");
}
