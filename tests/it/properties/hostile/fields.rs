//! Payloads in which one field that we read is not as GitHub documents it.

use serde_json::{Value, json};

use super::input::{Input, MARKER, pull};
use crate::world::clock::START;
use crate::world::webhook::Webhook;

const PULL: [&str; 22] = [
    "/action",
    "/number",
    "/before",
    "/pull_request",
    "/pull_request/state",
    "/pull_request/title",
    "/pull_request/draft",
    "/pull_request/updated_at",
    "/pull_request/user",
    "/pull_request/user/login",
    "/pull_request/head",
    "/pull_request/head/ref",
    "/pull_request/head/sha",
    "/pull_request/head/repo",
    "/pull_request/head/repo/id",
    "/pull_request/base",
    "/pull_request/base/ref",
    "/repository",
    "/repository/id",
    "/repository/full_name",
    "/sender",
    "/sender/login",
];
const PUSH: [&str; 8] = [
    "/ref",
    "/before",
    "/after",
    "/head_commit",
    "/head_commit/message",
    "/repository",
    "/repository/id",
    "/repository/pushed_at",
];
const DELETE: [&str; 4] = [
    "/ref",
    "/ref_type",
    "/repository/id",
    "/repository/pushed_at",
];

const REPOSITORY: [&str; 5] = [
    "/action",
    "/repository",
    "/repository/id",
    "/repository/full_name",
    "/repository/updated_at",
];

pub(crate) fn corpus() -> Vec<Input> {
    let pulled = pull().before(3).seal(START).body;
    let pushed = Webhook::push("feature/x", 0, 1).with("/compare", MARKER);
    let pushed = pushed.with("/head_commit", json!({"message": "m", "id": MARKER}));
    let archived = json!({"action": "archived", "repository": {
        "id": 1001, "full_name": "acme/api", "updated_at": "2026-01-01T00:00:00Z", "description": MARKER,
    }});
    let deleted = Webhook::delete("feature/x").with("/repository/description", MARKER);
    let mut corpus = Vec::new();
    corpus.extend(each("pull_request", &pulled, &PULL));
    corpus.extend(each("push", &pushed.seal(START).body, &PUSH));
    corpus.extend(each("delete", &deleted.seal(START).body, &DELETE));
    corpus.extend(each("repository", &archived.to_string(), &REPOSITORY));
    corpus
}

fn values() -> [(&'static str, Option<Value>); 11] {
    [
        ("missing", None),
        ("null", Some(Value::Null)),
        ("true", Some(json!(true))),
        ("-1", Some(json!(-1))),
        ("1.5", Some(json!(1.5))),
        ("2^64 - 1", Some(json!(u64::MAX))),
        ("2^64", Some(json!(18_446_744_073_709_551_616.0_f64))),
        ("empty", Some(json!(""))),
        ("long", Some(json!(MARKER.repeat(1_000)))),
        ("an array", Some(json!([MARKER]))),
        ("an object", Some(json!({MARKER: {}}))),
    ]
}

fn each(event: &str, body: &str, pointers: &[&str]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for pointer in pointers {
        for (name, value) in values() {
            let mut payload: Value = serde_json::from_str(body).unwrap_or_default();
            put(&mut payload, pointer, value);
            let name = format!("{event}{pointer}: {name}");
            inputs.push(Input::signed(name, event, payload.to_string()));
        }
    }
    inputs
}

fn put(payload: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    let fields = payload.pointer_mut(parent).and_then(Value::as_object_mut);
    let Some(fields) = fields else { return };
    match value {
        None => fields.remove(key),
        Some(value) => fields.insert(key.to_owned(), value),
    };
}
