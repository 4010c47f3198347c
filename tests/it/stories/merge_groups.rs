//! The groups of GitHub's merge queue: short-lived branches, each reported on its head.

use std::time::Duration;

use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{branch_rule, merge_group_rule, patterns, pull_request_rule};
use crate::world::story::run_story;
use crate::world::webhook::{Webhook, commit};

fn reported(rule: Rule) -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        ..rule
    }
}

#[test]
fn a_merge_group_has_a_pipeline_until_it_is_destroyed() {
    run_story(async |world| {
        let main = Rule {
            base: patterns(["main"]),
            ..reported(merge_group_rule())
        };
        world.restart(vec![branch_rule(), main]);
        let requested = Webhook::merge_group("checks_requested", "main", 5).at(world.clock.now());
        assert_eq!(world.handle(requested.clone()).await, ["created"]);
        let name = world.pipelines().remove(0);
        let branch = Webhook::queued("main");
        assert_eq!(world.pipeline(&name).source("BranchName"), Some(&*branch));
        assert_eq!(world.page(5), "in-progress: Running in CodePipeline");
        // The same branch as its push, which an App may receive as well.
        world.handle(Webhook::push(&branch, 0, 5)).await;
        assert_eq!(world.pipeline(&name).commits(), [commit(5)]);
        let id = format!(
            "{}-1",
            name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        world.send_event(&PipelineEvent::execution(&name, &id, "SUCCEEDED"));
        world.settle().await;
        world.tell().await;
        assert!(world.page(5).starts_with("success"), "{}", world.page(5));
        world.clock.advance(Duration::from_secs(5));
        let destroyed = Webhook::merge_group("destroyed", "main", 5).with("/reason", "merged");
        assert_eq!(world.handle(destroyed).await, ["deleted"]);
        world.handle(Webhook::push(&branch, 5, 0)).await;
        assert!(world.page(5).starts_with("success"), "the result stays");
        let replayed = world.handle(requested.delivery("another")).await;
        assert_eq!(replayed, ["unchanged: stale"]);
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn without_an_app_pushes_and_deletions_say_the_same() {
    run_story(async |world| {
        world.restart(vec![reported(merge_group_rule())]);
        let branch = Webhook::queued("release/1");
        // GitHub ignores such marks for merge groups.
        let skipped = serde_json::json!({"message": "Merge #7 [skip ci]"});
        let pushed = Webhook::push(&branch, 0, 5).with("/head_commit", skipped);
        assert_eq!(world.handle(pushed).await, ["created"]);
        assert_eq!(world.handle(Webhook::delete(&branch)).await, ["deleted"]);
        assert!(world.page(5).starts_with("cancelled"), "{}", world.page(5));
    });
}

#[test]
fn a_merge_group_that_no_rule_admits_is_reported_under_the_rule_for_its_base() {
    run_story(async |world| {
        let pulls = Rule {
            base: patterns(["main"]),
            ..reported(pull_request_rule())
        };
        world.restart(vec![pulls]);
        let requested = |base, sha| Webhook::merge_group("checks_requested", base, sha);
        assert_eq!(
            world.handle(requested("main", 5)).await,
            ["recorded: no-rule"]
        );
        assert!(world.page(5).starts_with("skipped: Not built: no rule"));
        assert_eq!(
            world.handle(requested("other", 6)).await,
            ["ignored: no-rule"]
        );
        assert_eq!(world.page(6), "");
        let destroyed = Webhook::merge_group("destroyed", "main", 5);
        world.handle(destroyed).await;
        assert!(world.page(5).starts_with("skipped"));
        world.restart(vec![pull_request_rule()]);
        assert_eq!(
            world.handle(requested("main", 7)).await,
            ["ignored: no-rule"]
        );
    });
}

#[test]
fn all_checks_of_a_merge_group_run_again() {
    run_story(async |world| {
        world.restart(vec![reported(merge_group_rule())]);
        world
            .handle(Webhook::merge_group("checks_requested", "main", 5))
            .await;
        let name = world.pipelines().remove(0);
        let id = format!(
            "{}-1",
            name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        world.send_event(&PipelineEvent::execution(&name, &id, "SUCCEEDED"));
        world.settle().await;
        world.tell().await;
        world.expect_built_twice(&format!("acme/api@{}", Webhook::queued("main")));
        let suite = Webhook::rerun_suite(5, &Webhook::queued("main"));
        assert_eq!(world.handle(suite).await, ["started"]);
        assert_eq!(world.page(5), "in-progress: Running in CodePipeline");
    });
}
