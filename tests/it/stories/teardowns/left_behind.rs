//! Stacks that are left behind count by their ids: others may make one of the same name.

use std::time::Duration;

use branchline::domain::fault::Reason;

use super::{ACTIVE, GONE, STACK, SUBJECT};
use crate::stories::clones::repairs::report;
use crate::world::rules::{preview_rule, reported, stacks_rule};
use crate::world::story::{World, run_story};

impl World {
    /// Closes the pull request, whose stack cannot be deleted, and waits until its teardown is
    /// given up.
    pub(super) async fn give_up(&self) {
        self.account.refuse_deletion(STACK, 6);
        self.close().await;
        self.build().await;
        for _ in 0..12 {
            self.clock.advance(Duration::from_hours(4));
            self.look_after_teardowns().await;
            self.build().await;
        }
        assert!(self.is_left_behind());
    }

    fn is_left_behind(&self) -> bool {
        let teardown = self.mapping(SUBJECT).resources.teardown;
        teardown.is_some_and(|teardown| teardown.is_left_behind())
    }
}

/// The job has read the mapping before the pull request was opened again.
#[test]
fn a_pull_request_that_is_open_again_shows_that_its_stack_belongs_to_others() {
    run_story(async |world| {
        world.open_preview(reported(preview_rule())).await;
        world.close().await;
        let row = world.mapping(SUBJECT);
        world.run_unheard();
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        world.reopen().await;
        world.tell().await;
        assert!(world.page(1).contains("Waiting"), "{}", world.page(1));
        let refused = world.reconciler().continue_teardown(&row).await;
        let reason = refused.map(|_| ()).map_err(|fault| fault.reason);
        assert_eq!(reason, Err(Reason::StackNotOurs));
        world.report_everything().await;
        let page = world.page(1);
        assert!(page.contains("a stack of its name exists"), "{page}");
        world.close_and_look().await;
    });
}

#[test]
fn a_stack_that_others_made_in_place_of_one_that_was_left_behind_is_left_alone() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.open_preview(rule).await;
            world.give_up().await;
            world.account.remove_stack(STACK);
            world.account.give_stack(STACK);
            world.reopen().await;
            world.look_after_teardowns().await;
            assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
            world.close().await;
            world.build().await;
            world.look_after_teardowns().await;
            world.expect_stack(STACK);
            assert_eq!(world.mappings(), GONE);
        });
    }
}

#[test]
fn what_was_left_behind_is_deployed_again_when_the_pull_request_is_reopened() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.open_preview(rule).await;
            world.give_up().await;
            world.reopen().await;
            world.look_after_teardowns().await;
            world.build().await;
            assert_eq!(world.dead_letter_reasons(), [""; 0]);
            assert_eq!(world.mappings(), ACTIVE);
            world.close().await;
            world.build().await;
            world.look_after_teardowns().await;
            assert_eq!(world.stack_names(), [""; 0]);
            assert_eq!(world.mappings(), GONE);
        });
    }
}

#[test]
fn a_stack_that_was_left_behind_and_deleted_by_hand_is_made_anew() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.give_up().await;
        world.account.remove_stack(STACK);
        let found = report(world, vec![preview_rule()], None).await.findings;
        let detail = found.first().map(|finding| finding.detail.as_str());
        assert_eq!(
            detail,
            Some(
                "the stacks that were left behind are deleted by now: `branchline mappings forget` ends the mapping"
            )
        );
        world.reopen().await;
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(world.stack_names(), [STACK]);
        let stacks = world.mapping(SUBJECT).resources.stacks;
        assert!(stacks.iter().all(|stack| stack.id.is_none()), "{stacks:?}");
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn nothing_is_left_behind_if_the_stack_was_deleted_with_its_pipeline() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        assert!(world.account.remove("api-pr-7"));
        world.account.remove_stack(STACK);
        assert_eq!(world.close().await, ["teardown-started"]);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn nothing_is_left_behind_if_the_stack_was_deleted_by_hand_after_failures() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.refuse_deletion(STACK, 6);
        world.close().await;
        world.build().await;
        for _ in 0..4 {
            world.clock.advance(Duration::from_hours(4));
            world.look_after_teardowns().await;
            world.build().await;
        }
        world.account.remove_stack(STACK);
        world.clock.advance(Duration::from_hours(4));
        for _ in 0..2 {
            world.look_after_teardowns().await;
            world.build().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}
