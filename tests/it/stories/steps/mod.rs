//! Stories: webhooks are sent, and the world is as expected. Each ends with nothing left over
//! (`run_story`).

mod dlq_scan;
mod names;
mod predictions;
mod replay;
mod safety;

use std::time::Duration;

use branchline::domain::clone::overrides::CloneOverrides;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::desired::AbsenceReason;
use branchline::domain::state::mapping::State;
use branchline::ports::Clock;
use serde_json::json;

use crate::world::clock::START;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEMPLATE, branch_rule, name_pattern, patterns, pull_request_rule, template,
};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

#[test]
fn a_pull_request_has_a_pipeline_while_it_is_open() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
        assert_eq!(pipeline.executions(), 1);

        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        assert_eq!(world.deliver(pushed).await, ["started"]);
        assert_eq!(world.pipelines(), ["api-pr-7"]);

        world.deliver(Webhook::pull_request("closed").sha(2)).await;
        assert!(world.pipelines().is_empty());
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
        assert_eq!(
            world.history("acme/api#7"),
            [
                "created unseen>active",
                "started active>active",
                "deleted active>gone"
            ]
        );
    });
}

#[test]
fn an_old_opened_does_not_recreate_the_pipeline() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(START);
        world.deliver(opened.clone()).await;
        world.deliver(Webhook::pull_request("closed")).await;
        assert_eq!(world.deliver(opened).await, ["unchanged: stale"]);
        assert!(world.pipelines().is_empty());
        let reopened = Webhook::pull_request("reopened");
        assert_eq!(world.deliver(reopened).await, ["created"]);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_closing_that_arrives_first_wins() {
    run_story(async |world| {
        let later = START.plus(Duration::from_secs(9));
        world
            .deliver(Webhook::pull_request("closed").at(later))
            .await;
        world
            .deliver(Webhook::pull_request("opened").at(START))
            .await;
        assert!(world.pipelines().is_empty());
        assert_eq!(world.mappings(), ["acme/api#7 gone -"]);
    });
}

#[test]
fn githubs_redelivery_changes_nothing() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(START).delivery("guid-1");
        world.deliver(opened.clone()).await;
        world.deliver(opened).await;
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
        assert_eq!(world.history("acme/api#7"), ["created unseen>active"]);
    });
}

