//! What an audit finds of environments: stacks that outlived their subjects, and what is missing.

use std::time::Duration;

use branchline::domain::clone::overrides::TeardownPolicy;
use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::{On, Rule, Rules};
use branchline::inspect::status::Status;
use branchline::ports::Clock;

use super::{ACTIVE, GONE, RETIRING, STACK, SUBJECT};
use crate::stories::clones::adoption::adopt;
use crate::stories::clones::forgetting::forget;
use crate::stories::clones::repairs::{findings, outcomes, report};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{environment_format, patterns, preview_rule, pull_request_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

/// Returns the findings, each as `kind subject: detail`.
async fn audit(world: &World, rule: Rule) -> Vec<String> {
    let found = findings(world, vec![rule]).await.into_iter();
    let line = |(kind, subject, detail): (&str, Option<String>, String)| {
        format!("{kind} {}: {detail}", subject.unwrap_or_default())
    };
    found
        .map(|one| line((one.kind.as_str(), one.subject, one.detail)))
        .collect()
}

impl World {
    /// Leaves the stack behind, and forgets the subject.
    pub(super) async fn forget_stack(&self) {
        self.open_preview(preview_rule()).await;
        self.give_up().await;
        assert_eq!(self.mappings(), RETIRING);
        self.expect_to_see_what_is_left().await;
        forget(self, &self.mapping(SUBJECT)).await;
        assert_eq!(self.mappings(), GONE);
    }

    /// Expects that `audit` and `status` name the environment that could not be removed.
    async fn expect_to_see_what_is_left(&self) {
        let found = audit(self, preview_rule()).await.join("\n");
        let start = "left-behind acme/api#7: its environment is left behind: stack api-pr-7 in eu-west-1 (the stacks could not be deleted: its execution ";
        assert!(found.starts_with(start), "{found}");
        let rules = Rules::new(vec![preview_rule()]);
        let mut status = Status::read(&self.store, &rules, self.clock.now()).await;
        let waiting: Vec<_> = status.unfinished.iter().map(|one| one.waits_for).collect();
        assert_eq!(waiting, ["left-behind"]);
        status.find_problems();
        let expected = "1 environment could not be removed, such as that of acme/api#7: branchline audit --only left-behind";
        assert!(
            status.problems.iter().any(|problem| problem == expected),
            "{:?}",
            status.problems
        );
    }
}

#[test]
fn a_stack_that_outlived_a_forgotten_subject_is_found_until_it_is_deleted() {
    run_story(async |world| {
        world.forget_stack().await;
        assert_eq!(world.mapping(SUBJECT).resources.left.len(), 1);
        assert_eq!(
            audit(world, preview_rule()).await,
            [
                "stack-left acme/api#7: its stack api-pr-7 was left when the mapping was forgotten, and exists: delete it: aws cloudformation delete-stack --stack-name arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-7/0 --region eu-west-1"
            ]
        );
        world.account.remove_stack(STACK);
        assert_eq!(audit(world, preview_rule()).await, Vec::<String>::new());
    });
}

#[test]
fn what_a_forgotten_subject_left_is_found_after_the_rule_is_gone() {
    run_story(async |world| {
        world.forget_stack().await;
        world.expect_stack(STACK);
        let report = report(world, Vec::new(), None).await;
        assert_eq!(report.totals(), "1 finding: 1 stack-left");
    });
}

#[test]
fn a_forgotten_subject_begins_anew_once_what_is_left_is_deleted() {
    run_story(async |world| {
        world.forget_stack().await;
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        assert_eq!(
            world.last_error(),
            "stack-not-ours: stack api-pr-7 is left of an earlier environment of this subject: delete it (aws cloudformation delete-stack --stack-name arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-7/0 --region eu-west-1), then replay"
        );
        let found = report(world, vec![preview_rule()], None).await;
        assert_eq!(
            found.totals(),
            "1 finding: 1 stack-left; 1 mapping waits: 1 dead-lettered"
        );
        world.close().await;
        assert_eq!(audit(world, preview_rule()).await.len(), 1);
        let subject = world.mapping(SUBJECT).subject;
        let alone = report(world, vec![preview_rule()], Some(&subject)).await;
        assert_eq!(alone.totals(), "1 finding: 1 stack-left");
        world.account.remove_stack(STACK);
        assert_eq!(world.reopen().await, ["created"]);
        world.build().await;
        assert_eq!(audit(world, preview_rule()).await, Vec::<String>::new());
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        let resources = world.mapping(SUBJECT).resources;
        assert!(resources.stacks.is_empty() && resources.left.is_empty());
    });
}

#[test]
fn a_stack_of_others_in_place_of_one_that_was_left_is_not_called_left() {
    run_story(async |world| {
        world.forget_stack().await;
        world.account.remove_stack(STACK);
        world.account.give_stack(STACK);
        world.expect_stack(STACK);
        world.reopen().await;
        assert_eq!(world.dead_letter_reasons(), ["stack-not-ours"]);
        let error = world.last_error();
        assert!(
            error.starts_with("stack-not-ours: stack api-pr-7 exists, and it is not known that"),
            "{error}"
        );
        world.close().await;
    });
}

#[test]
fn a_lost_clone_with_an_environment_is_adopted_and_removed_with_it() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let subject = world.mapping(SUBJECT).subject;
        world.store.remove_row(&subject);
        world.close().await;
        assert_eq!(world.stack_names(), [STACK]);
        let rules = vec![preview_rule()];
        for about in [None, Some(&subject)] {
            let report = report(world, rules.clone(), about).await;
            let [orphan] = report.findings.as_slice() else {
                panic!("{:?}", report.findings)
            };
            assert!(
                orphan.detail.ends_with("(closed): no repair deletes it, because its environment would be left: `branchline audit --adopt` writes one, and `branchline reconcile` then removes both if the pull request is closed at GitHub"),
                "{}",
                orphan.detail
            );
            assert!(!orphan.repairable && orphan.adoptable);
        }
        adopt(world, rules).await;
        assert_eq!(outcomes(world).await, ["adopted"]);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
    });
}

