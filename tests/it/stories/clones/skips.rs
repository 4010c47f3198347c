//! Commits whose message asks for no build. Only a push contains the message.

use serde_json::json;

use branchline::domain::clone::tags::Tags;

use crate::stories::clones::{built, commit, pushed};
use crate::world::rules::{branch_rule, pull_request_rule, template};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

const BRANCH: &str = "feature/x";

/// Makes a push of this commit, whose message asks for no build.
fn skipped(before: u64, after: u64) -> Webhook {
    let head = json!({"id": commit(after), "message": "docs [skip ci]"});
    Webhook::push(BRANCH, before, after).with("/head_commit", head)
}

#[test]
fn a_commit_that_asks_for_no_build_is_not_built_for_its_pull_request() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.deliver(skipped(1, 2)).await, ["ignored: no-rule"]);
        assert_eq!(world.deliver(pushed(1, 2)).await, ["recorded"]);
        let edited = Webhook::pull_request("edited").sha(2).title("Another");
        assert_eq!(world.deliver(edited).await, ["recorded"]);
        assert_eq!(built(&world.account), [Some(1)]);
        // The next commit is built.
        world.deliver(Webhook::push(BRANCH, 2, 3)).await;
        assert_eq!(world.deliver(pushed(2, 3)).await, ["started"]);
        assert_eq!(built(&world.account), [Some(1), Some(3)]);
    });
}

#[test]
fn a_pull_request_whose_first_commit_asks_for_no_build_has_no_pipeline_yet() {
    run_story(async |world| {
        world.deliver(skipped(0, 1)).await;
        let opened = world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(opened, ["recorded: skipped"]);
        assert!(world.pipelines().is_empty());
        assert_eq!(world.deliver(pushed(1, 2)).await, ["created"]);
    });
}

#[test]
fn a_push_that_arrives_after_the_build_changes_nothing() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        world.deliver(skipped(1, 2)).await;
        assert_eq!(built(&world.account), [Some(1), Some(2)]);
    });
}

#[test]
fn a_commit_is_skipped_for_its_repository_alone() {
    run_story(async |world| {
        let other = template("web-template", "acme/web");
        world.add_pipeline(other, Tags::new());
        world.deliver(skipped(0, 1).of(2, "acme/web")).await;
        let opened = world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(opened, ["created"]);
    });
}

#[test]
fn a_rule_for_branches_and_one_for_pull_requests_both_skip() {
    run_story(async |world| {
        world.restart(vec![pull_request_rule(), branch_rule()]);
        world.deliver(skipped(0, 1)).await;
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.pipelines().is_empty());
    });
}
