//! The table from GitHub's answers to faults, seen through the client.

use std::time::Duration;

use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};

use super::server::Reply;
use super::*;

use GitHubFaultKind::{Denied, Limited, Misconfigured, Missing, Refused, Unavailable};

/// Returns the fault of a check run that is answered like this.
async fn fault(answer: Reply) -> GitHubFault {
    let server = server_with_tokens().await;
    server.on(RUNS, answer);
    check(&client(&server, app("7"), FAST)).await.unwrap_err()
}

/// Returns the fault of a request for a token that is answered like this.
async fn token_fault(answer: Reply) -> GitHubFault {
    let server = Server::start().await;
    server
        .on(TOKENS, answer)
        .on("GET /repos/acme/api/installation", error(404, "Not Found"));
    check(&client(&server, app("7"), FAST)).await.unwrap_err()
}

#[tokio::test]
async fn every_status_has_its_kind() {
    let cases = [
        (400, "Problems parsing JSON", Refused),
        (401, "Bad credentials", Misconfigured),
        (403, "Resource not accessible by integration", Denied),
        (403, "This installation has been suspended", Denied),
        (
            403,
            "Unable to create comment because issue is locked.",
            Refused,
        ),
        (403, "You have exceeded a secondary rate limit", Limited),
        (404, "Not Found", Missing),
        (408, "Timeout", Unavailable),
        (409, "Conflict", Unavailable),
        (410, "Issues are disabled for this repo", Refused),
        (422, "No commit found for SHA: 0f8a3942", Missing),
        (422, "Validation Failed", Refused),
        (429, "Slow down", Limited),
        (451, "Repository access blocked", Refused),
        (500, "Server Error", Unavailable),
        (502, "Bad Gateway", Unavailable),
        (503, "Service Unavailable", Unavailable),
    ];
    for (status, message, kind) in cases {
        let fault = fault(error(status, message)).await;
        assert_eq!(fault.kind, kind, "{status} {message}: {fault}");
        let begin = format!("POST /repos/acme/api/check-runs: {status}: {message}");
        assert!(fault.detail.starts_with(&begin), "{fault}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_given_has_its_kind() {
    let cases = [
        (
            422,
            "The permissions requested are not granted to this installation.",
            Denied,
        ),
        (
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
            Missing,
        ),
        (403, "This installation has been suspended", Denied),
        (404, "Not Found", Missing),
        (500, "Server Error", Unavailable),
    ];
    for (status, message, kind) in cases {
        let fault = token_fault(error(status, message)).await;
        assert_eq!(fault.kind, kind, "{status} {message}: {fault}");
    }
}

#[tokio::test]
async fn a_fault_names_the_permission_and_the_request() {
    let denied = error(403, "Resource not accessible by integration")
        .with("x-accepted-github-permissions", "checks=write")
        .with("x-github-request-id", "C0DE:1F2A");
    assert_eq!(
        fault(denied).await.to_string(),
        "github-denied: POST /repos/acme/api/check-runs: 403: Resource not accessible by integration (request C0DE:1F2A): give the App the permission checks: write, and accept it in the repository's organization"
    );
    let missing = error(404, "Not Found").with("x-github-request-id", "C0DE:1F2B");
    assert_eq!(
        fault(missing).await.detail,
        "POST /repos/acme/api/check-runs: 404: Not Found (request C0DE:1F2B): does the App have access to this repository, and does it exist? It needs the permission Checks: write"
    );
    let gone = error(422, "No commit found for SHA: 0f8a3942");
    let detail = fault(gone).await.detail;
    assert!(!detail.contains("permission"), "{detail}");
}

#[tokio::test]
async fn a_permission_that_github_does_not_name_is_that_of_the_call() {
    let denied = error(403, "Resource not accessible by integration");
    assert_eq!(
        fault(denied).await.detail,
        "POST /repos/acme/api/check-runs: 403: Resource not accessible by integration: check the App's permissions, and that the installation is not suspended. It needs the permission Checks: write"
    );
}

#[tokio::test]
async fn a_fault_repeats_no_secret_and_no_page() {
    let texts = [
        r#"{"message":"Bearer hunter2 is bad: ghs_0123456789abcdefABCDEF hunter2hunter2hunter2Hunter2hunter2"}"#,
        "<html><body>hunter2</body></html>",
        r#"{"message":{"token":"hunter2"},"errors":"hunter2"}"#,
    ];
    for text in texts {
        let fault = fault(error(500, "").text(text)).await;
        assert_eq!(fault.kind, Unavailable);
        let shown = format!("{fault:?}").to_lowercase();
        for secret in ["hunter2", "abcdef", "ghs_1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_of_github_is_told() {
    let text = fault(created(1).text("<html>a proxy</html>")).await;
    assert_eq!(text.kind, Unavailable);
    assert_eq!(
        text.detail,
        "POST /repos/acme/api/check-runs: the answer is not what GitHub documents: is github.api_url right?"
    );
    let long = fault(created(1).text("x".repeat(9_000_000))).await;
    assert_eq!(long.kind, Misconfigured);
    assert!(long.detail.ends_with("longer than 8388608 bytes"), "{long}");
    let token = token_fault(created(1)).await;
    assert_eq!(token.kind, Unavailable);
}

#[tokio::test]
async fn a_github_that_does_not_answer_is_unavailable() {
    let server = server_with_tokens().await;
    server.on(RUNS, created(1).after(Duration::from_secs(5)));
    let timing = Timing {
        call_timeout: Duration::from_millis(200),
        ..FAST
    };
    let slow = check(&client(&server, app("7"), timing)).await.unwrap_err();
    assert_eq!(
        slow.to_string(),
        "github-unavailable: POST /repos/acme/api/check-runs: no answer within 0.2 s"
    );
    let gone = Server::that_ended().await;
    let gone = check(&client(&gone, app("7"), FAST)).await.unwrap_err();
    assert_eq!(gone.kind, Unavailable);
    assert!(gone.detail.contains("Connection refused"), "{gone}");
}

#[tokio::test]
async fn a_client_prints_no_secret() {
    let shown = format!("{:?} {:?}", app("7"), token());
    assert!(shown.contains("AppKey(hidden)"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
