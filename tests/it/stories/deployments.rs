//! The deployments of environments at GitHub.

#![expect(clippy::expect_used, reason = "a rule that is wrong fails its test")]

mod removals;

use std::time::Duration;

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::overrides::PreviewUrl;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::{On, Rule};
use branchline::ports::Clock;
use serde_json::json;

use crate::world::captured_logs::CapturedLogs;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{
    TEMPLATE, branch_rule, deploying_template, environment_format, preview_rule,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// The pipeline of pull request 7.
const NAME: &str = "api-pr-7";
const ENVIRONMENT: &str = "preview/pr-7";
const PAGE: &str = "https://api-pr-7.example.com";

/// Returns the rule of previews that have deployments.
fn deployed() -> Rule {
    let output = PreviewUrl::Output {
        action: ActionPath::parse("Deploy/Stack").expect("a path"),
        key: "Url".to_owned(),
    };
    let mut rule = preview_rule();
    rule.overrides.preview.url = Some(output);
    Rule {
        report: Some(ReportForm::Check),
        deployment: Some(environment_format(On::PullRequest)),
        ..rule
    }
}

impl World {
    fn under(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
    }

    /// Handles a webhook about pull request 7 at this moment.
    async fn pull(&self, action: &str, head: u64) {
        let webhook = Webhook::pull_request(action).sha(head);
        self.handle(webhook.at(self.clock.now())).await;
    }

    async fn push(&self, before: u64, head: u64) {
        let webhook = Webhook::pull_request("synchronize")
            .before(before)
            .sha(head);
        self.handle(webhook.at(self.clock.now())).await;
    }

    /// Lets the executions end as they should, and tells GitHub.
    async fn succeed(&self) {
        let mut bridge = EventBridge::orderly();
        while !bridge.is_quiet(self) {
            bridge.tick(self);
            self.work_and_tell().await;
        }
    }

    /// Lets the newest execution of pull request 7 fail.
    async fn fail(&self) {
        let id = format!("{NAME}-{}", self.pipeline(NAME).runs.len());
        self.hear(PipelineEvent::execution(NAME, &id, "FAILED"))
            .await;
    }

    fn deployments(&self) -> Vec<String> {
        self.github.deployments(|all| all.of(ENVIRONMENT))
    }

    /// Checks that nothing is wrong with the deployments of any subject.
    fn deployments_are_right(&self) {
        let rows = self.store.rows();
        let wrong: Vec<String> = rows
            .iter()
            .filter_map(|row| self.is_undeployed(row))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn the_last_deployment_that_succeeded_stays_until_the_next_one_has() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.succeed().await;
        let first = format!("1: in_progress, success {PAGE}");
        world.push(1, 2).await;
        assert_eq!(world.deployments(), [first.as_str(), "2: in_progress"]);
        world.fail().await;
        let second = "2: in_progress, failure";
        assert_eq!(world.deployments(), [first.as_str(), second]);
        world.push(2, 3).await;
        assert_eq!(
            world.deployments(),
            [
                first.as_str(),
                &format!("{second}, inactive"),
                "3: in_progress"
            ]
        );
        world.deployments_are_right();
        world.succeed().await;
        assert_eq!(
            world.deployments(),
            [
                format!("{first}, inactive"),
                format!("{second}, inactive"),
                format!("3: in_progress, success {PAGE}")
            ]
        );
        world.deployments_are_right();
    });
}

#[test]
fn a_commit_that_is_not_built_leaves_the_deployment_before_it() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.succeed().await;
        let head = json!({"id": commit(2), "message": "docs [skip ci]"});
        let skipped = Webhook::push("feature/x", 1, 2).with("/head_commit", head);
        world.handle(skipped).await;
        world.push(1, 2).await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
        world.deployments_are_right();
        world.pull("closed", 2).await;
        world.succeed().await;
        assert!(world.deployments()[0].ends_with(", inactive"));
        world.deployments_are_right();
    });
}

#[test]
fn events_that_come_again_change_nothing() {
    run_story(async |world| {
        world.under(deployed());
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.handle(opened.clone()).await;
        world.handle(opened.clone()).await;
        world.succeed().await;
        world.handle(opened).await;
        for state in ["STARTED", "SUCCEEDED", "SUCCEEDED"] {
            let event = PipelineEvent::execution(NAME, "api-pr-7-1", state);
            world.hear(event).await;
        }
        world.report_everything().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
    });
}

#[test]
fn an_execution_whose_end_was_not_heard_is_linked_all_the_same() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        let mut bridge = EventBridge::orderly();
        for _ in 0..8 {
            bridge.tick(world);
            world.queue.purge();
        }
        assert_eq!(world.deployments(), ["1: in_progress"]);
        world.report_everything().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
        let page = world.github.check(&commit(1)).1.summary;
        assert!(page.contains(PAGE), "{page}");
    });
}

