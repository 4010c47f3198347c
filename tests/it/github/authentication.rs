//! How the client signs in: JWT, installations and their tokens.

use std::time::Duration;

use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{Earlier, GitHub, Place};
use serde_json::json;

use super::*;
use crate::world::clock::START;

const STATUS: &str = "POST /repos/acme/api/statuses/0f8a39421b2c4d5e8f90a1b2c3d4e5f60718293a";

/// Creates a check run elsewhere.
async fn check_at(
    client: &GitHubClient<FakeClock>,
    place: &Place,
) -> Result<Option<CheckRunId>, GitHubFault> {
    client
        .report(place, ReportForm::Check, &done(), Earlier::Nothing)
        .await
}

#[tokio::test]
async fn an_app_signs_in_and_takes_a_token_for_one_repository_and_one_permission() {
    for (id, issuer) in [("Iv23liAbCdEf", json!("Iv23liAbCdEf")), ("7", json!(7))] {
        let server = server_with_tokens().await;
        server.on(RUNS, created(1));
        check(&client(&server, app(id), FAST)).await.unwrap();
        assert_eq!(server.lines(), [TOKENS, RUNS]);
        let sign_in = server.last(TOKENS);
        let seconds = START.seconds();
        assert_eq!(
            claims(sign_in.token()),
            json!({ "iat": seconds - 60, "exp": seconds + 540, "iss": issuer })
        );
        assert_eq!(
            sign_in.json,
            json!({ "repository_ids": [42], "permissions": { "checks": "write" } })
        );
        let call = server.last(RUNS);
        assert_eq!(call.token(), "ghs_1");
        assert_eq!(call.header("accept"), "application/vnd.github+json");
        assert_eq!(call.header("x-github-api-version"), "2022-11-28");
        assert!(call.header("user-agent").starts_with("branchline/"));
    }
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end_and_serves_one_permission() {
    let server = Server::start().await;
    let long = format!("ghs_7_{}", "abc.DEF-_".repeat(90));
    server
        .on(TOKENS, token_reply(&long))
        .on(TOKENS, token_reply("ghs_status"))
        .on(TOKENS, token_reply("ghs_later"))
        .on(RUNS, created(1))
        .on(STATUS, created(2));
    let clock = FakeClock::new();
    let client = client_at(&server, app("7"), FAST, clock.clone());
    check(&client).await.unwrap();
    clock.advance(Duration::from_mins(54));
    check(&client).await.unwrap();
    assert_eq!(server.last(RUNS).token(), long);
    show(&client, ReportForm::Status, &done(), Earlier::Nothing)
        .await
        .unwrap();
    assert_eq!(server.last(STATUS).token(), "ghs_status");
    assert_eq!(
        server.last(TOKENS).json["permissions"],
        json!({ "statuses": "write" })
    );
    clock.advance(Duration::from_mins(1));
    check(&client).await.unwrap();
    assert_eq!(server.last(RUNS).token(), "ghs_later");
    assert_eq!(server.lines().len(), 7, "{:?}", server.lines());
}

#[tokio::test]
async fn callers_that_need_the_same_token_wait_for_one_request() {
    let server = Server::start().await;
    server
        .on(
            TOKENS,
            token_reply("ghs_1").after(Duration::from_millis(50)),
        )
        .on(RUNS, created(1));
    let client = client(&server, app("7"), FAST);
    let five = [(); 5].map(|()| check(&client));
    let [a, b, c, d, e] = five;
    let all = tokio::join!(a, b, c, d, e);
    assert_eq!(all, (Ok(()), Ok(()), Ok(()), Ok(()), Ok(())));
    let tokens = server.lines().iter().filter(|line| *line == TOKENS).count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let server = Server::start().await;
    server
        .on(TOKENS, token_reply("ghs_1"))
        .on(TOKENS, token_reply("ghs_2"))
        .on(TOKENS, token_reply("ghs_3"))
        .on(RUNS, error(401, "Bad credentials"))
        .on(RUNS, created(1))
        .on(RUNS, error(401, "Bad credentials"));
    let client = client(&server, app("7"), FAST);
    check(&client).await.unwrap();
    assert_eq!(server.last(RUNS).token(), "ghs_2");
    let fault = check(&client).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Misconfigured);
    assert_eq!(
        server.lines(),
        [TOKENS, RUNS, TOKENS, RUNS, RUNS, TOKENS, RUNS]
    );
}

