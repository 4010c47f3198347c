//! Predictions are the daemon's own path over rehearsal ports: what is predicted is what happens,
//! also where the account or the rules have changed since.

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::ids::Timestamp;
use branchline::domain::rules::rule::{Rule, Start, Update};
use branchline::domain::secret::Secret;
use branchline::ports::Store;
use serde_json::json;

use crate::stories::clones::rule;
use crate::stories::steps::replay::{
    dead_letter, envelope, outcome, predict, rehearsal, replay, unread,
};
use crate::world::clock::START;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::queue_state::StoredMessage;
use crate::world::rules::{
    TEMPLATE, deploying_template, patterns, pipeline_name, preview_rule, pull_request_rule,
    template,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

fn pushed(world: &World) -> StoredMessage {
    unread(world, Webhook::pull_request("synchronize").before(1).sha(2))
}

fn repository_deleted() -> Webhook {
    let payload = json!({"action": "deleted", "repository": {
        "id": REPOSITORY.0, "full_name": REPOSITORY.1, "updated_at": null,
    }});
    Webhook::event("repository", payload)
}

fn closed(world: &World) -> StoredMessage {
    unread(world, Webhook::pull_request("closed"))
}

#[test]
fn a_clone_that_is_never_updated_needs_no_template() {
    run_story(async |world| {
        let never = || vec![rule(|rule| rule.update = Update::Never)];
        world.restart(never());
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove(TEMPLATE));
        let pushed = pushed(world);
        assert_eq!(
            replay(world, &pushed, never()).await,
            ["started", "started"]
        );
    });
}

#[test]
fn a_rule_that_names_another_commit_to_start_updates_nothing() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let head = || vec![rule(|rule| rule.start = Start::Head)];
        world.restart(head());
        let pushed = pushed(world);
        assert_eq!(replay(world, &pushed, head()).await, ["started", "started"]);
    });
}

#[test]
fn a_clone_that_became_a_template_is_left_alone() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let rules = || {
            let of_it = Rule {
                name: "of the clone".to_owned(),
                repository: patterns(["other/*"]),
                template: pipeline_name("api-pr-7"),
                ..pull_request_rule()
            };
            vec![pull_request_rule(), of_it]
        };
        world.restart(rules());
        for message in [pushed(world), closed(world)] {
            let both = replay(world, &message, rules()).await;
            assert_eq!(both, ["pipeline-is-template", "pipeline-is-template"]);
        }
        world.take_dead_letters();
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn a_half_way_mapping_whose_rule_has_another_template_is_not_finished() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(START);
        let opened = dead_letter(world, pull_request_rule(), opened).await;
        let before = Timestamp(START.0 - 60_000);
        let older = unread(world, Webhook::pull_request("edited").at(before));
        let rules = || vec![pull_request_rule()];
        let both = replay(world, &older, rules()).await;
        assert_eq!(both, ["rule-missing", "rule-missing"]);
        world.take_dead_letters();
        assert_eq!(
            replay(world, &opened, rules()).await,
            ["created", "created"]
        );
    });
}

#[test]
fn a_prediction_reads_the_tags_that_the_pipeline_has_now() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove("api-pr-7"));
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
        let rules = || vec![pull_request_rule()];
        for message in [pushed(world), closed(world)] {
            let both = replay(world, &message, rules()).await;
            assert_eq!(both, ["pipeline-not-ours", "pipeline-not-ours"]);
        }
        world.take_dead_letters();
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn predictions_share_the_slots_of_a_rule() {
    run_story(async |world| {
        let one = || vec![rule(|rule| rule.max_active = Some(1))];
        world.restart(one());
        let counted = world.store.count_slots("pull requests", &[]);
        counted.await.unwrap();
        world
            .deliver(Webhook::pull_request("opened").number(1))
            .await;
        let second = unread(world, Webhook::pull_request("opened").number(2));
        assert_eq!(predict(world, &second, one()).await, "rule-full");
        let explained = rehearsal(world, one()).explain(envelope(&second)).await;
        let waits = !explained.unwrap().dead_lettered;
        assert!(waits, "a replay starts at its first receive");
        let two = || vec![rule(|rule| rule.max_active = Some(2))];
        let third = unread(world, Webhook::pull_request("opened").number(3));
        let rehearsal = rehearsal(world, two());
        let mut outcomes = Vec::new();
        for message in [&second, &third] {
            outcomes.push(outcome(&rehearsal, message).await);
        }
        assert_eq!(outcomes, ["created", "rule-full"]);
        assert_eq!(world.pipelines().len(), 1, "nothing was created");
    });
}

