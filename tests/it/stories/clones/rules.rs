//! Rules that were renamed, reordered or edited while a row was half-way: a clone never gets
//! another rule's stages.

use branchline::domain::clone::overrides::CloneOverrides;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;
use branchline::ports::Clock;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{patterns, pull_request_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

/// A rule without a name, at a place in the file. It tags its clones with what it is about.
fn rule(number: usize, about: &str, base: &str) -> Rule {
    Rule {
        name: format!("rule {number}"),
        digest: about.to_owned(),
        base: patterns([base]),
        overrides: CloneOverrides {
            tags: [("about".to_owned(), about.to_owned())].into(),
            ..CloneOverrides::default()
        },
        ..pull_request_rule()
    }
}

/// Opens the pull request under two rules, of which the second admits it, and fails to create its
/// pipeline.
async fn half_way(world: &World) -> Webhook {
    world.restart(vec![rule(1, "deploys", "next"), rule(2, "builds", "main")]);
    let refused = Trouble::Fail(When::Before, Reason::DeclarationRefused);
    world.faults.next(Op::Create, 1, refused);
    let opened = Webhook::pull_request("opened").at(world.clock.now());
    world.deliver(opened.clone()).await;
    assert_eq!(world.take_dead_letters().len(), 1);
    assert_eq!(world.half_way(), ["acme/api#7"]);
    // An older event finishes the row as it is recorded.
    let second = std::time::Duration::from_secs(1);
    world.clock.advance(second);
    let time = branchline::domain::ids::Timestamp(world.clock.now().0 - 60_000);
    Webhook::pull_request("edited").at(time)
}

fn about(world: &World) -> String {
    let tags = world.pipeline("api-pr-7").tags;
    tags.get("about").cloned().unwrap_or_default()
}

#[test]
fn a_half_way_row_keeps_its_rule_when_the_rules_are_reordered() {
    run_story(async |world| {
        let older = half_way(world).await;
        world.restart(vec![rule(1, "builds", "main"), rule(2, "deploys", "next")]);
        assert_eq!(world.deliver(older).await, ["created"]);
        assert_eq!(about(world), "builds");
    });
}

#[test]
fn a_half_way_row_keeps_its_rule_when_another_one_is_put_before_it_or_it_gets_a_name() {
    run_story(async |world| {
        let older = half_way(world).await;
        let named = Rule {
            name: "builds".to_owned(),
            ..rule(3, "builds", "main")
        };
        world.restart(vec![
            rule(1, "other", "other"),
            rule(2, "deploys", "next"),
            named,
        ]);
        assert_eq!(world.deliver(older).await, ["created"]);
        assert_eq!(about(world), "builds");
    });
}

#[test]
fn a_half_way_row_whose_rule_was_edited_gets_the_rule_that_admits_it_today() {
    run_story(async |world| {
        let older = half_way(world).await;
        world.restart(vec![
            rule(1, "builds more", "main"),
            rule(2, "deploys", "next"),
        ]);
        assert_eq!(world.deliver(older).await, ["created"]);
        assert_eq!(about(world), "builds more");
    });
}

#[test]
fn a_half_way_row_whose_rule_was_removed_never_takes_the_one_in_its_place() {
    run_story(async |world| {
        let older = half_way(world).await;
        world.restart(vec![rule(1, "other", "other"), rule(2, "deploys", "next")]);
        let outcomes = world.deliver(older).await;
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.starts_with("rule-missing")),
            "{outcomes:?}"
        );
        assert_eq!(world.take_dead_letters().len(), 1);
        assert!(world.pipelines().is_empty());
        world.deliver(Webhook::pull_request("closed")).await;
    });
}