#[tokio::test]
async fn an_installation_that_nobody_named_is_asked_for_once() {
    let server = server_with_tokens().await;
    let lookup = "GET /repos/acme/api/installation";
    server
        .on(lookup, reply(200, &json!({ "id": 5 })))
        .on(RUNS, created(1));
    let client = client(&server, app("7"), FAST);
    let unknown = Place {
        installation: None,
        ..place()
    };
    check_at(&client, &unknown).await.unwrap();
    check_at(&client, &unknown).await.unwrap();
    assert_eq!(server.lines(), [lookup, TOKENS, RUNS, RUNS]);
}

#[tokio::test]
async fn an_app_that_was_installed_again_is_found_under_its_new_number() {
    let server = server_with_tokens().await;
    let (old, lookup) = (
        "POST /app/installations/4/access_tokens",
        "GET /repos/acme/api/installation",
    );
    server
        .on(old, error(404, "Not Found"))
        .on(lookup, reply(200, &json!({ "id": 5 })))
        .on(lookup, error(404, "Not Found"))
        .on(RUNS, created(1));
    let client = client(&server, app("7"), FAST);
    let outdated = Place {
        installation: Some(InstallationId(4)),
        ..place()
    };
    check_at(&client, &outdated).await.unwrap();
    check_at(&client, &outdated).await.unwrap();
    assert_eq!(server.lines(), [old, lookup, TOKENS, RUNS, RUNS]);
    let elsewhere = Place {
        id: RepositoryId(43),
        ..outdated
    };
    let fault = check_at(&client, &elsewhere).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Missing);
}

#[tokio::test]
async fn a_machine_whose_clock_is_wrong_signs_in_by_githubs() {
    let server = Server::start().await;
    let expired = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
    let date = "Thu, 01 Jan 2026 01:00:00 GMT";
    let later = reply(
        201,
        &json!({ "token": "ghs_1", "expires_at": "2026-01-01T02:00:00Z" }),
    );
    server
        .on(TOKENS, error(401, expired).with("date", date))
        .on(TOKENS, later.with("date", date))
        .on(RUNS, created(1));
    let client = client(&server, app("7"), FAST);
    check(&client).await.unwrap();
    let hour = 3_600;
    assert_eq!(
        claims(server.last(TOKENS).token())["iat"],
        json!(START.seconds() + hour - 60)
    );
    check(&client).await.unwrap();
    assert_eq!(server.lines(), [TOKENS, TOKENS, RUNS, RUNS]);
}

#[tokio::test]
async fn a_key_that_github_does_not_know_is_no_matter_of_the_clock() {
    let server = Server::start().await;
    let unknown = "A JSON web token could not be decoded";
    server.on(
        TOKENS,
        error(401, unknown).with("date", "Thu, 01 Jan 2026 00:00:09 GMT"),
    );
    let client = client(&server, app("7"), FAST);
    let fault = check(&client).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "github-misconfigured: POST /app/installations/5/access_tokens: 401: A JSON web token could not be decoded: check github.app and github.private_key"
    );
    assert_eq!(server.lines(), [TOKENS]);
}

#[tokio::test]
async fn a_token_is_for_statuses_and_not_for_check_runs() {
    let server = Server::start().await;
    server
        .on(STATUS, created(1))
        .on(STATUS, error(401, "Bad credentials"));
    let client = client(&server, token(), FAST);
    let status = async || show(&client, ReportForm::Status, &done(), Earlier::Nothing).await;
    assert_eq!(status().await, Ok(None));
    assert_eq!(server.last(STATUS).token(), "github_pat_hunter2");
    let fault = status().await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Misconfigured);
    assert!(fault.detail.contains("check github.token"), "{fault}");
    for earlier in [
        Earlier::Nothing,
        Earlier::Uncertain,
        Earlier::Created(CheckRunId(1)),
    ] {
        let shown = show(&client, ReportForm::Check, &done(), earlier).await;
        let fault = shown.unwrap_err();
        assert_eq!(fault.kind, GitHubFaultKind::Misconfigured);
        assert!(fault.detail.contains("lets only Apps"), "{fault}");
    }
    assert_eq!(server.lines(), [STATUS, STATUS]);
}
