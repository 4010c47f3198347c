//! Creations and deletions that were cut off before the mapping was settled.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use super::made_again::with_suffix;
use super::{GONE, RETIRING, STACK, SUBJECT};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, deploying_template, preview_rule, stacks_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

pub(super) const UNAVAILABLE: Trouble = Trouble::Fail(When::Before, Reason::AwsUnavailable);
/// The call takes effect, and its answer is lost.
pub(super) const LOST: Trouble = Trouble::Fail(When::After, Reason::AwsUnavailable);

impl World {
    /// Opens pull request 7 under this rule. The answer of CreatePipeline is lost, and the message
    /// as well.
    async fn cut_off_opening(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
        self.faults.next(Op::Create, 1, LOST);
        self.send(&Webhook::pull_request("opened"));
        self.work_once().await;
        self.queue.purge();
        assert_eq!(self.mappings(), ["acme/api#7 creating api-pr-7"]);
        self.clock.advance(Duration::from_mins(5));
    }

    /// Closes the pull request. The daemon ends after it has claimed the deletion, and before it
    /// changes anything.
    pub(super) async fn close_and_cut_off(&self) {
        self.close_with(&[Op::Update, Op::Remove], UNAVAILABLE)
            .await;
    }

    /// Opens the pull request again, after others have made its stack.
    async fn reopen_when_taken(&self) {
        self.open_preview(preview_rule()).await;
        self.close_and_cut_off().await;
        self.make_again(STACK);
        self.clock.advance(Duration::from_mins(5));
        self.reopen().await;
        assert_eq!(self.dead_letter_reasons(), ["stack-not-ours"]);
    }

    /// Closes the pull request. The daemon ends at the first of these calls, which meets trouble.
    pub(super) async fn close_with(&self, calls: &[Op], trouble: Trouble) {
        for call in calls {
            self.faults.next(*call, 1, trouble);
        }
        self.send(&Webhook::pull_request("closed").at(self.clock.now()));
        self.work_once().await;
        self.queue.purge();
        assert_eq!(self.mappings(), ["acme/api#7 deleting api-pr-7"]);
        self.faults.clear();
    }
}

#[test]
fn what_a_cut_off_creation_runs_is_stopped_and_its_stack_is_deleted() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.cut_off_opening(rule).await;
            assert_eq!(world.close().await, ["teardown-started"]);
            assert_eq!(world.mappings(), RETIRING);
            assert!(world.mapping(SUBJECT).pipeline_arn().is_some());
            assert_eq!(world.faults.count(Op::Stop), 1);
            world.go_on().await;
            assert_eq!(world.mappings(), GONE);
            assert_eq!(world.stack_names(), [""; 0]);
        });
    }
}

#[test]
fn a_stack_that_a_cut_off_creation_deploys_after_a_teardown_is_deleted() {
    run_story(async |world| {
        world.cut_off_opening(stacks_rule()).await;
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
        world.close().await;
        world.reopen().await;
        world.faults.next(Op::Create, 1, LOST);
        let starting = ["acme/api#7 starting api-pr-7"];
        for _ in 0..4 {
            if world.mappings() != starting {
                world.look_after_teardowns().await;
            }
        }
        assert_eq!(world.mappings(), starting);
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
        world.close().await;
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
    });
}

#[test]
fn a_stack_of_others_that_is_made_after_a_cut_off_deletion_is_left_alone() {
    for rule in [preview_rule(), stacks_rule()] {
        for runs in [false, true] {
            let rule = rule.clone();
            run_story(async move |world| {
                world.open_preview(rule).await;
                if runs {
                    world.push_second().await;
                }
                world.close_and_cut_off().await;
                world.make_again(STACK);
                world.clock.advance(Duration::from_mins(5));
                world.close_and_look().await;
            });
        }
    }
}

#[test]
fn it_is_not_deployed_over_if_the_pull_request_is_open_again() {
    run_story(async |world| {
        world.reopen_when_taken().await;
        world.close_and_look().await;
    });
}

#[test]
fn another_suffix_lets_it_be_and_gives_the_pull_request_its_environment() {
    run_story(async |world| {
        world.reopen_when_taken().await;
        world.restart(vec![with_suffix("-preview-{number}")]);
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        world.build().await;
        assert_eq!(world.stack_names(), [STACK, "api-preview-7"]);
        world.close_and_look().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn what_a_person_starts_after_a_cut_off_deletion_is_stopped() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.close_and_cut_off().await;
        world.account.release("api-pr-7");
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(world.faults.count(Op::Stop), 0);
        world.close().await;
        assert_eq!(world.faults.count(Op::Stop), 1);
        world.close_and_look().await;
    });
}

#[test]
fn a_stack_that_a_person_lets_the_clone_deploy_after_a_cut_off_deletion_is_deleted() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.open_preview(rule).await;
            world.close_and_cut_off().await;
            world.account.remove_stack(STACK);
            world.account.release("api-pr-7");
            world.build().await;
            assert_eq!(world.stack_names(), [STACK]);
            world.clock.advance(Duration::from_mins(5));
            world.close_and_look().await;
            assert_eq!(world.stack_names(), [""; 0]);
        });
    }
}
