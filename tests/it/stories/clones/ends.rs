//! How clones end: what is kept of them, and repositories that are gone.

use std::time::Duration;

use branchline::domain::clone::execution::Execution;
use branchline::domain::fault::Reason;
use branchline::domain::state::desired::AbsenceReason;
use serde_json::{Value, json};

use crate::stories::clones::{built, commit, pushed, rule};
use crate::stories::reliability::{beside, quiet};
use crate::world::captured_logs::CapturedLogs;
use crate::world::clock::START;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_daemon, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// The executions that the last audit entry of `acme/api#7` tells.
fn remembered(world: &World) -> Vec<Execution> {
    let entries = world.store.audit(&world.mapping("acme/api#7").subject);
    let journal: Value = serde_json::from_str(&entries.last().unwrap().journal).unwrap();
    serde_json::from_value(journal["executions"].clone()).unwrap()
}

#[test]
fn what_codepipeline_forgets_the_audit_trail_keeps() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        let closed = Webhook::pull_request("closed").sha(2);
        assert_eq!(world.deliver(closed).await, ["deleted"]);
        let kept = remembered(world);
        let commits: Vec<_> = kept.iter().map(|run| run.commit.clone().unwrap()).collect();
        assert_eq!(commits, [commit(2), commit(1)]);
        assert_eq!(kept[0].id, "api-pr-7-2");
        assert!(world.mapping("acme/api#7").observed.executions.is_empty());
    });
}

#[test]
fn a_removal_that_was_cut_off_keeps_them_too() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let unanswered = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Remove, 1, unanswered);
        world.deliver(Webhook::pull_request("closed")).await;
        assert_eq!(
            remembered(world).len(),
            1,
            "though the pipeline was gone already"
        );
        assert_eq!(world.faults.count(Op::Executions), 2, "one for each claim");
    });
}

#[test]
fn running_executions_are_stopped_first_where_the_rule_says_so() {
    run_story(async |world| {
        world.restart(vec![rule(|rule| rule.stop_on_close = true)]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        world.faults.clear();
        world.deliver(Webhook::pull_request("closed").sha(2)).await;
        let calls = world.faults.calls();
        assert_eq!(world.faults.count(Op::Stop), 2);
        let place = |op| calls.iter().position(|call| *call == op).unwrap();
        assert!(place(Op::Stop) < place(Op::Remove));
    });
}

fn repository(action: &str) -> Webhook {
    let payload = json!({"action": action, "repository": {
        "id": REPOSITORY.0, "full_name": REPOSITORY.1, "updated_at": null,
    }});
    Webhook::event("repository", payload)
}

#[test]
fn a_repository_that_is_deleted_takes_its_clones_along() {
    run_story(async |world| {
        for number in 1..=5 {
            world
                .deliver(Webhook::pull_request("opened").number(number))
                .await;
        }
        world
            .deliver(Webhook::pull_request("closed").number(5))
            .await;
        world
            .deliver(
                Webhook::pull_request("opened")
                    .of(2_003, "acme/other")
                    .number(9),
            )
            .await;
        world.expect_half_way("acme/other#9");
        world.take_dead_letters();
        assert_eq!(
            world.deliver(repository("deleted")).await,
            ["repository-removed: 4 subjects"]
        );
        assert!(world.pipelines().is_empty());
        let why = world.mapping("acme/api#1").absence();
        assert_eq!(why, Some(AbsenceReason::RepositoryDeleted));
        assert_eq!(
            world.mapping("acme/api#5").absence(),
            Some(AbsenceReason::Closed)
        );
        let history = world.history("acme/api#4");
        assert_eq!(history, ["created unseen>active", "deleted active>gone"]);
        assert_eq!(
            world.deliver(repository("deleted")).await,
            ["repository-removed: 0 subjects"]
        );
    });
}

#[test]
fn a_repository_with_hundreds_of_subjects_is_removed_in_steps() {
    run_daemon(async |world| {
        let subjects = 400;
        for number in 1..=subjects {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        world.settle().await;
        assert_eq!(world.pipelines().len(), 400);
        world.faults.slow_down(Duration::from_millis(200));
        let logs = CapturedLogs::start();
        world.send(&repository("deleted"));
        beside(world, quiet(world)).await;
        assert!(world.pipelines().is_empty());
        let steps = logs.journals();
        let longest = steps.iter().map(|step| step["processing_ms"].as_u64());
        let longest = longest.max().flatten().unwrap();
        assert!(longest < 75_000, "{longest} ms in {} steps", steps.len());
        assert!(steps.len() < 30, "{} receives of 100", steps.len());
        let outcomes: Vec<_> = steps.iter().map(|step| step["outcome"].as_str()).collect();
        let (last, others) = outcomes.split_last().unwrap();
        assert_eq!(*last, Some("repository-removed"));
        assert!(
            others
                .iter()
                .all(|outcome| *outcome == Some("repository-unfinished"))
        );
    });
}

#[test]
fn an_old_archiving_removes_nothing_that_is_newer() {
    run_story(async |world| {
        let archived = repository("archived").with("/repository/updated_at", START.to_string());
        world.clock.advance(std::time::Duration::from_secs(60));
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(archived).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        let now = world.clock_text();
        world
            .deliver(repository("archived").with("/repository/updated_at", now))
            .await;
        assert!(world.pipelines().is_empty());
        world
            .deliver(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        assert_eq!(world.pipelines(), ["api-pr-7"], "unarchived, and pushed to");
    });
}

#[test]
fn one_subject_that_fails_does_not_keep_the_others() {
    run_story(async |world| {
        for number in 1..=3 {
            world
                .deliver(Webhook::pull_request("opened").number(number))
                .await;
        }
        let refused = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::Remove, 1, refused);
        let said = world.deliver(repository("deleted")).await;
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("aws-denied"), "{said:?}");
        assert_eq!(said[1], "repository-removed: 1 subject");
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn a_renamed_repository_keeps_everything() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let renamed = repository("renamed")
            .with("/repository/full_name", "acme/new")
            .with("/repository/updated_at", world.clock_text());
        let outcomes = world.deliver(renamed).await;
        assert_eq!(outcomes, ["repository-renamed: 1 subject"]);
        let closed = Webhook::pull_request("closed").of(REPOSITORY.0, "acme/new");
        assert_eq!(world.deliver(closed).await, ["deleted"]);
    });
}

#[test]
fn a_head_that_the_closing_told_first_is_built_where_the_removal_failed() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        let refused = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Remove, 100, refused);
        world.deliver(Webhook::pull_request("closed").sha(3)).await;
        assert_eq!(world.take_dead_letters().len(), 1);
        world.clock.advance(Duration::from_secs(10));
        world
            .deliver(Webhook::pull_request("reopened").sha(3))
            .await;
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(3)]);
    });
}

