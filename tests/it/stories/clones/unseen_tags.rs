//! CodePipeline may show a new pipeline's tags a moment after the pipeline. A pipeline without
//! them is not called a stranger's at once, and one that branchline made becomes no orphan.

use branchline::domain::fault::Reason;
use branchline::domain::ids::{Owner, RepositoryName};

use crate::stories::clones::{built, pushed};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::template;
use crate::world::samples::{pull, tagged};
use crate::world::story::{TABLE, World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// Creates a pipeline for `acme/api#7`; its answer is lost, and its next reads show no tags.
fn create_unseen(world: &World, reads: u32) {
    let lost = Trouble::Fail(When::After, Reason::AwsUnavailable);
    world.faults.next(Op::Create, 1, lost);
    world.account.hide_tags(reads);
}

#[test]
fn a_pipeline_that_was_made_is_recognised_once_its_tags_are_seen() {
    for reads in [1, 4, 6] {
        run_story(async |world| {
            create_unseen(world, reads);
            let outcomes = world.deliver(Webhook::pull_request("opened")).await;
            assert_eq!(outcomes.last().unwrap(), "already-created", "{reads}");
            assert_eq!(world.pipelines(), ["api-pr-7"]);
        });
    }
}

#[test]
fn a_push_right_after_the_creation_is_built() {
    for reads in [1, 4, 8] {
        run_story(async |world| {
            world.deliver(Webhook::pull_request("opened")).await;
            world.account.hide_tags(reads);
            let outcomes = world.deliver(pushed(1, 2)).await;
            assert_eq!(outcomes.last().unwrap(), "started", "{reads}");
            assert_eq!(built(&world.account), [Some(1), Some(2)]);
        });
    }
}

#[test]
fn a_closing_right_after_the_creation_removes_the_pipeline() {
    for reads in [1, 4, 8] {
        run_story(async |world| {
            world.deliver(Webhook::pull_request("opened")).await;
            world.account.hide_tags(reads);
            let outcomes = world.deliver(Webhook::pull_request("closed")).await;
            assert_eq!(outcomes.last().unwrap(), "deleted", "{reads}");
        });
    }
}

#[test]
fn a_pipeline_that_stays_without_tags_is_not_ours() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.account.hide_tags(u32::MAX);
        world.deliver(pushed(1, 2)).await;
        let dead_letters = world.take_dead_letters();
        let reason = dead_letters[0].text("branchline-reason");
        assert_eq!(reason, Some("pipeline-not-ours"));
        assert_eq!(built(&world.account), [Some(1)]);
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn a_closing_of_a_pipeline_that_nobody_heard_of_leaves_no_orphan() {
    for reads in [1, 4, 8] {
        run_story(async |world| {
            // Its ARN is not in the row: nobody heard of the pipeline.
            create_unseen(world, u32::MAX);
            world.faults.next(Op::Find, 1, Trouble::Hang(When::Before));
            world.send(&Webhook::pull_request("opened"));
            world.send(&Webhook::pull_request("closed"));
            world.account.hide_tags(reads);
            world.settle().await;
            assert!(world.pipelines().is_empty(), "{reads}");
        });
    }
}

#[test]
fn a_name_that_only_tags_show_as_taken_is_explained_with_its_owner() {
    let owners = [
        (TABLE, "the tags of pull request 8 of acme/api"),
        ("other", "the branchline with the owner 'other'"),
    ];
    for (name, owner) in owners {
        run_story(async |world| {
            let other = pull(8);
            let repository = RepositoryName::parse(REPOSITORY.1).unwrap();
            let tags = tagged(&other, &repository, &Owner::parse(name).unwrap());
            world.add_pipeline(template("api-pr-7", REPOSITORY.1), tags);
            let outcomes = world.deliver(Webhook::pull_request("opened")).await;
            let taken = &outcomes[0];
            assert!(taken.starts_with("pipeline-name-taken: "), "{taken}");
            assert!(taken.contains(owner), "{taken}");
            assert_eq!(world.take_dead_letters().len(), 1);
            assert!(world.account.remove("api-pr-7"));
            world.deliver(Webhook::pull_request("closed")).await;
        });
    }
}
