//! What happens to idle subjects at the same time as something else: webhooks, crashes, the end of
//! a pull request or of its repository, and the comparison with GitHub.

use std::time::Duration;

use branchline::domain::jobs::Job;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, JobLog};
use serde_json::json;

use crate::stories::idle::{ACTIVE, ASLEEP, DAY, NAME, idle};
use crate::stories::jobs::record;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

#[test]
fn a_closing_and_a_reopening_go_as_usual() {
    run_story(async |world| {
        world.fall_asleep(idle()).await;
        assert_eq!(
            world.deliver(world.event("closed")).await,
            ["recorded: closed"]
        );
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
        assert_eq!(world.deliver(world.event("reopened")).await, ["created"]);
        assert_eq!(world.mappings(), ACTIVE);
    });
}

#[test]
fn the_comparison_with_github_wakes_nothing_but_finds_what_was_lost() {
    run_story(async |world| {
        let compare = async |world: &World| {
            world.clock.advance(Duration::from_mins(5));
            let requested = world.store.request_job(Job::Reconcile, world.clock.now());
            assert_eq!(requested.await, Ok(()));
            world.driver("w1").run_due().await;
            world.settle().await;
            world.clock.advance(Duration::from_mins(5));
            let result = record(world, Job::Reconcile).await.result;
            result.map_or_else(String::new, |result| result.detail().to_owned())
        };
        world.fall_asleep(idle()).await;
        world
            .github
            .learn(&world.event("edited"), world.clock.now());
        assert_eq!(
            compare(world).await,
            "1 repository compared, 0 differences sent"
        );
        assert_eq!(world.mappings(), ASLEEP);
        let pushed = world.event("synchronize").before(1).sha(2);
        world.github.learn(&pushed, world.clock.now());
        assert_eq!(
            compare(world).await,
            "1 repository compared, 1 difference sent"
        );
        assert_eq!(world.mappings(), ACTIVE);
        world.build().await;
        world.wait(11 * DAY).await;
        assert_eq!(world.mappings(), ASLEEP);
        let closed = world.event("closed").sha(2);
        world.github.learn(&closed, world.clock.now());
        assert_eq!(
            compare(world).await,
            "1 repository compared, 1 difference sent"
        );
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}

#[test]
fn a_slot_is_given_up_and_waited_for_as_by_any_other() {
    run_story(async |world| {
        let rule = Rule {
            max_active: Some(1),
            ..idle()
        };
        world.fall_asleep(rule).await;
        world.deliver(world.event("opened").number(8)).await;
        assert_eq!(world.pipelines(), ["api-pr-8"]);
        world.send(&world.event("synchronize").before(1).sha(2));
        world.work_once().await;
        assert_eq!(world.half_way(), ["acme/api#7"]);
        world.deliver(world.event("closed").number(8)).await;
        assert_eq!(world.pipelines(), [NAME]);
    });
}

#[test]
fn the_end_of_the_repository_ends_those_that_are_asleep() {
    run_story(async |world| {
        world.fall_asleep(idle()).await;
        let now = world.clock.now();
        let archived = Webhook::repository_event("archived", REPOSITORY, now, json!({}));
        world.deliver(archived).await;
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}

#[test]
fn a_webhook_that_comes_at_the_same_time_wins() {
    run_story(async |world| {
        world.restart(vec![idle()]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.build().await;
        world.clock.advance(10 * DAY);
        world.look_for_idle().await;
        // The request is in the internal queue.
        world.send(&world.event("synchronize").before(1).sha(2));
        world.settle().await;
        assert_eq!(world.mappings(), ACTIVE);
        world.build().await;
        world.clock.advance(11 * DAY);
        world.look_for_idle().await;
        world.send(&world.event("closed").sha(2));
        world.settle().await;
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}

#[test]
fn a_removal_that_a_crash_cut_off_is_finished() {
    for when in [When::Before, When::After] {
        run_story(async |world| {
            world.restart(vec![idle()]);
            world.deliver(Webhook::pull_request("opened")).await;
            world.build().await;
            world.faults.next(Op::Delete, 1, Trouble::Hang(when));
            world.wait(10 * DAY).await;
            assert_eq!(world.mappings(), ASLEEP);
        });
    }
}