/// Closes the pull request at `sha` where branchline can stop its executions and cannot delete its
/// pipeline.
async fn closed_without_deletion(world: &World, sha: u64) {
    let refused = Trouble::Fail(When::Before, Reason::AwsUnavailable);
    world.faults.next(Op::Remove, 100, refused);
    let closed = Webhook::pull_request("closed").sha(sha);
    world.deliver(closed).await;
    assert_eq!(world.take_dead_letters().len(), 1);
    world.faults.clear();
    world.clock.advance(Duration::from_secs(10));
}

/// Returns which executions of the only pipeline were stopped, oldest first.
fn stopped(world: &World) -> Vec<bool> {
    let pipelines = world.account.all();
    pipelines["api-pr-7"]
        .runs
        .iter()
        .map(|run| run.stopped)
        .collect()
}

#[test]
fn a_head_whose_execution_the_closing_stopped_is_built_again() {
    run_story(async |world| {
        world.restart(vec![rule(|rule| rule.stop_on_close = true)]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        closed_without_deletion(world, 2).await;
        assert_eq!(stopped(world), [true, true]);
        world
            .deliver(Webhook::pull_request("reopened").sha(2))
            .await;
        assert_eq!(stopped(world), [true, true, false]);
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(2)]);
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_second_closing_stops_what_started_after_the_first() {
    run_story(async |world| {
        world.restart(vec![rule(|rule| rule.stop_on_close = true)]);
        world.deliver(Webhook::pull_request("opened")).await;
        closed_without_deletion(world, 1).await;
        let unanswered = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Start, 100, unanswered);
        world
            .deliver(Webhook::pull_request("reopened").sha(1))
            .await;
        world.take_dead_letters();
        assert_eq!(stopped(world).last(), Some(&false));
        closed_without_deletion(world, 1).await;
        assert!(!stopped(world).contains(&false), "{:?}", stopped(world));
        world.deliver(Webhook::pull_request("closed").sha(1)).await;
    });
}
