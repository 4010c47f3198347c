//! Open subjects that are idle: their pipelines are removed, and come back with the next activity.

use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::domain::jobs::Job;
use branchline::domain::report::ReportForm;
use branchline::domain::report::target::CommentPolicy;
use branchline::domain::rules::retention::Retention;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, JobLog, Store};
use serde_json::json;

use crate::stories::jobs::record;
use crate::world::event_bridge::EventBridge;
use crate::world::rules::{branch_rule, pull_request_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// The pipeline of pull request 7.
pub(super) const NAME: &str = "api-pr-7";
pub(super) const ACTIVE: [&str; 1] = ["acme/api#7 active api-pr-7"];
pub(super) const ASLEEP: [&str; 1] = ["acme/api#7 asleep api-pr-7"];
pub(super) const DAY: Duration = Duration::from_hours(24);

/// Returns a rule under which pipelines are removed after ten idle days.
pub(super) fn idle() -> Rule {
    Rule {
        retention: Retention {
            idle: Some(10 * DAY),
            ..Retention::default()
        },
        ..pull_request_rule()
    }
}

fn reported() -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        comment: CommentPolicy::Always,
        ..idle()
    }
}

impl World {
    /// Lets every execution succeed.
    pub(super) async fn build(&self) {
        self.come_to_rest(&mut EventBridge::orderly()).await;
    }

    /// Lets this much time pass, and runs the job on two daemons at once. Returns what it says it
    /// did.
    pub(super) async fn wait(&self, time: Duration) -> String {
        self.clock.advance(time);
        self.look_for_idle().await;
        self.settle().await;
        self.tell().await;
        let result = record(self, Job::IdleSubjects).await.result;
        result.map_or_else(String::new, |result| result.detail().to_owned())
    }

    pub(super) async fn look_for_idle(&self) {
        let requested = self.store.request_job(Job::IdleSubjects, self.clock.now());
        assert_eq!(requested.await, Ok(()));
        let (one, other) = (self.driver("w1"), self.driver("w2"));
        tokio::join!(one.run_due(), other.run_due());
        self.clock.advance(Duration::from_secs(1));
    }

    /// Returns the summary of the check of a commit.
    fn summary(&self, number: u64) -> String {
        self.github.check(&commit(number)).1.summary
    }

    /// Opens pull request 7, and lets it fall asleep.
    pub(super) async fn fall_asleep(&self, rule: Rule) {
        self.restart(vec![rule]);
        let counted = self.store.count_slots("pull requests", &[]);
        assert_eq!(counted.await, Ok(()));
        self.handle(Webhook::pull_request("opened")).await;
        self.build().await;
        for _ in 0..3 {
            self.wait(9 * DAY).await;
        }
        assert_eq!(self.mappings(), ASLEEP);
        assert_eq!(self.pipelines(), Vec::<String>::new());
    }

    pub(super) fn event(&self, action: &str) -> Webhook {
        Webhook::pull_request(action).at(self.clock.now())
    }
}

#[test]
fn without_a_limit_nothing_is_read_and_nothing_is_removed() {
    run_story(async |world| {
        world.handle(Webhook::pull_request("opened")).await;
        world.build().await;
        let done = world.wait(999 * DAY).await;
        assert_eq!(done, "no rule has idle or max_age");
        assert_eq!(world.mappings(), ACTIVE);
    });
}

