//! `branchline deliveries` and the job `missed-deliveries`, with the emulator and the fake GitHub.

use std::process::Command;

use branchline::domain::ids::Timestamp;
use serde_json::{Value, json};

use super::account::Account;
use super::binary::{failure, json_lines, output, text};
use crate::github::fake::{APP_ID, World};
use crate::world::clock::START;
use crate::world::webhook::{REPOSITORY, Webhook};
use branchline::domain::intake::authenticated::{CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE};

/// An account whose daemon is an App of a GitHub, which delivers again into its queue.
struct Front {
    account: Account,
    github: World,
}

impl Front {
    async fn new(test: &str) -> Self {
        let account = Account::new(test).await;
        account.template().await;
        let github = World::new(test).await;
        // The command lives by the machine's clock.
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs();
        github.control("POST clock", &json!({ "now": now })).await;
        let door = json!({ "queue_url": account.urls[0], "region": account.region });
        github.control("PUT front_door", &door).await;
        Self { account, github }
    }

    /// Lists an attempt to deliver a webhook, with its result.
    async fn list(&self, webhook: Webhook, status: &str, status_code: u16) -> String {
        let sealed = webhook.seal(START);
        let header = |name: &str| {
            let mut attributes = sealed.attributes.iter();
            let (_, value) = attributes.find(|(key, _)| key == name).unwrap();
            value.as_text().unwrap().to_owned()
        };
        let payload: Value = serde_json::from_str(&sealed.body).unwrap();
        let headers = [CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE];
        let mut headers: serde_json::Map<String, Value> = headers
            .into_iter()
            .map(|name| (name.to_owned(), json!(header(name))))
            .collect();
        let target = json!(REPOSITORY.0.to_string());
        headers.insert("X-GitHub-Hook-Installation-Target-ID".to_owned(), target);
        let delivery = json!({
            "guid": header(DELIVERY), "duration": 0.1, "status": status,
            "status_code": status_code, "event": header(EVENT), "action": payload["action"],
            "installation_id": 1001, "repository_id": REPOSITORY.0, "raw": sealed.body,
            "request": { "headers": headers, "payload": payload },
        });
        self.github.control("PUT deliveries", &delivery).await;
        header(DELIVERY)
    }

    async fn lose(&self, number: u64) -> String {
        let webhook = Webhook::pull_request("opened").number(number);
        self.list(webhook, "failed to connect to host", 0).await
    }

    /// Returns the configuration with the access to GitHub.
    fn rules(&self) -> String {
        let secrets = r#"secrets = ["env:WEBHOOK_SECRET"]"#;
        let github = format!(
            r#"{secrets}, app = {APP_ID}, private_key = "env:APP_KEY", api_url = "{}", reconcile = "off""#,
            self.github.url
        );
        self.account.rules().replace(secrets, &github)
    }

    fn with_github(&self, mut command: Command) -> Command {
        let key = std::env::var("BRANCHLINE_TEST_GITHUB_KEY").unwrap();
        command.env("RULES", self.rules()).env("APP_KEY", key);
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.with_github(self.account.command(arguments))
    }

    /// Runs the daemon until its queues are empty and what is due ran.
    async fn work(&self) {
        let daemon = || self.with_github(self.account.daemon(&["--until-empty"]));
        self.account.process_all_by(daemon).await;
    }

    fn list_missed(&self) -> (Option<i32>, Vec<Value>) {
        let arguments = ["deliveries", "list", "--missed", "--output", "json"];
        // No webhook secret is needed.
        let output = output(self.command(&arguments).env_remove("WEBHOOK_SECRET"));
        (output.status.code(), json_lines(&text(output.stdout)))
    }

