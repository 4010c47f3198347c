//! Subjects whose stacks the daemon deletes itself.

use std::time::Duration;

use branchline::domain::clone::overrides::TeardownPolicy;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::ports::Clock;

use super::{ACTIVE, GONE, RETIRING, STACK, SUBJECT, TORN_DOWN};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEMPLATE, deploying_template, preview_rule, stacks_rule, template_of_two_stacks,
};
use crate::world::story::run_story;
use crate::world::webhook::{REPOSITORY, Webhook};

#[test]
fn the_pipeline_is_deleted_and_then_its_stack_by_the_daemon() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        assert_eq!(world.close().await, ["teardown-started"]);
        assert_eq!(world.mappings(), RETIRING);
        assert_eq!(world.stack_names(), [STACK], "its deletion takes time");
        // A person, or CodePipeline itself, could start it, and deploy the stack again.
        assert!(!world.account.all().contains_key("api-pr-7"));
        assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
        assert_eq!(world.history(SUBJECT), TORN_DOWN);
    });
}

#[test]
fn the_stack_that_was_deployed_last_is_deleted_first() {
    run_story(async |world| {
        let template = template_of_two_stacks(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, stacks_rule()).await;
        assert_eq!(world.stack_names(), ["api-pr-7", "web-pr-7"]);
        world.close().await;
        assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        assert_eq!(world.stack_names(), ["api-pr-7"]);
        assert_eq!(world.mappings(), RETIRING);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn what_runs_is_stopped_before_its_stack_is_deleted() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
        world.close().await;
        let entry = world.history(SUBJECT);
        assert!(entry.last().unwrap().starts_with("teardown-started"));
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
    });
}

#[test]
fn a_failed_deletion_is_repeated_and_then_left_behind_until_it_is_forgotten() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 6);
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(
            world.last_error(),
            "the stacks could not be deleted: stack api-pr-7 is DELETE_FAILED: Bucket (AWS::S3::Bucket): the bucket is not empty"
        );
        for _ in 0..5 {
            world.clock.advance(Duration::from_hours(4));
            // It is tried again, and a minute later it has failed.
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        }
        world.forget_left_behind(STACK).await;
    });
}

#[test]
fn a_deletion_that_failed_once_ends_well() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        for _ in 0..4 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_stack_that_is_being_updated_is_waited_for() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        let busy = Some("UPDATE_IN_PROGRESS");
        world.account.set_stack_status(STACK, busy);
        assert_eq!(world.close().await, ["teardown-started"]);
        for _ in 0..10 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.last_error(), "stack api-pr-7 is UPDATE_IN_PROGRESS");
        let teardown = world.mapping(SUBJECT).resources.teardown.unwrap();
        assert_eq!(teardown.failures, 0, "that is no failure");
        world.account.set_stack_status(STACK, None);
        for _ in 0..2 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_missing_permission_counts_as_a_failure() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::DeleteStack, 1, denied);
        let outcome = world.close().await.join(", ");
        assert!(
            outcome.starts_with("teardown-failed: aws-denied"),
            "{outcome}"
        );
        assert_eq!(world.mappings(), RETIRING);
        for _ in 0..2 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pull_request_that_is_reopened_meanwhile_gets_its_pipeline_afterwards() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.close().await;
        assert_eq!(world.reopen().await, ["recorded"]);
        assert_eq!(world.mappings(), RETIRING);
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(world.stack_names(), [STACK], "deployed again");
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pipeline_that_was_deleted_by_hand_is_not_needed() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        assert!(world.account.remove("api-pr-7"));
        assert_eq!(world.close().await, ["teardown-started"]);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
    });
}

#[test]
fn without_a_stack_the_pipeline_is_deleted_at_once() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.remove_stack(STACK);
        assert_eq!(world.close().await, ["deleted"]);
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn the_row_knows_the_way_without_its_rule() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.restart(Vec::new());
        assert_eq!(world.close().await, ["teardown-started"]);
        let teardown = world.mapping(SUBJECT).resources;
        assert_eq!(teardown.teardown_policy, Some(TeardownPolicy::Stacks));
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_stack_that_appears_after_the_deletion_of_its_pipeline_is_deleted() {
    run_story(async |world| {
        world.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        world.restart(vec![stacks_rule()]);
        world.deliver(Webhook::pull_request("opened")).await;
        // Its first execution runs, and CloudFormation was about to hear of the stack.
        assert_eq!(world.close().await, ["teardown-started"]);
        assert_eq!(world.mappings(), RETIRING);
        world.account.give_stack(STACK);
        for _ in 0..2 {
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        }
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
    });
}

#[test]
fn a_rule_that_changes_meanwhile_does_not_need_the_pipeline_that_is_gone() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        assert_eq!(world.close().await, ["teardown-started"]);
        world.restart(vec![preview_rule()]);
        for _ in 0..3 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
    });
}

#[test]
fn a_pull_request_that_is_reopened_while_its_deletion_begins_loses_its_stack_first() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.look_after_teardowns().await;
        // The daemon hears nothing from CloudFormation, which deletes the stack for hours.
        let lost = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::DeleteStack, 1, lost);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), ["acme/api#7 deleting api-pr-7"]);
        world
            .account
            .set_stack_status(STACK, Some("DELETE_IN_PROGRESS"));
        world.clock.advance(Duration::from_mins(2));
        assert_eq!(world.reopen().await, ["teardown-started"]);
        assert_eq!(world.mappings(), RETIRING);
        world.account.remove_stack(STACK);
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(world.stack_names(), [STACK], "deployed again");
    });
}

#[test]
fn a_stack_that_another_user_makes_under_the_name_of_a_deleted_one_is_not_deleted() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.close().await;
        world.clock.advance(Duration::from_mins(1));
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        for _ in 0..3 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [STACK]);
    });
}
