//! The name of an event is a header, which GitHub does not sign: whoever captured a webhook can
//! send its body again under another name. Only the true name may have an effect.
//!
//! The bodies are written for this test, with the top-level fields that GitHub documents.
//! `tests/gateway` does the same with GitHub's own examples.

use std::collections::BTreeSet;
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::domain::intake::authenticated::CONTENT_TYPE;
use branchline::domain::intake::envelope::Attribute;
use serde_json::{Value, json};

use crate::world::clock::START;
use crate::world::rules::{branch_rule, pull_request_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

/// The events that branchline handles.
const HANDLED: [&str; 6] = [
    "create",
    "delete",
    "ping",
    "pull_request",
    "push",
    "repository",
];

/// Every pair of an event and another event's body that the fields cannot tell apart. The actions
/// do: `repository` has none of these, so it ignores them.
const ALIKE: [(&str, &str); 3] = [
    ("repository", "branch_protection_configuration disabled"),
    ("repository", "branch_protection_configuration enabled"),
    ("repository", "watch started"),
];

/// Returns a time after the events that prepare the world.
fn later(hours: u64) -> Timestamp {
    START.plus(Duration::from_secs(hours * 3_600))
}

/// Returns a webhook of `event`, with these top-level fields beside `repository` and `sender`.
fn other(event: &'static str, fields: Value) -> (String, Webhook) {
    let action = fields.get("action").and_then(Value::as_str);
    let name = format!("{event} {}", action.unwrap_or("-"));
    let repository = json!({
        "id": 1_001, "full_name": "acme/api", "pushed_at": "2026-01-01T00:00:00Z",
        "updated_at": later(1).to_string(),
    });
    let webhook = Webhook::event(event, fields)
        .with("/repository", repository)
        .with("/sender", json!({"login": "octocat"}));
    (name, webhook)
}

/// Events that branchline does not handle, and whose payloads resemble those that it does.
fn others() -> Vec<(String, Webhook)> {
    let deleted = |event, field: &str| other(event, json!({"action": "deleted", field: {}}));
    let pull = json!({"number": 7, "state": "closed"});
    vec![
        other("star", json!({"action": "deleted", "starred_at": null})),
        other("star", json!({"action": "created", "starred_at": "x"})),
        other("watch", json!({"action": "started"})),
        // GitHub sends those of our own deployments back.
        other(
            "deployment",
            json!({"action": "created", "deployment": {"id": 1, "sha": "x"}, "workflow": null}),
        ),
        other(
            "deployment_status",
            json!({"action": "created", "deployment": {"id": 1}, "deployment_status": {}}),
        ),
        other("public", json!({})),
        other(
            "branch_protection_configuration",
            json!({"action": "disabled"}),
        ),
        other(
            "branch_protection_configuration",
            json!({"action": "enabled"}),
        ),
        other(
            "repository_dispatch",
            json!({"action": "deleted", "branch": "x", "client_payload": null}),
        ),
        other(
            "workflow_dispatch",
            json!({"ref": "refs/heads/x", "inputs": null, "workflow": "x"}),
        ),
        other(
            "code_scanning_alert",
            json!({"action": "fixed", "ref": "refs/heads/x", "alert": {}, "commit_oid": "x"}),
        ),
        other(
            "pull_request_review",
            json!({"action": "dismissed", "pull_request": pull, "review": {}}),
        ),
        other(
            "pull_request_review_comment",
            json!({"action": "deleted", "pull_request": pull, "comment": {}}),
        ),
        other(
            "merge_group",
            json!({"action": "destroyed", "merge_group": {}, "reason": "x"}),
        ),
        other("repository_import", json!({"status": "success"})),
        deleted("branch_protection_rule", "rule"),
        deleted("commit_comment", "comment"),
        deleted("deploy_key", "key"),
        deleted("discussion", "discussion"),
        other(
            "installation",
            json!({"action": "deleted", "installation": {"id": 1, "account": {}}}),
        ),
        deleted("issue_comment", "comment"),
        deleted("issues", "issue"),
        deleted("label", "label"),
        deleted("meta", "hook"),
        deleted("milestone", "milestone"),
        deleted("organization", "membership"),
        deleted("package", "package"),
        deleted("project", "project"),
        deleted("release", "release"),
        deleted("repository_ruleset", "repository_ruleset"),
        deleted("team", "team"),
        other("deploy_key", json!({"action": "created", "key": {}})),
    ]
}

/// Webhooks that have an effect under their own name.
fn effective() -> Vec<(&'static str, Webhook)> {
    let repository = |action: &str| {
        let event = other("repository", json!({"action": action})).1;
        event.with("/organization", json!({"login": "acme"}))
    };
    let webhooks = [
        ("pull_request", Webhook::pull_request("opened").number(8)),
        ("pull_request", Webhook::pull_request("closed")),
        ("push", Webhook::push("new", 0, 1)),
        ("push", Webhook::push("old", 1, 0)),
        ("create", Webhook::create("new")),
        ("delete", Webhook::delete("old")),
        ("repository", repository("archived")),
        ("repository", repository("deleted")),
    ];
    webhooks
        .map(|(event, webhook)| (event, webhook.at(later(1))))
        .into()
}

/// Makes a world in which each of these webhooks has an effect.
async fn prepare(world: &World) {
    world.restart(vec![pull_request_rule(), branch_rule()]);
    world.deliver(Webhook::pull_request("opened")).await;
    world.deliver(Webhook::push("old", 0, 1)).await;
}

/// Closes everything, so that nothing is left over.
async fn clean(world: &World) {
    let last = [
        Webhook::delete("old"),
        Webhook::delete("new"),
        Webhook::pull_request("closed"),
        Webhook::pull_request("closed").number(8),
    ];
    for webhook in last {
        world.deliver(webhook.at(later(2))).await;
    }
    world.take_dead_letters();
}

#[test]
fn a_body_has_an_effect_under_its_own_name_alone() {
    for (event, webhook) in effective() {
        for name in HANDLED {
            run_story(async |world| {
                prepare(world).await;
                let before = world.picture(true);
                let outcomes = world.deliver(webhook.clone().named(name)).await;
                let changed = world.picture(true) != before;
                assert_eq!(changed, name == event, "{event} as {name}: {outcomes:?}");
                let expected = match name {
                    "ping" => outcomes == ["ignored: ping"],
                    _ if name == event => world.take_dead_letters().is_empty(),
                    _ => is_refused(&outcomes),
                };
                assert!(expected, "{event} as {name}: {outcomes:?}");
                clean(world).await;
            });
        }
    }
}

#[test]
fn a_body_of_an_event_that_is_not_handled_has_no_effect_under_any_name() {
    run_story(async |world| {
        prepare(world).await;
        let before = world.picture(true);
        let mut alike = BTreeSet::new();
        let bodies = others();
        for (what, webhook) in &bodies {
            for name in HANDLED {
                let outcomes = world.deliver(webhook.clone().named(name)).await;
                if name != "ping" && !is_refused(&outcomes) {
                    assert!(outcomes[0].starts_with("ignored: action"), "{outcomes:?}");
                    alike.insert((name, what.as_str()));
                }
            }
        }
        assert_eq!(world.picture(true), before);
        assert_eq!(alike, ALIKE.into());
        clean(world).await;
    });
}

fn is_refused(outcomes: &[String]) -> bool {
    let refused = |outcome: &String| outcome.starts_with("invalid-payload: ");
    !outcomes.is_empty() && outcomes.iter().all(refused)
}

#[test]
fn a_refused_body_names_the_reason() {
    run_story(async |world| {
        let (_, star) = others().swap_remove(0);
        let outcomes = world.deliver(star.named("repository")).await;
        insta::assert_snapshot!(
            outcomes.join("\n"),
            @"invalid-payload: the body has a field that GitHub does not document for 'repository', so it may be that of another event, at line 1 column 32"
        );
        clean(world).await;
    });
}

/// The content type is a header as well. A title may contain what looks like a form.
#[test]
fn text_in_a_json_body_is_not_read_as_a_form() {
    run_story(async |world| {
        let forged = Webhook::pull_request("closed").in_form();
        let form = forged.seal(START).body;
        world.deliver(Webhook::pull_request("opened")).await;
        let title = format!("x&{form}&x");
        let innocent = Webhook::pull_request("edited").title(&title);
        let mut sealed = innocent.seal(START);
        for (name, value) in &mut sealed.attributes {
            if name == CONTENT_TYPE {
                *value = Attribute::text("application/x-www-form-urlencoded");
            }
        }
        world
            .queue
            .deliver(&sealed.body, &sealed.attributes)
            .expect("a message that SQS accepts");
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        clean(world).await;
    });
}
