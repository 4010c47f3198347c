//! The client against the fake GitHub, which is held to GitHub's OpenAPI description.

use std::time::Duration;

use branchline::domain::ids::{CheckRunId, CommentId};
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::domain::report::{Conclusion, Report, ReportForm, ReportState};
use branchline::github::GitHubClient;
use branchline::ports::{Earlier, GitHub, GitHubReader, Identity, Place};
use serde_json::json;

use super::fake::{APP_ID, CLIENT_ID, World, credentials, place};
use super::{done, report};
use crate::world::clock::FakeClock;

const MARKER: &str = "<!-- branchline R#730001/PR#7 -->";

async fn check(
    client: &GitHubClient<FakeClock>,
    report: &Report,
    earlier: Earlier<CheckRunId>,
) -> Result<CheckRunId, GitHubFault> {
    let shown = client
        .report(&place(), ReportForm::Check, report, earlier)
        .await;
    shown.map(|id| id.expect("a check run has a number"))
}

async fn comment(
    client: &GitHubClient<FakeClock>,
    text: &str,
    earlier: Earlier<CommentId>,
) -> Result<CommentId, GitHubFault> {
    let text = format!("{MARKER}\n{text}");
    client.comment(&place(), 7, &text, MARKER, earlier).await
}

#[tokio::test]
async fn a_check_run_goes_from_queued_to_each_conclusion() {
    let world = World::new("client-check-run").await;
    for id in [APP_ID, CLIENT_ID] {
        let client = world.client(credentials(id));
        let mut run = check(&client, &report(ReportState::Queued), Earlier::Nothing)
            .await
            .unwrap();
        assert_eq!(
            world.check_runs().await.last().unwrap(),
            "branchline/api queued -"
        );
        for state in [
            ReportState::InProgress,
            ReportState::Completed(Conclusion::Failure),
            ReportState::Completed(Conclusion::Error),
            ReportState::Completed(Conclusion::Cancelled),
            ReportState::Completed(Conclusion::Skipped),
            ReportState::Completed(Conclusion::Success),
        ] {
            let full = Report {
                started_at: Some(crate::world::clock::START),
                completed_at: Some(crate::world::clock::START),
                ..report(state)
            };
            run = check(&client, &full, Earlier::Created(run)).await.unwrap();
        }
        let shown = world.check_runs().await;
        assert_eq!(shown.last().unwrap(), "branchline/api completed success");
    }
    world.no_violations().await;
}

#[tokio::test]
async fn a_check_run_whose_answer_was_lost_is_updated_and_not_repeated() {
    let world = World::new("client-lost-check-run").await;
    let client = world.client(credentials(CLIENT_ID));
    let lost = json!({ "operation": "checks/create", "drop": true, "effect": true });
    world.control("POST faults", &lost).await;
    let fault = check(&client, &report(ReportState::Queued), Earlier::Nothing)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Unavailable);
    check(&client, &done(), Earlier::Uncertain).await.unwrap();
    assert_eq!(
        world.check_runs().await,
        ["branchline/api completed success"]
    );

    // A creation that never arrived is repeated.
    let never = json!({ "operation": "checks/create", "drop": true });
    world.control("POST faults", &never).await;
    let other = Report {
        context: "branchline/web".to_owned(),
        ..done()
    };
    check(&client, &other, Earlier::Nothing).await.unwrap_err();
    check(&client, &other, Earlier::Uncertain).await.unwrap();
    assert_eq!(world.check_runs().await.len(), 2);
    world.no_violations().await;
}

#[tokio::test]
async fn a_status_is_shown_by_an_app_and_by_a_token() {
    let world = World::new("client-status").await;
    for client in [world.app(), world.token().await] {
        for state in [
            ReportState::Queued,
            ReportState::Completed(Conclusion::Failure),
        ] {
            let shown = client
                .report(
                    &place(),
                    ReportForm::Status,
                    &report(state),
                    Earlier::Nothing,
                )
                .await;
            assert_eq!(shown, Ok(None));
        }
    }
    let page = world.page().await;
    assert!(page.contains("branchline/api"), "{page}");
    world.no_violations().await;
}

#[tokio::test]
async fn a_comment_is_one_comment_whatever_is_lost() {
    for of_app in [true, false] {
        let world = World::new(&format!("client-comment-{of_app}")).await;
        let client = match of_app {
            true => world.app(),
            false => world.token().await,
        };
        let operation = "issues/create-comment";
        let lost = json!({ "operation": operation, "drop": true, "effect": true });
        world.control("POST faults", &lost).await;
        comment(&client, "one", Earlier::Nothing).await.unwrap_err();
        // A second worker does not know of it, and creates another one.
        let second = comment(&client, "two", Earlier::Nothing).await.unwrap();
        let healed = comment(&client, "three", Earlier::Uncertain).await.unwrap();
        assert!(healed < second, "the oldest stays");
        let edited = comment(&client, "four", Earlier::Created(healed)).await;
        assert_eq!(edited, Ok(healed));
        let again = comment(&client, "five", Earlier::Created(second))
            .await
            .unwrap();
        assert!(again > second, "a comment that is gone is created again");
        world.no_violations().await;
    }
}

#[tokio::test]
async fn a_locked_conversation_is_refused_or_commented() {
    let world = World::new("client-locked").await;
    let locked = json!({
        "repository": "acme/api", "number": 7, "head_ref": "feature/x",
        "head_sha": super::COMMIT, "locked": true,
    });
    world.control("PUT pull_requests", &locked).await;
    let token = world.token().await;
    if let Err(fault) = comment(&token, "one", Earlier::Nothing).await {
        assert_eq!(fault.kind, GitHubFaultKind::Refused, "{fault}");
    }
    world.no_violations().await;
}

