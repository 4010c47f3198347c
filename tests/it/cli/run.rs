//! The daemon against the emulator.

use aws_sdk_sqs::types::QueueAttributeName;

use super::account::Account;
use super::binary::{Process, SECRET, failure, json_lines, output, text, within};
use crate::world::emulator;
use crate::world::proxy::Proxy;
use crate::world::webhook::Webhook;

#[tokio::test]
async fn until_empty_processes_every_message_and_ends() {
    let account = Account::new("until-empty").await;
    for number in 0..12 {
        account
            .send(Webhook::ping().delivery(&format!("ping-{number}")))
            .await;
    }
    account
        .send(Webhook::ping().signed_with("not the secret"))
        .await;
    account
        .send(Webhook::pull_request("opened").body("{\"action\":\"hunter2\"}"))
        .await;

    let output = output(&mut account.daemon(&["--until-empty", "--concurrency", "4"]));
    let log = text(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert_eq!(account.counts().await, [0, 1, 1]);

    let journals: Vec<_> = json_lines(&log)
        .into_iter()
        .filter(|line| line.get("disposition").is_some())
        .collect();
    assert_eq!(journals.len(), 14, "one line per message: {log}");
    let with = |key: &str, value: &str| journals.iter().filter(|line| line[key] == value).count();
    assert_eq!(
        (
            with("disposition", "deleted"),
            with("outcome", "ignored"),
            with("detail", "ping")
        ),
        (12, 12, 12)
    );
    assert_eq!(
        (
            with("disposition", "quarantined"),
            with("outcome", "signature-mismatch")
        ),
        (1, 1)
    );
    assert_eq!(
        (
            with("disposition", "dead-lettered"),
            with("outcome", "invalid-payload")
        ),
        (1, 1)
    );
    assert!(
        !log.contains("hunter2") && !log.contains(SECRET),
        "a body or a secret was printed: {log}"
    );
}

#[tokio::test]
async fn a_missing_table_or_queue_is_reported_in_one_line() {
    let account = Account::new("missing").await;
    account.send(Webhook::pull_request("opened")).await;
    let missing = [
        ("--table", "no-such-table", "no-such-table"),
        (
            "--queue-url",
            "/000000000000/no-such-queue",
            "no-such-queue",
        ),
        (
            "--internal-queue-url",
            "/000000000000/no-such-internal",
            "no-such-internal",
        ),
        (
            "--dead-letter-url",
            "/000000000000/no-such-dead-letters",
            "no-such-dead-letters",
        ),
        (
            "--quarantine-url",
            "/000000000000/no-such-quarantine",
            "no-such-quarantine",
        ),
    ];
    for (flag, value, named) in missing {
        let value = match flag {
            "--table" => value.to_owned(),
            _ => format!("{}{value}", account.endpoint),
        };
        let mut daemon = account.daemon(&[flag, &value]);
        let (code, log) = failure(&mut daemon);
        assert_eq!(code, Some(2), "{log}");
        let last = log.lines().last().unwrap();
        assert!(
            last.starts_with("error: aws-missing: ") && last.contains(named),
            "{log}"
        );
        assert_eq!(
            log.contains("Polling for webhooks"),
            flag == "--table",
            "a missing queue is reported before anything else: {log}"
        );
    }
    assert_eq!(account.counts().await, [1, 0, 0], "nothing is lost");
}

#[tokio::test]
async fn a_signal_stops_the_daemon_in_the_middle_of_a_long_poll() {
    let account = Account::new("signal").await;
    for signal in ["-TERM", "-INT"] {
        let mut daemon = Process::start(&mut account.daemon(&[]));
        daemon.wait_for("Polling for webhooks");
        daemon.signal(signal);
        daemon.wait_for("Shutting down");
        daemon.wait_for("Stopped");
        let (code, log) = daemon.end();
        assert_eq!(code, Some(0), "{signal}: {log}");
    }
}

/// Starts a daemon whose calls to CodePipeline are never answered, with one message in work.
async fn stuck(account: &Account, arguments: &[&str]) -> (Process, Proxy) {
    let upstream = account.endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(upstream.parse().unwrap(), 0).await.unwrap();
    proxy.hold("codepipeline_");
    account.send(Webhook::pull_request("opened")).await;
    let mut daemon = account.daemon(arguments);
    daemon.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let daemon = Process::start(&mut daemon);
    within("a call to CodePipeline", proxy.holds()).await;
    (daemon, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_daemon_immediately() {
    let account = Account::new("second-signal").await;
    let (mut daemon, _proxy) = stuck(&account, &[]).await;
    daemon.signal("-TERM");
    daemon.wait_for("Shutting down");
    daemon.signal("-TERM");
    daemon.wait_for("Exiting immediately");
    let (code, log) = daemon.end();
    assert_eq!(code, Some(2), "{log}");
    assert_eq!(account.counts().await, [1, 0, 0], "nothing is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_messages_return_to_the_queue_after_the_drain_timeout() {
    let account = Account::new("drain").await;
    let (mut daemon, _proxy) = stuck(&account, &["--drain-timeout", "1"]).await;
    daemon.signal("-TERM");
    daemon.wait_for("The drain timeout is over");
    daemon.wait_for("Message returned to the queue, unfinished");
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    let visible = QueueAttributeName::ApproximateNumberOfMessages;
    let visible = emulator::attribute(&account.client, &account.urls[0], visible).await;
    assert_eq!(visible, "1", "at once");
}
