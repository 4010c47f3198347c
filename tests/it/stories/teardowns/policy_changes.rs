//! The rule removes the environment in another way than it did when the teardown began.

use branchline::domain::clone::tags::Tags;

use super::pipeline::{deleting_template, stack_rule};
use super::{GONE, RETIRING, STACK};
use crate::world::rules::{preview_rule, stacks_rule, template};
use crate::world::story::run_story;
use crate::world::webhook::REPOSITORY;

#[test]
fn a_stack_that_a_teardown_template_left_is_deleted_in_the_new_way() {
    for new in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.add_teardown();
            world.open_preview(stack_rule("-pr-{number}")).await;
            world.close().await;
            world.restart(vec![new]);
            world.build().await;
            assert_eq!(world.mappings(), RETIRING);
            assert!(
                world
                    .last_error()
                    .ends_with("its execution succeeded, and stack api-pr-7 still exists"),
                "{}",
                world.last_error()
            );
            world.go_on().await;
            assert_eq!(world.mappings(), GONE);
            assert_eq!(world.stack_names(), [""; 0]);
        });
    }
}

#[test]
fn the_pipeline_of_a_failed_attempt_is_deleted_before_the_daemon_deletes_the_stacks() {
    for old in [preview_rule(), stack_rule("-pr-{number}")] {
        run_story(async move |world| {
            world.add_pipeline(deleting_template(), Tags::new());
            world.open_preview(old).await;
            world.account.refuse_deletion(STACK, 1);
            world.close().await;
            world.build().await;
            assert_eq!(world.failures(), 1);
            world.restart(vec![stacks_rule()]);
            world.go_on().await;
            assert_eq!(world.mappings(), GONE);
            assert!(!world.account.remove("api-pr-7"), "it is left");
        });
    }
}

#[test]
fn the_pipeline_of_a_failed_attempt_is_deleted_if_nothing_else_is_left() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.build().await;
        world.account.remove_stack(STACK);
        world.restart(vec![stacks_rule()]);
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert!(!world.account.remove("api-pr-7"), "it is left");
    });
}

#[test]
fn a_pipeline_that_others_made_of_the_name_stops_no_repeated_deletion() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(world.failures(), 1);
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
        assert!(world.account.remove("api-pr-7"), "it was of others");
    });
}
