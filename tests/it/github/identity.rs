//! Who GitHub takes branchline for.

use branchline::domain::ids::Timestamp;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{GitHubReader, Identity, Installation};
use serde_json::json;

use super::*;

const LOOKUP: &str = "GET /repos/acme/api/installation";

#[tokio::test]
async fn an_app_is_asked_for_its_permissions_and_the_clock() {
    let server = Server::start().await;
    let granted = json!({
        "id": 7,
        "slug": "branchline-acme",
        "permissions": { "checks": "write", "metadata": "read" },
        "events": ["pull_request", "push"],
    });
    let date = "Thu, 01 Jan 2026 00:00:40 GMT";
    server.on("GET /app", reply(200, &granted).with("date", date));
    let answer = client(&server, app("7"), FAST).sign_in().await.unwrap();
    assert_eq!(answer.clock_ahead_ms, Some(-40_000));
    let Identity::App { slug, grants } = answer.identity else {
        panic!("{answer:?}")
    };
    assert_eq!(slug, "branchline-acme");
    assert_eq!(grants.permissions["checks"], "write");
    assert!(grants.events.contains("push"));
}

#[tokio::test]
async fn a_token_has_an_owner_and_an_end() {
    let server = Server::start().await;
    let user = json!({ "id": 1, "login": "octocat" });
    let ends = "2026-02-01 00:00:00 UTC";
    server
        .on(
            "GET /user",
            reply(200, &user).with("github-authentication-token-expiration", ends),
        )
        .on("GET /user", reply(200, &user));
    for expires_at in [Timestamp::from_rfc3339("2026-02-01T00:00:00Z"), None] {
        let answer = client(&server, token(), FAST).sign_in().await.unwrap();
        let expected = Identity::Person {
            login: "octocat".to_owned(),
            expires_at,
        };
        assert_eq!(answer.identity, expected);
    }
}

#[tokio::test]
async fn an_installation_tells_what_was_accepted() {
    let server = Server::start().await;
    let granted = json!({
        "id": 5,
        "permissions": { "checks": "read" },
        "events": [],
        "suspended_at": "2026-01-01T00:00:00Z",
    });
    server
        .on(LOOKUP, reply(200, &granted))
        .on(LOOKUP, error(404, "Not Found"));
    let client = client(&server, app("7"), FAST);
    let Some(Installation {
        id,
        grants,
        is_suspended,
    }) = client.installation(&place().name).await.unwrap()
    else {
        panic!("no installation")
    };
    assert_eq!((id, is_suspended), (InstallationId(5), true));
    assert_eq!(grants.permissions["checks"], "read");
    assert_eq!(client.installation(&place().name).await, Ok(None));
}

#[tokio::test]
async fn a_token_has_no_installation() {
    let server = Server::start().await;
    let client = client(&server, token(), FAST);
    let fault = client.installation(&place().name).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Misconfigured);
}
