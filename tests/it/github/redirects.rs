//! Redirects, which GitHub gives for a repository that was renamed.

use branchline::domain::report::fault::GitHubFaultKind;
use serde_json::Value;

use super::*;

const MOVED: &str = "POST /repositories/42/check-runs";

fn redirect(status: u16, target: &str) -> server::Reply {
    error(status, "Moved Permanently").with("location", target)
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_method_body_and_token() {
    for status in [301, 302, 307, 308] {
        let server = server_with_tokens().await;
        let target = format!("{}/repositories/42/check-runs", server.url);
        server
            .on(RUNS, redirect(status, &target))
            .on(MOVED, created(1));
        let client = client(&server, app("7"), FAST);
        let shown = check(&client).await;
        assert!(shown.is_ok(), "{status}: {shown:?}");
        let (first, second) = (server.last(RUNS), server.last(MOVED));
        assert_eq!(
            (first.json.clone(), first.token()),
            (second.json.clone(), second.token())
        );
        assert_ne!(second.json, Value::Null);
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_token() {
    let (server, other) = (server_with_tokens().await, Server::start().await);
    let target = format!("{}/repositories/42/check-runs", other.url);
    server.on(RUNS, redirect(307, &target));
    let client = client(&server, app("7"), FAST);
    let fault = check(&client).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Misconfigured);
    let expected = format!(
        "POST /repos/acme/api/check-runs: redirects to another host, {}: correct github.api_url",
        other.url
    );
    assert_eq!(fault.detail, expected);
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn redirects_end() {
    let server = server_with_tokens().await;
    server.on(RUNS, redirect(301, "/repos/acme/api/check-runs"));
    let client = client(&server, app("7"), FAST);
    let fault = check(&client).await.unwrap_err();
    assert!(fault.detail.ends_with("more than 3 redirects"), "{fault}");
    assert_eq!(server.lines().len(), 5);
}
