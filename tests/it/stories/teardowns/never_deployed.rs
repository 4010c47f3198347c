//! Stacks that a clone has not deployed before its teardown began, so that the mapping has only
//! their names.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;

use super::cut_off::{LOST, UNAVAILABLE};
use super::others::SECOND;
use super::{GONE, RETIRING, STACK};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{
    TEMPLATE, deploying_template, preview_rule, stacks_rule, template_of_two_stacks,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

impl World {
    /// Opens pull request 7 under this rule. Its execution is running, and has deployed nothing
    /// yet.
    async fn open_undeployed(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
        self.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(self.stack_names(), [""; 0]);
    }

    /// Lets the execution fail before it deploys anything.
    async fn run_to_failure(&self) {
        self.account.fail("api-pr-7", "Build");
        self.hear(PipelineEvent::execution("api-pr-7", "api-pr-7-1", "FAILED"))
            .await;
    }

    /// Lets others make a stack, which has to stay.
    fn make(&self, stack: &str) {
        self.account.give_stack(stack);
        self.expect_stack(stack);
    }
}

#[test]
fn one_that_others_make_while_a_teardown_fails_is_left_alone() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.open_undeployed(rule).await;
            world.account.refuse_deletion(STACK, 1);
            world.close().await;
            assert_eq!(world.mappings(), RETIRING);
            world.clock.advance(Duration::from_mins(5));
            world.make(STACK);
            world.go_on().await;
            assert_eq!(world.mappings(), GONE);
            assert_eq!(world.stack_names(), [STACK]);
        });
    }
}

#[test]
fn one_that_others_make_after_a_cut_off_deletion_is_left_alone() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.open_undeployed(rule).await;
            world.close_and_cut_off().await;
            world.clock.advance(Duration::from_mins(5));
            world.make(STACK);
            world.clock.advance(Duration::from_mins(5));
            world.close_and_look().await;
            assert_eq!(world.stack_names(), [STACK]);
        });
    }
}

#[test]
fn one_that_others_make_after_a_deletion_that_was_refused_is_left_alone() {
    run_story(async |world| {
        let template = template_of_two_stacks(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, stacks_rule()).await;
        assert_eq!(world.stack_names(), [STACK, SECOND]);
        world.account.remove_stack(SECOND);
        let refused = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::DeleteStack, 1, refused);
        world.close().await;
        assert_eq!(world.failures(), 1);
        world.clock.advance(Duration::from_mins(5));
        world.make(SECOND);
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [SECOND]);
    });
}

/// The pipeline is the one that deletes the stack already, or still the clone.
#[test]
fn one_that_others_make_after_a_cut_off_deletion_is_not_deployed_over() {
    for cut_off in [Op::Update, Op::Start] {
        run_story(async move |world| {
            world.open_undeployed(preview_rule()).await;
            world.close_with(&[cut_off], UNAVAILABLE).await;
            world.clock.advance(Duration::from_mins(5));
            world.make(STACK);
            world.reopen().await;
            assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
            world.push_second().await;
            assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
            world.close_and_look().await;
            assert_eq!(world.stack_names(), [STACK]);
        });
    }
}

/// The daemon ends after it has started the teardown, which fails later.
#[test]
fn one_that_others_make_during_a_teardown_that_was_not_settled_is_left_alone() {
    run_story(async |world| {
        world.open_undeployed(preview_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close_with(&[Op::Start], LOST).await;
        world.clock.advance(Duration::from_mins(5));
        world.make(STACK);
        world.run_unheard();
        world.clock.advance(Duration::from_mins(1));
        world.close_and_look().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

/// The next worker does not find the pipeline any more.
#[test]
fn one_that_others_make_after_its_pipeline_was_deleted_is_left_alone() {
    run_story(async |world| {
        world.open_undeployed(stacks_rule()).await;
        world.run_to_failure().await;
        world.close_with(&[Op::Remove], LOST).await;
        assert_eq!(world.pipelines(), [""; 0]);
        // No execution has run since the closing, and the claim of the first worker has not ended.
        world.clock.advance(Duration::from_secs(130));
        world.make(STACK);
        world.clock.advance(Duration::from_mins(5));
        world.close_and_look().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

/// The pull request is open again, so its pipeline is deleted and made again.
#[test]
fn one_that_others_make_before_its_pipeline_is_made_again_is_left_alone() {
    run_story(async |world| {
        world.open_undeployed(stacks_rule()).await;
        world.close_and_cut_off().await;
        world.reopen().await;
        assert_eq!(world.mappings(), RETIRING);
        world.clock.advance(Duration::from_mins(5));
        world.make(STACK);
        world.look_after_teardowns().await;
        assert!(
            world.last_error().starts_with("stack-not-ours"),
            "{}",
            world.last_error()
        );
        world.close_and_look().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn one_that_a_stopped_execution_creates_late_is_deleted() {
    run_story(async |world| {
        world.open_undeployed(stacks_rule()).await;
        world.close().await;
        world.clock.advance(Duration::from_secs(30));
        world.account.give_stack(STACK);
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
    });
}