#[test]
fn a_rehearsed_clone_of_a_removed_repository_is_removed_once() {
    run_story(async |world| {
        world
            .deliver(Webhook::pull_request("opened").number(1))
            .await;
        let rehearsal = rehearsal(world, vec![pull_request_rule()]);
        let second = unread(world, Webhook::pull_request("opened").number(2));
        assert_eq!(outcome(&rehearsal, &second).await, "created");
        let pushed = Webhook::pull_request("synchronize").number(1);
        let pushed = unread(world, pushed.before(1).sha(2));
        assert_eq!(outcome(&rehearsal, &pushed).await, "started");
        let removed = unread(world, repository_deleted());
        let explained = rehearsal.explain(envelope(&removed)).await.unwrap();
        assert!(
            explained.prediction.ends_with("2 subjects"),
            "{}",
            explained.prediction
        );
    });
}

#[test]
fn a_clone_is_compared_with_its_own_template() {
    run_story(async |world| {
        let other = Rule {
            name: "of drafts".to_owned(),
            template: pipeline_name("other-template"),
            base: patterns(["other"]),
            ..pull_request_rule()
        };
        world.add_pipeline(template("other-template", REPOSITORY.1), Tags::new());
        let rehearsal = rehearsal(world, vec![other, pull_request_rule()]);
        let opened = |number, base| {
            let opened = Webhook::pull_request("opened").number(number).base(base);
            envelope(&unread(world, opened))
        };
        for (number, base, template) in [
            (1, "main", TEMPLATE),
            (2, "other", "other-template"),
            (3, "main", TEMPLATE),
        ] {
            let explained = rehearsal.explain(opened(number, base)).await.unwrap();
            assert_eq!(explained.clone.unwrap().template, template);
        }
    });
}

#[test]
fn a_prediction_without_secrets_updates_nothing_and_a_rotated_secret_does() {
    run_story(async |world| {
        let with = |secret: Secret| {
            let place = ActionPath::parse("Source/GitHub").unwrap();
            let secrets = vec![(place, "OAuthToken".to_owned(), secret)];
            vec![rule(|rule| rule.overrides.secrets = secrets)]
        };
        let token = |text: &str| with(Secret::new(text.to_owned()));
        let mut masked = template(TEMPLATE, REPOSITORY.1);
        masked["stages"][0]["actions"][0]["configuration"]["OAuthToken"] = json!("gho");
        world.add_pipeline(masked, Tags::new());
        world.restart(token("first"));
        world.deliver(Webhook::pull_request("opened")).await;
        let pushed = pushed(world);
        assert_eq!(
            predict(world, &pushed, with(Secret::hidden())).await,
            "started"
        );
        assert_eq!(predict(world, &pushed, token("first")).await, "started");
        world.restart(token("second"));
        let both = replay(world, &pushed, token("second")).await;
        assert_eq!(both, ["updated", "updated"]);
    });
}

#[test]
fn a_removal_is_retried_while_any_subject_may_still_succeed() {
    run_story(async |world| {
        for number in [1, 2] {
            let opened = Webhook::pull_request("opened").number(number);
            world.deliver(opened).await;
        }
        let faults = [Reason::AwsUnavailable, Reason::DeclarationRefused];
        assert_eq!(faults[1].class().as_str(), "permanent");
        for reason in faults {
            let fails = Trouble::Fail(When::Before, reason);
            world.faults.next(Op::Remove, 1, fails);
        }
        let outcome = world.deliver(repository_deleted()).await;
        assert!(world.pipelines().is_empty(), "{outcome:?}");
    });
}

#[test]
fn a_closing_whose_pipeline_removes_its_environment_is_predicted() {
    run_story(async |world| {
        world.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        let preview = || vec![preview_rule()];
        world.restart(preview());
        world.deliver(Webhook::pull_request("opened")).await;
        let closed = closed(world);
        assert_eq!(
            replay(world, &closed, preview()).await,
            ["teardown-started", "teardown-started"]
        );
        world.build().await;
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}
