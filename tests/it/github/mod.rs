//! The client of GitHub against canned answers over HTTP: what GitHub documents, and what goes
//! wrong.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an answer that cannot be given fails its test"
)]

mod authentication;
mod comments;
mod deliveries;
mod deployments;
pub(crate) mod fake;
mod faults;
mod files;
mod identity;
mod limits;
mod listing;
mod redirects;
mod reports;
pub(crate) mod server;
pub(crate) mod signing_key;
mod stories;

use std::time::Duration;

use branchline::domain::github::api_url::ApiUrl;
use branchline::domain::github::app_id::AppId;
use branchline::domain::github::{Credentials, GitHubAccess};
use branchline::domain::ids::{CheckRunId, CommitId, InstallationId, RepositoryId, RepositoryName};
use branchline::domain::report::fault::GitHubFault;
use branchline::domain::report::{Conclusion, Report, ReportForm, ReportState};
use branchline::domain::secret::Secret;
use branchline::github::{GitHubClient, Timing};
use branchline::ports::{Earlier, GitHub, Place};
use serde_json::{Value, json};

use crate::world::clock::FakeClock;
use server::{Server, reply};

/// Nothing waits between mutations, and no answer is slow.
const FAST: Timing = Timing {
    mutation_gap: Duration::ZERO,
    call_timeout: Duration::from_secs(10),
};
const COMMIT: &str = "0f8a39421b2c4d5e8f90a1b2c3d4e5f60718293a";
const TOKENS: &str = "POST /app/installations/5/access_tokens";
const RUNS: &str = "POST /repos/acme/api/check-runs";

fn client(server: &Server, credentials: Credentials, timing: Timing) -> GitHubClient<FakeClock> {
    client_at(server, credentials, timing, FakeClock::new())
}

fn client_at(
    server: &Server,
    credentials: Credentials,
    timing: Timing,
    clock: FakeClock,
) -> GitHubClient<FakeClock> {
    let api = ApiUrl::parse(&server.url).unwrap();
    let access = GitHubAccess {
        api,
        credentials,
        hooks: Vec::new(),
    };
    GitHubClient::new(access, clock, timing).unwrap()
}

fn app(id: &str) -> Credentials {
    Credentials::App {
        id: AppId::parse(id).unwrap(),
        key: signing_key::key(),
    }
}

fn token() -> Credentials {
    Credentials::Token(Secret::new("github_pat_hunter2".to_owned()))
}

/// Returns the repository, whose installation is known.
fn place() -> Place {
    Place {
        id: RepositoryId(42),
        name: RepositoryName::parse("acme/api").unwrap(),
        installation: Some(InstallationId(5)),
    }
}

fn report(state: ReportState) -> Report {
    Report {
        commit: CommitId::parse(COMMIT).unwrap(),
        context: "branchline/api".to_owned(),
        state,
        title: "Build failed".to_owned(),
        summary: "| stage | state |".to_owned(),
        url: Some("https://console.aws.amazon.com/x".to_owned()),
        external_id: "R#42/PR#7@3".to_owned(),
        started_at: None,
        completed_at: None,
    }
}

fn done() -> Report {
    report(ReportState::Completed(Conclusion::Success))
}

/// Shows a report on the commit of [`place`].
async fn show(
    client: &GitHubClient<FakeClock>,
    form: ReportForm,
    report: &Report,
    earlier: Earlier<CheckRunId>,
) -> Result<Option<CheckRunId>, GitHubFault> {
    client.report(&place(), form, report, earlier).await
}

/// Creates a check run on the commit of [`place`].
async fn check(client: &GitHubClient<FakeClock>) -> Result<(), GitHubFault> {
    let shown = show(client, ReportForm::Check, &done(), Earlier::Nothing).await;
    shown.map(drop)
}

/// Returns the answer that has an installation token.
fn token_reply(token: &str) -> server::Reply {
    reply(
        201,
        &json!({
            "token": token,
            "expires_at": "2026-01-01T01:00:00Z",
            "permissions": { "checks": "write" },
            "repository_selection": "selected",
        }),
    )
}

/// Returns the answer to the creation of something with this number.
fn created(id: u64) -> server::Reply {
    reply(201, &json!({ "id": id }))
}

/// Returns the answer of an error.
fn error(status: u16, message: &str) -> server::Reply {
    reply(
        status,
        &json!({ "message": message, "documentation_url": "https://docs.github.com" }),
    )
}

/// Returns a server that gives tokens.
async fn server_with_tokens() -> Server {
    let server = Server::start().await;
    server.on(TOKENS, token_reply("ghs_1"));
    server
}

/// Returns the claims of a JWT.
fn claims(jwt: &str) -> Value {
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    signing_key::verify(signed.as_bytes(), &signing_key::decode(signature));
    let (head, claims) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&signing_key::decode(head)).unwrap();
    assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT" }));
    serde_json::from_slice(&signing_key::decode(claims)).unwrap()
}
