//! Stacks of other users of the account: no clone deploys over one, and none is deleted.

use branchline::domain::clone::overrides::TeardownPolicy;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use super::{ACTIVE, GONE, STACK, SUBJECT};
use crate::stories::clones::adoption::adopt;
use crate::stories::clones::repairs::outcomes;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEARDOWN, TEMPLATE, deploying_template, pipeline_name, preview_rule, pull_request_rule,
    stacks_rule, template_of_two_stacks,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// A stack of the template of two stacks.
const SECOND: &str = "web-pr-7";

impl World {
    /// Has a template with one stack, and these rules.
    fn begin_previews(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
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
                "stack-not-ours: stack api-pr-7 exists, and no pipeline of this subject has deployed it: change stack_suffix in preview of rule 'pull requests', or delete the stack if nobody needs it, then replay"
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
fn a_stack_that_the_own_pipeline_has_deployed_is_recorded() {
    run_story(async |world| {
        let mut kept = preview_rule();
        kept.overrides.preview.teardown = TeardownPolicy::None;
        world.open_preview(kept).await;
        // Under the first rule, nothing was recorded.
        world.restart(vec![preview_rule()]);
        world.push_to_preview(2).await;
        assert_eq!(world.dead_letter_reasons(), [""; 0]);
        world.close().await;
        world.build().await;
        assert_eq!(world.stack_names(), [""; 0]);
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
