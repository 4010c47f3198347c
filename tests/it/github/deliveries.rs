//! The attempts of GitHub to deliver events: how they are listed, and asked for again.

use branchline::domain::github::hook::Hook;
use branchline::domain::ids::{DeliveryAttemptId, RepositoryId, Timestamp};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{DeliveryCursor, DeliveryReader, Redelivery};

use super::*;

const LIST: &str = "GET /app/hook/deliveries";

/// Returns an attempt as GitHub lists it.
fn attempt(id: u64, guid: &str, more: &Value) -> Value {
    let mut attempt = json!({
        "id": id,
        "guid": guid,
        "delivered_at": "2026-01-01T00:10:00Z",
        "redelivery": false,
        "duration": 0.03,
        "status": "OK",
        "status_code": 200,
        "event": "pull_request",
        "action": "opened",
        "installation_id": 1001,
        "repository_id": 730_001,
    });
    let members = attempt.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    attempt
}

fn hook(path: &str) -> Hook {
    Hook::parse(path).unwrap()
}

#[tokio::test]
async fn an_app_reads_its_attempts_page_by_page() {
    let server = Server::start().await;
    let failed = json!({
        "status": "timed out", "status_code": 0, "redelivery": true, "action": null,
        "repository_id": null, "throttled_at": "2026-01-01T00:11:00Z",
    });
    let next = format!(
        "<{}/app/hook/deliveries?cursor=v1_5%3D>; rel=\"next\"",
        server.url
    );
    server
        .on(
            LIST,
            reply(200, &json!([attempt(5_000_000_009, "a-1", &failed)])).with("link", next),
        )
        .on(LIST, reply(200, &json!([attempt(8, "a-2", &json!({}))])));
    let client = client(&server, app("7"), FAST);
    let first = client.deliveries(&Hook::App, None).await.unwrap();
    let one = &first.attempts[0];
    assert_eq!(one.id, DeliveryAttemptId(5_000_000_009));
    assert_eq!(
        one.at,
        Timestamp::from_rfc3339("2026-01-01T00:10:00Z").unwrap()
    );
    assert_eq!((one.status.as_str(), one.status_code), ("timed out", 0));
    assert!(one.is_redelivery && one.is_throttled && !one.has_arrived());
    assert_eq!((&one.action, one.repository), (&None, None));
    let cursor = first.next.unwrap();
    assert_eq!(cursor, DeliveryCursor("v1_5=".to_owned()));
    let last = client.deliveries(&Hook::App, Some(&cursor)).await.unwrap();
    assert!(last.attempts[0].has_arrived() && last.next.is_none());
    assert_eq!(last.attempts[0].repository, Some(RepositoryId(730_001)));
    let lines = server.lines();
    assert_eq!(
        lines,
        [
            "GET /app/hook/deliveries?per_page=100",
            "GET /app/hook/deliveries?per_page=100&cursor=v1_5%3D"
        ]
    );
    assert_eq!(claims(server.received()[0].token())["iss"], json!(7));
}

#[tokio::test]
async fn an_app_without_a_webhook_has_no_attempts() {
    let server = Server::start().await;
    server.on(LIST, error(404, "Not Found"));
    let page = client(&server, app("7"), FAST)
        .deliveries(&Hook::App, None)
        .await;
    assert!(page.unwrap().attempts.is_empty());
}

#[tokio::test]
async fn a_token_asks_for_the_webhooks_that_are_named() {
    let server = Server::start().await;
    let attempts = "POST /repos/acme/api/hooks/456/deliveries/12/attempts";
    server.on(attempts, reply(202, &json!({})));
    let client = client(&server, token(), FAST);
    let asked = client
        .redeliver(&hook("repos/acme/api/hooks/456"), DeliveryAttemptId(12))
        .await;
    assert_eq!(asked, Ok(()));
    assert_eq!(server.received()[0].token(), "github_pat_hunter2");
}