#[tokio::test]
async fn a_token_that_expired_early_is_renewed() {
    let world = World::new("client-expired-token").await;
    let client = world.app();
    check(&client, &done(), Earlier::Nothing).await.unwrap();
    world
        .control("POST clock", &json!({ "advance": 7_200 }))
        .await;
    // The test's own clock stands, so the client believes in its token, and in its own time.
    check(&client, &done(), Earlier::Uncertain).await.unwrap();
    assert_eq!(world.check_runs().await.len(), 1);
    world.no_violations().await;
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_found_under_its_old_name() {
    let world = World::new("client-renamed").await;
    let client = world.app();
    let renamed = json!({ "id": 730_001, "full_name": "acme/backend" });
    world.control("PUT repositories", &renamed).await;
    let run = check(&client, &report(ReportState::Queued), Earlier::Nothing)
        .await
        .unwrap();
    check(&client, &done(), Earlier::Created(run))
        .await
        .unwrap();
    check(&client, &done(), Earlier::Uncertain).await.unwrap();
    let asked = Place {
        installation: None,
        ..place()
    };
    let client = world.app();
    client
        .report(&asked, ReportForm::Check, &done(), Earlier::Uncertain)
        .await
        .unwrap();
    world.no_violations().await;
}

#[tokio::test]
async fn limits_are_obeyed_until_they_end() {
    let world = World::new("client-limits").await;
    let client = world.app();
    let run = check(&client, &report(ReportState::Queued), Earlier::Nothing)
        .await
        .unwrap();
    let primary = json!({ "owner": "installation 1001", "remaining": 0, "reset_in": 600 });
    let secondary = json!({ "secondary_for": 90, "retry_after": false });
    for (limit, wait) in [(primary, 600), (secondary, 60)] {
        world.control("POST limits", &limit).await;
        let before = world.operations().await.len();
        for _ in 0..2 {
            let fault = check(&client, &done(), Earlier::Created(run))
                .await
                .unwrap_err();
            assert_eq!(fault.kind, GitHubFaultKind::Limited, "{fault}");
        }
        assert_eq!(
            world.operations().await.len(),
            before + 1,
            "one call finds out"
        );
        let pass = json!({ "advance": wait });
        world.control("POST clock", &pass).await;
        world.clock.advance(Duration::from_secs(wait));
    }
    // The secondary limit lasts longer than the first wait.
    let fault = check(&client, &done(), Earlier::Created(run))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Limited, "{fault}");
    world.clock.advance(Duration::from_mins(2));
    world
        .control("POST clock", &json!({ "advance": 120 }))
        .await;
    check(&client, &done(), Earlier::Created(run))
        .await
        .unwrap();
    world.no_violations().await;
}

#[tokio::test]
async fn what_an_installation_may_not_is_denied_and_named() {
    let world = World::new("client-denied").await;
    let client = world.app();
    let few = json!({ "id": 1001, "account": "acme", "permissions": { "metadata": "read" } });
    world.control("PUT installations", &few).await;
    let fault = check(&client, &done(), Earlier::Nothing).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Denied, "{fault}");
    let suspended = json!({ "id": 1001, "account": "acme", "suspended": true });
    world.control("PUT installations", &suspended).await;
    let fault = check(&client, &done(), Earlier::Nothing).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Denied, "{fault}");
    let elsewhere = json!({
        "id": 1001, "account": "acme", "suspended": false, "repositories": [],
        "permissions": { "metadata": "read", "checks": "write" },
    });
    world.control("PUT installations", &elsewhere).await;
    let fault = check(&client, &done(), Earlier::Nothing).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Missing, "{fault}");
    let gone = json!({ "id": 1001, "account": "acme", "deleted": true });
    world.control("PUT installations", &gone).await;
    let fault = check(&client, &done(), Earlier::Nothing).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Missing, "{fault}");
    let again = json!({ "id": 1002, "account": "acme" });
    world.control("PUT installations", &again).await;
    check(&client, &done(), Earlier::Nothing).await.unwrap();
    world.no_violations().await;
}

#[tokio::test]
async fn an_app_and_a_person_are_known() {
    let world = World::new("client-identity").await;
    let app = world.app();
    let answer = app.sign_in().await.unwrap();
    let Identity::App { slug, grants } = &answer.identity else {
        panic!("{answer:?}")
    };
    assert_eq!(slug, "branchline");
    assert_eq!(grants.permissions["checks"], "write");
    let installation = app.installation(&place().name).await.unwrap().unwrap();
    assert_eq!(installation.id.0, 1001);
    let person = world.token().await.sign_in().await.unwrap();
    assert!(
        matches!(&person.identity, Identity::Person { login, .. } if login == "ada"),
        "{person:?}"
    );
    world.no_violations().await;
}

#[tokio::test]
async fn calls_of_an_installation_are_never_concurrent() {
    let world = World::new("client-serial").await;
    let client = world.app();
    let slow = json!({ "operation": "checks/create", "times": 4, "delay_ms": 20 });
    world.control("POST faults", &slow).await;
    let report = done();
    let all = tokio::join!(
        check(&client, &report, Earlier::Nothing),
        check(&client, &report, Earlier::Nothing),
        check(&client, &report, Earlier::Nothing),
    );
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok(), "{all:?}");
    let requests = world.read("requests").await;
    let requests = requests.as_array().unwrap();
    assert_eq!(requests.len(), 4, "one token and three check runs");
    for request in requests {
        assert_eq!(request["concurrent"], 1, "{request}");
    }
    world.no_violations().await;
}
