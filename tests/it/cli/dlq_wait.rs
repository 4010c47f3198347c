//! `branchline dlq replay --wait` prints what became of each message.

use super::account::Account;
use super::binary::{Process, json_lines, output, text};
use super::dlq::run;
use crate::world::clock::START;
use crate::world::webhook::Webhook;

#[tokio::test]
async fn a_replay_waits_for_the_outcomes() {
    let account = Account::new("dlq-wait").await;
    account.send(Webhook::pull_request("opened")).await;
    account.process_all().await;
    assert_eq!(account.counts().await, [0, 1, 0]);
    let replay = ["replay", "--subject", "acme/api#7", "--yes", "--wait=60"];

    let mut daemon = Process::start(&mut account.daemon(&[]));
    daemon.wait_for("Polling for webhooks");
    let failed = run(&account, &replay);
    let outcomes = json_lines(&text(failed.stdout));
    assert_eq!(failed.status.code(), Some(1), "{outcomes:?}");
    assert_eq!(outcomes[0]["subject"], "acme/api#7");
    assert_eq!(outcomes[0]["outcome"], "dead-lettered");
    let detail = outcomes[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("template-missing: "), "{detail}");

    account.template().await;
    let done = run(&account, &replay);
    let outcomes = json_lines(&text(done.stdout));
    assert_eq!(outcomes[0]["outcome"], "created", "{}", text(done.stderr));
    assert_eq!(done.status.code(), Some(0));
    drop(daemon);
}

#[tokio::test]
async fn a_replay_without_a_daemon_is_pending() {
    let account = Account::new("dlq-wait-pending").await;
    account.send(Webhook::pull_request("opened")).await;
    account.process_all().await;
    let replay = ["dlq", "replay", "--all", "--yes", "--wait=1"];
    let pending = output(&mut account.command(&replay));
    let outcomes = json_lines(&text(pending.stdout));
    assert_eq!(pending.status.code(), Some(1));
    assert_eq!(outcomes[0]["outcome"], "pending");
    let detail = outcomes[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("template-missing: "), "{detail}");
    assert_eq!(account.counts().await, [1, 0, 0]);
}

#[tokio::test]
async fn a_replay_of_an_event_that_is_no_news_is_unchanged() {
    let account = Account::new("dlq-wait-unchanged").await;
    account.send(Webhook::pull_request("opened")).await;
    account.process_all().await;
    account.template().await;
    let later = START.plus(std::time::Duration::from_secs(9));
    let push = Webhook::pull_request("synchronize").before(1).sha(2);
    account.send(push.at(later)).await;
    account.process_all().await;
    assert_eq!(account.counts().await, [0, 1, 0]);

    let mut daemon = Process::start(&mut account.daemon(&[]));
    daemon.wait_for("Polling for webhooks");
    let replay = ["replay", "--all", "--yes", "--wait=60"];
    let done = run(&account, &replay);
    let outcomes = json_lines(&text(done.stdout));
    assert_eq!(outcomes[0]["outcome"], "unchanged", "{}", text(done.stderr));
    assert_eq!(done.status.code(), Some(0));
    drop(daemon);
}
