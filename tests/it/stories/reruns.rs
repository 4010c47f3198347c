//! The buttons "Re-run" and "Re-run all checks" of a pull request.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{TEMPLATE, pull_request_rule, template};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// The pipeline of pull request 7.
const NAME: &str = "api-pr-7";

fn reported() -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        ..pull_request_rule()
    }
}

fn execution(index: usize, state: &str) -> PipelineEvent {
    PipelineEvent::execution(NAME, &format!("{NAME}-{}", index + 1), state)
}

/// Opens pull request 7, and lets its execution fail in the stage Build.
async fn open_and_fail(world: &World) {
    world.restart(vec![reported()]);
    world.handle(Webhook::pull_request("opened")).await;
    fail(world).await;
}

async fn fail(world: &World) {
    world.account.fail(NAME, "Build");
    let failed = PipelineEvent::failed_action(NAME, "api-pr-7-1", "Build/Test");
    world.hear(failed).await;
    world.hear(execution(0, "FAILED")).await;
}

/// Returns the webhook of the button beside the report of a commit.
fn button(world: &World, number: u64) -> Webhook {
    let (check_run, report) = world.github.check(&commit(number));
    Webhook::rerun_check(check_run, &report).at(world.clock.now())
}

/// Returns how many executions there are, and how often the last one was retried.
fn executions(world: &World) -> (usize, u32) {
    let runs = world.pipeline(NAME).runs;
    (runs.len(), runs.last().map_or(0, |run| run.attempt - 1))
}

const RUNNING: &str = "in-progress: Running in CodePipeline";

#[test]
fn a_failed_stage_is_retried_once_for_each_request() {
    run_story(async |world| {
        open_and_fail(world).await;
        let pressed = button(world, 1);
        assert_eq!(world.handle(pressed.clone()).await, ["retried"]);
        assert_eq!(executions(world), (1, 1));
        assert_eq!(world.page(1), RUNNING, "before an event arrives");
        // What is late of the first attempt changes nothing.
        world.hear(execution(0, "FAILED")).await;
        assert_eq!(world.page(1), RUNNING);
        for _ in 0..2 {
            let repeated = world.handle(pressed.clone()).await;
            assert_eq!(repeated, ["unchanged: repeated"]);
            world.hear(execution(0, "SUCCEEDED").attempt(2)).await;
            assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        }
        assert_eq!(executions(world), (1, 1));
        assert!(world.github.abandoned_checks().is_empty());
    });
}

#[test]
fn an_execution_that_did_not_fail_in_a_stage_is_followed_by_another_one() {
    for state in ["SUCCEEDED", "STOPPED", "FAILED"] {
        run_story(async |world| {
            world.restart(vec![reported()]);
            world.handle(Webhook::pull_request("opened")).await;
            world.hear(execution(0, state)).await;
            world.expect_built_twice("acme/api#7");
            let pressed = button(world, 1);
            assert_eq!(world.handle(pressed.clone()).await, ["started"]);
            assert_eq!(world.page(1), RUNNING);
            assert_eq!(world.pipeline(NAME).commits(), [commit(1), commit(1)]);
            world.hear(execution(0, state)).await;
            assert_eq!(world.page(1), RUNNING, "the old execution counts no more");
            assert_eq!(
                world.handle(pressed).await,
                ["unchanged: repeated"],
                "{state}"
            );
            world.hear(execution(1, "SUCCEEDED")).await;
            assert!(world.page(1).starts_with("success"));
        });
    }
}

#[test]
fn a_stage_that_cannot_be_retried_is_built_anew() {
    run_story(async |world| {
        open_and_fail(world).await;
        // A person released another execution since, so the stage belongs to an older one.
        world.expect_built_twice("acme/api#7");
        world.account.release(NAME);
        assert_eq!(world.handle(button(world, 1)).await, ["started"]);
        assert_eq!(executions(world), (3, 0));
        assert_eq!(world.page(1), RUNNING);
    });
}

#[test]
fn a_source_that_could_not_be_fetched_is_fetched_by_a_new_execution() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.account.fail(NAME, "Source");
        let failed = PipelineEvent::failed_action(NAME, "api-pr-7-1", "Source/GitHub");
        world.expect_built_twice("acme/api#7");
        world.hear(failed.category("Source")).await;
        world.hear(execution(0, "FAILED")).await;
        assert_eq!(world.handle(button(world, 1)).await, ["started"]);
    });
}

