//! Webhooks that never arrive: the reconcile job finds at GitHub what they would have said.

#![expect(
    clippy::expect_used,
    reason = "a world that does not answer fails the test"
)]

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::jobs::{Job, JobRecord, JobResult};
use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::rules::rule::Rule;
use branchline::ports::{Clock, JobLog, JobReader};
use serde_json::json;

use crate::world::fault_injection::Op;
use crate::world::history::{WEB, WEB_TEMPLATE};
use crate::world::rules::{
    branch_rule, name_pattern, pipeline_name, pull_request_rule, repositories, template,
};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// Longer than GitHub's webhooks may be late.
const LATER: Duration = Duration::from_secs(130);

impl World {
    /// Lets an event happen at GitHub whose webhook is lost. Then some minutes pass.
    fn lose(&self, webhook: &Webhook) {
        self.github.learn(webhook, self.clock.now());
        self.clock.advance(LATER);
    }

    /// Lets an event happen at GitHub, delivers its webhook, and lets some minutes pass.
    async fn happen(&self, webhook: Webhook) {
        self.github.learn(&webhook, self.clock.now());
        self.deliver(webhook).await;
        self.clock.advance(LATER);
    }

    /// Runs the job, and handles what it has sent. Returns what it says it did.
    pub(in crate::stories) async fn reconcile(&self) -> String {
        let result = self.look_at_github().await;
        self.settle().await;
        result.detail().to_owned()
    }

    /// Runs the job.
    async fn look_at_github(&self) -> JobResult {
        let requested = self.store.request_job(Job::Reconcile, self.clock.now());
        requested.await.expect("a table that answers");
        self.driver("w1").run_due().await;
        let records = self.store.jobs().await.expect("a table that answers");
        let record = records.into_iter().find(|one| one.job == Job::Reconcile);
        let record: JobRecord = record.expect("a record of each job");
        // The next request is later.
        self.clock.advance(Duration::from_secs(1));
        record.result.expect("a run that ended")
    }
}

const NOTHING: &str = "1 repository compared, 0 differences sent";
const RECENT: &str = "1 repository compared, 0 differences sent, 1 too recent";
const ONE: &str = "1 repository compared, 1 difference sent";

fn reported() -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        ..pull_request_rule()
    }
}

#[test]
fn the_life_of_a_pull_request_goes_on_without_its_webhooks() {
    run_story(async |world| {
        world.lose(&Webhook::pull_request("opened"));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, NOTHING);

        world.lose(&Webhook::pull_request("synchronize").before(1).sha(2));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.pipeline("api-pr-7").commits(), [commit(1), commit(2)]);

        world.lose(&Webhook::pull_request("closed").sha(2));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, NOTHING);

        world.lose(&Webhook::pull_request("reopened").sha(2));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        let history = world.history("acme/api#7");
        assert_eq!(
            history,
            [
                "created unseen>active",
                "started active>active",
                "deleted active>gone",
                "created gone>active"
            ]
        );
    });
}

#[test]
fn the_life_of_a_branch_goes_on_without_its_webhooks() {
    run_story(async |world| {
        world.restart(vec![branch_rule()]);
        world.lose(&Webhook::push("x", 0, 1));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api@x active api-x"]);
        world.lose(&Webhook::push("x", 1, 2));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.pipeline("api-x").commits(), [commit(1), commit(2)]);
        world.lose(&Webhook::push("x", 2, 0));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api@x gone api-x"]);
        world.lose(&Webhook::push("main", 0, 1));
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, NOTHING, "no rule is about main");
    });
}

#[test]
fn a_closing_in_the_second_of_the_reopening_is_found() {
    run_story(async |world| {
        world.happen(Webhook::pull_request("opened")).await;
        world.happen(Webhook::pull_request("closed")).await;
        let second = world.clock.now();
        world.lose(&Webhook::pull_request("reopened").at(second));
        world.lose(&Webhook::pull_request("closed").at(second));
        // The webhooks come late and the wrong way round: the closing counts as the earlier one.
        for action in ["closed", "reopened"] {
            world
                .deliver(Webhook::pull_request(action).at(second))
                .await;
        }
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
        // A redelivery of the reopening is older.
        let again = world.deliver(Webhook::pull_request("reopened").at(second));
        assert_eq!(again.await, ["unchanged: stale"]);
    });
}

