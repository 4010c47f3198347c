//! Subjects whose environments are removed by a teardown template that an operator wrote.

use std::time::Duration;

use branchline::domain::clone::overrides::{RoleChoice, TeardownPolicy};
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;
use serde_json::Value;

use super::{ACTIVE, GONE, RETIRING, STACK, SUBJECT, TORN_DOWN};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEARDOWN, TEMPLATE, building_template, deploying_template, environment_rule, pipeline_name,
    preview_rule,
};
use crate::world::stacks::{DEPLOY, DESTROY};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

const ENVIRONMENT: &str = "pr-7";

impl World {
    /// Opens pull request 7 under this rule with this template, and builds it.
    pub(super) async fn open_clone(&self, template: Value, rule: Rule) {
        self.add_pipeline(template, Tags::new());
        self.restart(vec![rule]);
        self.deliver(Webhook::pull_request("opened")).await;
        self.build().await;
    }

    /// Opens pull request 7, whose environment has no stack, and builds it.
    async fn open_environment(&self, rule: Rule) {
        let template = building_template(TEMPLATE, REPOSITORY.1, DEPLOY);
        self.open_clone(template, rule).await;
        assert_eq!(self.stack_names(), [ENVIRONMENT]);
        assert!(self.mapping(SUBJECT).resources.stacks.is_empty());
    }

    /// Adds a teardown template that deletes an environment of another kind, and no stack.
    pub(super) fn add_teardown(&self) {
        let template = building_template(TEARDOWN, REPOSITORY.1, DESTROY);
        self.add_pipeline(template, Tags::new());
    }

    /// Closes the pull request, whose teardown cannot be made.
    async fn close_in_vain(&self) {
        let outcome = self.close().await.join(", ");
        assert!(outcome.starts_with("teardown-failed: "), "{outcome}");
        assert_eq!(self.mappings(), RETIRING);
    }
}

#[test]
fn the_clone_becomes_a_clone_of_the_teardown_template_and_is_deleted_after_it_ran() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        assert_eq!(world.close().await, ["teardown-started"]);
        assert_eq!(world.mappings(), RETIRING);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("main"), "the base");
        let built = pipeline.declaration["stages"].pointer("/2/actions/0/configuration");
        let built = built.unwrap();
        assert_eq!(built["ProjectName"], DESTROY);
        assert_eq!(
            built["EnvironmentVariables"],
            r#"[{"name":"STAGE","value":"pr-7","type":"PLAINTEXT"}]"#
        );
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
        assert_eq!(world.history(SUBJECT), TORN_DOWN);
    });
}

#[test]
fn the_stacks_are_left_to_the_teardown_template() {
    run_story(async |world| {
        world.add_pipeline(deleting_template(), Tags::new());
        let template = deploying_template(TEMPLATE, REPOSITORY.1);
        world.open_clone(template, stack_rule("-pr-{number}")).await;
        let recorded = world.mapping(SUBJECT).resources.stack_names();
        assert_eq!(recorded, "api-pr-7 in eu-west-1");
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
    });
}

#[test]
fn a_teardown_template_that_is_missing_is_looked_for_again() {
    run_story(async |world| {
        world.open_environment(environment_rule()).await;
        world.close_in_vain().await;
        let error = world.last_error();
        assert!(
            error.starts_with("the teardown by 'api-teardown' failed: template-missing:"),
            "{error}"
        );
        world.add_teardown();
        assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_teardown_template_that_cannot_be_cloned_is_given_up_in_the_end() {
    run_story(async |world| {
        // It deletes the template's own stack.
        world.add_pipeline(deleting_template(), Tags::new());
        let mut rule = environment_rule();
        rule.overrides.preview.stack_suffix = None;
        world.open_environment(rule).await;
        world.close_in_vain().await;
        assert!(world.last_error().contains("unsafe-clone"));
        for _ in 0..5 {
            world.clock.advance(Duration::from_hours(4));
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        }
        world.forget_left_behind(ENVIRONMENT).await;
    });
}

#[test]
fn a_failed_run_is_repeated_and_then_left_behind_until_it_is_forgotten() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.account.refuse_deletion(ENVIRONMENT, 6);
        world.close().await;
        world.build().await;
        assert_eq!(
            world.last_error(),
            "the teardown by 'api-teardown' failed: its execution api-pr-7-2 failed: the bucket of pr-7 is not empty"
        );
        for _ in 0..5 {
            world.clock.advance(Duration::from_hours(4));
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
            world.build().await;
        }
        world.forget_left_behind(ENVIRONMENT).await;
    });
}

#[test]
fn a_pull_request_that_is_reopened_meanwhile_gets_its_pipeline_afterwards() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.close().await;
        assert_eq!(world.reopen().await, ["recorded"]);
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(world.stack_names(), [ENVIRONMENT], "deployed again");
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pull_request_that_is_reopened_before_its_pipeline_is_deleted_gets_its_clone_again() {
    for rule in [environment_rule(), super::preview_rule()] {
        run_story(async |world| {
            world.add_teardown();
            match rule.overrides.preview.teardown {
                TeardownPolicy::Pipeline(_) => world.open_environment(rule.clone()).await,
                TeardownPolicy::Run | TeardownPolicy::Stacks | TeardownPolicy::None => {
                    world.open_preview(rule.clone()).await;
                }
            }
            world.close().await;
            let trouble = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(Op::Remove, 1, trouble);
            world.run_unheard();
            world.look_after_teardowns().await;
            assert_eq!(world.mappings(), ["acme/api#7 deleting api-pr-7"]);
            world.clock.advance(Duration::from_mins(2));
            world.reopen().await;
            world.build().await;
            assert_eq!(world.mappings(), ACTIVE);
            let pipeline = world.pipeline("api-pr-7");
            assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
            assert_eq!(world.stack_names().len(), 1, "deployed again");
        });
    }
}

