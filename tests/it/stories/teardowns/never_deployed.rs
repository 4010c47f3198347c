//! Stacks that a clone has not deployed before its teardown began, so that the mapping has only
//! their names.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::rules::rule::Rule;

use super::{GONE, RETIRING, STACK};
use crate::world::rules::{TEMPLATE, deploying_template, preview_rule, stacks_rule};
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

    /// Lets others make the stack, which has to stay.
    fn make(&self) {
        self.account.give_stack(STACK);
        self.expect_stack(STACK);
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
            world.make();
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
            world.make();
            world.clock.advance(Duration::from_mins(5));
            world.close_and_look().await;
            assert_eq!(world.stack_names(), [STACK]);
        });
    }
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