#[tokio::test]
async fn a_token_needs_the_permission_for_webhooks() {
    let world = fake::World::new("deliveries-token").await;
    let listed = json!({
        "guid": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "duration": 0.1, "status": "timed out",
        "status_code": 0, "event": "push", "action": null, "installation_id": null,
        "repository_id": 730_001,
    });
    let paths = [
        (
            "repos/730001/456",
            "repos/acme/api/hooks/456",
            "repository_hooks",
        ),
        ("orgs/acme/123", "orgs/acme/hooks/123", "organization_hooks"),
    ];
    for (key, path, permission) in paths {
        let mut delivery = listed.clone();
        delivery["hook"] = json!(key);
        world.control("PUT deliveries", &delivery).await;
        let answer = async |permissions: Value| {
            let token = json!({
                "token": "github_pat_hunter2", "permissions": permissions, "login": "ada",
            });
            world.control("PUT tokens", &token).await;
            let client = world.client(super::token());
            let page = client.deliveries(&hook(path), None).await?;
            client.redeliver(&hook(path), page.attempts[0].id).await?;
            Ok::<_, GitHubFault>(page.attempts.len())
        };
        assert_eq!(
            answer(json!({ permission: "write" })).await,
            Ok(1),
            "{path}"
        );
        let fault = answer(json!({ "statuses": "write" })).await.unwrap_err();
        assert_eq!(fault.kind, GitHubFaultKind::Denied, "{fault}");
        assert!(fault.detail.contains(permission), "{fault}");
    }
    world.no_violations().await;
}

#[tokio::test]
async fn each_refusal_has_its_kind_and_says_what_to_do() {
    let denied = "Resource not accessible by personal access token";
    let answers = [
        (
            404,
            "Not Found",
            GitHubFaultKind::Missing,
            "is the number in github.hooks right",
        ),
        (
            403,
            denied,
            GitHubFaultKind::Denied,
            "permission organization_hooks: write",
        ),
        (422, "too old", GitHubFaultKind::Refused, "too old"),
        (
            502,
            "Bad Gateway",
            GitHubFaultKind::Unavailable,
            "Bad Gateway",
        ),
    ];
    let hook = hook("orgs/acme/hooks/123");
    for (status, message, kind, text) in answers {
        let server = Server::start().await;
        let permission = ("x-accepted-github-permissions", "organization_hooks=write");
        let refusal = error(status, message).with(permission.0, permission.1);
        server
            .on("GET /orgs/acme/hooks/123/deliveries", refusal.clone())
            .on("POST /orgs/acme/hooks/123/deliveries/1/attempts", refusal);
        let client = client(&server, token(), FAST);
        let listed = client.deliveries(&hook, None).await.unwrap_err();
        let asked = client
            .redeliver(&hook, DeliveryAttemptId(1))
            .await
            .unwrap_err();
        for fault in [listed, asked] {
            assert_eq!(fault.kind, kind, "{fault}");
            assert!(fault.detail.contains(text), "{fault}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_github_does_not_document_is_a_fault() {
    let answers = [
        json!({}),
        json!([attempt(1, "not a guid", &json!({}))]),
        json!([attempt(1, "a", &json!({ "delivered_at": "yesterday" }))]),
    ];
    for answer in answers {
        let server = Server::start().await;
        server.on(LIST, reply(200, &answer));
        let client = client(&server, app("7"), FAST);
        let fault = client.deliveries(&Hook::App, None).await.unwrap_err();
        assert_eq!(fault.kind, GitHubFaultKind::Unavailable, "{fault}");
    }
}

#[tokio::test]
async fn the_pull_request_of_an_attempt_is_read_from_its_payload() {
    let server = Server::start().await;
    let line = "GET /app/hook/deliveries/5";
    let payload = json!({ "number": 7, "pull_request": { "updated_at": "2026-01-01T00:00:00Z" } });
    let whole = |payload: Value| {
        let more = json!({ "request": { "headers": {}, "payload": payload } });
        reply(200, &attempt(5, "a", &more))
    };
    for payload in [payload, json!({ "ref": "refs/heads/main" }), Value::Null] {
        server.on(line, whole(payload));
    }
    let client = client(&server, app("7"), FAST);
    let read = async || {
        let id = DeliveryAttemptId(5);
        client.delivered_pull_request(&Hook::App, id).await.unwrap()
    };
    let found = read().await.unwrap();
    assert_eq!(found.number, 7);
    assert_eq!(
        Some(found.updated_at),
        Timestamp::from_rfc3339("2026-01-01T00:00:00Z")
    );
    assert_eq!(read().await, None);
    assert_eq!(read().await, None);
}
