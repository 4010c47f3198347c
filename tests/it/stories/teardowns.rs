//! Subjects with stacks of their own, which are linked where the result is shown, and deleted
//! before their pipelines.

mod audit;
mod cut_off;
mod left_behind;
mod made_again;
mod never_deployed;
mod others;
mod pipeline;
mod policy_changes;
mod preflight;
mod stacks;
mod words;

use std::time::Duration;

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::overrides::{PreviewUrl, TeardownPolicy};
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::jobs::Job;
use branchline::domain::report::target::CommentPolicy;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::retention::Retention;
use branchline::domain::rules::rule::{Rule, Update};
use branchline::domain::state::mapping::State;
use branchline::ports::Clock;

use crate::stories::clones::forgetting::forget;
use crate::stories::jobs::record;
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, deploying_template, preview_rule, reported};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

const SUBJECT: &str = "acme/api#7";
const STACK: &str = "api-pr-7";
const RETIRING: [&str; 1] = ["acme/api#7 retiring api-pr-7"];
const GONE: [&str; 1] = ["acme/api#7 gone api-pr-7"];
const ACTIVE: [&str; 1] = ["acme/api#7 active api-pr-7"];
/// The history of a subject whose teardown needed no repetition.
const TORN_DOWN: [&str; 3] = [
    "created unseen>active",
    "teardown-started active>retiring",
    "deleted retiring>gone",
];

/// Returns a rule whose environments are removed after an idle day.
fn idle_rule() -> Rule {
    Rule {
        retention: Retention {
            idle: Some(Duration::from_hours(24)),
            ..Retention::default()
        },
        ..reported(preview_rule())
    }
}

impl World {
    /// Opens pull request 7 under this rule, and builds it.
    async fn open_preview(&self, rule: Rule) {
        let template = deploying_template(TEMPLATE, REPOSITORY.1);
        self.open_clone(template, rule).await;
        assert_eq!(self.stack_names(), [STACK]);
    }

    fn last_error(&self) -> String {
        self.mapping(SUBJECT).last_error.unwrap_or_default()
    }

    /// Expects that the teardown is not tried any more, and forgets the subject. What is left is
    /// then expected to stay.
    async fn forget_left_behind(&self, environment: &str) {
        let left = "0 teardowns continued, 1 left behind";
        assert_eq!(self.look_after_teardowns().await, left);
        assert_eq!(self.mappings(), RETIRING);
        forget(self, &self.mapping(SUBJECT)).await;
        assert_eq!(self.mappings(), GONE);
        self.expect_stack(environment);
    }

    fn stack_names(&self) -> Vec<String> {
        self.account.stacks().into_iter().collect()
    }

    async fn close(&self) -> Vec<String> {
        self.deliver(Webhook::pull_request("closed").at(self.clock.now()))
            .await
    }

    /// Lets the removal be announced, and then begin.
    async fn wait_until_idle(&self) {
        for _ in 0..2 {
            self.wait(Duration::from_hours(25)).await;
        }
    }

    async fn reopen(&self) -> Vec<String> {
        self.deliver(Webhook::pull_request("reopened").at(self.clock.now()))
            .await
    }

    /// Lets the executions end, and loses what CodePipeline says about that.
    fn run_unheard(&self) {
        let mut bridge = EventBridge::orderly();
        for _ in 0..4 {
            bridge.tick(self);
            self.queue.purge();
        }
    }

    /// Runs the job on two daemons at once, and returns what it says it did.
    async fn look_after_teardowns(&self) -> String {
        self.clock.advance(Duration::from_secs(61));
        let (one, other) = (self.driver("w1"), self.driver("w2"));
        tokio::join!(one.run_due(), other.run_due());
        let result = record(self, Job::Teardowns).await.result;
        result.map_or_else(String::new, |result| result.detail().to_owned())
    }
}

