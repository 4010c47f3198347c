//! Subjects whose pipelines would have one name, and branches that are nobody's.

use branchline::domain::rules::rule::{On, Rule};

use crate::world::rules::{branch_rule, name_pattern, patterns, pull_request_rule};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

#[test]
fn a_branch_called_pr_7_and_pull_request_7_have_two_pipelines_by_default() {
    run_story(async |world| {
        let default = |rule: Rule| Rule {
            pipeline_name: name_pattern(rule.on.default_pipeline_name()),
            ..rule
        };
        world.restart(vec![default(branch_rule()), default(pull_request_rule())]);
        world.deliver(Webhook::push("pr-7", 0, 1)).await;
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7", "api@pr-7"]);
        world.deliver(Webhook::push("pr-7", 1, 0)).await;
        world.deliver(Webhook::pull_request("closed")).await;
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn a_name_that_is_taken_is_explained_with_the_other_subject() {
    run_story(async |world| {
        world.restart(vec![branch_rule(), pull_request_rule()]);
        world.deliver(Webhook::push("pr-7", 0, 1)).await;
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        insta::assert_snapshot!(outcomes[0], @"pipeline-name-taken: the name 'api-pr-7' belongs to the pipeline of branch pr-7 of acme/api: change pipeline_name of rule 'pull requests', or of the other's, so that their names differ, or remove it: the default names of branches and pull requests do");
        assert_eq!(world.take_dead_letters().len(), 1);
        let other = Webhook::pull_request("opened").of(1002, "other/api");
        world.restart(vec![Rule {
            repository: patterns(["*/api"]),
            ..pull_request_rule()
        }]);
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        let outcomes = world.deliver(other.number(8)).await;
        insta::assert_snapshot!(outcomes[0], @"pipeline-name-taken: the name 'api-pr-8' belongs to the pipeline of pull request 8 of acme/api: change pipeline_name of rule 'pull requests', or of the other's, so that it contains {owner} and {repo}");
        world.take_dead_letters();
        world.deliver(Webhook::push("pr-7", 1, 0)).await;
    });
}

#[test]
fn a_branch_of_the_merge_queue_has_a_pipeline_only_if_a_rule_names_it() {
    run_story(async |world| {
        let queued = "gh-readonly-queue/main/pr-7-0123456789";
        world.restart(vec![branch_rule()]);
        let outcomes = world.deliver(Webhook::push(queued, 0, 1)).await;
        assert_eq!(outcomes, ["ignored: no-rule"]);
        assert!(world.pipelines().is_empty() && world.mappings().is_empty());
        let named = Rule {
            name: "queue".to_owned(),
            branches: patterns(["gh-readonly-queue/**"]),
            ..branch_rule()
        };
        assert_eq!(named.on, On::Branch);
        assert!(!branch_rule().shadows(&named));
        world.restart(vec![branch_rule(), named]);
        world.deliver(Webhook::push(queued, 0, 1)).await;
        assert_eq!(world.pipelines().len(), 1);
        world.deliver(Webhook::push(queued, 1, 0)).await;
    });
}
