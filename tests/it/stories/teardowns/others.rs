//! Stacks of other users of the account: no clone deploys over one, and none is deleted.

use std::time::Duration;

use branchline::domain::clone::overrides::TeardownPolicy;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::State;
use branchline::ports::{Clock, Store};

use super::{ACTIVE, GONE, STACK, SUBJECT};
use crate::stories::clones::adoption::adopt;
use crate::stories::clones::forgetting::forget;
use crate::stories::clones::repairs::outcomes;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEARDOWN, TEMPLATE, deploying_template, patterns, pipeline_name, preview_rule,
    pull_request_rule, stacks_rule, template_of_two_stacks,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// A template of another repository, with a stack of the same name.
pub(super) const WEB_TEMPLATE: &str = "web-template";

/// Returns the rule of the other repository.
pub(super) fn web_rule() -> Rule {
    Rule {
        name: "web".to_owned(),
        digest: "digest of web".to_owned(),
        repository: patterns(["acme/web"]),
        template: pipeline_name(WEB_TEMPLATE),
        ..preview_rule()
    }
}

/// A stack of the template of two stacks.
pub(super) const SECOND: &str = "web-pr-7";

impl World {
    /// Has a template with one stack, and these rules.
    fn begin_previews(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
    }

    /// Returns an event of pull request 7 of the other repository.
    fn of_web(&self, action: &str) -> Webhook {
        let webhook = Webhook::pull_request(action).of(2002, "acme/web");
        webhook.at(self.clock.now())
    }

    async fn push_to_preview(&self, number: u64) {
        let pushed = Webhook::pull_request("synchronize").before(number - 1);
        self.deliver(pushed.sha(number).at(self.clock.now())).await;
        self.build().await;
    }

    /// Takes the dead letters, and returns their reasons.
    pub(in crate::stories) fn dead_letter_reasons(&self) -> Vec<String> {
        let letters = self.take_dead_letters();
        let reasons = letters
            .iter()
            .filter_map(|letter| letter.text("branchline-reason"));
        reasons.map(str::to_owned).collect()
    }
}

#[test]
fn a_stack_that_was_there_before_is_neither_deployed_over_nor_deleted() {
    let mut by_template = preview_rule();
    by_template.overrides.preview.teardown = TeardownPolicy::Pipeline(pipeline_name(TEARDOWN));
    for rule in [preview_rule(), stacks_rule(), by_template] {
        run_story(async move |world| {
            world.begin_previews(rule.clone());
            world.account.give_stack(STACK);
            world.deliver(Webhook::pull_request("opened")).await;
            assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
            assert_eq!(
                world.last_error(),
                "stack-not-ours: stack api-pr-7 exists, and it is not known that this subject made it: change stack_suffix in preview of rule 'pull requests', or delete the stack if nobody needs it, then replay"
            );
            assert_eq!(world.pipelines(), [""; 0]);
            world.close().await;
            world.build().await;
            world.expect_stack(STACK);
            assert_eq!(world.mappings(), GONE);
        });
    }
}

#[test]
fn a_stack_that_somebody_made_while_a_pull_request_was_closed_is_left_alone() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.close().await;
        world.build().await;
        world.account.give_stack(STACK);
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close().await;
        world.expect_stack(STACK);
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_second_stack_of_a_template_is_looked_for_when_it_is_new() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.give_stack(SECOND);
        world.add_pipeline(template_of_two_stacks(TEMPLATE, REPOSITORY.1), Tags::new());
        world.restart(vec![preview_rule()]);
        world.push_to_preview(2).await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        assert_eq!(world.mappings(), ["acme/api#7 starting api-pr-7"]);
        // The own one is deleted, and the other one stays.
        world.close().await;
        world.build().await;
        assert_eq!(world.stack_names(), [SECOND]);
        world.expect_stack(SECOND);
    });
}