#[test]
fn a_pull_request_that_is_closed_again_is_torn_down_again() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.close().await;
        world.reopen().await;
        // The clone is started again, and the worker cannot record it.
        let trouble = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Start, 1, trouble);
        world.run_unheard();
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), ["acme/api#7 starting api-pr-7"]);
        world.clock.advance(Duration::from_mins(2));
        assert_eq!(world.close().await, ["teardown-started"]);
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn nothing_is_left_behind_if_the_deleted_pipeline_was_never_made_again() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.close().await;
        // The environment is removed, and the pipeline deleted, which the worker cannot record.
        let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Remove, 1, lost);
        world.run_unheard();
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), ["acme/api#7 deleting api-pr-7"]);
        world.clock.advance(Duration::from_mins(2));
        let refused = Trouble::Fail(When::Before, Reason::DeclarationRefused);
        world.faults.next(Op::Create, 1, refused);
        world.reopen().await;
        assert_eq!(world.take_dead_letters().len(), 1);
        assert_eq!(world.mappings(), ["acme/api#7 starting api-pr-7"]);
        world.clock.advance(Duration::from_mins(2));
        assert_eq!(world.close().await, ["deleted"]);
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn without_its_rule_a_teardown_says_that_it_needs_it() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.restart(Vec::new());
        world.close_in_vain().await;
        let error = world.last_error();
        assert!(
            error.contains("rule-missing: the rule that names"),
            "{error}"
        );
        world.restart(vec![environment_rule()]);
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_failed_teardown_is_given_up_once_the_rule_wants_none() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        world.account.refuse_deletion(ENVIRONMENT, 1);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), RETIRING);
        let mut rule = environment_rule();
        rule.overrides.preview.teardown = TeardownPolicy::None;
        world.restart(vec![rule]);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), GONE);
        world.expect_stack(ENVIRONMENT);
    });
}

#[test]
fn a_rule_whose_role_runs_no_code_runs_none_in_the_teardown() {
    run_story(async |world| {
        world.add_teardown();
        let mut rule = environment_rule();
        rule.overrides.roles.build = Some("arn:aws:iam::123456789012:role/clones".to_owned());
        assert!(matches!(
            rule.overrides.roles.pipeline,
            Some(RoleChoice::Arn(_))
        ));
        world.open_environment(rule).await;
        world.close().await;
        let pipeline = world.pipeline("api-pr-7");
        let role = "/2/actions/0/configuration/ServiceRoleArnOverride";
        assert_eq!(
            pipeline.declaration["stages"].pointer(role),
            Some(&Value::from("arn:aws:iam::123456789012:role/clones"))
        );
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn an_older_event_does_not_end_a_teardown() {
    run_story(async |world| {
        world.add_teardown();
        world.open_environment(environment_rule()).await;
        let before = world.clock.now();
        world.clock.advance(Duration::from_secs(5));
        world.close().await;
        let old = Webhook::pull_request("edited").title("New").at(before);
        assert_eq!(world.deliver(old).await, ["unchanged: stale"]);
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

/// Returns a rule whose clones deploy a stack, and whose teardown template deletes it.
pub(super) fn stack_rule(suffix: &str) -> Rule {
    let mut rule = preview_rule();
    rule.overrides.preview.teardown = TeardownPolicy::Pipeline(pipeline_name(TEARDOWN));
    rule.overrides.preview.stack_suffix = FormatString::parse(suffix).ok();
    rule
}

/// Returns a teardown template that deletes the stack.
pub(super) fn deleting_template() -> Value {
    let mut template = deploying_template(TEARDOWN, REPOSITORY.1);
    if let Some(mode) = template.pointer_mut("/stages/2/actions/0/configuration/ActionMode") {
        *mode = Value::from("DELETE_ONLY");
    }
    template
}

#[test]
fn a_teardown_template_deletes_no_stack_of_others_after_the_suffix_has_changed() {
    run_story(async |world| {
        world.add_pipeline(deleting_template(), Tags::new());
        world.open_preview(stack_rule("-pr-{number}")).await;
        world.account.give_stack("api-zz-7");
        world.expect_stack("api-zz-7");
        world.restart(vec![stack_rule("-zz-{number}")]);
        world.close_in_vain().await;
        assert_eq!(
            world.last_error(),
            "the teardown by 'api-teardown' failed: stack-not-ours: the teardown 'api-teardown' is about stack api-zz-7, which is not known to be this subject's: if stack_suffix in preview of rule 'pull requests' was changed since the subject was deployed, change it back; otherwise leave that stack alone, remove by hand what else is left of the environment, and then use `branchline mappings forget`"
        );
        assert_eq!(world.stack_names(), [STACK, "api-zz-7"]);
        // As it says.
        world.restart(vec![stack_rule("-pr-{number}")]);
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), ["api-zz-7"]);
    });
}

#[test]
fn a_teardown_template_that_leaves_the_stack_has_failed() {
    run_story(async |world| {
        // It removes something else.
        world.add_teardown();
        world.open_preview(stack_rule("-pr-{number}")).await;
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), RETIRING);
        assert_eq!(
            world.last_error(),
            "the teardown by 'api-teardown' failed: its execution succeeded, and stack api-pr-7 still exists"
        );
        world.account.remove_stack(STACK);
        for _ in 0..2 {
            world.clock.advance(Duration::from_mins(5));
            world.look_after_teardowns().await;
            world.build().await;
        }
        assert_eq!(world.mappings(), GONE);
    });
}
