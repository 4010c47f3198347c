//! How clones follow their template and their rule.

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::overrides::{ConfiguredValue, RoleChoice};
use branchline::domain::clone::tags::{MANAGED_BY, Tags};
use branchline::domain::fault::Reason;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::{Rule, Start, Update};
use serde_json::{Value, json};
use std::time::Duration;

use crate::stories::clones::{built, pushed, rule};
use branchline::ports::Clock;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, patterns, pipeline_name, pull_request_rule, template};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// Somebody gives the template another artifact store.
pub(crate) fn change_template(world: &World) {
    let mut changed = template(TEMPLATE, REPOSITORY.1);
    *changed.pointer_mut("/artifactStore/location").unwrap() = json!("elsewhere");
    world.add_pipeline(changed, Tags::new());
    // Templates are remembered for a minute.
    world.clock.advance(Duration::from_secs(60));
}

pub(crate) fn store_of(world: &World) -> Value {
    let declaration = Value::Object(world.pipeline("api-pr-7").declaration);
    declaration
        .pointer("/artifactStore/location")
        .unwrap()
        .clone()
}

#[test]
fn a_clone_follows_its_template_with_its_next_start() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        change_template(world);
        let edited = Webhook::pull_request("edited").title("No commit");
        assert_eq!(world.deliver(edited).await, ["recorded"]);
        assert_eq!(
            store_of(world),
            json!("artifacts"),
            "nothing that runs is stopped"
        );
        assert_eq!(world.deliver(pushed(1, 2)).await, ["updated"]);
        assert_eq!(store_of(world), json!("elsewhere"));
        assert_eq!(world.mapping("acme/api#7").template_version(), Some(2));
        assert_eq!(world.deliver(pushed(2, 3)).await, ["started"]);
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(3)]);
        assert_eq!(world.pipeline("api-pr-7").version, 2);
    });
}

#[test]
fn a_head_whose_execution_a_repeated_update_stopped_is_started_again() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        change_template(world);
        let unanswered = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Start, 1, unanswered);
        world.deliver(pushed(1, 2)).await;
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(2)]);
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_clone_stays_as_it_was_made_where_the_rule_says_so() {
    run_story(async |world| {
        world.restart(vec![rule(|rule| rule.update = Update::Never)]);
        world.deliver(Webhook::pull_request("opened")).await;
        change_template(world);
        assert!(
            world.account.remove(TEMPLATE),
            "nobody asks for it any more"
        );
        assert_eq!(world.deliver(pushed(1, 2)).await, ["started"]);
        assert_eq!(store_of(world), json!("artifacts"));
        assert_eq!(built(&world.account), [Some(1), Some(2)]);
    });
}

#[test]
fn a_rule_that_changes_reaches_its_clones() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let changed = rule(|rule| {
            let role = "arn:aws:iam::123456789012:role/preview";
            rule.overrides.roles.pipeline = Some(RoleChoice::Arn(role.to_owned()));
        });
        world.restart(vec![changed]);
        assert_eq!(world.deliver(pushed(1, 2)).await, ["updated"]);
        let role = world.pipeline("api-pr-7").declaration["roleArn"].clone();
        assert!(role.as_str().unwrap().ends_with("preview"));
    });
}

/// The rule of the tests with a buildspec and a value of its own for a clone's build.
fn configured(path: &str) -> Rule {
    rule(|rule| {
        rule.overrides.buildspec = Some("ci/pull-request.yml".to_owned());
        let (action, key) = path.rsplit_once('/').unwrap();
        rule.overrides.configuration = vec![ConfiguredValue {
            action: ActionPath::parse(action).unwrap(),
            key: key.to_owned(),
            value: FormatString::parse("build-{number}").unwrap().into(),
        }];
    })
}

#[test]
fn a_rule_that_gains_a_buildspec_and_a_value_reaches_its_clones_with_the_next_start() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.restart(vec![configured("Build/Build/PrimarySource")]);
        assert_eq!(world.deliver(pushed(1, 2)).await, ["updated"]);
        assert_eq!(world.deliver(pushed(2, 3)).await, ["started"]);
        let clone = Value::Object(world.pipeline("api-pr-7").declaration);
        let build = clone.pointer("/stages/1/actions/0/configuration").unwrap();
        assert_eq!(build["BuildspecOverride"], "ci/pull-request.yml");
        assert_eq!(build["PrimarySource"], "build-7");
    });
}