#[test]
fn a_webhook_that_comes_later_wins() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.lose(&opened);
        assert_eq!(world.reconcile().await, ONE);
        let closed = Webhook::pull_request("closed").at(world.clock.now());
        world.github.learn(&closed, world.clock.now());
        assert_eq!(world.deliver(closed).await, ["deleted"]);
        assert_eq!(world.deliver(opened).await, ["unchanged: stale"]);
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}

#[test]
fn what_has_just_changed_is_left_to_its_webhook() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.github.learn(&opened, world.clock.now());
        assert_eq!(world.reconcile().await, RECENT, "the webhook is on its way");
        assert!(world.mappings().is_empty());
        world.clock.advance(LATER);
        world.deliver(opened).await;
        // GitHub's list is late, and has a state from before.
        let closed = Webhook::pull_request("closed").at(world.clock.now());
        world.deliver(closed.clone()).await;
        assert_eq!(world.reconcile().await, NOTHING, "the mapping is newer");
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
        world.github.learn(&closed, world.clock.now());
        assert_eq!(world.reconcile().await, NOTHING, "nothing differs");
    });
}

#[test]
fn what_gets_no_pipeline_is_reported_once() {
    run_story(async |world| {
        let rule = Rule {
            drafts: false,
            ..reported()
        };
        world.restart(vec![rule]);
        world.lose(&Webhook::pull_request("opened").draft());
        world.lose(&Webhook::pull_request("opened").number(8).sha(2).fork());
        assert_eq!(
            world.reconcile().await,
            "1 repository compared, 2 differences sent"
        );
        world.tell().await;
        assert_eq!(
            world.page(1),
            "skipped: Not built: it is a draft. Mark it as ready for review"
        );
        assert!(
            world.page(2).starts_with("skipped: Not built: "),
            "{}",
            world.page(2)
        );
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, NOTHING);
        // A comment changes nothing but the time.
        world.lose(&Webhook::pull_request("edited").draft());
        assert_eq!(world.reconcile().await, NOTHING);
        world.lose(&Webhook::pull_request("ready_for_review"));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_commit_that_asks_for_no_build_stays_unbuilt() {
    run_story(async |world| {
        let message = json!({"message": "Fix a typo [skip ci]"});
        let push = Webhook::push("feature/x", 0, 1).with("/head_commit", message);
        world.happen(push).await;
        world.lose(&Webhook::pull_request("opened"));
        assert_eq!(world.reconcile().await, NOTHING);
        assert!(world.pipelines().is_empty());
    });
}

#[test]
fn what_is_missing_in_a_list_is_looked_for_before_it_is_deleted() {
    run_story(async |world| {
        for number in 1..=5 {
            world
                .happen(Webhook::pull_request("opened").number(number))
                .await;
        }
        for seed in 0..50 {
            world.github.shift_lists(seed);
            assert_eq!(world.reconcile().await, NOTHING);
        }
        assert_eq!(world.pipelines().len(), 5);
    });
}

#[test]
fn a_repository_that_cannot_be_read_is_left_as_it_is() {
    run_story(async |world| {
        world.happen(Webhook::pull_request("opened")).await;
        world.github.hide(REPOSITORY.0);
        let result = world.look_at_github().await;
        assert_eq!(
            result,
            JobResult::Failed(
                "acme/api: github-missing: GitHub shows no repository number 1001 as acme/api: let the App or the token see it".to_owned()
            )
        );
        for kind in [
            GitHubFaultKind::Unavailable,
            GitHubFaultKind::Denied,
            GitHubFaultKind::Limited,
        ] {
            world.github.refuses(Op::List, Some(kind));
            let result = world.look_at_github().await;
            assert!(matches!(result, JobResult::Failed(_)), "{result:?}");
        }
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn of_two_repositories_the_readable_one_is_compared() {
    run_story(async |world| {
        world.add_pipeline(template(WEB_TEMPLATE, WEB.1), Tags::new());
        world.restart(vec![
            Rule {
                repository: repositories([WEB.1]),
                template: pipeline_name(WEB_TEMPLATE),
                ..pull_request_rule()
            },
            pull_request_rule(),
        ]);
        world.happen(Webhook::pull_request("opened")).await;
        world.lose(&Webhook::pull_request("opened").of(WEB.0, WEB.1));
        world.github.hide(REPOSITORY.0);
        assert_eq!(
            world.reconcile().await,
            "1 repository compared, 1 difference sent, 1 unreadable"
        );
        assert_eq!(world.pipelines(), ["api-pr-7", "web-pr-7"]);
    });
}

#[test]
fn an_archived_repository_loses_its_pipelines_and_a_renamed_one_keeps_them() {
    run_story(async |world| {
        world.happen(Webhook::pull_request("opened")).await;
        let renamed = |action, name| {
            let now = world.clock.now();
            Webhook::repository_event(action, (REPOSITORY.0, name), now, json!({})).at(now)
        };
        world.lose(&renamed("renamed", "acme/core"));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/core#7 active api-pr-7"]);
        world.clock.advance(LATER);
        assert_eq!(world.reconcile().await, NOTHING);
        world.lose(&renamed("archived", "acme/core"));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/core#7 gone api-pr-7"]);
        assert_eq!(world.reconcile().await, NOTHING);
    });
}

#[test]
fn a_pull_request_whose_rule_was_removed_still_ends() {
    run_story(async |world| {
        world.happen(Webhook::pull_request("opened")).await;
        world.restart(vec![branch_rule()]);
        world.lose(&Webhook::pull_request("closed"));
        assert_eq!(world.reconcile().await, ONE);
        assert_eq!(world.mappings(), ["acme/api#7 gone api-pr-7"]);
    });
}

#[test]
fn what_fails_is_tried_once_and_then_listed() {
    run_story(async |world| {
        let rule = Rule {
            pipeline_name: name_pattern("{repo}-template"),
            ..reported()
        };
        world.restart(vec![rule]);
        world.lose(&Webhook::pull_request("opened"));
        assert_eq!(world.reconcile().await, ONE);
        let dead_letters = world.queue.take(Destination::DeadLetters);
        assert_eq!(dead_letters.len(), 1);
        world.tell().await;
        assert!(
            world.page(1).starts_with("error: Not built: "),
            "{}",
            world.page(1)
        );
        world.clock.advance(LATER);
        let again = "1 repository compared, 0 differences sent, 1 failing";
        assert_eq!(world.reconcile().await, again);
    });
}

#[test]
fn a_rule_that_is_too_wide_creates_its_pipelines_in_several_runs() {
    run_story(async |world| {
        for number in 1..=203 {
            let opened = Webhook::pull_request("opened").number(number);
            world.github.learn(&opened, world.clock.now());
        }
        world.clock.advance(LATER);
        let first = "1 repository compared, 200 differences sent, 3 left for the next run";
        assert_eq!(world.reconcile().await, first);
        assert_eq!(world.pipelines().len(), 200);
        world.clock.advance(LATER);
        let second = "1 repository compared, 3 differences sent";
        assert_eq!(world.reconcile().await, second);
        assert_eq!(world.pipelines().len(), 203);
    });
}

#[test]
fn a_run_that_finds_nothing_costs_one_read_for_each_page_and_each_state() {
    run_story(async |world| {
        world.happen(Webhook::pull_request("opened")).await;
        world.driver("w1").run_due().await;
        world.clock.advance(Duration::from_secs(1));
        let (calls, reads) = (world.faults.spent(), world.github.reads());
        assert_eq!(world.look_at_github().await.detail(), NOTHING);
        // The installations, the repositories and the pull requests.
        assert_eq!(world.github.reads() - reads, 3);
        // Those, the jobs with the begin and the end of one, the look at the account, the mappings
        // of five states, and the jobs once more for this test.
        assert_eq!(world.faults.spent() - calls, 3 + 3 + 1 + 5 + 1);
    });
}