#[test]
fn a_reopening_that_is_overtaken_is_an_activity() {
    run_story(async |world| {
        world.restart(vec![idle()]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.build().await;
        world.handle(world.event("closed")).await;
        world.clock.advance(20 * DAY);
        let reopened = world.event("reopened");
        world.clock.advance(Duration::from_secs(5));
        let edited_at = world.clock.now();
        world.deliver(world.event("edited").title("Another")).await;
        world.deliver(reopened).await;
        let last = world.mapping("acme/api#7").activity.last;
        assert_eq!(last.map(Timestamp::seconds), Some(edited_at.seconds()));
        assert_eq!(world.mappings(), ACTIVE);
    });
}

#[test]
fn an_idle_pipeline_is_removed_and_a_push_brings_it_back() {
    run_story(async |world| {
        world.restart(vec![idle()]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.build().await;
        assert_eq!(world.wait(9 * DAY).await, "0 requests sent");
        assert_eq!(world.wait(DAY).await, "1 request sent");
        assert_eq!(world.mappings(), ASLEEP);
        assert_eq!(world.pipelines(), Vec::<String>::new());
        assert_eq!(world.wait(DAY).await, "0 requests sent");
        let pushed = world.event("synchronize").before(1).sha(2);
        assert_eq!(world.deliver(pushed).await, ["created"]);
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(
            world.history("acme/api#7"),
            [
                "created unseen>active",
                "deleted active>asleep",
                "created asleep>active",
            ]
        );
    });
}

#[test]
fn the_report_announces_the_removal_and_keeps_the_result() {
    run_story(async |world| {
        world.restart(vec![reported()]);
        world.handle(Webhook::pull_request("opened")).await;
        world.build().await;
        let green = world.page(1);
        assert!(green.starts_with("success"), "{green}");
        let before = world.github.posts();
        world.wait(8 * DAY).await;
        assert_eq!(world.github.posts(), before, "nothing is said");
        world.wait(DAY).await;
        assert_eq!(world.page(1), green);
        let announced = world.summary(1);
        assert!(
            announced.contains("The pipeline is removed after 2026-"),
            "{announced}"
        );
        let said = world.github.posts();
        world.wait(Duration::from_hours(12)).await;
        assert_eq!(
            (world.github.posts(), world.mappings()),
            (said, ACTIVE.map(str::to_owned).to_vec())
        );
        world.wait(DAY).await;
        assert_eq!(world.mappings(), ASLEEP);
        assert_eq!(world.page(1), green);
        let asleep = world.summary(1);
        assert!(
            asleep.contains("because nothing happened for a long time"),
            "{asleep}"
        );
        assert!(!asleep.contains("Pipeline:"), "it is gone: {asleep}");
        let comments = world.github.comments(REPOSITORY.0, 7).join("\n");
        assert!(comments.contains("creates it again"), "{comments}");
        world.wait(30 * DAY).await;
        assert!(world.reporter("w2").find_unheard().await.is_ok());
        assert_eq!(world.page(1), green);
        world.handle(world.event("closed")).await;
        assert_eq!(world.page(1), green);
        assert!(!world.summary(1).contains("creates it again"));
    });
}

#[test]
fn the_button_wakes_a_pull_request_and_an_older_one_does_not() {
    run_story(async |world| {
        world.fall_asleep(reported()).await;
        let (check_run, report) = world.github.check(&commit(1));
        let button = Webhook::rerun_check(check_run, &report).at(world.clock.now());
        assert_eq!(world.handle(button.clone()).await, ["created"]);
        assert_eq!(world.mappings(), ACTIVE);
        assert_eq!(world.page(1), "in-progress: Running in CodePipeline");
        world.build().await;
        assert!(world.page(1).starts_with("success"), "{}", world.page(1));
        assert!(!world.summary(1).contains("removed"));
        // It is idle again, and the button was pressed before.
        for _ in 0..3 {
            world.wait(9 * DAY).await;
        }
        assert_eq!(world.handle(button).await, ["unchanged: repeated"]);
        assert_eq!(world.mappings(), ASLEEP);
    });
}

#[test]
fn what_is_no_activity_does_not_wake() {
    run_story(async |world| {
        world.fall_asleep(idle()).await;
        let edited = world.event("edited").title("Add a login");
        assert_eq!(world.deliver(edited).await, ["recorded"]);
        assert_eq!(world.mappings(), ASLEEP);
        let skipped = world
            .event("synchronize")
            .before(1)
            .sha(2)
            .title("Add [skip ci]");
        assert_eq!(world.deliver(skipped).await, ["recorded"]);
        assert_eq!(world.mappings(), ASLEEP);
        let ready = world.event("ready_for_review").sha(2);
        assert_eq!(world.deliver(ready).await, ["created"]);
        assert_eq!(world.mappings(), ACTIVE);
    });
}

#[test]
fn an_execution_that_runs_keeps_the_pipeline() {
    run_story(async |world| {
        world.restart(vec![idle()]);
        world.deliver(Webhook::pull_request("opened")).await;
        for _ in 0..2 {
            assert_eq!(world.wait(10 * DAY).await, "1 request sent");
            assert_eq!(world.mappings(), ACTIVE);
        }
        world.build().await;
        assert_eq!(
            world.wait(DAY).await,
            "1 request sent",
            "it ended a day ago"
        );
        assert_eq!(
            world.wait(DAY).await,
            "0 requests sent",
            "the row says until when"
        );
        assert_eq!(world.mappings(), ACTIVE);
        world.wait(9 * DAY).await;
        assert_eq!(world.mappings(), ASLEEP);
    });
}

#[test]
fn a_pipeline_is_removed_when_it_is_old_whatever_happens() {
    run_story(async |world| {
        let retention = Retention {
            max_age: Some(20 * DAY),
            ..Retention::default()
        };
        let rule = Rule {
            retention,
            ..branch_rule()
        };
        world.restart(vec![rule]);
        world.deliver(Webhook::push("x", 0, 1)).await;
        for sha in 2..=3 {
            world.build().await;
            world.wait(9 * DAY).await;
            world
                .deliver(Webhook::push("x", sha - 1, sha).at(world.clock.now()))
                .await;
        }
        world.build().await;
        world.wait(2 * DAY).await;
        assert_eq!(world.mappings(), ["acme/api@x asleep api-x"]);
        world
            .deliver(Webhook::push("x", 3, 4).at(world.clock.now()))
            .await;
        assert_eq!(world.mappings(), ["acme/api@x active api-x"]);
        world.build().await;
        world.wait(9 * DAY).await;
        assert_eq!(world.mappings(), ["acme/api@x active api-x"], "it is new");
    });
}

#[test]
fn a_label_keeps_the_pipeline_and_brings_it_back() {
    run_story(async |world| {
        let retention = Retention {
            idle: Some(10 * DAY),
            keep_label: Some("keep".to_owned()),
            ..Retention::default()
        };
        let rule = Rule {
            retention,
            ..pull_request_rule()
        };
        let label = |world: &World, action: &str, name: &str, labels: &[&str]| {
            let labels: Vec<_> = labels.iter().map(|name| json!({"name": name})).collect();
            world
                .event(action)
                .with("/label", json!({"name": name}))
                .with("/pull_request/labels", labels)
        };
        world.fall_asleep(rule).await;
        let other = label(world, "labeled", "bug", &["bug"]);
        assert_eq!(world.deliver(other).await, ["ignored: label"]);
        let keep = label(world, "labeled", "keep", &["bug", "keep"]);
        assert_eq!(world.deliver(keep).await, ["created"]);
        world.build().await;
        world.wait(99 * DAY).await;
        assert_eq!(world.mappings(), ACTIVE);
        let removed = label(world, "unlabeled", "keep", &["bug"]);
        assert_eq!(world.deliver(removed).await, ["recorded"]);
        world.wait(DAY).await;
        assert_eq!(world.mappings(), ASLEEP);
    });
}
