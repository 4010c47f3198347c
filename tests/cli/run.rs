//! The daemon against the emulator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::binary::{SECRET, branchline, complaint, lines};
use crate::support::clock::START;
use crate::support::proxy::Proxy;
use crate::support::webhook::Webhook;
use crate::support::{emulator, table};

/// Three queues and a table of one test.
struct Account {
    client: Client,
    urls: [String; 3],
    endpoint: String,
    table: String,
}

fn table_of(test: &str) -> String {
    format!("cli-{test}")
}

impl Account {
    async fn new(test: &str) -> Self {
        let config = emulator::config("eu-west-1").await;
        let client = Client::new(&config);
        table::make(&aws_sdk_dynamodb::Client::new(&config), &table_of(test)).await;
        let make = async |kind: &str| emulator::queue(&client, &format!("cli-{test}-{kind}")).await;
        let urls = [
            make("webhooks").await,
            make("dead").await,
            make("quarantine").await,
        ];
        Self {
            client,
            urls,
            endpoint: emulator::endpoint(),
            table: table_of(test),
        }
    }

    async fn send(&self, webhook: Webhook) {
        emulator::send(&self.client, &self.urls[0], webhook.seal(START)).await;
    }

    /// How many messages each queue holds, visible or not.
    async fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (count, url) in counts.iter_mut().zip(&self.urls) {
            *count = emulator::depth(&self.client, url).await;
        }
        counts
    }

    fn daemon(&self, arguments: &[&str]) -> Command {
        let rules = format!(
            r#"
            queue = {{ url = "{}", dead_letter_url = "{}", quarantine_url = "{}" }}
            store = {{ table = "{}" }}
            github = {{ secrets = ["env:WEBHOOK_SECRET"] }}
            [[rule]]
            repository = "acme/*"
            on = "pull_request"
            template = "api-template"
            "#,
            self.urls[0], self.urls[1], self.urls[2], self.table
        );
        let mut command = branchline(&["run", "--config", "env:RULES", "--log-format", "json"]);
        command
            .args(arguments)
            .env("RULES", rules)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", &self.endpoint);
        command
    }
}

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

fn tell(daemon: &Child, signal: &str) {
    let status = Command::new("kill")
        .arg(signal)
        .arg(daemon.id().to_string())
        .status()
        .unwrap();
    assert!(status.success());
}