#[test]
fn an_environment_of_an_open_pull_request_without_a_rule_is_left_to_the_audit() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let opened = Webhook::pull_request("opened");
        world.github.learn(&opened, world.clock.now());
        let other = Rule {
            base: patterns(["release"]),
            ..preview_rule()
        };
        world.restart(vec![other.clone()]);
        world.clock.advance(Duration::from_mins(3));
        let compared = world.reconcile().await;
        assert_eq!(compared, "1 repository compared, 0 differences sent");
        assert_eq!(world.mappings(), ACTIVE);
        let found = audit(world, other).await.join("");
        assert!(found.starts_with("rule-gone acme/api#7: "), "{found}");
    });
}

#[test]
fn a_stack_that_nobody_recorded_is_found_by_its_name() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        for name in ["api-pr-99", "api-main", "billing-pr-99", "production"] {
            world.account.give_stack(name);
            world.expect_stack(name);
        }
        let found = audit(world, preview_rule()).await;
        assert_eq!(
            found,
            [
                "stack-left : stack api-pr-99 exists, and no mapping has it: rule 'pull requests' would give this name to pull request 99; if it is a leftover of a closed pull request, and not made by others, delete it: aws cloudformation delete-stack --stack-name arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-99/0"
            ]
        );
        let mut kept = preview_rule();
        kept.overrides.preview.teardown = TeardownPolicy::None;
        // It is that of an open pull request, whose rule keeps its stacks.
        world.restart(vec![kept.clone()]);
        world
            .deliver(Webhook::pull_request("opened").number(99))
            .await;
        assert_eq!(audit(world, preview_rule()).await, Vec::<String>::new());
        assert_eq!(audit(world, kept).await, Vec::<String>::new());
    });
}

#[test]
fn stacks_are_listed_once_and_only_if_a_rule_makes_some() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.faults.clear();
        assert_eq!(audit(world, preview_rule()).await, Vec::<String>::new());
        assert_eq!(world.faults.count(Op::ListStacks), 1);
        assert_eq!(world.faults.count(Op::FindStack), 0);
        world.faults.clear();
        report(world, vec![pull_request_rule()], None).await;
        assert_eq!(world.faults.count(Op::ListStacks), 0);
    });
}

#[test]
fn without_the_permission_the_audit_says_so_and_goes_on() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::ListStacks, 1, denied);
        let report = report(world, vec![preview_rule()], None).await;
        assert!(report.findings.is_empty());
        let fault = report.without_stacks.unwrap();
        assert_eq!(fault.reason, Reason::AwsDenied);
    });
}

#[test]
fn a_stack_that_somebody_else_deleted_is_found_until_it_is_deployed_again() {
    run_story(async |world| {
        let rule = Rule {
            report: Some(ReportForm::Check),
            ..preview_rule()
        };
        world.open_preview(rule.clone()).await;
        assert_eq!(audit(world, rule.clone()).await, Vec::<String>::new());
        world.account.remove_stack(STACK);
        let missing = [
            "stack-missing acme/api#7: its stack api-pr-7 does not exist, although its last execution succeeded: re-run its check at GitHub, or push a commit, and it is deployed again",
        ];
        assert_eq!(audit(world, rule.clone()).await, missing);
        let subject = world.mapping(SUBJECT).subject;
        let alone = report(world, vec![rule.clone()], Some(&subject)).await;
        assert_eq!(alone.totals(), "1 finding: 1 stack-missing");
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
        assert_eq!(
            audit(world, rule.clone()).await,
            Vec::<String>::new(),
            "it may be on its way"
        );
        world.build().await;
        assert_eq!(audit(world, rule).await, Vec::<String>::new());
    });
}

#[test]
fn an_environment_without_its_deployment_is_found() {
    run_story(async |world| {
        let rule = Rule {
            report: Some(ReportForm::Check),
            deployment: Some(environment_format(On::PullRequest)),
            ..preview_rule()
        };
        // The rule had no deployments when the pull request was opened.
        let before = Rule {
            deployment: None,
            ..rule.clone()
        };
        world.open_preview(before).await;
        assert_eq!(audit(world, rule.clone()).await, Vec::<String>::new());
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.restart(vec![rule.clone()]);
        world.send(&pushed.at(world.clock.now()));
        world.settle().await;
        // Nobody tells GitHub about it.
        assert_eq!(audit(world, rule.clone()).await, Vec::<String>::new());
        world.clock.advance(Duration::from_mins(11));
        let missing = "deployment-missing acme/api#7: GitHub shows no deployment of its environment: its next commit gets one";
        assert_eq!(audit(world, rule.clone()).await, [missing]);
    });
}