#[test]
fn a_template_that_was_changed_since_is_built() {
    run_story(async |world| {
        open_and_fail(world).await;
        world.expect_built_twice("acme/api#7");
        let mut changed = template(TEMPLATE, REPOSITORY.1);
        changed["stages"][1]["name"] = "Compile".into();
        world.add_pipeline(changed, Tags::new());
        world.restart(vec![reported()]);
        assert_eq!(world.handle(button(world, 1)).await, ["updated"]);
        assert_eq!(executions(world), (2, 0));
        assert_eq!(world.page(1), RUNNING);
    });
}

#[test]
fn a_request_whose_retry_was_not_confirmed_retries_once() {
    run_story(async |world| {
        open_and_fail(world).await;
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Retry, 1, lost);
        let pressed = button(world, 1);
        let outcomes = world.handle(pressed).await;
        assert!(outcomes[0].starts_with("aws-unavailable"), "{outcomes:?}");
        assert_eq!(outcomes.last().map(String::as_str), Some("retried"));
        assert_eq!(executions(world), (1, 1));
        assert_eq!(world.page(1), RUNNING);
    });
}

#[test]
fn a_request_that_fails_says_why_and_another_one_succeeds() {
    run_story(async |world| {
        open_and_fail(world).await;
        let denied = Trouble::Fail(When::Before, Reason::DeclarationRefused);
        world.faults.next(Op::Retry, 1, denied);
        world.handle(button(world, 1)).await;
        assert!(
            world.page(1).starts_with("error: Not built: AWS refused"),
            "{}",
            world.page(1)
        );
        assert_eq!(world.take_dead_letters().len(), 1);
        assert_eq!(world.handle(button(world, 1)).await, ["retried"]);
        assert_eq!(world.page(1), RUNNING);
        world.hear(execution(0, "SUCCEEDED").attempt(2)).await;
        assert!(world.page(1).starts_with("success"));
    });
}

#[test]
fn an_older_commit_and_one_without_a_pipeline_are_reported_again() {
    run_story(async |world| {
        open_and_fail(world).await;
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.handle(pushed).await;
        world.hear(execution(1, "SUCCEEDED")).await;
        let (shown, posts) = (world.page(1), world.github.posts());
        assert_eq!(
            world.handle(button(world, 1)).await,
            ["unchanged: not-head"]
        );
        assert_eq!(world.page(1), shown);
        assert_eq!(world.github.posts(), (posts.0 + 1, posts.1));
        assert_eq!(executions(world), (2, 0));
        world.handle(Webhook::pull_request("closed").sha(2)).await;
        let pressed = button(world, 2);
        assert_eq!(world.handle(pressed).await, ["unchanged: no-pipeline"]);
        assert!(world.page(2).starts_with("success"), "{}", world.page(2));
    });
}

#[test]
fn a_commit_that_asked_for_no_build_is_built_on_request() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.hear(execution(0, "SUCCEEDED")).await;
        let skipped = Webhook::pull_request("synchronize").before(1).sha(2);
        world.handle(skipped.title("[skip ci] x")).await;
        assert!(world.page(2).starts_with("skipped"));
        assert_eq!(world.handle(button(world, 2)).await, ["started"]);
        assert_eq!(world.page(2), RUNNING);
    });
}

#[test]
fn all_checks_of_a_commit_run_again_and_an_old_request_changes_nothing() {
    run_story(async |world| {
        open_and_fail(world).await;
        let first = Webhook::rerun_suite(1, "feature/x").at(world.clock.now());
        assert_eq!(world.handle(first.clone()).await, ["retried"]);
        fail_again(world).await;
        world.clock.advance(Duration::from_secs(100));
        world.hear(execution(0, "FAILED").attempt(2)).await;
        let second = Webhook::rerun_suite(1, "feature/x").at(world.clock.now());
        assert_eq!(world.handle(second).await, ["retried"]);
        assert_eq!(executions(world), (1, 2));
        world.clock.advance(Duration::from_secs(100));
        fail_again(world).await;
        world.hear(execution(0, "FAILED").attempt(3)).await;
        let replayed = first.delivery("another-guid");
        assert_eq!(world.handle(replayed).await, ["unchanged: repeated"]);
        assert_eq!(executions(world), (1, 2));
    });
}

async fn fail_again(world: &World) {
    world.account.fail(NAME, "Build");
    let attempt = executions(world).1 + 1;
    let failed = PipelineEvent::failed_action(NAME, "api-pr-7-1", "Build/Test");
    world.hear(failed.attempt(attempt)).await;
}

