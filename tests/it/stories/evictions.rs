//! Rules with `on_full = "evict-idle"`: an idle pipeline is removed for those who wait.

use std::time::Duration;

use branchline::domain::jobs::Job;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::retention::{OnFull, Retention};
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, JobLog, Store};

use crate::stories::jobs::record;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::Op;
use crate::world::rules::pull_request_rule;
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

const HOUR: Duration = Duration::from_hours(1);
const NOBODY: &str = "nobody waits for the slot of an idle pipeline";

fn limited(max: u32) -> Rule {
    Rule {
        max_active: Some(max),
        retention: Retention {
            on_full: OnFull::EvictIdle,
            ..Retention::default()
        },
        ..pull_request_rule()
    }
}

impl World {
    async fn begin(&self, rule: Rule) {
        self.restart(vec![rule]);
        let counted = self.store.count_slots("pull requests", &[]);
        assert_eq!(counted.await, Ok(()));
    }

    /// Opens a pull request, lets its first attempt end, and lets a minute pass.
    async fn open_one(&self, number: u64) {
        self.send(&self.opened(number));
        self.work_once().await;
        self.clock.advance(Duration::from_mins(1));
    }

    fn opened(&self, number: u64) -> Webhook {
        Webhook::pull_request("opened")
            .number(number)
            .at(self.clock.now())
    }

    /// Runs the job on two daemons, and handles what it has sent. Returns what it says it did.
    async fn evict_idle(&self) -> String {
        let requested = self.store.request_job(Job::EvictIdle, self.clock.now());
        assert_eq!(requested.await, Ok(()));
        let (one, other) = (self.driver("w1"), self.driver("w2"));
        tokio::join!(one.run_due(), other.run_due());
        self.clock.advance(Duration::from_secs(1));
        let result = record(self, Job::EvictIdle).await.result;
        result.map_or_else(String::new, |result| result.detail().to_owned())
    }
}

#[test]
fn the_subject_that_is_idle_for_longest_is_evicted() {
    run_story(async |world| {
        world.begin(limited(2)).await;
        for number in 1..=2 {
            world.open_one(number).await;
        }
        world.come_to_rest(&mut EventBridge::orderly()).await;
        assert_eq!(world.evict_idle().await, NOBODY);
        // The first one is in work again.
        let pushed = Webhook::pull_request("synchronize")
            .number(1)
            .before(1)
            .sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
        world.open_one(3).await;
        assert_eq!(world.half_way(), ["acme/api#3"]);
        assert_eq!(world.evict_idle().await, "1 request sent");
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-1", "api-pr-3"]);
        let rows = world.mappings();
        assert!(
            rows.contains(&"acme/api#2 asleep api-pr-2".to_owned()),
            "{rows:?}"
        );
        assert_eq!(world.evict_idle().await, NOBODY);
    });
}

#[test]
fn what_is_in_work_is_not_evicted() {
    run_story(async |world| {
        world.begin(limited(1)).await;
        world.open_one(1).await;
        world.open_one(2).await;
        assert_eq!(
            world.evict_idle().await,
            "0 requests sent",
            "it is not idle"
        );
        world.clock.advance(HOUR);
        assert_eq!(
            world.evict_idle().await,
            "0 requests sent",
            "an execution runs"
        );
        assert_eq!(world.pipelines(), ["api-pr-1"]);
        let closed = Webhook::pull_request("closed").number(1);
        world.deliver(closed.at(world.clock.now())).await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn drafts_are_evicted_first() {
    run_story(async |world| {
        world.begin(limited(2)).await;
        world.open_one(1).await;
        let draft = world.opened(2).draft();
        world.deliver(draft).await;
        world.come_to_rest(&mut EventBridge::orderly()).await;
        world.clock.advance(HOUR);
        world.open_one(3).await;
        assert_eq!(world.evict_idle().await, "1 request sent");
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-1", "api-pr-3"]);
    });
}

#[test]
fn a_request_that_comes_late_removes_nothing() {
    run_story(async |world| {
        world.begin(limited(1)).await;
        world.open_one(1).await;
        world.come_to_rest(&mut EventBridge::orderly()).await;
        world.clock.advance(HOUR);
        world.open_one(2).await;
        assert_eq!(world.evict_idle().await, "1 request sent");
        let closed = Webhook::pull_request("closed").number(2);
        world.send(&closed.at(world.clock.now()));
        world.work_once().await;
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-1"], "nobody waits any more");
    });
}

#[test]
fn the_evicted_pull_request_says_why_and_comes_back() {
    run_story(async |world| {
        let rule = Rule {
            report: Some(ReportForm::Check),
            ..limited(1)
        };
        world.begin(rule).await;
        world.handle(world.opened(1)).await;
        world.come_to_rest(&mut EventBridge::orderly()).await;
        world.clock.advance(HOUR);
        world.send(&world.opened(2).sha(2));
        world.work_once().await;
        assert_eq!(world.evict_idle().await, "1 request sent");
        world.settle().await;
        world.tell().await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        let pushed = Webhook::pull_request("synchronize")
            .number(1)
            .before(1)
            .sha(3);
        world.send(&pushed.at(world.clock.now()));
        world.work_once().await;
        world.tell().await;
        assert!(
            world.page(3).starts_with("queued: Waiting: next in line"),
            "{}",
            world.page(3)
        );
        world.come_to_rest(&mut EventBridge::orderly()).await;
        // Its message was tried for half a day, and it keeps its turn.
        assert_eq!(world.take_dead_letters().len(), 1);
        world.clock.advance(HOUR);
        assert_eq!(world.evict_idle().await, "1 request sent");
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-1"]);
    });
}

#[test]
fn the_quota_of_the_account_evicts_as_well() {
    run_story(async |world| {
        let rule = Rule {
            max_active: None,
            ..limited(1)
        };
        world.begin(rule).await;
        world.open_one(1).await;
        world.come_to_rest(&mut EventBridge::orderly()).await;
        world.clock.advance(HOUR);
        // What is due now does not count the pipelines again for five minutes.
        world.driver("w1").run_due().await;
        // One is the template's.
        world.account.limit(2);
        let counted = world.store.note_pipelines(1_000, world.clock.now());
        assert!(counted.await.is_ok());
        world.reconciler().look_at_account().await;
        world.open_one(2).await;
        assert_eq!(world.half_way(), ["acme/api#2"]);
        assert_eq!(world.evict_idle().await, "1 request sent");
        world.settle().await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn a_rule_that_waits_costs_nothing() {
    run_story(async |world| {
        world
            .begin(Rule {
                retention: Retention::default(),
                ..limited(1)
            })
            .await;
        world.open_one(1).await;
        let reads = world.faults.count(Op::Slots);
        assert_eq!(world.evict_idle().await, NOBODY);
        assert_eq!(
            world.faults.count(Op::Slots),
            reads + 1,
            "of the job that wakes"
        );
    });
}
