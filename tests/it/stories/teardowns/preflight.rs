//! What `branchline check` says about the ways to remove an environment.

#![expect(
    clippy::unwrap_used,
    reason = "a template that cannot be read or cloned fails its test"
)]

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::Rule;
use branchline::inspect::preflight::{self, Finding, RuleStacks};
use branchline::ports::{PipelineReader, PolicyDecision};
use serde_json::Value;

use super::others::{WEB_TEMPLATE, web_rule};
use crate::world::rules::{
    TEARDOWN, TEMPLATE, building_template, deploying_template, environment_rule, pipeline_name,
    preview_rule, stacks_rule,
};
use crate::world::stacks::DESTROY;
use crate::world::story::{World, owner, run_story};
use crate::world::webhook::REPOSITORY;

const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";

/// Checks a teardown template against the rule that names it.
async fn checked(world: &World, declaration: Value) -> Finding {
    world.add_pipeline(declaration, Tags::new());
    let template = world.account.template(&pipeline_name(TEARDOWN)).await;
    let rule = environment_rule();
    preflight::teardown(&rule, &template.unwrap(), &owner(), None).finding
}

#[test]
fn a_teardown_template_fits_its_rule_or_the_check_says_what_to_correct() {
    run_story(async |world| {
        let fits = checked(world, building_template(TEARDOWN, REPOSITORY.1, DESTROY)).await;
        assert_eq!((fits.ok, fits.fix), (Some(true), None));
        assert_eq!(
            fits.detail,
            "clones of rule 'pull requests' can become its clones to remove their environments"
        );
        let other = checked(world, building_template(TEARDOWN, "other/api", DESTROY)).await;
        assert_eq!(other.ok, Some(false));
        assert_eq!(
            other.detail,
            "has no source action that fetches a repository of rule 'pull requests'"
        );
        let deploys = checked(world, deploying_template(TEARDOWN, REPOSITORY.1)).await;
        assert_eq!(deploys.ok, Some(false));
        assert!(
            deploys.detail.starts_with("unsafe-clone: "),
            "{}",
            deploys.detail
        );
        assert_eq!(
            deploys.fix.as_deref(),
            Some("correct the teardown template, or rule 'pull requests'")
        );
    });
}

#[test]
fn a_teardown_template_that_only_deploys_is_found() {
    run_story(async |world| {
        world.add_pipeline(deploying_template(TEARDOWN, REPOSITORY.1), Tags::new());
        let template = world.account.template(&pipeline_name(TEARDOWN)).await;
        let (rule, template) = (preview_rule(), template.unwrap());
        let clone = preflight::template(&rule, &template, &owner()).clone;
        let found = preflight::teardown(&rule, &template, &owner(), clone.as_ref()).finding;
        assert_eq!(
            (found.ok, found.detail.as_str()),
            (
                Some(false),
                "deploys stack api-pr-1 and does not delete it, so that it would stay"
            )
        );
    });
}

/// Returns what the daemon would ask of IAM about the stacks of a rule.
async fn requests(world: &World, rule: &Rule) -> Vec<preflight::StackRequest> {
    let template = world.account.template(&pipeline_name(TEMPLATE)).await;
    let checked = preflight::template(rule, &template.unwrap(), &owner());
    preflight::stack_requests(rule, &checked.clone.unwrap())
        .into_iter()
        .collect()
}

#[test]
fn the_daemon_finds_stacks_and_deletes_them_only_if_the_rule_says_so() {
    run_story(async |world| {
        world.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        let found = requests(world, &preview_rule()).await;
        let actions: Vec<&str> = found.iter().map(|one| one.action).collect();
        assert_eq!(actions, ["cloudformation:DescribeStacks"]);
        let all = requests(world, &stacks_rule()).await;
        let actions: Vec<&str> = all.iter().map(|one| one.action).collect();
        assert_eq!(
            actions,
            [
                "cloudformation:DeleteStack",
                "cloudformation:DescribeStackResources",
                "cloudformation:DescribeStacks",
            ]
        );
        let delete = all.first().unwrap();
        assert_eq!(
            delete.stack,
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-1/0"
        );
        let allowed = preflight::may_delete(delete, DAEMON, Ok(PolicyDecision::Allowed));
        assert_eq!(allowed.ok, Some(true));
        let denied = preflight::may_delete(delete, DAEMON, Ok(PolicyDecision::Denied));
        assert_eq!(denied.ok, Some(false));
        let fix = denied.fix.unwrap();
        let (start, end) = (fix.find('{').unwrap(), fix.rfind('}').unwrap());
        let statement: Value = serde_json::from_str(&fix[start..=end]).unwrap();
        assert_eq!(statement["Action"], "cloudformation:DeleteStack");
        assert_eq!(statement["Resource"], delete.stack.as_str());
        let unknown = Fault::new(Reason::AwsDenied, "no");
        let unknown = preflight::may_delete(delete, DAEMON, Err(unknown));
        assert!(unknown.detail.contains("aws-denied"), "{}", unknown.detail);
    });
}

#[test]
fn two_rules_that_give_one_stack_to_two_repositories_are_found() {
    run_story(async |world| {
        let templates = [(TEMPLATE, REPOSITORY.1), (WEB_TEMPLATE, "acme/web")];
        for (name, repository) in templates {
            world.add_pipeline(deploying_template(name, repository), Tags::new());
        }
        let mut stacks = RuleStacks::default();
        let mut found = async |rule: &Rule| {
            let template = world.account.template(&rule.template).await;
            let checked = preflight::template(rule, &template.unwrap(), &owner());
            stacks.add(rule, &checked.clone.unwrap())
        };
        assert_eq!(found(&preview_rule()).await, None);
        assert_eq!(found(&preview_rule()).await, None, "the same repository");
        let shared = found(&web_rule()).await.unwrap();
        assert_eq!(
            shared.detail,
            "stack api-pr-1 would belong to a subject of acme/web, and by rule 'pull requests' to one of acme/api"
        );
        let mut own = web_rule();
        own.overrides.preview.stack_suffix = FormatString::parse("-{repo}-pr-{number}").ok();
        assert_eq!(found(&own).await, None);
    });
}