#[test]
fn a_retry_of_which_nothing_is_heard_is_looked_up() {
    run_story(async |world| {
        open_and_fail(world).await;
        world.handle(button(world, 1)).await;
        world.account.fail(NAME, "Build");
        world.clock.advance(Duration::from_secs(901));
        world.reporter("w2").find_missed(world.clock.now()).await;
        world.tell().await;
        assert!(world.page(1).starts_with("failure"), "{}", world.page(1));
    });
}

#[test]
fn check_runs_of_others_and_other_actions_are_ignored() {
    run_story(async |world| {
        open_and_fail(world).await;
        let spent = world.faults.spent();
        for webhook in [
            button(world, 1).with("/check_run/external_id", "e2e"),
            button(world, 1).with("/check_run/external_id", "REPO#9/PR#0000000007/branchline"),
            button(world, 1).with("/action", "completed"),
            Webhook::rerun_suite(1, "feature/x").with("/action", "requested"),
        ] {
            world.deliver(webhook).await;
        }
        assert_eq!(world.faults.spent(), spent, "no call to AWS");
        let unknown = Webhook::rerun_suite(5, "feature/x");
        assert_eq!(world.handle(unknown).await, ["ignored: not-reported"]);
        assert_eq!(executions(world), (1, 0));
    });
}

#[test]
fn a_request_that_fails_before_its_claim_is_not_lost() {
    for op in [Op::Claim, Op::Mapping, Op::Commit] {
        run_story(async |world| {
            open_and_fail(world).await;
            let red = world.page(1);
            let failing = Trouble::Fail(When::Before, Reason::AwsThrottled);
            world.faults.next(op, 1, failing);
            world.send(&button(world, 1));
            world.work_once().await;
            world.tell().await;
            assert_eq!(world.page(1), red, "{op:?}");
            world.settle().await;
            world.tell().await;
            assert_eq!(executions(world), (1, 1), "{op:?}");
            assert_eq!(world.page(1), RUNNING, "{op:?}");
        });
    }
}

#[test]
fn a_retry_that_the_client_repeats_starts_no_other_execution() {
    run_story(async |world| {
        open_and_fail(world).await;
        world.account.repeat_retry();
        assert_eq!(world.handle(button(world, 1)).await, ["retried"]);
        assert_eq!(executions(world), (1, 1));
        assert_eq!(world.page(1), RUNNING);
    });
}

#[test]
fn two_requests_at_once_start_one_execution() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.hear(execution(0, "SUCCEEDED")).await;
        world.expect_built_twice("acme/api#7");
        world.send(&button(world, 1));
        world.send(&Webhook::rerun_suite(1, "feature/x"));
        world.settle().await;
        world.tell().await;
        assert_eq!(executions(world).0, 2);
        assert_eq!(world.page(1), RUNNING);
    });
}

#[test]
fn a_pipeline_that_is_created_again_counts_its_own_executions() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.handle(pushed).await;
        world.account.remove(NAME);
        world.clock.advance(Duration::from_secs(901));
        world.reporter("w2").find_missed(world.clock.now()).await;
        world.tell().await;
        assert!(world.page(2).starts_with("cancelled"), "{}", world.page(2));
        assert_eq!(world.handle(button(world, 2)).await, ["created"]);
        assert_eq!(world.page(2), RUNNING);
        let made = execution(2, "SUCCEEDED").begun(world.clock.now());
        world.hear(made).await;
        assert!(world.page(2).starts_with("success"), "{}", world.page(2));
    });
}

#[test]
fn the_first_execution_of_a_new_pipeline_belongs_to_the_head() {
    run_story(async |world| {
        let no_drafts = Rule {
            drafts: false,
            ..reported()
        };
        world.restart(vec![no_drafts]);
        world.handle(Webhook::pull_request("opened")).await;
        world.hear(execution(0, "SUCCEEDED")).await;
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world.hear(execution(1, "FAILED")).await;
        let draft = Webhook::pull_request("converted_to_draft").sha(2).draft();
        world.handle(draft).await;
        world
            .handle(Webhook::pull_request("ready_for_review").sha(2))
            .await;
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
        let later = execution(2, "SUCCEEDED").started_at("2026-01-02T00:00:00.000Z");
        world.hear(later).await;
        assert!(world.page(2).starts_with("success"), "{}", world.page(2));
    });
}