    fn pipelines(&self) -> Vec<String> {
        let arguments = ["mappings", "list", "--output", "json"];
        let output = output(&mut self.command(&arguments));
        let rows = json_lines(&text(output.stdout)).into_iter();
        let mut names: Vec<String> = rows
            .map(|row| row["pipeline"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

/// The test's thread waits for the commands, so the clients need another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_was_lost_at_the_door_is_asked_for_by_the_job_and_becomes_a_pipeline() {
    let front = Front::new("deliveries-job").await;
    let lost = front.lose(7).await;
    let (code, missed) = front.list_missed();
    assert_eq!((code, missed.len()), (Some(1), 1));
    let row = &missed[0];
    assert_eq!(
        (&row["delivery"], &row["standing"]),
        (&json!(lost), &json!("missed"))
    );
    assert_eq!(
        (&row["event"], &row["action"]),
        (&json!("pull_request"), &json!("opened"))
    );
    // The job asks; the second run of the daemon receives what GitHub then delivers.
    front.work().await;
    front.work().await;
    assert_eq!(front.pipelines(), ["api-pr-7"]);
    assert_eq!(front.list_missed(), (Some(0), Vec::new()));
    let jobs = output(&mut front.command(&["jobs", "list", "--output", "json"]));
    let jobs = json_lines(&text(jobs.stdout));
    let job = jobs.iter().find(|job| job["job"] == "missed-deliveries");
    let detail = job.unwrap()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "1 page read, 1 event requested");
    front.github.no_violations().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_asks_for_what_was_missed() {
    let front = Front::new("deliveries-redeliver").await;
    let (first, second) = (front.lose(7).await, front.lose(8).await);
    let run = |arguments: &[&str]| {
        let all = [&["deliveries", "redeliver"], arguments].concat();
        let output = output(&mut front.command(&all));
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, _, error) = run(&[&first]);
    assert_eq!(code, Some(2));
    assert!(error.contains("add --yes"), "{error}");
    let (code, shown, _) = run(&["--missed", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains(&first) && shown.contains(&second), "{shown}");
    let (code, _, error) = run(&[&first, "72d3162e-cc78-11e3-81ab-4c9367dc0958", "--yes"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("1 requested, 0 refused"), "{error}");
    assert!(error.contains("GitHub lists no attempt"), "{error}");
    let (code, shown, error) = run(&["--missed", "--yes"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        !shown.contains(&first) && shown.contains(&second),
        "{shown}"
    );
    let (code, _, error) = run(&["--missed", "--yes"]);
    assert_eq!(
        (code, error.as_str()),
        (Some(0), "nothing to deliver again\n")
    );
    assert_eq!(front.account.counts().await[0], 2);
    front.github.no_violations().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_and_left_no_record_is_listed() {
    let front = Front::new("deliveries-unrecorded").await;
    front.account.send(Webhook::pull_request("opened")).await;
    front.work().await;
    let ago = |minutes: i64| {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs();
        let now = i64::try_from(now).unwrap();
        Timestamp::from_seconds(now - 60 * minutes)
            .unwrap()
            .seconds()
    };
    front
        .github
        .control("POST clock", &json!({ "now": ago(20) }))
        .await;
    let recorded = Webhook::pull_request("opened");
    front.list(recorded, "OK", 202).await;
    let other = Webhook::pull_request("opened").number(9);
    let vanished = front.list(other, "OK", 202).await;
    front
        .github
        .control("POST clock", &json!({ "now": ago(0) }))
        .await;
    let (code, missed) = front.list_missed();
    assert_eq!((code, missed.len()), (Some(1), 1), "{missed:?}");
    assert_eq!(missed[0]["delivery"], vanished);
    assert_eq!(missed[0]["standing"], "unrecorded");
    assert_eq!(missed[0]["repository"], "acme/api");
    front.github.no_violations().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_need_access_to_github() {
    let account = Account::new("deliveries-no-github").await;
    let (code, error) = failure(&mut account.command(&["deliveries", "list"]));
    assert_eq!(code, Some(2));
    assert_eq!(
        error,
        "error: no webhook of GitHub is configured: set github.app and github.private_key, or github.token and github.hooks\n"
    );
}