#[test]
fn the_stack_is_deleted_and_then_the_pipeline() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        assert_eq!(world.close().await, ["teardown-started"]);
        assert_eq!(world.mappings(), RETIRING);
        assert_eq!(world.stack_names(), [STACK], "its deletion takes time");
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("main"), "the base");
        world.build().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), Vec::<String>::new());
        assert_eq!(world.history(SUBJECT), TORN_DOWN);
    });
}

#[test]
fn a_teardown_makes_no_needless_call() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let before = world.faults.calls().len();
        world.close().await;
        world.build().await;
        // Without those of the queues, of the events and of the reports.
        let others = ["Receive", "ReceiveInternal", "Delete", "Owner", "Commits"];
        let calls = world.faults.calls().into_iter().skip(before);
        let calls = calls.map(|call| format!("{call:?}"));
        let calls = calls.filter(|call| !call.starts_with("List"));
        let calls: Vec<_> = calls
            .filter(|call| !others.contains(&call.as_str()))
            .collect();
        assert_eq!(
            calls.join(" "),
            "Mapping Executions FindStack Claim Find Template Update Start Record \
             Mapping Executions Executions Claim Find Remove Record"
        );
    });
}

#[test]
fn what_codepipeline_said_in_vain_is_asked_for() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.close().await;
        assert_eq!(
            world.look_after_teardowns().await,
            "0 teardowns continued, 1 waiting"
        );
        world.run_unheard();
        assert_eq!(world.mappings(), RETIRING);
        assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn a_pull_request_that_is_reopened_meanwhile_gets_its_pipeline_afterwards() {
    for update in [Update::NextStart, Update::Never] {
        run_story(async |world| {
            let rule = Rule {
                update,
                ..preview_rule()
            };
            world.open_preview(rule).await;
            world.close().await;
            assert_eq!(world.reopen().await, ["recorded"]);
            assert_eq!(world.mappings(), RETIRING);
            world.build().await;
            assert_eq!(world.mappings(), ACTIVE);
            assert_eq!(world.stack_names(), [STACK], "deployed again");
            let pipeline = world.pipeline("api-pr-7");
            assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
            world.close().await;
            world.build().await;
            assert_eq!(world.mappings(), GONE);
        });
    }
}

#[test]
fn a_failed_teardown_is_repeated_and_then_left_behind_until_it_is_forgotten() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.refuse_deletion(STACK, 6);
        world.close().await;
        world.build().await;
        let row = world.mapping(SUBJECT);
        assert_eq!(row.state, State::Retiring);
        let error = row.last_error.unwrap();
        assert_eq!(
            error,
            "the stacks could not be deleted: its execution api-pr-7-2 failed: the bucket of api-pr-7 is not empty"
        );
        for _ in 0..5 {
            world.clock.advance(Duration::from_hours(4));
            assert_eq!(world.look_after_teardowns().await, "1 teardown continued");
            world.build().await;
        }
        world.forget_left_behind(STACK).await;
    });
}

#[test]
fn a_teardown_that_failed_once_ends_well() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.account.refuse_deletion(STACK, 1);
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), RETIRING);
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn an_idle_subject_sleeps_without_its_stack_and_wakes_with_it() {
    run_story(async |world| {
        world.open_preview(idle_rule()).await;
        world.wait_until_idle().await;
        assert_eq!(world.mappings(), RETIRING);
        let title = || world.github.check(&commit(1)).1.title;
        let built = title();
        world.account.refuse_deletion(STACK, 1);
        world.build().await;
        assert_eq!(
            title(),
            built,
            "a failed deletion is no result of the commit"
        );
        world.look_after_teardowns().await;
        world.build().await;
        assert_eq!(title(), built);
        assert_eq!(world.mappings(), ["acme/api#7 asleep api-pr-7"]);
        assert_eq!(world.stack_names(), Vec::<String>::new());
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed.at(world.clock.now())).await;
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
    });
}

