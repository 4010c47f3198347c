//! Whole payloads through all seven steps, byte for byte. `scripts/infra-check` does the same with
//! GitHub's own examples, from their npm package.

#![expect(
    clippy::unwrap_used,
    reason = "a payload that cannot be read fails the test"
)]

use std::path::{Path, PathBuf};

use crate::world::rules::{
    branch_rule, merge_group_rule, patterns, pipeline_name, pull_request_rule, template,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;
use branchline::domain::clone::tags::Tags;
use branchline::domain::rules::rule::Rule;

/// The events, after which the files are named.
const EVENTS: [&str; 8] = [
    "check_run",
    "check_suite",
    "create",
    "delete",
    "merge_group",
    "ping",
    "pull_request",
    "push",
];

fn payloads(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Adds rules for pull requests and branches of one repository, with its own template.
fn follow(world: &World, repository: &str) {
    world.add_pipeline(template("template", repository), Tags::new());
    let rules = [pull_request_rule(), branch_rule(), merge_group_rule()].map(|rule| Rule {
        repository: patterns([repository]),
        template: pipeline_name("template"),
        ..rule
    });
    world.restart(rules.to_vec());
}

/// Delivers a payload byte for byte. Returns its outcome.
async fn deliver(world: &World, path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let prefix = name.split('.').next().unwrap();
    let event = EVENTS.into_iter().find(|event| *event == prefix).unwrap();
    let body = std::fs::read_to_string(path).unwrap();
    let webhook =
        Webhook::event(event, serde_json::json!({})).delivery(&name.replace(['.', '_'], "-"));
    world.deliver(webhook.body(&body)).await.join(", ")
}

/// Our own payloads, in the order of their events.
const STORY: [&str; 14] = [
    "ping.event",
    "pull_request.opened",
    "pull_request.opened.fork",
    "pull_request.synchronize",
    "check_run.rerequested",
    "check_suite.rerequested",
    "pull_request.closed",
    "pull_request.reopened",
    "pull_request.closed.merged",
    "create.event",
    "push.event",
    "delete.event",
    "merge_group.checks_requested",
    "merge_group.destroyed",
];

#[test]
fn our_own_payloads_have_the_expected_outcomes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks");
    assert_eq!(payloads(&folder).len(), STORY.len());
    run_story(async |world| {
        follow(world, "acme/api");
        let mut table = Vec::new();
        for name in STORY {
            let outcome = deliver(world, &folder.join(format!("{name}.json"))).await;
            table.push(format!("{name}: {outcome}"));
        }
        insta::assert_snapshot!(table.join("\n"), @"
        ping.event: ignored: ping
        pull_request.opened: created
        pull_request.opened.fork: recorded: fork
        pull_request.synchronize: started
        check_run.rerequested: ignored: not-reported
        check_suite.rerequested: ignored: not-reported
        pull_request.closed: deleted
        pull_request.reopened: created
        pull_request.closed.merged: deleted
        create.event: created
        push.event: started
        delete.event: deleted
        merge_group.checks_requested: created
        merge_group.destroyed: deleted
        ");
    });
}
