//! The deployments of environments that are removed.

use std::time::Duration;

use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::{On, Rule};
use branchline::domain::state::mapping::State;
use branchline::ports::Clock;

use super::{PAGE, deployed};
use crate::world::event_bridge::EventBridge;
use crate::world::rules::{branch_rule, environment_format};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

#[test]
fn a_deployment_follows_the_execution_and_ends_with_the_environment() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        assert_eq!(world.deployments(), ["1: in_progress"]);
        world.succeed().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
        world.pull("closed", 1).await;
        world.deployments_are_right();
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")],
            "the stack is still there"
        );
        world.succeed().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}, inactive")]
        );
        world.pull("reopened", 1).await;
        assert_eq!(world.deployments()[1..], ["1: in_progress"], "a new one");
        world.deployments_are_right();
    });
}

#[test]
fn a_pull_request_that_is_reopened_during_the_removal_gets_a_new_deployment() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.succeed().await;
        world.push(1, 2).await;
        world.fail().await;
        world.pull("closed", 2).await;
        world.pull("reopened", 2).await;
        let before = [
            format!("1: in_progress, success {PAGE}"),
            "2: in_progress, failure".to_owned(),
        ];
        assert_eq!(world.deployments(), before, "the stack is still there");
        // The removal ends, and the stack is deployed again.
        let mut bridge = EventBridge::orderly();
        while world.mapping("acme/api#7").state == State::Retiring {
            bridge.tick(world);
            world.work_and_tell().await;
        }
        let [first, second] = before.map(|text| format!("{text}, inactive"));
        assert_eq!(
            world.deployments(),
            [first, second, "2: in_progress".to_owned()]
        );
        world.deployments_are_right();
        world.succeed().await;
        assert_eq!(
            world.deployments()[2..],
            [format!("2: in_progress, success {PAGE}")]
        );
        world.deployments_are_right();
    });
}

#[test]
fn a_rule_that_turns_deployments_off_leaves_none_behind() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.succeed().await;
        let off = Rule {
            deployment: None,
            ..deployed()
        };
        world.restart(vec![off]);
        world.push(1, 2).await;
        world.succeed().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
        world.pull("closed", 2).await;
        world.succeed().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}, inactive")]
        );
    });
}

#[test]
fn a_branch_that_is_created_again_has_no_deployment_of_its_life_before() {
    run_story(async |world| {
        world.under(Rule {
            report: Some(ReportForm::Status),
            deployment: Some(environment_format(On::Branch)),
            ..branch_rule()
        });
        let deployments = || world.github.deployments(|all| all.of("preview/x"));
        world.handle(Webhook::push("x", 0, 1)).await;
        assert_eq!(deployments(), ["1: in_progress"]);
        // The second commit gets no deployment before the branch is gone and there again.
        let lived_on = [
            Webhook::push("x", 1, 2),
            Webhook::delete("x"),
            Webhook::create("x"),
        ];
        for webhook in lived_on {
            world.clock.advance(Duration::from_secs(1));
            world.deliver(webhook.at(world.clock.now())).await;
        }
        world.tell().await;
        assert_eq!(deployments(), ["1: in_progress, inactive"]);
        world.clock.advance(Duration::from_secs(1));
        let deleted = Webhook::delete("x").at(world.clock.now());
        world.handle(deleted).await;
        assert_eq!(deployments(), ["1: in_progress, inactive"]);
        world.deployments_are_right();
    });
}
