//! The comment of a pull request, from its first webhook to its last.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::report::target::CommentPolicy;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{branch_rule, pipeline_name, pull_request_rule};
use crate::world::samples::pull;
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// The pipeline of pull request 7.
const NAME: &str = "api-pr-7";

fn commented(comment: CommentPolicy) -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        comment,
        ..pull_request_rule()
    }
}

/// Lets CodePipeline report on an execution, and tells GitHub.
async fn hear(world: &World, index: usize, state: &str) {
    let execution = format!("{NAME}-{}", index + 1);
    world
        .hear(PipelineEvent::execution(NAME, &execution, state))
        .await;
}

fn pushed(before: u64, sha: u64) -> Webhook {
    Webhook::pull_request("synchronize").before(before).sha(sha)
}

/// Returns the comments of pull request 7.
fn comments(world: &World) -> Vec<String> {
    world.github.comments(REPOSITORY.0, 7)
}

/// Returns the first line of its only comment; nothing if it has none.
fn line(world: &World) -> String {
    let comments = comments(world);
    assert!(comments.len() <= 1, "{comments:?}");
    let text = comments.first().map(String::as_str).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Asserts that nothing is left to be sent.
fn nothing_is_unsent(world: &World) {
    let record = world.store.comment_record(&pull(7));
    assert!(record.is_none_or(|record| !record.is_unsent && record.sender.is_none()));
}

/// A status does not have the stages, and a comment does.
#[test]
fn a_stage_that_is_heard_after_the_end_is_in_the_comment() {
    for form in [ReportForm::Status, ReportForm::Check] {
        run_story(async move |world| {
            world.restart(vec![Rule {
                report: Some(form),
                ..commented(CommentPolicy::Always)
            }]);
            world.handle(Webhook::pull_request("opened")).await;
            hear(world, 0, "SUCCEEDED").await;
            let of_source = |world: &World| comments(world)[0].contains("Source");
            assert!(!of_source(world), "{:?}", comments(world));
            let event = PipelineEvent::stage(NAME, "api-pr-7-1", "Source", "SUCCEEDED");
            world.hear(event).await;
            assert!(of_source(world), "{form:?}: {:?}", comments(world));
            nothing_is_unsent(world);
        });
    }
}

#[test]
fn a_comment_is_created_once_and_edited_until_the_pipeline_is_removed() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Always)]);
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(line(world), "**Running in CodePipeline**");
        hear(world, 0, "STARTED").await;
        hear(world, 0, "SUCCEEDED").await;
        assert!(line(world).starts_with("**Succeeded in"), "{}", line(world));
        world.handle(pushed(1, 2)).await;
        assert_eq!(line(world), "**Running in CodePipeline**");
        hear(world, 1, "FAILED").await;
        assert_eq!(line(world), "**Failed**");
        assert_eq!(world.github.comment_counts(), (1, 3));
        world.handle(Webhook::pull_request("closed").sha(2)).await;
        assert!(comments(world)[0].contains("\nThe pull request was closed, so its pipeline"));
        assert_eq!(world.github.comment_counts(), (1, 4));
        hear(world, 1, "SUCCEEDED").await;
        assert_eq!(world.github.comment_counts(), (1, 4), "nothing later");
        world.handle(Webhook::pull_request("reopened").sha(2)).await;
        assert_eq!(line(world), "**Running in CodePipeline**");
        nothing_is_unsent(world);
    });
}

#[test]
fn a_comment_for_failures_begins_with_the_first_and_ends_with_a_success() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Failures)]);
        world.handle(Webhook::pull_request("opened")).await;
        hear(world, 0, "SUCCEEDED").await;
        assert_eq!(world.github.comment_counts(), (0, 0));
        world.handle(pushed(1, 2)).await;
        hear(world, 1, "FAILED").await;
        assert_eq!(line(world), "**Failed**");
        world.handle(pushed(2, 3)).await;
        assert_eq!(line(world), "**Running in CodePipeline**");
        hear(world, 2, "SUCCEEDED").await;
        assert!(line(world).starts_with("**Succeeded in"));
        let edits = world.github.comment_counts();
        world.handle(pushed(3, 4)).await;
        hear(world, 3, "SUCCEEDED").await;
        assert_eq!(world.github.comment_counts(), edits, "green is no news");
        nothing_is_unsent(world);
    });
}

