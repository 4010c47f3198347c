//! Events of one subject within one second, as GitHub sends them.

use std::time::Duration;

use branchline::ports::Clock;

use crate::world::rules::branch_rule;
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

/// Creates branch `x` at commit 1, and lets the second pass.
async fn created(world: &World) {
    world.restart(vec![branch_rule()]);
    world.deliver(Webhook::push("x", 0, 1)).await;
    assert_eq!(world.pipelines(), ["api-x"]);
    world.clock.advance(Duration::from_secs(1));
}

/// Delivers webhooks of the current second, in order.
async fn in_one_second(world: &World, webhooks: impl IntoIterator<Item = Webhook>) {
    let second = world.clock.now();
    for webhook in webhooks {
        world.deliver(webhook.at(second)).await;
    }
}

#[test]
fn a_branch_that_was_deleted_and_made_again_at_its_commit_has_a_pipeline() {
    let deletion = [Webhook::push("x", 1, 0), Webhook::delete("x")];
    let creation = [Webhook::create("x"), Webhook::push("x", 0, 1)];
    let [push_deleted, delete] = deletion;
    let [create, push_created] = creation;
    let orders = [
        vec![&push_deleted, &push_created],
        vec![&delete, &create],
        vec![&delete, &push_created],
        vec![&push_deleted, &delete, &create, &push_created],
        vec![&delete, &push_deleted, &push_created, &create],
        // GitHub's two webhooks about the deletion are far apart.
        vec![&delete, &create, &push_created, &push_deleted],
        vec![&push_deleted, &push_created, &delete],
    ];
    for order in orders {
        run_story(async |world| {
            created(world).await;
            in_one_second(world, order.into_iter().cloned()).await;
            assert_eq!(world.pipelines(), ["api-x"]);
            world.clock.advance(Duration::from_secs(1));
            world.deliver(Webhook::delete("x")).await;
            assert!(world.pipelines().is_empty());
        });
    }
}

#[test]
fn a_branch_that_was_made_and_deleted_in_one_second_has_no_pipeline_in_any_order() {
    let [create, push, delete] = [
        Webhook::create("x"),
        Webhook::push("x", 0, 1),
        Webhook::delete("x"),
    ];
    let orders = [
        [&create, &push, &delete],
        [&push, &create, &delete],
        [&delete, &create, &push],
        [&delete, &push, &create],
    ];
    for order in orders {
        run_story(async |world| {
            world.restart(vec![branch_rule()]);
            in_one_second(world, order.into_iter().cloned()).await;
            assert!(world.pipelines().is_empty());
        });
    }
}
