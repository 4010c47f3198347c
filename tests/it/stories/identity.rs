//! Renamed and transferred repositories, and rules that were changed: a subject is known by its
//! repository's number, and its end is always heard.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::ids::Timestamp;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::State;
use branchline::ports::Clock;
use serde_json::{Value, json};

use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{branch_rule, patterns, pull_request_rule, repositories};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// A name that no rule of these stories has.
const NEW_NAME: &str = "acme/core-api";

/// Pull requests and branches of `acme/api` alone.
pub(super) fn rules() -> Vec<Rule> {
    let api = repositories(["Acme/API"]);
    [pull_request_rule(), branch_rule()]
        .map(|rule| Rule {
            repository: api.clone(),
            ..rule
        })
        .to_vec()
}

/// A `repository` event of `acme/api` under this name, at this time.
fn repository(action: &str, name: &str, at: Timestamp, changes: Value) -> Webhook {
    Webhook::repository_event(action, (REPOSITORY.0, name), at, changes)
}

fn renamed(world: &World) -> Webhook {
    let changes = json!({"repository": {"name": {"from": "api"}}});
    repository("renamed", NEW_NAME, world.clock.now(), changes)
}

/// Returns the end of the repository, under this name.
pub(super) fn ended(world: &World, action: &str, name: &str) -> Webhook {
    repository(action, name, world.clock.now(), json!({}))
}

/// Returns the webhook under the new name.
fn under_new_name(webhook: Webhook) -> Webhook {
    webhook.of(REPOSITORY.0, NEW_NAME)
}

/// Opens pull request 7 and branch `x`.
pub(super) async fn open_both(world: &World) {
    world.restart(rules());
    world.deliver(Webhook::pull_request("opened")).await;
    world.deliver(Webhook::push("x", 0, 1)).await;
    assert_eq!(world.pipelines(), ["api-pr-7", "api-x"]);
}

