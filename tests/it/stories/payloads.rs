//! GitHub's payloads through the whole line: our own small ones always, and GitHub's documented examples where the
//! folder is there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a payload that cannot be read fails the test, and the figures are part of it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::world::rules::{branch_rule, patterns, pipeline_name, pull_request_rule, template};
use crate::world::webhook::Webhook;
use crate::world::world::{World, run_line};
use branchline::domain::clone::Tags;
use branchline::domain::rules::rule::Rule;

/// The events that GitHub names its examples after.
const EVENTS: [&str; 6] = [
    "create",
    "delete",
    "issue_comment",
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

/// Pull requests and branches of one repository, with its own template.
fn follow(world: &World, repository: &str) {
    world.give(template("template", repository), Tags::new());
    let rules = [pull_request_rule(), branch_rule()].map(|rule| Rule {
        repository: patterns([repository]),
        template: pipeline_name("template"),
        ..rule
    });
    world.restart(rules.to_vec());
}

/// Delivers a payload byte for byte; answers with what it came to.
async fn deliver(world: &World, path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let prefix = name.split('.').next().unwrap();
    let event = EVENTS.into_iter().find(|event| *event == prefix).unwrap();
    let body = std::fs::read_to_string(path).unwrap();
    let webhook =
        Webhook::event(event, serde_json::json!({})).delivery(&name.replace(['.', '_'], "-"));
    world.deliver(webhook.body(&body)).await.join(", ")
}

/// Our own payloads, as they happened.
const STORY: [&str; 10] = [
    "ping.event",
    "pull_request.opened",
    "pull_request.opened.fork",
    "pull_request.synchronize",
    "pull_request.closed",
    "pull_request.reopened",
    "pull_request.closed.merged",
    "create.event",
    "push.event",
    "delete.event",
];

#[test]
fn our_own_payloads_come_to_what_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks");
    assert_eq!(payloads(&folder).len(), STORY.len());
    run_line(async |world| {
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
        pull_request.closed: deleted
        pull_request.reopened: created
        pull_request.closed.merged: deleted
        create.event: created
        push.event: started
        delete.event: deleted
        ");
    });
}

#[test]
fn githubs_documented_payloads_walk_the_line_without_a_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/webhooks");
    let paths = payloads(&folder);
    if paths.is_empty() {
        println!(
            "{} is not on this machine: nothing to walk",
            folder.display()
        );
        return;
    }
    let fine = [
        "ignored",
        "unchanged",
        "recorded",
        "left",
        "created",
        "deleted",
        "already-deleted",
    ];
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for path in &paths {
        // A world of its own each: the examples are of many times, and all of one pull request.
        run_line(async |world| {
            follow(world, "Codertocat/Hello-World");
            let outcome = deliver(world, path).await;
            let word = outcome.split(':').next().unwrap_or_default();
            assert!(fine.contains(&word), "{}: {outcome}", path.display());
            *outcomes.entry(outcome).or_default() += 1;
        });
    }
    for (outcome, count) in &outcomes {
        println!("{count:3} {outcome}");
    }
    assert_eq!(outcomes.values().sum::<usize>(), paths.len());
    assert!(
        outcomes.get("created").is_some_and(|count| *count >= 10),
        "{outcomes:?}"
    );
}
