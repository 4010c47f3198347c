//! What a pull request shows on GitHub, from its first webhook to its last.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, Store};

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{branch_rule, patterns, pipeline_name, pull_request_rule};
use crate::world::story::run_story;
use crate::world::webhook::{REPOSITORY, Webhook};
use serde_json::json;

/// The pipeline of pull request 7.
const NAME: &str = "api-pr-7";

fn reported() -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        ..pull_request_rule()
    }
}

fn with_statuses() -> Rule {
    Rule {
        report: Some(ReportForm::Status),
        ..pull_request_rule()
    }
}

fn execution(index: usize, state: &str) -> PipelineEvent {
    PipelineEvent::execution(NAME, &format!("{NAME}-{}", index + 1), state)
}

#[test]
fn a_pull_request_goes_from_running_to_green_with_two_posts() {
    for rule in [reported(), with_statuses()] {
        run_story(async |world| {
            world.restart(vec![rule.clone()]);
            world.handle(Webhook::pull_request("opened")).await;
            assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
            world.hear(execution(0, "STARTED")).await;
            world
                .hear(PipelineEvent::stage(
                    NAME,
                    "api-pr-7-1",
                    "Source",
                    "STARTED",
                ))
                .await;
            assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
            world.hear(execution(0, "SUCCEEDED")).await;
            assert!(
                world.page(1).starts_with("success: Succeeded in"),
                "{}",
                world.page(1)
            );
            let (created, updated) = world.github.posts();
            assert_eq!(created + updated, 2);
            world
                .handle(Webhook::pull_request("synchronize").before(1).sha(2))
                .await;
            world.hear(execution(1, "SUCCEEDED")).await;
            let (created, updated) = world.github.posts();
            assert_eq!(created + updated, 4);
            assert!(world.page(1).starts_with("success"));
            assert!(world.page(2).starts_with("success"));
        });
    }
}

#[test]
fn a_red_execution_says_what_failed_and_a_retry_runs_again() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world
            .hear(PipelineEvent::failed_action(
                NAME,
                "api-pr-7-1",
                "Build/Test",
            ))
            .await;
        world.hear(execution(0, "FAILED")).await;
        let red = "failure: Failed in Build/Test: Build terminated with state: FAILED";
        assert_eq!(world.page(1), red);
        // Late and repeated events change nothing.
        world.hear(execution(0, "STARTED")).await;
        world.hear(execution(0, "FAILED")).await;
        assert_eq!(world.page(1), red);
        world.hear(execution(0, "RESUMED").attempt(2)).await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        world.hear(execution(0, "SUCCEEDED").attempt(2)).await;
        assert!(world.page(1).starts_with("success"));
        assert!(world.github.abandoned_checks().is_empty());
    });
}

#[test]
fn a_pull_request_that_is_not_built_says_why() {
    let only_main = Rule {
        base: patterns(["main"]),
        drafts: false,
        ..reported()
    };
    let cases = [
        (
            Webhook::pull_request("opened").draft(),
            "skipped: Not built: it is a draft",
        ),
        (
            Webhook::pull_request("opened").fork(),
            "skipped: Not built: the head is in a fork",
        ),
        (
            Webhook::pull_request("opened").base("old"),
            "skipped: Not built: no rule",
        ),
        (
            Webhook::pull_request("opened").title("[skip ci] x"),
            "skipped: Not built: the commit",
        ),
    ];
    for (webhook, expected) in cases {
        run_story(async |world| {
            world.restart(vec![only_main.clone()]);
            world.handle(webhook).await;
            assert!(world.page(1).starts_with(expected), "{}", world.page(1));
            world.handle(Webhook::pull_request("closed")).await;
            assert!(
                world.page(1).starts_with(expected),
                "closing says nothing new"
            );
            assert_eq!(world.github.posts(), (1, 0));
        });
    }
}

#[test]
fn a_dead_letter_is_a_final_report_and_its_replay_another_one() {
    run_story(async |world| {
        let broken = Rule {
            template: pipeline_name("missing-template"),
            ..reported()
        };
        world.restart(vec![broken]);
        world.handle(Webhook::pull_request("opened")).await;
        assert!(
            world
                .page(1)
                .starts_with("error: Not built: the rule's template")
        );
        let letters = world.take_dead_letters();
        assert_eq!(letters.len(), 1);
        world.restart(vec![reported()]);
        let attributes: Vec<_> = letters[0].attributes.clone().into_iter().collect();
        let returned = attributes
            .into_iter()
            .filter(|(name, _)| name.starts_with("X-"));
        let returned: Vec<_> = returned.collect();
        world.queue.deliver(&letters[0].body, &returned).unwrap();
        world.settle().await;
        world.tell().await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        assert!(world.github.abandoned_checks().is_empty());
    });
}

