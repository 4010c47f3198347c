//! Which commits are built, and how often.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::rule::Start;
use branchline::ports::{Clock, Queue};
use serde_json::{Value, json};

use crate::stories::clones::{built, commit, pushed, rule};
use crate::world::driver::handle;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::history::{self, WEB};
use crate::world::rules::{TEMPLATE, template};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

#[test]
fn what_is_built_is_what_was_pushed_once() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let push = pushed(1, 2).at(world.clock.now());
        let token = push.token();
        assert_eq!(world.deliver(push.clone()).await, ["started"]);
        world.deliver(push).await;
        let edited = Webhook::pull_request("edited").sha(2).title("Another");
        assert_eq!(world.deliver(edited).await, ["recorded"]);
        assert_eq!(built(&world.account), [Some(1), Some(2)]);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.runs[1].token, Some(token));
        assert_eq!(pipeline.source("DetectChanges"), Some("false"));
        let journal = &world.store.audit(&world.mapping("acme/api#7").subject)[1].journal;
        assert!(
            journal.contains("\"execution\":\"api-pr-7-2\""),
            "{journal}"
        );
    });
}

/// The delivery's id is not signed. CodePipeline starts nothing under a token that was used before.
#[test]
fn the_id_of_another_delivery_does_not_prevent_a_build() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        for (before, after) in [(1, 2), (2, 3)] {
            let push = pushed(before, after).delivery("d-2");
            assert_eq!(world.deliver(push).await, ["started"]);
        }
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(3)]);
    });
}

/// A template with two source actions, of which the first fetches another repository.
fn with_shared_source() -> Value {
    let mut two = template(TEMPLATE, "acme/api");
    let sources = &mut two["stages"][0]["actions"];
    let mut shared = sources[0].clone();
    shared["name"] = json!("Shared");
    shared["configuration"]["FullRepositoryId"] = json!("acme/shared");
    shared["outputArtifacts"] = json!([{"name": "Shared"}]);
    shared["namespace"] = json!("Shared");
    sources.as_array_mut().unwrap().insert(0, shared);
    two
}

#[test]
fn a_head_is_built_once_though_the_template_fetches_another_repository_first() {
    run_story(async |world| {
        world.add_pipeline(with_shared_source(), [].into());
        let unanswered = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Create, 1, unanswered);
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(outcomes.last().map(String::as_str), Some("already-created"));
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
        // A deletion keeps the commit in the audit trail.
        world.deliver(Webhook::pull_request("closed")).await;
        let mapping = world.mapping("acme/api#7");
        let entries = world.store.audit(&mapping.subject);
        let journal: Value = serde_json::from_str(&entries.last().unwrap().journal).unwrap();
        assert_eq!(journal["executions"][0]["commit"], commit(1));
    });
}

#[test]
fn a_commit_that_comes_back_is_built_again() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        world.deliver(pushed(2, 1)).await;
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(1)]);
    });
}

#[test]
fn a_head_that_came_with_the_closing_is_built_where_the_clone_outlived_it() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        let refused = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::Remove, 100, refused);
        // The push of commit 3 is not heard of before.
        world.deliver(Webhook::pull_request("closed").sha(3)).await;
        world.take_dead_letters();
        world.faults.clear();
        let reopened = Webhook::pull_request("reopened").sha(3);
        assert_eq!(world.deliver(reopened).await, ["already-created"]);
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(3)]);
    });
}

#[test]
fn a_push_back_to_the_first_commit_is_built_though_nobody_settled_the_others() {
    run_story(async |world| {
        let unanswered = |op| {
            let fails = Trouble::Fail(When::After, Reason::AwsUnavailable);
            world.faults.next(op, 1, fails);
        };
        unanswered(Op::Create);
        world.send(&Webhook::pull_request("opened"));
        next(world).await;
        unanswered(Op::Start);
        world.send(&pushed(1, 2));
        next(world).await;
        assert_eq!(world.half_way(), ["acme/api#7"]);
        world.send(&pushed(2, 1));
        next(world).await;
        assert!(world.half_way().is_empty());
        world.settle().await;
        assert_eq!(built(&world.account), [Some(1), Some(2), Some(1)]);
    });
}

/// What came last is worked on once; a claim that it leaves has run out afterwards.
async fn next(world: &World) {
    let messages = world.queue.receive(10, Duration::ZERO).await.unwrap();
    handle(world, messages.into_iter().last().unwrap()).await;
    world.clock.advance(Duration::from_secs(20));
}

/// The template as V1.
fn v1(world: &World) {
    let mut template = template(TEMPLATE, REPOSITORY.1);
    let fields = template.as_object_mut().unwrap();
    fields.remove("pipelineType");
    fields.remove("executionMode");
    world.add_pipeline(template, Tags::new());
}

#[test]
fn a_v1_clone_is_told_no_commit() {
    run_story(async |world| {
        v1(world);
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.deliver(pushed(1, 2)).await, ["started"]);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.runs[1].commit, None, "the head of its branch");
        assert_eq!(pipeline.declaration.get("pipelineType"), None);
        world.expect_unbuilt("acme/api#7");
    });
}

#[test]
fn a_rule_that_asks_a_v1_template_for_commits_is_a_fault_with_the_price() {
    run_story(async |world| {
        v1(world);
        world.restart(vec![rule(|rule| rule.start = Start::Commit)]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.expect_half_way("acme/api#7");
        let letters = world.take_dead_letters();
        let detail = letters[0].text("branchline-detail").unwrap();
        assert!(
            detail.starts_with(
                "start = \"commit\" of rule 'pull requests' is known to V2 pipelines only"
            ),
            "{detail}"
        );
        assert!(detail.contains("first 30 days"), "{detail}");
    });
}

#[test]
fn a_clone_that_detects_pushes_is_not_started_by_us() {
    run_story(async |world| {
        world.restart(vec![rule(|rule| rule.start = Start::Push)]);
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.deliver(pushed(1, 2)).await, ["recorded"]);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(
            (pipeline.executions(), pipeline.source("DetectChanges")),
            (1, Some("true"))
        );
        world.expect_unbuilt("acme/api#7");
    });
}

