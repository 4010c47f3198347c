//! A file of the repository declares its clones.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::repository_file::{FileFrom, FileKey, FileRule};
use branchline::domain::rules::rule::Rule;
use branchline::domain::rules::template_file::{FileAction, TemplateFileRule};
use branchline::domain::state::mapping::State;
use branchline::ports::Store;
use serde_json::{Value, json};

use crate::stories::clones::updates::change_template;
use crate::stories::clones::{commit, pushed, rule};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::files::FakeFiles;
use crate::world::rules::{TEMPLATE, template};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

const PATH: &str = "ci/pipeline.json";

fn declaring(from: FileFrom) -> Rule {
    rule(|rule| {
        rule.report = Some(ReportForm::Check);
        rule.template_file = Some(TemplateFileRule {
            path: PATH.to_owned(),
            from,
            actions: FileAction::DEFAULT.into(),
            projects: None,
        });
    })
}

/// Runs a story in a world whose rule reads its template from the repository.
fn with_files(rule: Rule, story: impl AsyncFn(&World, &FakeFiles)) {
    run_story(async |world| {
        let files = FakeFiles::default();
        world.restart_with_files(vec![rule.clone()], &files);
        story(world, &files).await;
    });
}

/// Returns the template as a file, with one more stage of each name.
fn file(stages: &[&str]) -> String {
    let mut pipeline = template(TEMPLATE, "acme/api");
    let build = pipeline["stages"][1].clone();
    for name in stages {
        let mut stage = build.clone();
        stage["name"] = json!(name);
        pipeline["stages"].as_array_mut().unwrap().push(stage);
    }
    json!({"pipeline": pipeline, "metadata": {"pipelineArn": "arn"}}).to_string()
}

/// Returns the names of the stages of `api-pr-7`.
fn stages(world: &World) -> Vec<String> {
    let declaration = world.pipeline("api-pr-7").declaration;
    let stages = declaration["stages"].as_array().unwrap();
    let name = |stage: &Value| stage["name"].as_str().unwrap().to_owned();
    stages.iter().map(name).collect()
}

async fn close(world: &World, number: u64) {
    let closed = Webhook::pull_request("closed").number(number).sha(9);
    world.handle(closed).await;
}

#[test]
fn a_pull_request_adds_a_stage_to_its_file_and_its_clone_follows_each_commit() {
    with_files(declaring(FileFrom::Head), async |world, files| {
        files.set_at(PATH, &commit(1), &file(&["EndToEnd"]));
        files.set_at(PATH, &commit(2), &file(&["EndToEnd"]));
        files.set_at(PATH, &commit(3), &file(&["EndToEnd", "Browser"]));
        assert_eq!(
            world.handle(Webhook::pull_request("opened")).await,
            ["created"]
        );
        assert_eq!(stages(world), ["Source", "Build", "EndToEnd"]);
        assert_eq!(
            world.handle(pushed(1, 2)).await,
            ["started"],
            "no update stops what runs"
        );
        assert_eq!(world.handle(pushed(2, 3)).await, ["updated"]);
        assert_eq!(stages(world), ["Source", "Build", "EndToEnd", "Browser"]);
        // A commit without the file has the clone of the template.
        assert_eq!(world.handle(pushed(3, 4)).await, ["updated"]);
        assert_eq!(stages(world), ["Source", "Build"]);
        assert_eq!(files.asked(), [1, 2, 3, 4].map(commit));
        // What changes nothing asks GitHub nothing.
        world
            .handle(Webhook::pull_request("edited").sha(4).title("Another"))
            .await;
        let closed = Webhook::pull_request("closed").sha(4);
        assert_eq!(world.handle(closed).await, ["deleted"]);
        assert_eq!(files.asked(), [""; 0]);
    });
}

#[test]
fn the_file_of_the_base_counts_once_it_is_merged_and_the_template_stays_below_it() {
    with_files(declaring(FileFrom::Base), async |world, files| {
        files.set_at(PATH, &commit(1), &file(&["Stranger"]));
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(stages(world), ["Source", "Build"]);
        files.set_at(PATH, "main", &file(&["Lint"]));
        assert_eq!(world.handle(pushed(1, 2)).await, ["updated"]);
        assert_eq!(stages(world), ["Source", "Build", "Lint"]);
        // The template's role reaches the clone.
        change_template(world);
        assert_eq!(world.handle(pushed(2, 3)).await, ["updated"]);
        assert_eq!(stages(world), ["Source", "Build", "Lint"]);
        assert_eq!(files.asked(), ["main"; 3]);
    });
}