#[test]
fn a_pull_request_that_waits_for_a_slot_says_so() {
    run_story(async |world| {
        let limited = Rule {
            max_active: Some(1),
            ..reported()
        };
        world.restart(vec![limited]);
        let counted = world.store.count_slots("pull requests", &[]).await;
        counted.expect("a table that answers");
        world.handle(Webhook::pull_request("opened")).await;
        world.send(&Webhook::pull_request("opened").number(8).head("y").sha(8));
        world.work_once().await;
        world.send(&Webhook::pull_request("opened").number(9).head("z").sha(9));
        world.work_once().await;
        world.tell().await;
        for (number, place) in [(8, "next in line"), (9, "1 ahead")] {
            let expected = format!("queued: Waiting: {place}, all pipelines");
            assert!(
                world.page(number).starts_with(&expected),
                "{}",
                world.page(number)
            );
        }
        world.handle(Webhook::pull_request("closed")).await;
        assert_eq!(world.page(8), "in-progress: Running in CodePipeline");
        // Its message is not tried any more, and it keeps its turn.
        assert_eq!(world.take_dead_letters().len(), 1);
        world
            .handle(Webhook::pull_request("closed").number(8).head("y").sha(8))
            .await;
        assert_eq!(world.page(9), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn an_older_head_is_cancelled_and_a_newer_one_never_is() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.hear(execution(0, "STARTED")).await;
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world.hear(execution(1, "STARTED")).await;
        world.hear(execution(0, "SUPERSEDED")).await;
        assert_eq!(world.page(1), "cancelled: A newer execution took its place");
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
        world.handle(Webhook::pull_request("closed").sha(2)).await;
        assert!(
            world
                .page(2)
                .starts_with("cancelled: The pull request was closed")
        );
    });
}

#[test]
fn a_pull_request_that_is_opened_again_runs_again() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.hear(execution(0, "SUCCEEDED")).await;
        world.handle(Webhook::pull_request("closed")).await;
        assert!(world.page(1).starts_with("success"), "the result stays");
        world.handle(Webhook::pull_request("reopened")).await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn a_github_that_is_down_loses_no_report_and_delays_no_pipeline() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.github.goes(Some(GitHubFaultKind::Unavailable));
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), [NAME]);
        world.hear(execution(0, "STARTED")).await;
        for _ in 0..30 {
            world.clock.advance(Duration::from_secs(120));
            world.tell().await;
        }
        world.hear(execution(0, "SUCCEEDED")).await;
        assert_eq!(world.page(1), "");
        world.github.goes(None);
        world.clock.advance(Duration::from_secs(601));
        world.tell().await;
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        assert_eq!(world.github.posts(), (1, 0), "only the last state is shown");
    });
}

#[test]
fn a_check_run_whose_creation_was_not_confirmed_is_found_again() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Report, 1, lost);
        world.handle(Webhook::pull_request("opened")).await;
        world.clock.advance(Duration::from_secs(60));
        world.tell().await;
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        assert_eq!(world.github.posts(), (1, 1));
    });
}

#[test]
fn a_report_that_github_refuses_is_not_sent_again() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.github.goes(Some(GitHubFaultKind::Refused));
        world.handle(Webhook::pull_request("opened")).await;
        world.github.goes(None);
        world.clock.advance(Duration::from_secs(100_000));
        world.tell().await;
        assert_eq!(world.page(1), "");
        // What follows may be shown.
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn an_execution_of_which_nothing_is_heard_is_looked_up() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world.account.remove(NAME);
        world.clock.advance(Duration::from_secs(901));
        world.reporter("w2").find_missed(world.clock.now()).await;
        world.tell().await;
        assert!(
            world
                .page(2)
                .starts_with("cancelled: The pipeline was deleted in AWS")
        );
        world.handle(Webhook::pull_request("closed").sha(2)).await;
    });
}

#[test]
fn a_branch_is_reported_on_its_commit() {
    run_story(async |world| {
        let branches = Rule {
            report: Some(ReportForm::Check),
            context: "branchline/branches".into(),
            ..branch_rule()
        };
        world.restart(vec![branches]);
        world.handle(Webhook::push("x", 0, 1)).await;
        world
            .hear(PipelineEvent::execution("api-x", "api-x-1", "SUCCEEDED"))
            .await;
        assert!(world.page(1).starts_with("success"));
    });
}

#[test]
fn a_subject_that_ends_while_it_is_built_is_cancelled() {
    let removed = || {
        let repository = json!({"id": REPOSITORY.0, "full_name": REPOSITORY.1});
        Webhook::event(
            "repository",
            json!({"action": "deleted", "repository": repository}),
        )
    };
    let branches = Rule {
        report: Some(ReportForm::Check),
        ..branch_rule()
    };
    let cases: [(Webhook, Webhook); 5] = [
        (Webhook::push("x", 0, 1), Webhook::push("x", 1, 0)),
        (Webhook::push("x", 0, 1), Webhook::delete("x")),
        (Webhook::push("x", 0, 1), removed()),
        (Webhook::pull_request("opened"), removed()),
        (
            Webhook::pull_request("opened"),
            Webhook::pull_request("closed"),
        ),
    ];
    for (begun, ended) in cases {
        run_story(async |world| {
            world.restart(vec![reported(), branches.clone()]);
            world.handle(begun).await;
            assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
            let case = ended.kind();
            world.handle(ended).await;
            let shown = world.page(1);
            assert!(shown.starts_with("cancelled"), "{case}: {shown}");
        });
    }
}

#[test]
fn events_of_other_pipelines_and_unknown_executions_are_ignored() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        let spent = world.faults.spent();
        world.send_event(&PipelineEvent::execution("payments", "e-1", "FAILED"));
        world.settle().await;
        assert_eq!(world.faults.spent() - spent, 1, "one read");
        world.hear(execution(0, "SUCCEEDED")).await;
        world
            .handle(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        world
            .hear(PipelineEvent::execution(NAME, "by-hand", "FAILED"))
            .await;
        assert_eq!(world.page(2), "in-progress: Running in CodePipeline");
    });
}

#[test]
fn without_reports_nothing_is_recorded() {
    run_story(async |world| {
        world.handle(Webhook::pull_request("opened")).await;
        world.handle(Webhook::pull_request("closed")).await;
        assert_eq!(world.github.posts(), (0, 0));
        assert!(world.store.all_commits().is_empty());
    });
}
