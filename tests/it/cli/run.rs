//! The daemon against the emulator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use aws_sdk_sqs::types::QueueAttributeName;

use super::account::Account;
use super::binary::{SECRET, complaint, lines};
use crate::world::emulator;
use crate::world::proxy::Proxy;
use crate::world::webhook::Webhook;

#[tokio::test]
async fn until_empty_works_through_what_is_there_and_ends() {
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

    let output = account
        .daemon(&["--until-empty", "--concurrency", "4"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(account.counts().await, [0, 1, 1]);

    let journals: Vec<_> = lines(&said)
        .into_iter()
        .filter(|line| line.get("verdict").is_some())
        .collect();
    assert_eq!(journals.len(), 14, "one journal line a message: {said}");
    let with = |key: &str, value: &str| journals.iter().filter(|line| line[key] == value).count();
    assert_eq!(
        (
            with("verdict", "ack"),
            with("outcome", "ignored"),
            with("detail", "ping")
        ),
        (12, 12, 12)
    );
    assert_eq!(
        (
            with("verdict", "quarantine"),
            with("outcome", "signature-mismatch")
        ),
        (1, 1)
    );
    assert_eq!(
        (with("verdict", "bury"), with("outcome", "body-not-githubs")),
        (1, 1)
    );
    assert!(
        !said.contains("hunter2") && !said.contains(SECRET),
        "a body or a secret was told: {said}"
    );
}

#[tokio::test]
async fn what_is_not_there_at_start_is_told_in_one_line() {
    let account = Account::new("missing").await;
    account.send(Webhook::pull_request("opened")).await;
    let wrong = [
        ("--table", "no-such-table", "no-such-table"),
        (
            "--queue-url",
            "/000000000000/no-such-queue",
            "no-such-queue",
        ),
    ];
    for (flag, value, named) in wrong {
        let value = match flag {
            "--queue-url" => format!("{}{value}", account.endpoint),
            _ => value.to_owned(),
        };
        let mut daemon = account.daemon(&[flag, &value]);
        let (code, said) = complaint(&mut daemon);
        assert_eq!(code, Some(2), "{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("branchline cannot work: aws-missing: ") && last.contains(named),
            "{said}"
        );
    }
    assert_eq!(account.counts().await, [1, 0, 0], "nothing is lost");
}

#[tokio::test]
async fn a_signal_stops_it_in_the_middle_of_a_long_poll() {
    let account = Account::new("signal").await;
    for signal in ["-TERM", "-INT"] {
        let mut daemon = account.daemon(&[]).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(daemon.stderr.take().unwrap()).lines();
        wait_for(&mut said, "Polling for webhooks");
        tell(&daemon, signal);
        wait_for(&mut said, "Stopping");
        wait_for(&mut said, "Stopped");
        assert_eq!(daemon.wait().unwrap().code(), Some(0), "{signal}");
    }
}

/// A daemon whose calls to CodePipeline are never answered, with one message in work.
async fn stuck(account: &Account, arguments: &[&str]) -> (Child, Proxy) {
    let upstream = account.endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(upstream.parse().unwrap(), 0).await.unwrap();
    proxy.hold("codepipeline_");
    account.send(Webhook::pull_request("opened")).await;
    let mut daemon = account.daemon(arguments);
    daemon.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let daemon = daemon.stderr(Stdio::piped()).spawn().unwrap();
    proxy.holds().await;
    (daemon, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let account = Account::new("second-signal").await;
    let (mut daemon, _proxy) = stuck(&account, &[]).await;
    let mut said = BufReader::new(daemon.stderr.take().unwrap()).lines();
    tell(&daemon, "-TERM");
    wait_for(&mut said, "Stopping");
    tell(&daemon, "-TERM");
    wait_for(&mut said, "Stopped at once");
    assert_eq!(daemon.wait().unwrap().code(), Some(2));
    assert_eq!(account.counts().await, [1, 0, 0], "nothing is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_finished_in_time_is_handed_back() {
    let account = Account::new("drain").await;
    let (mut daemon, _proxy) = stuck(&account, &["--drain-timeout", "1"]).await;
    let mut said = BufReader::new(daemon.stderr.take().unwrap()).lines();
    tell(&daemon, "-TERM");
    wait_for(&mut said, "The time to finish is up");
    wait_for(&mut said, "Message handed back");
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    let visible = QueueAttributeName::ApproximateNumberOfMessages;
    let visible = emulator::attribute(&account.client, &account.urls[0], visible).await;
    assert_eq!(visible, "1", "at once");
}

fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, sentence: &str) {
    let found = lines.any(|line| line.unwrap().contains(sentence));
    assert!(found, "it ended without saying '{sentence}'");
}

pub(super) fn tell(daemon: &Child, signal: &str) {
    let status = Command::new("kill")
        .arg(signal)
        .arg(daemon.id().to_string())
        .status()
        .unwrap();
    assert!(status.success());
}