#[test]
fn a_re_run_that_meets_a_removal_that_was_cut_off_gets_the_clone_again() {
    run_story(async |world| {
        world.open_preview(idle_rule()).await;
        world.wait_until_idle().await;
        world.run_unheard();
        let trouble = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Remove, 1, trouble);
        world.look_after_teardowns().await;
        assert_eq!(world.mappings(), ["acme/api#7 deleting api-pr-7"]);
        world.clock.advance(Duration::from_mins(2));
        let (check_run, report) = world.github.check(&commit(1));
        let pressed = Webhook::rerun_check(check_run, &report).at(world.clock.now());
        assert_eq!(world.handle(pressed).await, ["updated"]);
        world.build().await;
        assert_eq!(world.mappings(), ACTIVE);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
        assert_eq!(world.stack_names(), [STACK], "deployed again");
    });
}

#[test]
fn a_pull_request_without_a_deployed_clone_is_torn_down_as_well() {
    run_story(async |world| {
        world.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        world.restart(vec![preview_rule()]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn the_stacks_stay_if_the_rule_says_so_today() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        let mut rule = preview_rule();
        rule.overrides.preview.teardown = TeardownPolicy::None;
        world.restart(vec![rule]);
        assert_eq!(world.close().await, ["deleted"]);
        world.expect_stack(STACK);
    });
}

#[test]
fn without_its_pipeline_the_stacks_are_left_behind_until_the_subject_is_open_again() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        assert!(world.account.remove("api-pr-7"));
        assert_eq!(world.close().await, ["left-behind"]);
        assert_eq!(world.mappings(), RETIRING);
        assert_eq!(world.stack_names(), [STACK]);
        assert_eq!(
            world.last_error(),
            "the pipeline that would remove its environment is gone"
        );
        assert_eq!(world.reopen().await, ["created"]);
        world.build().await;
        world.close().await;
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

#[test]
fn the_rule_may_be_gone_when_the_stacks_are_deleted() {
    run_story(async |world| {
        world.open_preview(preview_rule()).await;
        world.restart(Vec::new());
        assert_eq!(world.close().await, ["teardown-started"]);
        world.build().await;
        assert_eq!(world.mappings(), GONE);
    });
}

/// Returns the rule of previews that are found there, and reported.
fn found_at(url: PreviewUrl) -> Rule {
    let mut rule = reported(preview_rule());
    rule.overrides.preview.url = Some(url);
    rule.comment = CommentPolicy::Always;
    rule
}

#[test]
fn the_environment_is_linked_once_it_was_deployed_and_for_as_long_as_it_is_there() {
    let output = PreviewUrl::Output {
        action: ActionPath::parse("Deploy/Stack").unwrap(),
        key: "Url".to_owned(),
    };
    let format = FormatString::parse("https://{repo}-pr-{number}.example.com").unwrap();
    for url in [output, PreviewUrl::Format(format)] {
        run_story(async |world| {
            world.open_preview(found_at(url)).await;
            let row = "[`https://api-pr-7.example.com`](https://api-pr-7.example.com)";
            let summary = world.github.check(&commit(1)).1.summary;
            assert!(
                summary.contains(&format!("\nEnvironment: {row}\n")),
                "{summary}"
            );
            let comment = || world.github.comments(REPOSITORY.0, 7).join("\n");
            assert!(
                comment().contains(&format!("| Environment | {row} |")),
                "{}",
                comment()
            );
            world.close().await;
            world.build().await;
            assert!(!comment().contains("Environment"), "{}", comment());
        });
    }
}

#[test]
fn what_a_stack_says_is_linked_only_if_it_is_a_page() {
    let key = "Nothing".to_owned();
    let missing = PreviewUrl::Output {
        action: ActionPath::parse("Deploy/Stack").unwrap(),
        key,
    };
    let format = FormatString::parse("javascript:{number}").unwrap();
    for url in [missing, PreviewUrl::Format(format)] {
        run_story(async |world| {
            world.open_preview(found_at(url)).await;
            let summary = world.github.check(&commit(1)).1.summary;
            assert!(summary.starts_with("Succeeded"), "{summary}");
            assert!(!summary.contains("Environment"), "{summary}");
        });
    }
}
