//! The comment of a pull request.

use branchline::domain::ids::CommentId;
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::ports::{Earlier, GitHub};
use serde_json::{Value, json};

use super::*;

const CREATE: &str = "POST /repos/acme/api/issues/7/comments";
const LIST: &str = "GET /repos/acme/api/issues/7/comments";
const EDIT: &str = "PATCH /repos/acme/api/issues/comments/9";
const MARKER: &str = "<!-- branchline R#42/PR#7 -->";

async fn comment(
    server: &Server,
    credentials: Credentials,
    earlier: Earlier<CommentId>,
) -> Result<CommentId, GitHubFault> {
    let text = format!("{MARKER}\nFailed");
    client(server, credentials, FAST)
        .comment(&place(), 7, &text, MARKER, earlier)
        .await
}

/// Returns a comment by the App with this number and the person with this one.
fn written(id: u64, text: &str, app: Option<u64>, person: u64) -> Value {
    json!({
        "id": id,
        "body": text,
        "user": { "id": person },
        "performed_via_github_app": app.map(|id| json!({ "id": id })),
    })
}

fn ours(id: u64) -> Value {
    written(id, &format!("{MARKER}\nRunning"), Some(7), 1)
}

#[tokio::test]
async fn a_comment_is_created_and_edited_in_place() {
    let server = server_with_tokens().await;
    server
        .on(CREATE, created(9))
        .on(EDIT, reply(200, &json!({ "id": 9 })));
    let first = comment(&server, app("7"), Earlier::Nothing).await;
    assert_eq!(first, Ok(CommentId(9)));
    let expected = json!({ "body": "<!-- branchline R#42/PR#7 -->\nFailed" });
    assert_eq!(server.last(CREATE).json, expected);
    let permissions = &server.last(TOKENS).json["permissions"];
    assert_eq!(permissions, &json!({ "pull_requests": "write" }));
    let second = comment(&server, app("7"), Earlier::Created(CommentId(9))).await;
    assert_eq!(second, Ok(CommentId(9)));
    assert_eq!(server.last(EDIT).json, expected);
}

#[tokio::test]
async fn a_comment_that_was_deleted_is_created_again() {
    let server = server_with_tokens().await;
    server
        .on(EDIT, error(404, "Not Found"))
        .on(CREATE, created(10));
    let again = comment(&server, app("7"), Earlier::Created(CommentId(9))).await;
    assert_eq!(again, Ok(CommentId(10)));
}

#[tokio::test]
async fn a_comment_of_a_locked_conversation_is_refused() {
    let server = server_with_tokens().await;
    server.on(
        CREATE,
        error(403, "Unable to create comment because issue is locked."),
    );
    let fault = comment(&server, app("7"), Earlier::Nothing)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Refused);
}

#[tokio::test]
async fn an_uncertain_comment_is_found_by_marker_and_author_and_duplicates_are_deleted() {
    let server = server_with_tokens().await;
    let page = json!([
        written(5, &format!("> {MARKER}"), None, 2),
        written(6, MARKER, Some(8), 1),
        written(7, "Something else", Some(7), 1),
        ours(9),
        ours(12),
        ours(11),
    ]);
    let gone = [11, 12].map(|id| format!("DELETE /repos/acme/api/issues/comments/{id}"));
    server
        .on(LIST, reply(200, &page))
        .on(&gone[0], reply(204, &Value::Null).text(""))
        .on(&gone[1], error(404, "Not Found"))
        .on(EDIT, reply(200, &json!({ "id": 9 })));
    let found = comment(&server, app("7"), Earlier::Uncertain).await;
    assert_eq!(found, Ok(CommentId(9)));
    let list = format!("{LIST}?per_page=30&page=1");
    assert_eq!(server.lines(), [TOKENS, &list, &gone[0], &gone[1], EDIT]);
}

#[tokio::test]
async fn an_uncertain_comment_that_is_on_no_page_is_created() {
    let server = server_with_tokens().await;
    let full: Vec<Value> = (1..=30).map(|id| written(id, "LGTM", None, 2)).collect();
    server
        .on(LIST, reply(200, &json!(full)))
        .on(LIST, reply(200, &json!([])))
        .on(CREATE, created(99));
    let found = comment(&server, app("7"), Earlier::Uncertain).await;
    assert_eq!(found, Ok(CommentId(99)));
    assert_eq!(server.last(LIST).line, format!("{LIST}?per_page=30&page=2"));
}

#[tokio::test]
async fn the_comment_of_a_token_is_its_owners() {
    let server = Server::start().await;
    let page = json!([written(5, MARKER, None, 2), written(9, MARKER, None, 1),]);
    server
        .on(
            "GET /user",
            reply(200, &json!({ "id": 1, "login": "octocat" })),
        )
        .on(LIST, reply(200, &page))
        .on(EDIT, reply(200, &json!({ "id": 9 })));
    let found = comment(&server, token(), Earlier::Uncertain).await;
    assert_eq!(found, Ok(CommentId(9)));
}
