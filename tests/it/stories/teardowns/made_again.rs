//! Others make stacks under the names of those that a teardown has deleted, or was to delete.

use std::time::Duration;

use branchline::domain::clone::overrides::TeardownPolicy;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use super::pipeline::{deleting_template, stack_rule};
use super::{GONE, RETIRING, STACK, SUBJECT};
use crate::stories::clones::forgetting::forget;
use crate::stories::clones::repairs::report;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEARDOWN, TEMPLATE, deploying_template, pipeline_name, preview_rule, stacks_rule, template,
    template_of_two_stacks,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

const UNAVAILABLE: Trouble = Trouble::Fail(When::Before, Reason::AwsUnavailable);

pub(super) fn with_suffix(suffix: &str) -> Rule {
    let mut rule = preview_rule();
    rule.overrides.preview.stack_suffix = FormatString::parse(suffix).ok();
    rule
}

impl World {
    /// Deletes a stack by hand, and makes another one of its name, which has to stay.
    pub(super) fn make_again(&self, stack: &str) {
        self.account.remove_stack(stack);
        self.account.give_stack(stack);
        self.expect_stack(stack);
    }

    pub(super) async fn push_second(&self) -> Vec<String> {
        self.clock.advance(Duration::from_mins(5));
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        self.deliver(pushed.at(self.clock.now())).await
    }

    /// Returns how many attempts of the teardown have failed.
    pub(super) fn failures(&self) -> u32 {
        let teardown = self.mapping(SUBJECT).resources.teardown;
        teardown.map_or(0, |teardown| teardown.failures)
    }

    pub(super) async fn close_and_look(&self) {
        self.close().await;
        self.go_on().await;
        assert_eq!(self.mappings(), GONE);
    }

    /// Lets teardowns run, and those that have failed be repeated.
    pub(super) async fn go_on(&self) {
        for _ in 0..4 {
            self.build().await;
            self.clock.advance(Duration::from_mins(5));
            self.look_after_teardowns().await;
        }
    }
}

#[test]
fn one_that_is_made_between_two_attempts_is_left_alone() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), RETIRING);
        world.make_again(STACK);
        for _ in 0..3 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn one_that_is_made_after_a_failure_is_left_alone_if_an_execution_ran_at_the_closing() {
    for rule in [preview_rule(), stacks_rule()] {
        for reopens in [false, true] {
            let rule = rule.clone();
            run_story(async move |world| {
                world.open_preview(rule).await;
                world.account.refuse_deletion(STACK, 1);
                world.push_second().await;
                world.close().await;
                world.build().await;
                while world.failures() == 0 {
                    world.look_after_teardowns().await;
                }
                world.make_again(STACK);
                if reopens {
                    world.reopen().await;
                }
                world.go_on().await;
                let refused = world.last_error().starts_with("stack-not-ours");
                assert_eq!(refused, reopens, "{}", world.last_error());
                world.close_and_look().await;
            });
        }
    }
}

#[test]
fn one_that_is_made_after_a_deletion_that_was_refused_is_left_alone() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.push_second().await;
        let refused = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::DeleteStack, 1, refused);
        world.close().await;
        assert_eq!(world.failures(), 1);
        world.make_again(STACK);
        world.close_and_look().await;
    });
}

#[test]
fn one_that_is_made_while_the_teardown_template_is_missing_is_left_alone() {
    run_story(async |world| {
        world.open_preview(stack_rule("-pr-{number}")).await;
        world.push_second().await;
        world.close().await;
        assert_eq!(world.failures(), 1);
        world.make_again(STACK);
        world.add_teardown();
        world.close_and_look().await;
    });
}

#[test]
fn one_that_is_made_while_the_first_attempt_runs_is_left_alone_if_one_ran_at_the_closing() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.push_second().await;
        world.close().await;
        world.make_again(STACK);
        world.account.refuse_deletion(STACK, 1);
        world.build().await;
        world.close_and_look().await;
    });
}

