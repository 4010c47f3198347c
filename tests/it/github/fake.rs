//! A world of the fake GitHub that `scripts/sandbox exec` starts. It refuses what GitHub's own
//! OpenAPI description does not allow, so each test ends with [`World::no_violations`].

use std::env;

use branchline::domain::github::api_url::ApiUrl;
use branchline::domain::github::app_id::AppId;
use branchline::domain::github::app_key::AppKey;
use branchline::domain::github::hook::Hook;
use branchline::domain::github::{Credentials, GitHubAccess};
use branchline::domain::ids::{InstallationId, RepositoryId, RepositoryName};
use branchline::domain::secret::Secret;
use branchline::github::{GitHubClient, Timing};
use branchline::ports::Place;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::COMMIT;
use crate::world::clock::{FakeClock, START};

/// The client id of the App, and its number.
pub(crate) const CLIENT_ID: &str = "Iv23liBranchlineFake";
pub(crate) const APP_ID: &str = "4242";

/// A GitHub of one test, with the pull request `acme/api#7` whose head is [`COMMIT`].
pub(crate) struct World {
    pub(crate) url: String,
    http: Client,
    pub(crate) clock: FakeClock,
}

impl World {
    /// Makes the world of this name. Its clock starts with the test's.
    pub(crate) async fn new(test: &str) -> Self {
        let server = env::var("BRANCHLINE_TEST_GITHUB");
        let server = server.expect("no fake GitHub: run the tests with `scripts/sandbox exec`");
        let world = Self {
            url: format!("{server}/{test}"),
            http: Client::builder().no_proxy().build().unwrap(),
            clock: FakeClock::new(),
        };
        world
            .control("POST clock", &json!({ "now": START.seconds() }))
            .await;
        let pull = json!({
            "repository": "acme/api", "number": 7, "head_ref": "feature/x", "head_sha": COMMIT,
        });
        world.control("PUT pull_requests", &pull).await;
        world
    }

    /// Calls a control endpoint, named by its method and path.
    pub(crate) async fn control(&self, endpoint: &str, body: &Value) -> String {
        let (method, path) = endpoint.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/_control/{path}", self.url);
        let mut request = self.http.request(method.clone(), url);
        if method != Method::GET {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{endpoint}: {status}: {text}");
        text
    }

    /// Reads a control endpoint.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let text = self.control(&format!("GET {path}"), &Value::Null).await;
        serde_json::from_str(&text).unwrap()
    }

    /// Returns the page of the pull request.
    pub(crate) async fn page(&self) -> String {
        let path = "GET page?repository=acme/api&number=7";
        self.control(path, &Value::Null).await
    }

    /// Returns a client of this world.
    pub(crate) fn client(&self, credentials: Credentials) -> GitHubClient<FakeClock> {
        let api = ApiUrl::parse(&self.url).unwrap();
        let hooks = match credentials {
            Credentials::App { .. } => vec![Hook::App],
            Credentials::Token(_) => Vec::new(),
        };
        let access = GitHubAccess {
            api,
            credentials,
            hooks,
        };
        let timing = Timing {
            mutation_gap: std::time::Duration::ZERO,
            ..Timing::default()
        };
        GitHubClient::new(access, self.clock.clone(), timing).unwrap()
    }

    /// Returns a client that is the App.
    pub(crate) fn app(&self) -> GitHubClient<FakeClock> {
        self.client(credentials(APP_ID))
    }

    /// Returns a client with a token for statuses and comments.
    pub(crate) async fn token(&self) -> GitHubClient<FakeClock> {
        let permissions = json!({ "statuses": "write", "pull_requests": "write" });
        let token = json!({
            "token": "github_pat_hunter2", "permissions": permissions, "login": "ada",
        });
        self.control("PUT tokens", &token).await;
        self.client(Credentials::Token(Secret::new(
            "github_pat_hunter2".to_owned(),
        )))
    }

    /// Returns the check runs of the pull request's head, each as `NAME STATUS CONCLUSION`.
    pub(crate) async fn check_runs(&self) -> Vec<String> {
        let runs = self.read("check_runs?repository=acme/api&number=7").await;
        let text = |run: &Value, key: &str| run[key].as_str().unwrap_or("-").to_owned();
        let runs = runs.as_array().unwrap().iter();
        runs.map(|run| {
            let parts = ["name", "status", "conclusion"].map(|key| text(run, key));
            parts.join(" ")
        })
        .collect()
    }

    /// Returns the operations that were called, in order.
    pub(crate) async fn operations(&self) -> Vec<String> {
        let requests = self.read("requests").await;
        let requests = requests.as_array().unwrap().iter();
        requests
            .map(|request| request["operation"].as_str().unwrap_or("?").to_owned())
            .collect()
    }

    /// Fails if a request or an answer is not what GitHub describes.
    pub(crate) async fn no_violations(&self) {
        assert_eq!(self.read("violations").await, json!([]));
    }
}

/// Returns the App's credentials under this id.
pub(crate) fn credentials(id: &str) -> Credentials {
    let pem = env::var("BRANCHLINE_TEST_GITHUB_KEY").unwrap();
    Credentials::App {
        id: AppId::parse(id).unwrap(),
        key: AppKey::from_pem(pem.as_bytes()).unwrap(),
    }
}

/// Returns the repository of the pull request.
pub(crate) fn place() -> Place {
    Place {
        id: RepositoryId(730_001),
        name: RepositoryName::parse("acme/api").unwrap(),
        installation: Some(InstallationId(1001)),
    }
}