#[test]
fn a_value_for_an_action_that_the_template_does_not_have_is_a_dead_letter() {
    run_story(async |world| {
        world.restart(vec![configured("Build/Compile/PrimarySource")]);
        world.deliver(Webhook::pull_request("opened")).await;
        let letters = world.take_dead_letters();
        let reason = letters
            .first()
            .and_then(|letter| letter.text("branchline-reason"));
        assert_eq!(reason, Some(Reason::RuleTemplateMismatch.as_str()));
        world.expect_half_way("acme/api#7");
        assert_eq!(world.pipelines(), [""; 0]);
    });
}

/// UpdatePipeline stops running executions, so it is called only where the declaration changes.
#[test]
fn a_rule_that_only_names_another_commit_to_start_updates_nothing() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.restart(vec![rule(|rule| rule.start = Start::Head)]);
        assert_eq!(world.deliver(pushed(1, 2)).await, ["started"]);
        assert_eq!(built(&world.account), [Some(1), None], "the branch's head");
        world.restart(vec![rule(|rule| rule.start = Start::Auto)]);
        assert_eq!(world.deliver(pushed(2, 3)).await, ["started"]);
        assert_eq!(built(&world.account), [Some(1), None, Some(3)]);
    });
}

#[test]
fn another_base_may_mean_another_template() {
    run_story(async |world| {
        world.add_pipeline(template("release-template", REPOSITORY.1), Tags::new());
        let main = Rule {
            base: patterns(["main"]),
            ..pull_request_rule()
        };
        let release = Rule {
            name: "releases".to_owned(),
            base: patterns(["release/*"]),
            template: pipeline_name("release-template"),
            ..pull_request_rule()
        };
        world.restart(vec![main, release]);
        world
            .deliver(Webhook::pull_request("opened").delivery("d-1"))
            .await;
        let edited = Webhook::pull_request("edited")
            .base("release/1")
            .at(world.clock.now());
        let token = edited.token();
        assert_eq!(
            world.deliver(edited).await,
            ["started"],
            "the same declaration"
        );
        let spec = world.mapping("acme/api#7").spec().cloned().unwrap();
        assert_eq!(
            (spec.template.as_str(), spec.rule.as_str()),
            ("release-template", "releases")
        );
        assert_eq!(world.pipelines(), ["api-pr-7"], "its name stays");
        let tokens: Vec<_> = world
            .pipeline("api-pr-7")
            .runs
            .into_iter()
            .map(|run| run.token)
            .collect();
        assert_eq!(tokens[1], Some(token));
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_clone_that_somebody_deleted_is_made_anew_by_the_next_push() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove("api-pr-7"));
        assert_eq!(world.deliver(pushed(1, 2)).await, ["created"]);
        assert_eq!(built(&world.account), [Some(2)]);
    });
}

#[test]
fn a_clone_that_became_a_template_is_not_changed_any_more() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let of_it = Rule {
            name: "of the clone".to_owned(),
            repository: patterns(["other/*"]),
            template: pipeline_name("api-pr-7"),
            ..pull_request_rule()
        };
        change_template(world);
        world.restart(vec![pull_request_rule(), of_it]);
        world.deliver(pushed(1, 2)).await;
        let letters = world.take_dead_letters();
        assert_eq!(
            letters[0].text("branchline-reason"),
            Some("pipeline-is-template")
        );
        assert_eq!(store_of(world), json!("artifacts"));
    });
}

#[test]
fn a_strangers_pipeline_of_that_name_is_never_started() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove("api-pr-7"));
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
        world.deliver(pushed(1, 2)).await;
        let letters = world.take_dead_letters();
        assert_eq!(
            letters[0].text("branchline-reason"),
            Some("pipeline-not-ours")
        );
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
        // The remedy differs if the tags name another installation.
        assert!(world.account.remove("api-pr-7"));
        let tag = (MANAGED_BY.to_owned(), "other".to_owned());
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::from([tag]));
        world.deliver(pushed(2, 3)).await;
        let letters = world.take_dead_letters();
        let detail = letters[0].text("branchline-detail").expect("a detail");
        assert!(
            detail.contains("set owner = \"other\" in [store]"),
            "{detail}"
        );
        world.expect_half_way("acme/api#7");
    });
}
