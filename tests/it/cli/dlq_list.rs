//! `branchline dlq list`: counts, orders and filters; and messages named by the beginning of their
//! ids.

use serde_json::Value;

use super::account::Account;
use super::binary::{json_lines, text};
use super::dlq::{list, run, with_dead_letters};
use crate::world::webhook::Webhook;

/// Makes an account with five dead letters: three invalid payloads, and two webhooks of pull
/// request 7 without a template.
async fn with_five(test: &str) -> Account {
    let account = with_dead_letters(test).await;
    let invalid = Webhook::pull_request("opened").body("{\"action\":\"hunter2\"}");
    account.send(invalid.delivery("p-3")).await;
    let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
    account.send(pushed.delivery("d-2")).await;
    account.process_all().await;
    account
}

fn words(messages: &[Value], name: &str) -> Vec<String> {
    let word = |message: &Value| message[name].as_str().unwrap_or("-").to_owned();
    messages.iter().map(word).collect()
}

#[tokio::test]
async fn messages_are_counted_ordered_and_cut() {
    let account = with_five("dlq-summary").await;
    let groups = list(&account, &["--summary"]);
    assert_eq!(
        words(&groups, "reason"),
        ["invalid-payload", "template-missing"]
    );
    assert_eq!(groups[0]["count"], 3);
    assert_eq!(groups[1]["repository"], "acme/api");
    assert_eq!(
        (&groups[1]["count"], &groups[1]["subjects"]),
        (&2.into(), &1.into())
    );
    let table = text(run(&account, &["list", "--summary", "--output", "table"]).stdout);
    assert!(table.starts_with("COUNT  REASON "), "{table}");
    let csv = text(run(&account, &["list", "--summary", "--output", "csv"]).stdout);
    assert!(
        csv.starts_with("count,reason,repository,subjects,"),
        "{csv}"
    );

    let sorted = list(&account, &["--sort", "reason"]);
    assert_eq!(
        words(&sorted, "reason"),
        [&["invalid-payload"; 3][..], &["template-missing"; 2]].concat()
    );
    let since = words(&list(&account, &["--sort", "newest"]), "since");
    assert!(since.is_sorted_by(|one, other| one >= other), "{since:?}");
    let limited = run(&account, &["list", "--sort", "oldest", "--limit", "2"]);
    assert_eq!(json_lines(&text(limited.stdout)).len(), 2);
    assert_eq!(text(limited.stderr), "5 of 5 messages\n");
    let limited = run(&account, &["list", "--limit", "1"]);
    assert_eq!(json_lines(&text(limited.stdout)).len(), 1);
    assert_eq!(text(limited.stderr), "5 of 5 messages\n");
    assert_eq!(account.counts().await, [0, 5, 1]);
}

#[tokio::test]
async fn messages_are_found_by_subject_by_delivery_and_by_the_beginning_of_an_id() {
    let account = with_five("dlq-find").await;
    for subject in [
        "acme/api#7",
        "ACME/api#7",
        "https://github.com/acme/api/pull/7",
    ] {
        assert_eq!(
            list(&account, &["--subject", subject]).len(),
            2,
            "{subject}"
        );
    }
    assert_eq!(list(&account, &["--subject", "acme/api#70"]).len(), 0);
    let found = list(&account, &["--delivery", "d-1,d-9"]);
    assert_eq!(words(&found, "delivery"), ["d-1"]);
    let invalid = run(&account, &["list", "--subject", "api-pr-7"]);
    assert_eq!(
        text(invalid.stderr),
        "error: --subject: 'api-pr-7' is not a subject: expected acme/api#7 or acme/api@feature/x\n"
    );

    let id = found[0]["id"].as_str().unwrap();
    let start = &id[..13];
    assert_eq!(words(&list(&account, &["--id", start]), "id"), [id]);
    let shown = run(&account, &["show", start]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["message"]["id"], id);
    // Every id begins with the empty text.
    for arguments in [&["show", ""][..], &["drop", "", "--yes"]] {
        let ambiguous = run(&account, arguments);
        let error = text(ambiguous.stderr);
        let start = "error: '' is the beginning of 5 ids: ";
        assert!(error.starts_with(start), "{error}");
        assert_eq!(ambiguous.status.code(), Some(2));
    }
    let dropped = run(&account, &["drop", start, "--yes", "--no-export"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", text(dropped.stderr));
    assert_eq!(account.counts().await, [0, 4, 1]);
}

#[tokio::test]
async fn a_message_that_is_not_here_may_be_in_the_other_queue() {
    let account = with_dead_letters("dlq-hint").await;
    let hint = "the other queue has 1 message: try --queue quarantine\n";
    for arguments in [
        &["list", "--delivery", "d-9"][..],
        &["show", "nothing"],
        &["replay", "nothing", "--yes"],
    ] {
        let messages = text(run(&account, arguments).stderr);
        assert!(messages.contains(hint), "{arguments:?}: {messages}");
    }
    let quarantine = ["list", "--queue", "quarantine", "--delivery", "d-1"];
    let messages = text(run(&account, &quarantine).stderr);
    assert!(
        messages.contains("the other queue has 3 messages: try --queue dead-letters\n"),
        "{messages}"
    );
}