#[test]
fn only_the_newest_head_has_the_comment() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Failures)]);
        world.handle(Webhook::pull_request("opened")).await;
        hear(world, 0, "STARTED").await;
        world.handle(pushed(1, 2)).await;
        hear(world, 0, "FAILED").await;
        assert_eq!(line(world), "", "an older commit failed");
        hear(world, 1, "FAILED").await;
        assert_eq!(line(world), "**Failed**");
        // The branch goes back to its first commit, which is built again.
        world.handle(pushed(2, 1)).await;
        assert_eq!(line(world), "**Running in CodePipeline**");
    });
}

#[test]
fn a_message_that_never_reached_the_mapping_has_the_comment_of_its_commit() {
    run_story(async |world| {
        let broken = Rule {
            template: pipeline_name(NAME),
            ..commented(CommentPolicy::Always)
        };
        world.restart(vec![commented(CommentPolicy::Always)]);
        world.handle(Webhook::pull_request("opened")).await;
        world.restart(vec![broken]);
        world.clock.advance(Duration::from_secs(60));
        world.handle(pushed(1, 2).at(world.clock.now())).await;
        assert!(line(world).starts_with("**Not built: "), "{}", line(world));
        // The commit before it goes on, and is not the head any more.
        hear(world, 0, "SUCCEEDED").await;
        assert!(line(world).starts_with("**Not built: "), "{}", line(world));
        world.take_dead_letters();
    });
}

#[test]
fn a_comment_that_was_deleted_is_created_again_once() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Always)]);
        world.handle(Webhook::pull_request("opened")).await;
        world.github.delete_comments();
        hear(world, 0, "SUCCEEDED").await;
        assert!(line(world).starts_with("**Succeeded"));
        assert_eq!(world.github.comment_counts(), (2, 0));
    });
}

#[test]
fn a_comment_whose_answer_was_lost_is_found_again() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Always)]);
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::WriteComment, 1, lost);
        world.handle(Webhook::pull_request("opened")).await;
        world.clock.advance(Duration::from_secs(60));
        world.tell().await;
        assert_eq!(line(world), "**Running in CodePipeline**");
        assert_eq!(world.github.comment_counts(), (1, 1));
        nothing_is_unsent(world);
    });
}

/// A daemon is killed at every call that it makes for a report and a comment; another one goes on.
#[test]
fn a_daemon_that_is_killed_leaves_one_comment_that_the_next_one_completes() {
    for number in 1..=14 {
        for when in [When::Before, When::After] {
            run_story(async |world| {
                world.restart(vec![commented(CommentPolicy::Always)]);
                world.deliver(Webhook::pull_request("opened")).await;
                world.faults.at_call(number, Trouble::Hang(when));
                let reporter = world.reporter("w1");
                tokio::select! {
                    () = reporter.drain() => {}
                    () = world.faults.hangs() => {}
                }
                world.restart(vec![commented(CommentPolicy::Always)]);
                for _ in 0..4 {
                    world.clock.advance(Duration::from_secs(121));
                    world.tell().await;
                }
                assert_eq!(
                    line(world),
                    "**Running in CodePipeline**",
                    "{number} {when:?}"
                );
                assert_eq!(world.github.comment_counts().0, 1, "{number} {when:?}");
                nothing_is_unsent(world);
            });
        }
    }
}

#[test]
fn two_daemons_with_two_heads_leave_one_comment_about_the_newer() {
    for second in 0..40 {
        run_story(async |world| {
            world.restart(vec![commented(CommentPolicy::Always)]);
            world.deliver(Webhook::pull_request("opened")).await;
            let (first, other) = (world.reporter("w1"), world.other_reporter("w2"));
            let push = async {
                for _ in 0..second {
                    tokio::task::yield_now().await;
                }
                world.deliver(pushed(1, 2)).await;
                other
                    .find_missed(world.clock.now().plus(Duration::from_secs(600)))
                    .await;
                other.drain().await;
            };
            tokio::join!(first.drain(), push);
            for _ in 0..4 {
                world.clock.advance(Duration::from_secs(121));
                world.tell().await;
            }
            assert_eq!(world.github.comment_counts().0, 1);
            let two = crate::world::webhook::commit(2);
            assert!(comments(world)[0].contains(&two), "{:?}", comments(world));
            nothing_is_unsent(world);
        });
    }
}

