//! GitHub of one round: a world of the fake GitHub that `scripts/sandbox exec` starts.

use std::env;

use reqwest::Client;
use serde_json::{Value, json};

use crate::world::clock::START;
use crate::world::history::{History, WEB};
use crate::world::webhook::REPOSITORY;

/// The client id of the App.
const CLIENT_ID: &str = "Iv23liBranchlineFake";
/// The repository that each world starts with. It gives up its name.
const FIRST: u64 = 730_001;

pub(crate) struct GitHub {
    url: String,
    http: Client,
}

impl GitHub {
    /// Makes the world of this name, with the repositories of a history.
    pub(crate) async fn new(name: &str) -> Self {
        let server = env::var("BRANCHLINE_TEST_GITHUB");
        let server = server.expect("no fake GitHub: run the tests with `scripts/sandbox exec`");
        let github = Self {
            url: format!("{server}/{name}"),
            http: Client::builder().no_proxy().build().unwrap(),
        };
        for (id, full_name) in [(FIRST, "acme/other"), REPOSITORY, WEB] {
            let repository = json!({ "id": id, "full_name": full_name });
            github.control("PUT repositories", &repository).await;
        }
        github
    }

    /// Lets everything of a history happen.
    pub(crate) async fn learn(&self, history: &History) {
        for event in &history.events {
            let (name, _) = event.webhook.content();
            let body = event.webhook.clone().seal(START).body;
            let mut payload: Value = serde_json::from_str(&body).unwrap();
            // The tests' payloads have what branchline reads, and this name is not that.
            if let Some(Value::Object(head)) = payload.pointer_mut("/pull_request/head/repo") {
                head.insert("full_name".to_owned(), json!(REPOSITORY.1));
            }
            let happened = json!({ "event": name, "payload": payload });
            self.control("POST apply", &happened).await;
        }
    }

    /// Returns the settings of `[github]` with which a daemon reads this world. Only a command
    /// compares it with the mappings.
    pub(crate) fn settings(&self) -> String {
        format!(
            r#"app = "{CLIENT_ID}", private_key = "env:APP_KEY", api_url = "{}", reconcile = "off""#,
            self.url
        )
    }

    /// Calls a control endpoint, named by its method and path.
    async fn control(&self, endpoint: &str, body: &Value) {
        let (method, path) = endpoint.split_once(' ').unwrap();
        let url = format!("{}/_control/{path}", self.url);
        let request = self.http.request(method.parse().unwrap(), url);
        let request = request.header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{endpoint}: {status}: {text}");
    }
}

/// Returns the App's private key, a PEM text.
pub(crate) fn app_key() -> String {
    env::var("BRANCHLINE_TEST_GITHUB_KEY").expect("a fake GitHub has a key")
}