#[test]
fn a_stack_that_was_deployed_under_a_rule_that_keeps_it_stays() {
    run_story(async |world| {
        let mut kept = preview_rule();
        kept.overrides.preview.teardown = TeardownPolicy::None;
        world.open_preview(kept).await;
        // Under that rule nobody asked whose the stack was.
        world.restart(vec![preview_rule()]);
        for commit in [2, 3] {
            world.push_to_preview(commit).await;
        }
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        assert_eq!(world.mapping(SUBJECT).resources.stacks, []);
        world.expect_stack(STACK);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn a_stack_that_comes_after_a_change_of_the_rule_is_deleted() {
    run_story(async |world| {
        let mut kept = preview_rule();
        kept.overrides.preview.teardown = TeardownPolicy::None;
        world.open_preview(kept).await;
        world.add_pipeline(template_of_two_stacks(TEMPLATE, REPOSITORY.1), Tags::new());
        world.restart(vec![preview_rule()]);
        world.push_to_preview(2).await;
        assert_eq!(world.stack_names(), [STACK, SECOND]);
        world.expect_stack(STACK);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn two_subjects_never_get_one_stack() {
    run_story(async |world| {
        world.begin_previews(preview_rule());
        world.add_pipeline(deploying_template(WEB_TEMPLATE, "acme/web"), Tags::new());
        world.restart(vec![web_rule(), preview_rule()]);
        world.deliver(Webhook::pull_request("opened")).await;
        // Neither has deployed it yet.
        let opened = world.of_web("opened");
        let outcomes = world.deliver(opened).await;
        assert_eq!(
            outcomes,
            [
                "stack-not-ours: stack api-pr-7 belongs to pull request 7 of acme/api: change stack_suffix in preview of rule 'web', or of the other's, so that their stacks differ, then replay"
            ]
        );
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        assert_eq!(world.mappings(), ACTIVE);
        world.build().await;
        world.close().await;
        world.build().await;
        assert_eq!(world.stack_names(), [""; 0]);
        // The name is free now. The first attempt finds that out.
        let reopened = world.of_web("reopened");
        world.deliver(reopened).await;
        world.wait(Duration::from_mins(1)).await;
        world.build().await;
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        assert_eq!(world.stack_names(), [STACK]);
        // The first subject does not get it back while the other one has it.
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close().await;
        let closed = world.of_web("closed");
        world.deliver(closed).await;
        world.build().await;
        assert_eq!(world.stack_names(), [""; 0]);
    });
}

#[test]
fn a_stack_that_somebody_made_while_a_subject_waited_for_a_slot_is_left_alone() {
    run_story(async |world| {
        let limited = Rule {
            max_active: Some(1),
            ..preview_rule()
        };
        world.begin_previews(limited);
        // The daemon counts at its start.
        let counted = world.store.count_slots("pull requests", &[]);
        counted.await.unwrap();
        world
            .deliver(Webhook::pull_request("opened").number(1))
            .await;
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.mapping(SUBJECT).state, State::Creating);
        assert_eq!(world.dead_letter_reasons(), ["rule-full"]);
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        let closed = Webhook::pull_request("closed").number(1);
        world.deliver(closed.at(world.clock.now())).await;
        world.build().await;
        world.wait(Duration::from_mins(20)).await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn a_stack_that_somebody_made_after_the_subject_was_forgotten_is_left_alone() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.close().await;
        forget(world, &world.mapping(SUBJECT)).await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [STACK]);
        world.expect_stack(STACK);
        // An operator deletes it, and somebody makes another one of that name.
        world.account.remove_stack(STACK);
        world.account.give_stack(STACK);
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close().await;
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_mapping_that_was_lost_is_made_again_with_its_stack() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let subject = world.mapping(SUBJECT).subject;
        world.store.remove_row(&subject);
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        assert_eq!(world.mappings(), ACTIVE);
        world.close().await;
        world.build().await;
        assert_eq!(world.stack_names(), [""; 0]);
    });
}

#[test]
fn a_pipeline_is_not_made_if_its_stacks_may_not_be_looked_for() {
    run_story(async |world| {
        world.begin_previews(preview_rule());
        let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::FindStack, u32::MAX, denied);
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert!(outcomes[0].contains("aws-denied"), "{outcomes:?}");
        assert_eq!(world.pipelines(), [""; 0]);
        assert_eq!(world.dead_letter_reasons(), ["aws-denied"]);
        world.faults.clear();
        world.close().await;
    });
}

#[test]
fn an_adopted_clone_has_the_stacks_that_it_deploys_and_no_others() {
    run_story(async |world| {
        // Its rule leaves the stage that deploys out.
        world.begin_previews(pull_request_rule());
        world.deliver(Webhook::pull_request("opened")).await;
        let subject = world.mapping(SUBJECT).subject;
        world.store.remove_row(&subject);
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        world.restart(vec![stacks_rule()]);
        adopt(world, vec![stacks_rule()]).await;
        assert_eq!(outcomes(world).await, ["adopted"]);
        assert_eq!(world.mapping(SUBJECT).resources.stacks, []);
        world.push_to_preview(2).await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        world.close().await;
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
    });
}