#[test]
fn a_comment_that_fails_fails_and_delays_no_report() {
    for kind in GitHubFaultKind::ALL {
        run_story(async |world| {
            world.restart(vec![commented(CommentPolicy::Always)]);
            world.github.refuses(Op::WriteComment, Some(kind));
            world.handle(Webhook::pull_request("opened")).await;
            hear(world, 0, "SUCCEEDED").await;
            let page = world.github.page(&crate::world::webhook::commit(1));
            assert!(page[0].starts_with("success"), "{page:?}");
            assert_eq!(world.github.comment_counts(), (0, 0));
            world.github.refuses(Op::WriteComment, None);
            world.clock.advance(Duration::from_secs(3_601));
            world.tell().await;
            let is_back = kind != GitHubFaultKind::Refused;
            assert_eq!(line(world).starts_with("**Succeeded"), is_back, "{kind:?}");
            world.handle(pushed(1, 2)).await;
            assert_eq!(line(world), "**Running in CodePipeline**", "a new attempt");
            nothing_is_unsent(world);
        });
    }
}

#[test]
fn a_report_that_fails_delays_no_comment() {
    run_story(async |world| {
        world.restart(vec![commented(CommentPolicy::Always)]);
        world
            .github
            .refuses(Op::Report, Some(GitHubFaultKind::Denied));
        world.handle(Webhook::pull_request("opened")).await;
        hear(world, 0, "SUCCEEDED").await;
        assert!(line(world).starts_with("**Succeeded"), "{}", line(world));
        world.github.refuses(Op::Report, None);
    });
}

#[test]
fn branches_and_rules_without_comments_have_none_and_cost_nothing() {
    run_story(async |world| {
        let branches = Rule {
            report: Some(ReportForm::Check),
            context: "branchline/branches".into(),
            comment: CommentPolicy::Always,
            ..branch_rule()
        };
        world.restart(vec![branches, commented(CommentPolicy::Never)]);
        world.handle(Webhook::push("x", 0, 1)).await;
        world.handle(Webhook::pull_request("opened").sha(2)).await;
        assert_eq!(world.github.comment_counts(), (0, 0));
        assert_eq!(world.faults.count(Op::Comment), 0);
    });
}

/// Counts the reads of the record of the comment, its writes, and the calls to GitHub for a push
/// that ends green: nothing is written where only failures are commented.
#[test]
fn the_cost_of_comments_is_three_writes_an_edit() {
    let push = async |world: &World| {
        world.faults.clear();
        world.handle(pushed(1, 2)).await;
        hear(world, 1, "STARTED").await;
        hear(world, 1, "SUCCEEDED").await;
        let ops = [Op::Comment, Op::ReplaceComment, Op::WriteComment];
        ops.map(|op| world.faults.count(op))
    };
    for (policy, expected) in [
        (CommentPolicy::Never, [0, 0, 0]),
        (CommentPolicy::Failures, [3, 0, 0]),
        (CommentPolicy::Always, [5, 6, 2]),
    ] {
        run_story(async |world| {
            world.restart(vec![commented(policy)]);
            world.handle(Webhook::pull_request("opened")).await;
            hear(world, 0, "SUCCEEDED").await;
            assert_eq!(push(world).await, expected, "{policy:?}");
        });
    }
}

#[test]
fn a_refused_message_is_commented_with_its_reason() {
    run_story(async |world| {
        let broken = Rule {
            template: pipeline_name(NAME),
            ..commented(CommentPolicy::Failures)
        };
        world.restart(vec![broken]);
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(
            line(world),
            "**Not built: the pipeline would have a template's name. An operator has to change pipeline\\_name**"
        );
        world.take_dead_letters();
    });
}