#[test]
fn names_are_compared_without_case() {
    run_story(async |world| {
        open_both(world).await;
        let closed = Webhook::pull_request("closed").of(REPOSITORY.0, "ACME/api");
        assert_eq!(world.deliver(closed).await, ["deleted"]);
        world.deliver(Webhook::delete("x")).await;
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn the_ends_of_known_subjects_are_heard_under_a_name_that_no_rule_has() {
    run_story(async |world| {
        open_both(world).await;
        let pushed = under_new_name(Webhook::push("x", 1, 2));
        assert_eq!(world.deliver(pushed).await, ["ignored: no-rule"]);
        for end in [Webhook::pull_request("closed"), Webhook::delete("x")] {
            assert_eq!(world.deliver(under_new_name(end)).await, ["deleted"]);
        }
        assert!(world.pipelines().is_empty());
        let gone = [
            "acme/core-api@x gone api-x",
            "acme/core-api#7 gone api-pr-7",
        ];
        assert_eq!(world.mappings(), gone);
    });
}

#[test]
fn the_ends_of_known_subjects_are_heard_after_their_rules_were_narrowed_or_removed() {
    let other = || {
        vec![Rule {
            repository: patterns(["acme/other"]),
            ..pull_request_rule()
        }]
    };
    let narrowed = || {
        vec![Rule {
            branches: patterns(["release/*"]),
            ..branch_rule()
        }]
    };
    for rules in [other(), narrowed()] {
        run_story(async |world| {
            open_both(world).await;
            world.restart(rules);
            for end in [Webhook::pull_request("closed"), Webhook::push("x", 1, 0)] {
                assert_eq!(world.deliver(end).await, ["deleted"]);
            }
            assert!(world.pipelines().is_empty());
        });
    }
}

#[test]
fn a_repository_that_no_rule_names_any_more_still_ends() {
    for action in ["deleted", "archived"] {
        run_story(async |world| {
            open_both(world).await;
            world.clock.advance(Duration::from_secs(1));
            let end = ended(world, action, NEW_NAME);
            let outcome = ["repository-removed: 2 subjects"];
            assert_eq!(world.deliver(end).await, outcome);
            assert!(world.pipelines().is_empty());
        });
    }
}

#[test]
fn an_end_of_what_nobody_knows_costs_one_read_and_changes_nothing() {
    run_story(async |world| {
        open_both(world).await;
        let rows = world.store.rows();
        let unknown = |webhook: Webhook| webhook.of(9, "other/repository");
        let changes = json!({"repository": {"name": {"from": "before"}}});
        let of_repository = |action| {
            unknown(repository(
                action,
                "-/-",
                world.clock.now(),
                changes.clone(),
            ))
        };
        let webhooks = [
            unknown(Webhook::pull_request("closed")),
            unknown(Webhook::delete("x")),
            unknown(Webhook::push("x", 1, 0)),
            of_repository("deleted"),
            of_repository("archived"),
            of_repository("renamed"),
            // Known repositories, and subjects that never had a rule.
            Webhook::delete("main"),
        ];
        for webhook in webhooks {
            world.faults.clear();
            assert_eq!(world.deliver(webhook).await, ["ignored: no-rule"]);
            assert_eq!(world.faults.spent(), 1, "{:?}", world.faults.calls());
        }
        let opened = unknown(Webhook::pull_request("opened"));
        world.faults.clear();
        world.deliver(opened).await;
        assert_eq!(world.faults.spent(), 0);
        assert_eq!(world.store.rows(), rows);
        assert_eq!(world.store.record(9), None);
        close_both(world).await;
    });
}

async fn close_both(world: &World) {
    world.deliver(Webhook::pull_request("closed")).await;
    world.deliver(Webhook::delete("x")).await;
    assert!(world.pipelines().is_empty());
}

#[test]
fn an_older_opening_under_the_old_name_finds_the_end_under_the_new_one() {
    run_story(async |world| {
        world.restart(rules());
        // Another subject has made the repository known.
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        world
            .deliver(Webhook::pull_request("closed").number(8))
            .await;
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.clock.advance(Duration::from_secs(60));
        let closed = under_new_name(Webhook::pull_request("closed"));
        assert_eq!(world.deliver(closed).await, ["recorded: closed"]);
        assert_eq!(world.deliver(opened).await, ["unchanged: stale"]);
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn a_renaming_renames_the_rows_and_the_alias_and_warns() {
    run_story(async |world| {
        open_both(world).await;
        let logs = CapturedLogs::start();
        let outcomes = world.deliver(renamed(world)).await;
        assert_eq!(
            outcomes,
            ["repository-renamed: 2 subjects, 2 without a rule"]
        );
        let warnings = logs.lines("No rule");
        insta::assert_snapshot!(warnings[0]["message"].as_str().unwrap(), @"No rule admits 2 pipelines of a repository that was renamed to acme/core-api: name it in `repository` of a rule; until then these pipelines build nothing, and are deleted when their pull request or branch ends");
        let active = [
            "acme/core-api@x active api-x",
            "acme/core-api#7 active api-pr-7",
        ];
        assert_eq!(world.mappings(), active);
        let id = world.store.alias(NEW_NAME).map(|id| id.0);
        assert_eq!(id, Some(REPOSITORY.0));
        let history = world.history("acme/core-api#7");
        assert_eq!(history, ["created unseen>active", "recorded active>active"]);
        let again = world.deliver(renamed(world)).await;
        assert_eq!(again, ["repository-renamed: 2 subjects, 2 without a rule"]);
        for end in [Webhook::pull_request("closed"), Webhook::delete("x")] {
            world.deliver(under_new_name(end)).await;
        }
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn a_transfer_renames_too_and_an_admitted_name_needs_no_warning() {
    run_story(async |world| {
        let api = Rule {
            repository: patterns(["acme/api", "umbrella/api"]),
            ..pull_request_rule()
        };
        world.restart(vec![api]);
        world.deliver(Webhook::pull_request("opened")).await;
        let changes = json!({"owner": {"from": {"organization": {"login": "acme"}}}});
        let transferred = repository("transferred", "umbrella/api", world.clock.now(), changes);
        let outcomes = world.deliver(transferred).await;
        assert_eq!(outcomes, ["repository-renamed: 1 subject"]);
        assert_eq!(world.mappings(), ["umbrella/api#7 active api-pr-7"]);
        let names = world.store.record(REPOSITORY.0).unwrap().names;
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["acme/api", "umbrella/api"]);
        let closed = Webhook::pull_request("closed").of(REPOSITORY.0, "umbrella/api");
        assert_eq!(world.deliver(closed).await, ["deleted"]);
    });
}

#[test]
fn an_event_from_before_a_renaming_does_not_bring_the_old_name_back() {
    run_story(async |world| {
        open_both(world).await;
        let late = Webhook::pull_request("edited")
            .title("Late")
            .at(world.clock.now());
        world.clock.advance(Duration::from_secs(60));
        world.deliver(renamed(world)).await;
        world.deliver(late).await;
        assert_eq!(
            world
                .mapping("acme/core-api#7")
                .spec()
                .unwrap()
                .title
                .as_deref(),
            Some("Late")
        );
        world.clock.advance(Duration::from_secs(60));
        let back = json!({"repository": {"name": {"from": "core-api"}}});
        let back = repository("renamed", REPOSITORY.1, world.clock.now(), back);
        let outcomes = world.deliver(back).await;
        assert_eq!(outcomes, ["repository-renamed: 2 subjects"]);
        close_both(world).await;
        assert_eq!(
            world.mappings(),
            ["acme/api@x gone api-x", "acme/api#7 gone api-pr-7"]
        );
    });
}

#[test]
fn a_half_way_row_has_the_new_name_even_if_it_cannot_be_finished() {
    run_story(async |world| {
        world.restart(rules());
        let refused = Trouble::Fail(When::Before, Reason::DeclarationRefused);
        world.faults.next(Op::Create, 2, refused);
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.take_dead_letters().len(), 1);
        let outcomes = world.deliver(renamed(world)).await;
        assert_eq!(
            outcomes,
            ["repository-renamed: 1 subject, 1 without a rule"]
        );
        assert_eq!(world.mapping("acme/core-api#7").state, State::Creating);
        let closed = under_new_name(Webhook::pull_request("closed"));
        world.deliver(closed).await;
        assert_eq!(world.mappings(), ["acme/core-api#7 gone api-pr-7"]);
    });
}