#[test]
fn a_deployment_that_fails_fails_no_report_and_is_made_later() {
    for kind in GitHubFaultKind::ALL {
        for op in [Op::CreateDeployment, Op::ShowDeployment] {
            run_story(async |world| {
                world.under(deployed());
                world.github.refuses(op, Some(kind));
                world.pull("opened", 1).await;
                world.succeed().await;
                let page = world.page(1);
                assert!(page.starts_with("success"), "{page}");
                world.github.refuses(op, None);
                world.clock.advance(Duration::from_secs(3_601));
                world.tell().await;
                let is_back = kind != GitHubFaultKind::Refused;
                let success = format!("success {PAGE}");
                let shown = world.deployments();
                let shows = shown.iter().any(|line| line.ends_with(&success));
                assert_eq!(shows, is_back, "{kind:?}: {op:?}: {shown:?}");
                world.push(1, 2).await;
                world.succeed().await;
                world.deployments_are_right();
                world.pull("closed", 2).await;
                world.succeed().await;
                world.deployments_are_right();
            });
        }
    }
}

/// A daemon reports an execution that has ended, and ends before it shows the deployment. Then
/// another one hears an event that changes the record, and not the report.
#[test]
fn an_event_does_not_hide_that_a_deployment_is_still_to_be_shown() {
    run_story(async |world| {
        world.under(Rule {
            report: Some(ReportForm::Status),
            ..deployed()
        });
        world.pull("opened", 1).await;
        let fails = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Deployments, 1, fails);
        let event = |state| PipelineEvent::execution(NAME, "api-pr-7-1", state);
        world.hear(event("SUCCEEDED")).await;
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        assert_eq!(world.deployments(), ["1: in_progress"]);
        world.forget_outbox();
        let source = PipelineEvent::stage(NAME, "api-pr-7-1", "Source", "SUCCEEDED");
        world.send_event(&source);
        world.settle().await;
        world.report_everything().await;
        assert_eq!(
            world.deployments(),
            [format!("1: in_progress, success {PAGE}")]
        );
    });
}

#[test]
fn a_missing_permission_is_said_once_for_a_repository() {
    run_story(async |world| {
        world.under(deployed());
        let denied = Some(GitHubFaultKind::Denied);
        world.github.refuses(Op::CreateDeployment, denied);
        let reporter = world.reporter("w1");
        let logs = CapturedLogs::start();
        for number in 1..=4 {
            let opened = Webhook::pull_request("opened").number(number).sha(number);
            world.deliver(opened.at(world.clock.now())).await;
            reporter.drain().await;
        }
        assert_eq!(world.faults.count(Op::CreateDeployment), 1);
        world.clock.advance(Duration::from_secs(3_601));
        reporter.drain().await;
        let said = logs.lines("A deployment could not be shown at GitHub");
        assert_eq!(said.len(), 1, "{said:?}");
        world.github.refuses(Op::CreateDeployment, None);
        world.clock.advance(Duration::from_secs(3_601));
        reporter.drain().await;
        world.deployments_are_right();
    });
}

#[test]
fn a_deployment_that_people_deleted_is_made_again() {
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.github.deployments(|all| all.delete_all());
        world.succeed().await;
        assert_eq!(world.deployments(), [format!("1: success {PAGE}")]);
    });
}

#[test]
fn the_environment_of_a_branch_ends_with_the_branch() {
    run_story(async |world| {
        let preview = preview_rule().overrides.preview;
        let mut rule = Rule {
            report: Some(ReportForm::Status),
            deployment: Some(environment_format(On::Branch)),
            overrides: preview_rule().overrides,
            ..branch_rule()
        };
        rule.overrides.preview.stack_suffix = FormatString::parse("-{branch_slug}").ok();
        assert_ne!(rule.overrides.preview, preview);
        world.under(rule);
        world.handle(Webhook::push("x", 0, 1)).await;
        world.succeed().await;
        let deployments = || world.github.deployments(|all| all.of("preview/x"));
        assert_eq!(deployments(), ["1: in_progress, success"]);
        world
            .handle(Webhook::delete("x").at(world.clock.now()))
            .await;
        assert_eq!(
            deployments(),
            ["1: in_progress, success"],
            "the stack is there"
        );
        world.succeed().await;
        assert_eq!(deployments(), ["1: in_progress, success, inactive"]);
        world.deployments_are_right();
    });
}

/// Counts the reads of the record of deployments, its writes, and the calls to GitHub for a push
/// that ends green: without deployments, there are none.
#[test]
fn the_cost_of_deployments_is_known() {
    let push = async |world: &World, before, head| {
        world.faults.clear();
        world.push(before, head).await;
        world.succeed().await;
        let github = [
            Op::CreateDeployment,
            Op::ShowDeployment,
            Op::FindDeployments,
        ];
        let github: usize = github.iter().map(|op| world.faults.count(*op)).sum();
        let table = [Op::Deployments, Op::ReplaceDeployments];
        (table.map(|op| world.faults.count(op)), github)
    };
    run_story(async |world| {
        world.under(deployed());
        world.pull("opened", 1).await;
        world.succeed().await;
        // Create, in progress, success, and the one before is inactive: two writes each, two marks,
        // and two ends.
        assert_eq!(push(world, 1, 2).await, ([11, 12], 4));
        let off = Rule {
            deployment: None,
            ..deployed()
        };
        world.restart(vec![off]);
        // The commit before had deployments still.
        assert_eq!(push(world, 2, 3).await, ([1, 0], 0));
        assert_eq!(push(world, 3, 4).await, ([0, 0], 0));
    });
}