#[test]
fn one_that_is_made_while_a_teardown_template_runs_is_left_alone_if_one_ran_at_the_closing() {
    run_story(async |world| {
        world.add_pipeline(deleting_template(), Tags::new());
        world.open_preview(stack_rule("-pr-{number}")).await;
        world.push_second().await;
        world.close().await;
        world.make_again(STACK);
        world.account.refuse_deletion(STACK, 1);
        world.build().await;
        assert_eq!(world.failures(), 1);
        world.go_on().await;
        assert_eq!(
            world.last_error(),
            "the teardown by 'api-teardown' failed: stack-not-ours: the teardown 'api-teardown' is about stack api-pr-7, which is not known to be this subject's: if stack_suffix in preview of rule 'pull requests' was changed since the subject was deployed, change it back; otherwise leave that stack alone, remove by hand what else is left of the environment, and then use `branchline mappings forget`"
        );
        forget(world, &world.mapping(SUBJECT)).await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn one_of_several_that_is_made_while_another_is_deleted_is_left_alone() {
    run_story(async |world| {
        let template = template_of_two_stacks(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, stacks_rule()).await;
        let stacks = world.stack_names();
        assert_eq!(stacks.len(), 2);
        world.push_second().await;
        world.close().await;
        assert_eq!(world.mappings(), RETIRING);
        let deployed = world.mapping(SUBJECT).resources.stacks;
        assert!(
            deployed.iter().all(|stack| stack.id.is_some()),
            "{deployed:?}"
        );
        // The one that was deployed first is deleted last.
        let first = deployed.first().map(|stack| stack.name.clone());
        world.make_again(&first.unwrap_or_default());
        world.close_and_look().await;
    });
}

#[test]
fn one_that_is_made_after_a_deletion_that_was_cut_off_is_left_alone() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::DeleteStack, 1, lost);
        world.close().await;
        world.clock.advance(Duration::from_mins(5));
        world.make_again(STACK);
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pipeline_that_deletes_several_stacks_deletes_none_that_was_made_again() {
    run_story(async |world| {
        let template = template_of_two_stacks(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, preview_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), RETIRING);
        world.make_again("web-pr-7");
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), ["web-pr-7"]);
    });
}

#[test]
fn one_that_is_made_before_the_pipeline_is_made_again_is_not_deployed_over() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.close().await;
        world.reopen().await;
        world.faults.next(Op::Update, 1, UNAVAILABLE);
        world.build().await;
        assert_eq!(world.mappings(), ["acme/api#7 starting api-pr-7"]);
        assert_eq!(world.stack_names(), [""; 0]);
        world.make_again(STACK);
        world.push_second().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close_and_look().await;
    });
}

#[test]
fn the_id_of_a_stack_that_was_left_behind_is_kept_until_it_is_deployed_again() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.give_up().await;
        world.faults.next(Op::Update, u32::MAX, UNAVAILABLE);
        world.reopen().await;
        assert_eq!(world.mappings(), ["acme/api#7 starting api-pr-7"]);
        world.faults.clear();
        world.dead_letter_reasons();
        world.make_again(STACK);
        world.push_second().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close_and_look().await;
    });
}

#[test]
fn one_that_the_clone_deploys_no_more_is_known_by_its_id() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.restart(vec![with_suffix("-x-{number}")]);
        world.push_second().await;
        world.build().await;
        assert_eq!(world.stack_names(), [STACK, "api-x-7"]);
        world.make_again(STACK);
        world.close_and_look().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn an_audit_names_no_stack_that_was_made_again_before_the_subject_was_forgotten() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.build().await;
        world.make_again(STACK);
        forget(world, &world.mapping(SUBJECT)).await;
        assert_eq!(world.mappings(), GONE);
        let found = report(world, vec![preview_rule()], None).await.findings;
        let details: Vec<_> = found.iter().map(|one| one.detail.as_str()).collect();
        assert!(
            details[0].starts_with("stack api-pr-7 exists, and no mapping has it: "),
            "{details:?}"
        );
    });
}

#[test]
fn a_pipeline_of_others_with_the_name_of_the_deleted_one_stops_no_teardown() {
    run_story(async |world| {
        world.open_preview(stacks_rule()).await;
        world.close().await;
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
        for _ in 0..3 {
            world.look_after_teardowns().await;
        }
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
        assert!(world.account.remove("api-pr-7"), "the stranger's");
    });
}

#[test]
fn a_teardown_template_deletes_no_target_that_is_shared() {
    run_story(async |world| {
        let mut rule = with_suffix("-pr-{number}");
        rule.overrides.preview.stack_suffix = None;
        rule.overrides.preview.teardown = TeardownPolicy::Pipeline(pipeline_name(TEARDOWN));
        rule.overrides.shared_targets = true;
        world.add_pipeline(deleting_template(), Tags::new());
        world.account.share_stack("api");
        world.expect_stack("api");
        let template = deploying_template(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, rule).await;
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), RETIRING);
        let error = world.last_error();
        assert!(
            error.contains("is about stack api, which is not known to be this subject's"),
            "{error}"
        );
        assert_eq!(world.stack_names(), ["api"]);
        forget(world, &world.mapping(SUBJECT)).await;
        assert_eq!(world.mappings(), GONE);
    });
}
