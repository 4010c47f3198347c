//! Deployments, against canned answers and against the fake GitHub.

use branchline::domain::ids::DeploymentId;
use branchline::domain::report::deployment::DeploymentStatus;
use branchline::domain::report::deployment::record::{DeploymentState, ShownDeployment};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{GitHub, WantedDeployment};
use serde_json::json;

use super::fake;
use super::*;

const CREATE: &str = "POST /repos/acme/api/deployments";
const LIST: &str = "GET /repos/acme/api/deployments";
const SHOW: &str = "POST /repos/acme/api/deployments/9/statuses";

fn wanted(marker: &str) -> WantedDeployment {
    WantedDeployment {
        commit: CommitId::parse(COMMIT).unwrap(),
        environment: "preview/pr-7".to_owned(),
        marker: marker.to_owned(),
    }
}

fn status(state: DeploymentState, page: Option<&str>) -> DeploymentStatus {
    DeploymentStatus {
        shown: ShownDeployment {
            state,
            page: page.map(str::to_owned),
        },
        description: "Succeeded in 5 s".to_owned(),
        log: Some("https://console.aws.amazon.com/x".to_owned()),
    }
}

#[tokio::test]
async fn a_deployment_merges_nothing_and_waits_for_no_check() {
    let server = server_with_tokens().await;
    server.on(CREATE, created(9)).on(SHOW, created(1));
    let client = client(&server, app("7"), FAST);
    let place = place();
    let made = client.create_deployment(&place, &wanted("ours")).await;
    assert_eq!(made, Ok(DeploymentId(9)));
    assert_eq!(
        server.last(CREATE).json,
        json!({
            "ref": COMMIT,
            "task": "deploy",
            "environment": "preview/pr-7",
            "auto_merge": false,
            "required_contexts": [],
            "transient_environment": true,
            "production_environment": false,
            "payload": { "branchline": "ours" },
        })
    );
    let permissions = &server.last(TOKENS).json["permissions"];
    assert_eq!(permissions, &json!({ "deployments": "write" }));
    let success = status(DeploymentState::Success, Some("https://pr-7.dev"));
    let shown = client.show_deployment(&place, DeploymentId(9), &success);
    assert_eq!(shown.await, Ok(true));
    let mut expected = json!({
        "state": "success",
        "description": "Succeeded in 5 s",
        "auto_inactive": false,
        "environment_url": "https://pr-7.dev",
        "log_url": "https://console.aws.amazon.com/x",
    });
    assert_eq!(server.last(SHOW).json, expected);
    let words = [
        (DeploymentState::InProgress, "in_progress"),
        (DeploymentState::Failure, "failure"),
        (DeploymentState::Error, "error"),
        (DeploymentState::Inactive, "inactive"),
    ];
    expected.as_object_mut().unwrap().remove("environment_url");
    for (state, word) in words {
        let status = status(state, None);
        let shown = client.show_deployment(&place, DeploymentId(9), &status);
        assert_eq!(shown.await, Ok(true));
        expected["state"] = json!(word);
        assert_eq!(server.last(SHOW).json, expected);
    }
}

#[tokio::test]
async fn a_deployment_that_is_gone_is_told_from_a_repository_that_is_not_visible() {
    for (list, expected) in [
        (reply(200, &json!([])), Ok(false)),
        (error(404, "Not Found"), Err(GitHubFaultKind::Missing)),
    ] {
        let server = server_with_tokens().await;
        server.on(SHOW, error(404, "Not Found")).on(LIST, list);
        let client = client(&server, app("7"), FAST);
        let inactive = status(DeploymentState::Inactive, None);
        let place = place();
        let shown = client.show_deployment(&place, DeploymentId(9), &inactive);
        assert_eq!(shown.await.map_err(|fault| fault.kind), expected);
    }
}

#[tokio::test]
async fn a_deployment_that_is_refused_names_the_permission_that_it_needs() {
    let not_granted = "The permissions requested are not granted to this installation.";
    let hidden = "Resource not accessible by integration";
    let answers = [
        (TOKENS, error(422, not_granted)),
        (CREATE, error(403, hidden)),
        (CREATE, error(404, "Not Found")),
    ];
    for (call, answer) in answers {
        let server = Server::start().await;
        server.on(call, answer).on(TOKENS, token_reply("ghs_1"));
        let client = client(&server, app("7"), FAST);
        let fault = client.create_deployment(&place(), &wanted("ours")).await;
        let fault = fault.unwrap_err();
        let end = " It needs the permission Deployments: write";
        assert!(fault.detail.ends_with(end), "{fault}");
    }
}

#[tokio::test]
async fn a_commit_that_github_does_not_know_is_missing() {
    let server = server_with_tokens().await;
    server.on(CREATE, error(422, "No ref found for: 0f8a3942"));
    let client = client(&server, app("7"), FAST);
    let fault = client.create_deployment(&place(), &wanted("ours")).await;
    assert_eq!(fault.unwrap_err().kind, GitHubFaultKind::Missing);
}

#[tokio::test]
async fn a_deployment_whose_answer_was_lost_is_found_until_it_is_inactive() {
    let world = fake::World::new("client-deployment").await;
    let (client, place) = (world.app(), fake::place());
    let lost = json!({ "operation": "repos/create-deployment", "drop": true, "effect": true });
    world.control("POST faults", &lost).await;
    let fault = client.create_deployment(&place, &wanted("ours")).await;
    assert_eq!(fault.unwrap_err().kind, GitHubFaultKind::Unavailable);
    let theirs = client.create_deployment(&place, &wanted("theirs")).await;
    let found = client.find_deployments(&place, &wanted("ours")).await;
    let found = found.unwrap();
    assert_eq!(found.len(), 1, "that of another installation is not ours");
    assert_ne!(found[0], theirs.unwrap());
    let other = WantedDeployment {
        environment: "preview/pr-8".to_owned(),
        ..wanted("ours")
    };
    assert_eq!(client.find_deployments(&place, &other).await, Ok(vec![]));
    for (state, page, shown) in [
        (
            DeploymentState::InProgress,
            None,
            "● preview/pr-7 at 0f8a3942 (in_progress)",
        ),
        (
            DeploymentState::Success,
            Some("https://pr-7.dev"),
            "✓ preview/pr-7 at 0f8a3942 (success)\n      environment: https://pr-7.dev",
        ),
        (
            DeploymentState::Inactive,
            None,
            "○ preview/pr-7 at 0f8a3942 (destroyed)",
        ),
    ] {
        let status = status(state, page);
        let is_there = client.show_deployment(&place, found[0], &status).await;
        assert_eq!(is_there, Ok(true));
        let page = world.page().await;
        assert!(page.contains(shown), "{page}");
    }
    let found = client.find_deployments(&place, &wanted("ours")).await;
    assert_eq!(found, Ok(vec![]), "it is inactive");
    let inactive = status(DeploymentState::Inactive, None);
    let gone = client.show_deployment(&place, DeploymentId(1), &inactive);
    assert_eq!(gone.await, Ok(false));
    world.no_violations().await;
}
