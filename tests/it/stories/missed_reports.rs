//! Commits whose report would wait for ever, if nothing but the next event corrected it. Each of
//! these was found by the laws in `tests/it/properties`.

#![expect(clippy::print_stdout, reason = "the figures are part of the test")]

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::Clock;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{branch_rule, pull_request_rule, reported};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

/// The pipeline of pull request 7.
const NAME: &str = "api-pr-7";

/// Lets CodePipeline report on an execution, and tells GitHub.
async fn hear(world: &World, event: &PipelineEvent) {
    world.send_event(event);
    world.work_and_tell().await;
}

#[test]
fn the_last_commit_of_a_branch_that_was_deleted_is_cancelled() {
    let deleted = "cancelled: The branch was deleted";
    for webhook in [Webhook::delete("x"), Webhook::create("x")] {
        run_story(async |world| {
            world.restart(vec![reported(branch_rule())]);
            world.handle(Webhook::push("x", 0, 1)).await;
            assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
            // `create` without the `delete` before it: the branch was deleted in between.
            world.handle(webhook).await;
            assert!(world.page(1).starts_with(deleted), "{}", world.page(1));
            world.handle(Webhook::push("x", 0, 2)).await;
            assert!(world.page(1).starts_with(deleted), "{}", world.page(1));
            assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
        });
    }
}

#[test]
fn an_execution_of_an_earlier_pipeline_of_that_name_is_not_waited_for() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.handle(Webhook::pull_request("opened")).await;
        hear(
            world,
            &PipelineEvent::execution(NAME, "api-pr-7-1", "STARTED"),
        )
        .await;
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world.handle(Webhook::pull_request("closed").sha(2)).await;
        world.handle(Webhook::pull_request("reopened").sha(2)).await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        world.report_everything().await;
        assert!(
            world.page(1).starts_with("cancelled: Not built"),
            "{}",
            world.page(1)
        );
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn a_late_event_of_an_earlier_pipeline_is_not_about_the_new_head() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.handle(Webhook::pull_request("opened")).await;
        let begun = world.clock.now();
        world.handle(Webhook::pull_request("closed")).await;
        world.clock.advance(Duration::from_secs(1));
        world.handle(Webhook::pull_request("reopened").sha(2)).await;
        let late = PipelineEvent::execution(NAME, "api-pr-7-1", "FAILED");
        hear(world, &late.begun(begun)).await;
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
        let own = PipelineEvent::execution(NAME, "api-pr-7-2", "SUCCEEDED");
        hear(world, &own.begun(world.clock.now())).await;
        assert!(world.page(2).starts_with("success"), "{}", world.page(2));
    });
}

#[test]
fn a_message_that_failed_and_then_was_overtaken_waits_for_nothing() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        let now = world.clock.now();
        let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Template, 1, fails);
        world.send(&Webhook::pull_request("opened").at(now));
        world.work_once().await;
        world.tell().await;
        assert!(
            world.page(1).starts_with("queued: Waiting"),
            "{}",
            world.page(1)
        );
        world.clock.advance(Duration::from_secs(1));
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.send(&pushed.at(world.clock.now()));
        world.settle().await;
        world.tell().await;
        assert!(!world.page(1).starts_with("queued"), "{}", world.page(1));
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn a_commit_whose_message_is_gone_does_not_wait_for_ever() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Template, 1, fails);
        world.send(&Webhook::pull_request("opened"));
        world.work_once().await;
        world.tell().await;
        assert!(world.page(1).starts_with("queued: Waiting"));
        world.queue.purge();
        world.clock.advance(Duration::from_secs(1));
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world.report_everything().await;
        assert!(!world.page(1).starts_with("queued"), "{}", world.page(1));
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn a_check_run_that_was_created_again_without_a_confirmation_ends() {
    for lost in [
        (
            Op::Report,
            Trouble::Fail(When::After, Reason::AwsUnavailable),
        ),
        (
            Op::ReplaceCommit,
            Trouble::Fail(When::After, Reason::AwsUnavailable),
        ),
    ] {
        run_story(async |world| {
            world.restart(vec![reported(pull_request_rule())]);
            world.handle(Webhook::pull_request("opened")).await;
            world.handle(Webhook::pull_request("closed")).await;
            world.faults.next(lost.0, 1, lost.1);
            world.handle(Webhook::pull_request("reopened")).await;
            let made = PipelineEvent::execution(NAME, "api-pr-7-2", "SUCCEEDED");
            hear(world, &made.begun(world.clock.now())).await;
            world.report_everything().await;
            assert!(world.page(1).starts_with("success"), "{}", world.page(1));
            assert!(world.github.abandoned_checks().is_empty(), "{lost:?}");
        });
    }
}

#[test]
fn a_check_run_that_ended_without_a_confirmation_runs_again_as_another_one() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.handle(Webhook::pull_request("opened")).await;
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Report, 1, lost);
        hear(
            world,
            &PipelineEvent::execution(NAME, "api-pr-7-1", "FAILED"),
        )
        .await;
        let again = PipelineEvent::execution(NAME, "api-pr-7-1", "RESUMED");
        hear(world, &again.attempt(2)).await;
        world.report_everything().await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        assert!(world.github.abandoned_checks().is_empty());
    });
}

#[test]
fn a_repository_that_github_does_not_show_may_show_the_report_later() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.github.goes(Some(GitHubFaultKind::Missing));
        world.handle(Webhook::pull_request("opened")).await;
        // The App is installed in the meantime.
        world.github.goes(None);
        world.clock.advance(Duration::from_secs(3_601));
        world.tell().await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn a_repository_that_github_never_shows_is_not_asked_about_for_ever() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.github.goes(Some(GitHubFaultKind::Missing));
        world.handle(Webhook::pull_request("opened")).await;
        for _ in 0..100 {
            world.clock.advance(Duration::from_secs(3_601));
            world.tell().await;
        }
        let asked = world.faults.count(Op::Report);
        println!("a report is sent {asked} times");
        assert!((2..=24).contains(&asked), "{asked}");
    });
}

#[test]
fn the_stages_of_an_execution_cost_one_update_a_minute() {
    run_story(async |world| {
        world.restart(vec![reported(pull_request_rule())]);
        world.handle(Webhook::pull_request("opened")).await;
        world.faults.clear();
        let stages = 10;
        let stage = |number: usize, state| {
            let name = format!("Stage-{number}");
            PipelineEvent::stage(NAME, "api-pr-7-1", &name, state)
        };
        for number in 0..stages {
            hear(world, &stage(number, "STARTED")).await;
        }
        let writes = world.faults.count(Op::ReplaceCommit);
        let (_, updated) = world.github.posts();
        println!(
            "{stages} events in {:?}: {writes} writes of the record, {updated} updates, {} calls to AWS and GitHub",
            Duration::from_secs(100),
            world.faults.spent(),
        );
        assert!(updated <= 2, "{updated} updates in 100 s");
        hear(
            world,
            &PipelineEvent::execution(NAME, "api-pr-7-1", "SUCCEEDED"),
        )
        .await;
        assert!(world.page(1).starts_with("success"));
        assert_eq!(world.github.posts().0, 1);
    });
}