#[test]
fn what_asks_for_no_build_gets_none() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let skipped = pushed(1, 2).title("Typo [skip ci]");
        assert_eq!(world.deliver(skipped).await, ["recorded"]);
        assert_eq!(built(&world.account), [Some(1)]);
        let meant = Webhook::pull_request("edited").sha(2).title("Typo");
        assert_eq!(world.deliver(meant).await, ["started"]);
        assert_eq!(built(&world.account), [Some(1), Some(2)]);
    });
}

#[test]
fn a_branch_without_a_commit_to_build_has_no_pipeline_yet() {
    run_story(async |world| {
        world.add_pipeline(template(history::WEB_TEMPLATE, WEB.1), Tags::new());
        world.restart(history::rules());
        let push = |before, after, message: &str| {
            let push = Webhook::push("x", before, after).of(WEB.0, WEB.1);
            push.with("/head_commit", json!({"message": message}))
        };
        let said = world.deliver(push(0, 1, "docs\n\nskip-checks: true")).await;
        assert_eq!(said, ["recorded: skipped"]);
        assert_eq!(world.deliver(push(1, 2, "fix")).await, ["created"]);
        assert_eq!(world.deliver(push(2, 3, "[ci skip]")).await, ["recorded"]);
        world.expect_unbuilt("acme/web@x");
        let commits = world.pipeline("web-x").runs;
        assert_eq!(commits.len(), 1);
    });
}

#[test]
fn a_new_branch_and_its_push_are_one_execution() {
    run_story(async |world| {
        world.add_pipeline(template(history::WEB_TEMPLATE, WEB.1), Tags::new());
        world.restart(history::rules());
        let of_web = |webhook: Webhook| webhook.of(WEB.0, WEB.1);
        assert_eq!(
            world.deliver(of_web(Webhook::create("x"))).await,
            ["created"]
        );
        assert_eq!(
            world.deliver(of_web(Webhook::push("x", 0, 1))).await,
            ["recorded"]
        );
        assert_eq!(
            world.deliver(of_web(Webhook::push("x", 1, 2))).await,
            ["started"]
        );
        let commits: Vec<_> = world
            .pipeline("web-x")
            .runs
            .into_iter()
            .map(|run| run.commit)
            .collect();
        assert_eq!(commits, [None, Some(commit(2))]);
    });
}

#[test]
fn an_execution_is_told_todays_variables_and_the_first_has_them_as_defaults() {
    run_story(async |world| {
        let told = rule(|rule| {
            let pattern = |name: &str, text| (name.to_owned(), FormatString::parse(text).unwrap());
            let variables = [pattern("PR", "{number}"), pattern("SHA", "{sha}")].into_iter();
            let variables = variables.map(|(name, format)| (name, format.into()));
            rule.overrides.variables = variables.collect();
            rule.overrides.environment = vec![pattern("TITLE", "{title}")];
        });
        world.restart(vec![told]);
        let title = "It's \"done\" \\o/\n#1 🦀";
        world
            .deliver(Webhook::pull_request("opened").title(title))
            .await;
        let default = |place: usize| {
            let pipeline = world.pipeline("api-pr-7");
            let declared = pipeline.declaration.get("variables").unwrap();
            declared[place]["defaultValue"].clone()
        };
        assert_eq!((default(0), default(1)), (json!("7"), json!(commit(1))));
        let environment = || {
            let declaration = Value::Object(world.pipeline("api-pr-7").declaration);
            let text =
                declaration.pointer("/stages/1/actions/0/configuration/EnvironmentVariables");
            serde_json::from_str::<Value>(text.unwrap().as_str().unwrap()).unwrap()
        };
        assert_eq!(
            environment()[1],
            json!({"name": "TITLE", "value": title, "type": "PLAINTEXT"})
        );

        // Another commit alone changes no declaration.
        assert_eq!(world.deliver(pushed(1, 2).title(title)).await, ["started"]);
        let run = &world.pipeline("api-pr-7").runs[1];
        assert_eq!(run.variables[1], ("SHA".to_owned(), commit(2)));
        assert_eq!(default(1), json!(commit(1)));
        // Another title does, with the next start.
        assert_eq!(
            world.deliver(pushed(2, 3).title("Other")).await,
            ["updated"]
        );
        assert_eq!(environment()[1]["value"], json!("Other"));
    });
}

#[test]
fn a_title_that_codepipeline_would_read_as_a_variable_is_refused() {
    run_story(async |world| {
        let told = rule(|rule| {
            let pattern = FormatString::parse("{title}").unwrap();
            rule.overrides.environment = vec![("TITLE".to_owned(), pattern)];
        });
        world.restart(vec![told]);
        let sly = Webhook::pull_request("opened").title("#{Source.Token}");
        world.deliver(sly).await;
        world.expect_half_way("acme/api#7");
        let letters = world.take_dead_letters();
        assert_eq!(letters[0].text("branchline-reason"), Some("invalid-value"));
        let mended = Webhook::pull_request("edited").title("Fine");
        assert_eq!(world.deliver(mended).await, ["created"]);
        world.expect_not_half_way("acme/api#7");
    });
}