#[test]
fn a_form_body_has_the_same_effect() {
    run_story(async |world| {
        world
            .deliver(Webhook::pull_request("opened").in_form())
            .await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_forgery_is_quarantined_unread() {
    run_story(async |world| {
        world
            .deliver(Webhook::pull_request("opened").signed_with("guess"))
            .await;
        let quarantined = world.take_quarantined();
        let reasons: Vec<_> = quarantined
            .iter()
            .map(|message| message.text("branchline-reason"))
            .collect();
        assert_eq!(reasons, [Some("signature-mismatch")]);
        assert!(world.mappings().is_empty());
    });
}

#[test]
fn an_invalid_payload_is_dead_lettered_with_its_reason() {
    run_story(async |world| {
        let poison = Webhook::pull_request("opened").body("{\"action\": 5}");
        world.deliver(poison).await;
        let dead_letters = world.take_dead_letters();
        let text = |name| dead_letters[0].text(name);
        assert_eq!(dead_letters[0].body, "{\"action\": 5}");
        assert_eq!(text("branchline-reason"), Some("invalid-payload"));
        assert_eq!(text("branchline-step"), Some("event"));
        assert_eq!(text("branchline-attempts"), Some("1"));
        assert_eq!(text("X-GitHub-Event"), Some("pull_request"));
    });
}

#[test]
fn a_pull_request_without_a_pipeline_records_the_reason() {
    run_story(async |world| {
        let rules = Rule {
            drafts: false,
            base: patterns(["main"]),
            ..pull_request_rule()
        };
        world.restart(vec![rules]);
        let cases = [
            (Webhook::pull_request("opened").fork(), AbsenceReason::Fork),
            (
                Webhook::pull_request("opened").deleted_fork(),
                AbsenceReason::Fork,
            ),
            (
                Webhook::pull_request("opened").with("/pull_request/draft", true),
                AbsenceReason::Draft,
            ),
            (
                Webhook::pull_request("opened").base("next"),
                AbsenceReason::NoRule,
            ),
            (
                Webhook::pull_request("opened").title("Typo [skip ci]"),
                AbsenceReason::Skipped,
            ),
        ];
        for (number, (webhook, why)) in (1..).zip(cases) {
            let outcomes = world.deliver(webhook.number(number)).await;
            assert_eq!(outcomes, [format!("recorded: {}", why.as_str())]);
            let mapping = world.mapping(&format!("acme/api#{number}"));
            assert_eq!((mapping.state, mapping.absence()), (State::Gone, Some(why)));
        }
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn events_that_match_no_rule_are_ignored_with_a_reason() {
    run_story(async |world| {
        let ignored = [
            (Webhook::ping(), "ignored: ping"),
            (Webhook::push("feature/x", 0, 1), "ignored: no-rule"),
            (Webhook::pull_request("labeled"), "ignored: label"),
            (
                Webhook::pull_request("assigned"),
                "ignored: action assigned",
            ),
            (
                Webhook::pull_request("opened").of(2, "other/api"),
                "ignored: no-rule",
            ),
            (Webhook::event("issues", json!({})), "ignored: event"),
        ];
        for (webhook, outcome) in ignored {
            assert_eq!(world.deliver(webhook).await, [outcome]);
        }
        assert!(world.mappings().is_empty());
    });
}

#[test]
fn a_draft_has_a_pipeline_once_it_is_ready() {
    run_story(async |world| {
        world.restart(vec![Rule {
            drafts: false,
            ..pull_request_rule()
        }]);
        world.deliver(Webhook::pull_request("opened").draft()).await;
        assert!(world.pipelines().is_empty());
        world
            .deliver(Webhook::pull_request("ready_for_review"))
            .await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        world
            .deliver(Webhook::pull_request("converted_to_draft").draft())
            .await;
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn a_branch_has_a_pipeline_while_it_exists() {
    run_story(async |world| {
        world.restart(vec![branch_rule()]);
        world.deliver(Webhook::create("release-1")).await;
        world.deliver(Webhook::push("release-1", 0, 1)).await;
        assert_eq!(world.pipelines(), ["api-release-1"]);
        let pipeline = world.pipeline("api-release-1");
        assert_eq!(pipeline.source("BranchName"), Some("release-1"));
        world.deliver(Webhook::delete("release-1")).await;
        assert!(world.pipelines().is_empty());
        world.deliver(Webhook::push("release-1", 0, 2)).await;
        world.deliver(Webhook::push("release-1", 2, 0)).await;
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn two_branches_that_look_alike_have_two_pipelines() {
    run_story(async |world| {
        world.restart(vec![branch_rule()]);
        world.deliver(Webhook::push("a/b", 0, 1)).await;
        world.deliver(Webhook::push("a-b", 0, 1)).await;
        world.deliver(Webhook::push("日本 🦀", 0, 1)).await;
        assert_eq!(world.pipelines().len(), 3);
    });
}

#[test]
fn a_foreign_pipeline_is_never_touched() {
    run_story(async |world| {
        let foreign = template("api-pr-7", "acme/api");
        world.add_pipeline(foreign, [("team".to_owned(), "payments".to_owned())].into());
        let before = world.pipeline("api-pr-7");
        world.deliver(Webhook::pull_request("opened")).await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("pipeline-name-taken")
        );
        world.deliver(Webhook::pull_request("closed")).await;
        assert_eq!(world.pipeline("api-pr-7"), before);
        assert_eq!(world.mappings(), ["acme/api#7 gone -"]);
    });
}

#[test]
fn two_subjects_never_share_a_pipeline() {
    run_story(async |world| {
        world.restart(vec![Rule {
            pipeline_name: name_pattern("shared"),
            ..pull_request_rule()
        }]);
        world.deliver(Webhook::pull_request("opened")).await;
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("pipeline-name-taken")
        );
        assert_eq!(world.mappings(), ["acme/api#7 active shared"]);
    });
}

#[test]
fn a_masked_secret_is_not_cloned() {
    run_story(async |world| {
        let mut masked = template(TEMPLATE, "acme/api");
        masked["stages"][1]["actions"][0]["configuration"]["OAuthToken"] = json!("hunter2");
        world.add_pipeline(masked, [].into());
        world.deliver(Webhook::pull_request("opened")).await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("template-masked")
        );
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn a_fixed_template_finishes_a_half_way_mapping() {
    run_story(async |world| {
        world.account.remove(TEMPLATE);
        world.deliver(Webhook::pull_request("opened")).await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("template-missing")
        );
        world.add_pipeline(template(TEMPLATE, "acme/api"), [].into());
        world
            .deliver(Webhook::pull_request("synchronize").sha(2))
            .await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_clone_has_what_its_rule_leaves_of_the_template() {
    run_story(async |world| {
        let mut with_deploy = template(TEMPLATE, "acme/api");
        let stages = with_deploy["stages"].as_array_mut().unwrap();
        let mut deploy = stages[1].clone();
        deploy["name"] = json!("Deploy");
        stages.push(deploy);
        world.add_pipeline(with_deploy, [].into());
        world.restart(vec![Rule {
            overrides: CloneOverrides {
                drop_stages: vec!["Deploy".to_owned()],
                tags: [("team".to_owned(), "payments".to_owned())].into(),
                ..CloneOverrides::default()
            },
            ..pull_request_rule()
        }]);
        world.deliver(Webhook::pull_request("opened")).await;
        let pipeline = world.pipeline("api-pr-7");
        let stages = pipeline.declaration["stages"].as_array().unwrap();
        assert_eq!(stages.len(), 2);
        assert_eq!(pipeline.tags["team"], "payments");
    });
}

#[test]
fn a_stage_that_was_renamed_is_not_deployed_by_mistake() {
    run_story(async |world| {
        world.restart(vec![Rule {
            overrides: CloneOverrides {
                drop_stages: vec!["Deploy".to_owned()],
                ..CloneOverrides::default()
            },
            ..pull_request_rule()
        }]);
        world.deliver(Webhook::pull_request("opened")).await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("rule-template-mismatch")
        );
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn a_full_account_is_waited_for() {
    run_story(async |world| {
        world.account.limit(1);
        world.send(&Webhook::pull_request("opened"));
        let fails = Trouble::Fail(When::Before, Reason::AwsThrottled);
        world.faults.next(Op::Claim, 2, fails);
        let begun = world.clock.now();
        let work = async {
            world.settle().await;
        };
        let raised = async {
            while world.clock.now().since(begun) < Duration::from_secs(600) {
                tokio::task::yield_now().await;
            }
            world.account.limit(2);
        };
        tokio::join!(work, raised);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_renamed_repository_keeps_its_subjects() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let (id, _) = crate::world::webhook::REPOSITORY;
        let closed = Webhook::pull_request("closed").of(id, "acme/renamed");
        world.deliver(closed).await;
        assert!(world.pipelines().is_empty());
        assert_eq!(world.mappings(), ["acme/renamed#7 gone api-pr-7"]);
    });
}