#[test]
fn a_mistake_is_a_failed_check_of_the_commit_alone() {
    with_files(declaring(FileFrom::Head), async |world, files| {
        let evil =
            file(&["Evil"]).replacen("\"ProjectName\":\"api\"", "\"ProjectName\":\"admin\"", 2);
        files.set_at(PATH, &commit(1), &evil);
        let outcomes = world.handle(Webhook::pull_request("opened")).await;
        insta::assert_snapshot!(outcomes.join("\n"), @"repository-file-invalid: ci/pipeline.json at 0000000: pipeline.stages[1].actions[0].configuration.ProjectName: rule 'pull requests' does not let the file run project 'admin', only api: use one of these, or set projects in the template of the rule; pipeline.stages[2].actions[0].configuration.ProjectName: rule 'pull requests' does not let the file run project 'admin', only api: use one of these, or set projects in the template of the rule");
        let page = world.page(1);
        assert!(
            page.starts_with("failure: Not built: ci/pipeline.json at 0000000: pipeline.stages[1]"),
            "{page}"
        );
        assert_eq!(world.mapping("acme/api#7").state, State::Creating);
        world.clock.advance(Duration::from_secs(3_600));
        assert!(world.settle().await.is_empty());
        files.set_at(PATH, &commit(2), &file(&[]));
        assert_eq!(world.handle(pushed(1, 2)).await, ["created"]);
        files.set_at(PATH, &commit(3), "{\n  \"stages\": [,]\n}");
        world.handle(pushed(2, 3)).await;
        assert!(
            world
                .page(3)
                .contains("line 2, column 14: not JSON: expected value"),
            "{}",
            world.page(3)
        );
        assert_eq!(stages(world), ["Source", "Build"]);
        close(world, 7).await;
    });
}

#[test]
fn what_codepipeline_refuses_is_the_mistake_of_the_file_and_holds_no_slot() {
    let mut one = declaring(FileFrom::Head);
    one.max_active = Some(1);
    with_files(one, async |world, files| {
        files.set_at(PATH, &commit(1), &file(&["EndToEnd"]));
        // The daemon counts at its start.
        let counted = world.store.count_slots("pull requests", &[]);
        counted.await.unwrap();
        let refuse = || {
            let trouble = Trouble::Fail(When::Before, Reason::DeclarationRefused);
            world.faults.next(Op::Create, 1, trouble);
        };
        refuse();
        let outcomes = world.handle(Webhook::pull_request("opened")).await;
        let expected =
            "repository-file-invalid: ci/pipeline.json at 0000000: with this file, Create failed";
        assert!(outcomes[0].starts_with(expected), "{outcomes:?}");
        assert!(
            world.page(1).starts_with("failure: Not built"),
            "{}",
            world.page(1)
        );
        // Another pull request has the slot, and a template that is refused is dead-lettered.
        let other = Webhook::pull_request("opened").number(8).sha(5);
        assert_eq!(world.handle(other.clone()).await, ["created"]);
        world
            .handle(Webhook::pull_request("closed").number(8).sha(5))
            .await;
        refuse();
        let without = Webhook::pull_request("opened").number(9).sha(6);
        let outcomes = world.handle(without).await;
        assert!(
            outcomes[0].starts_with("declaration-refused"),
            "{outcomes:?}"
        );
        assert_eq!(world.take_dead_letters().len(), 1);
        close(world, 7).await;
        close(world, 9).await;
    });
}

#[test]
fn both_files_make_one_clone_and_are_of_one_commit() {
    let mut both = declaring(FileFrom::Base);
    both.repository_file = Some(FileRule {
        path: ".branchline.toml".to_owned(),
        from: FileFrom::Base,
        allow: FileKey::ALL.into(),
        images: GlobFilter::default(),
    });
    with_files(both, async |world, files| {
        let head = "b".repeat(40);
        files.set_at(PATH, "main", &file(&["EndToEnd", "Browser"]));
        let changes = "keep_stages = [\"Source\", \"EndToEnd\"]\nbuildspec = \"ci/x.yml\"\n";
        files.set_at(".branchline.toml", &head, changes);
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(files.asked(), ["main", head.as_str()]);
        assert_eq!(stages(world), ["Source", "EndToEnd"]);
        let declaration = Value::Object(world.pipeline("api-pr-7").declaration);
        let build = declaration.pointer("/stages/1/actions/0/configuration/BuildspecOverride");
        assert_eq!(build.unwrap(), "ci/x.yml");
        files.set_at(".branchline.toml", &head, "keep_stages = [\"Deploy\"]\n");
        world.handle(pushed(1, 2)).await;
        let page = world.page(2);
        assert!(
            page.contains("'Deploy' is not a stage of the clone, which has Source, Build, EndTo"),
            "{page}"
        );
        close(world, 7).await;
    });
}
