//! Payloads of a given size: a fixture with all the fields that GitHub sends.

use serde_json::{Map, Value, json};

/// The payload of a new pull request.
pub(crate) const OPENED: &str =
    include_str!("../../tests/fixtures/webhooks/pull_request.opened.json");
/// The field that is kept for the end.
pub(crate) const NUMBER: &str = "number";
/// The bytes of `,"number":1000000`.
const NUMBER_BYTES: usize = 17;
/// The fields of an account that the fixture leaves out (webhook documentation, `pull_request`).
const USER_LINKS: [&str; 11] = [
    "avatar_url",
    "gravatar_id",
    "followers_url",
    "following_url{/other_user}",
    "gists_url{/gist_id}",
    "starred_url{/owner}{/repo}",
    "subscriptions_url",
    "organizations_url",
    "repos_url",
    "events_url{/privacy}",
    "received_events_url",
];
/// The same for a repository.
const REPOSITORY_LINKS: [&str; 34] = [
    "forks_url",
    "keys_url{/key_id}",
    "collaborators_url{/collaborator}",
    "teams_url",
    "hooks_url",
    "issue_events_url{/number}",
    "events_url",
    "assignees_url{/user}",
    "branches_url{/branch}",
    "tags_url",
    "blobs_url{/sha}",
    "git_tags_url{/sha}",
    "git_refs_url{/sha}",
    "trees_url{/sha}",
    "statuses_url/{sha}",
    "languages_url",
    "stargazers_url",
    "contributors_url",
    "subscribers_url",
    "subscription_url",
    "commits_url{/sha}",
    "git_commits_url{/sha}",
    "comments_url{/number}",
    "issue_comment_url{/number}",
    "contents_url/{+path}",
    "compare_url/{base}...{head}",
    "merges_url",
    "archive_url/{archive_format}{/ref}",
    "downloads_url",
    "issues_url{/number}",
    "pulls_url{/number}",
    "milestones_url{/number}",
    "labels_url{/name}",
    "deployments_url",
];

/// Makes a payload of this size in bytes, or of the least size with all fields that GitHub sends,
/// from the JSON of a fixture. It lacks [`NUMBER`], which, with seven digits, completes the size.
pub(crate) fn of_size(fixture: &str, bytes: usize) -> Result<Value, crate::Trouble> {
    let mut payload: Value = serde_json::from_str(fixture)?;
    enrich(&mut payload);
    fill(&mut payload, bytes)?;
    Ok(payload)
}

/// Adds GitHub's links to accounts and repositories, and moves the number out.
fn enrich(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                enrich(field);
            }
            if let Some(Value::String(login)) = fields.get("login") {
                let base = format!("https://api.github.com/users/{login}");
                links(fields, &base, &USER_LINKS);
            } else if let Some(Value::String(name)) = fields.get("full_name") {
                let base = format!("https://api.github.com/repos/{name}");
                links(fields, &base, &REPOSITORY_LINKS);
            } else if fields.contains_key("action") {
                fields.remove(NUMBER);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(enrich),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn links(fields: &mut Map<String, Value>, base: &str, names: &[&str]) {
    for name in names {
        let split = name.find(['{', '/']).unwrap_or(name.len());
        let (name, rest) = name.split_at(split);
        let path = name.trim_end_matches("_url");
        fields.insert(name.to_owned(), json!(format!("{base}/{path}{rest}")));
    }
}

/// Adds labels first, then text: large payloads have long lists and long descriptions.
fn fill(payload: &mut Value, bytes: usize) -> Result<(), crate::Trouble> {
    let missing = |payload: &Value| bytes.saturating_sub(payload.to_string().len() + NUMBER_BYTES);
    let label = json!({
        "id": 208_045_946, "node_id": "MDU6TGFiZWwyMDgwNDU5NDY=", "name": "bug", "color": "f29513", "default": true,
        "url": "https://api.github.com/repos/acme/api/labels/bug", "description": "Something isn't working",
    });
    let count = missing(payload) / (label.to_string().len() + 1);
    let pull = payload.get_mut("pull_request").ok_or("a pull request")?;
    *pull.get_mut("labels").ok_or("its labels")? = Value::Array(vec![label; count]);
    let rest = "x".repeat(missing(payload));
    let pull = payload.get_mut("pull_request").ok_or("a pull request")?;
    if let Some(Value::String(text)) = pull.get_mut("body") {
        text.push_str(&rest);
    }
    Ok(())
}
