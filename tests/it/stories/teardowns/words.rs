//! What people read about an environment that is removed, or was left behind.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::domain::state::desired::AbsenceReason;
use branchline::inspect::evidence::Evidence;
use branchline::inspect::why::Why;
use branchline::ports::{Clock, Store};

use super::{ACTIVE, GONE, RETIRING, STACK, SUBJECT, idle_rule};
use crate::stories::jobs::abandon_creation;
use crate::world::fault_injection::When;
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{TEMPLATE, deploying_template, preview_rule, reported, stacks_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

impl World {
    /// Asks why the subject has no pipeline, and returns the answer and what to do.
    fn why(&self) -> (String, Vec<String>) {
        let mapping = self.mapping(SUBJECT);
        let subject = (mapping.repository.clone(), mapping.subject.kind.clone());
        let evidence = Evidence {
            subject: Some(subject),
            mapping: Some(mapping),
            unknown: vec!["daemons: not asked".to_owned()],
            ..Evidence::default()
        };
        let why = Why::new(
            evidence,
            &Rules::new(vec![preview_rule()]),
            self.clock.now(),
        );
        (why.answer, why.what_to_do)
    }

    /// Tells GitHub what no worker has told it.
    async fn show_missed(&self) {
        self.clock.advance(Duration::from_mins(3));
        let reporter = self.reporter("w2");
        reporter.find_missed(self.clock.now()).await;
        self.tell().await;
    }
}

#[test]
fn the_answer_says_what_is_deleted_first() {
    for (rule, expected) in [
        (
            preview_rule(),
            "wait: its pipeline removes it, and is deleted after that",
        ),
        (
            stacks_rule(),
            "wait: its pipeline is deleted first, and then its stacks, one after the other",
        ),
    ] {
        run_story(async |world| {
            world.open_preview(rule).await;
            world.close().await;
            assert_eq!(world.mappings(), RETIRING);
            assert_eq!(world.why().1, [expected]);
            world.reopen().await;
            let again = "wait: then it gets its pipeline again";
            assert_eq!(world.why().1, [again]);
            world.build().await;
            world.look_after_teardowns().await;
            world.build().await;
            assert_eq!(world.mappings(), ACTIVE);
        });
    }
}

#[test]
fn the_answer_names_what_a_forgotten_subject_left_and_how_it_begins_anew() {
    run_story(async |world| {
        world.forget_stack().await;
        assert_eq!(world.mappings(), GONE);
        let (answer, steps) = world.why();
        assert_eq!(
            answer,
            "an operator forgot the mapping of acme/api#7, which could not settle; what may be left of it is stack api-pr-7 in eu-west-1"
        );
        let expected = [
            "to begin anew, reopen the pull request",
            "`branchline audit --only stack-left` says which stacks are still there, and how to delete them: as long as one is, the subject gets no pipeline",
        ];
        assert_eq!(steps, expected);
        // As it says.
        world.account.remove_stack(STACK);
        assert_eq!(world.reopen().await, ["created"]);
        world.build().await;
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pull_request_that_is_reopened_during_the_removal_shows_that_it_waits() {
    run_story(async |world| {
        world.open_preview(idle_rule()).await;
        let about = async |action: &str| {
            let webhook = Webhook::pull_request(action).sha(2);
            world.handle(webhook.at(world.clock.now())).await;
            world.work_and_tell().await;
            world.github.check(&commit(2)).1.title
        };
        assert_eq!(
            about("closed").await,
            "The pull request was closed, so it has no pipeline"
        );
        assert_eq!(
            about("reopened").await,
            "Waiting: an earlier change is still being made"
        );
        assert_eq!(world.mappings(), RETIRING);
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        let title = world.github.check(&commit(2)).1.title;
        assert!(title.starts_with("Succeeded in"), "{title}");
    });
}

#[test]
fn a_pull_request_that_is_reopened_and_has_no_rule_any_more_gets_no_pipeline() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.close().await;
        world.reopen().await;
        world.restart(Vec::new());
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        let absence = world.mapping(SUBJECT).absence();
        assert_eq!(absence, Some(AbsenceReason::NoRule));
        assert_eq!(world.stack_names(), [""; 0]);
    });
}

#[test]
fn the_removal_of_an_environment_is_announced_with_that_of_its_pipeline() {
    run_story(async |world| {
        world.open_preview(idle_rule()).await;
        world.wait(Duration::from_hours(25)).await;
        let summary = world.github.check(&commit(1)).1.summary;
        let announced = "The pipeline and its environment are removed after 2026-";
        assert!(summary.contains(announced), "{summary}");
        assert!(
            summary.contains("a re-run of the check keeps them."),
            "{summary}"
        );
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
    });
}

/// What a commit shows whose stack belongs to others.
const REFUSED: &str = "error: Not built: a stack of its name exists. An operator has to change stack_suffix in the rule, or delete the stack if nobody needs it";

#[test]
fn a_reopened_pull_request_that_gets_no_pipeline_shows_why() {
    run_story(async |world| {
        world.open_preview(reported(preview_rule())).await;
        world.close().await;
        world.build().await;
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        world.account.give_stack(STACK);
        let at_once = |action| Webhook::pull_request(action).at(world.clock.now());
        world.handle(at_once("reopened")).await;
        assert_eq!(world.page(1), REFUSED);
        world.handle(at_once("closed")).await;
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        world.take_dead_letters();
        world.expect_stack(STACK);
    });
}

#[test]
fn a_pull_request_that_is_refused_after_its_teardown_shows_why() {
    for is_heard in [true, false] {
        run_story(async move |world| {
            world.open_preview(reported(preview_rule())).await;
            world.close().await;
            let reopened = Webhook::pull_request("reopened").at(world.clock.now());
            world.handle(reopened).await;
            assert!(world.page(1).starts_with("queued"), "{}", world.page(1));
            world.run_unheard();
            world.account.give_stack(STACK);
            world.expect_stack(STACK);
            if is_heard {
                let ended = PipelineEvent::execution("api-pr-7", "api-pr-7-2", "SUCCEEDED");
                world.hear(ended).await;
                assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
            } else {
                world.look_after_teardowns().await;
                world.show_missed().await;
            }
            assert_eq!(world.page(1), REFUSED);
            world.close().await;
        });
    }
}

#[test]
fn a_pull_request_that_a_job_is_refused_a_pipeline_for_shows_why() {
    run_story(async |world| {
        let template = deploying_template(TEMPLATE, REPOSITORY.1);
        world.add_pipeline(template, Tags::new());
        world.restart(vec![reported(preview_rule())]);
        abandon_creation(world, 7, When::Before).await;
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        world.look_after_teardowns().await;
        world.show_missed().await;
        assert_eq!(world.page(1), REFUSED);
        world.close().await;
    });
}

#[test]
fn a_pull_request_that_is_refused_when_it_is_its_turn_shows_why() {
    run_story(async |world| {
        let limited = Rule {
            max_active: Some(1),
            ..reported(preview_rule())
        };
        // The daemon counts at its start.
        let counted = world.store.count_slots("pull requests", &[]).await;
        assert_eq!(counted, Ok(()));
        world.open_preview(limited).await;
        let second = || Webhook::pull_request("opened").number(8).sha(2);
        world.send(&second().at(world.clock.now()));
        world.work_once().await;
        world.tell().await;
        assert!(world.page(2).starts_with("queued"), "{}", world.page(2));
        world.account.give_stack("api-pr-8");
        world.close().await;
        world.build().await;
        assert_eq!(world.page(2), REFUSED);
        world.take_dead_letters();
        let closed = Webhook::pull_request("closed").number(8).sha(2);
        world.deliver(closed.at(world.clock.now())).await;
        world.expect_stack("api-pr-8");
    });
}
