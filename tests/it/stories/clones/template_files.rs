//! A file of the repository declares its clones.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::repository_file::{FileFrom, FileKey, FileRule};
use branchline::domain::rules::rule::Rule;
use branchline::domain::rules::template_file::{FileAction, TemplateFileRule};
use branchline::domain::state::mapping::State;
use branchline::inspect::preflight;
use branchline::ports::{Clock, PipelineReader, Store};
use serde_json::{Value, json};

use crate::stories::clones::repairs::{findings, outcomes, repair};
use crate::stories::clones::updates::change_template;
use crate::stories::clones::{commit, pushed, rule};
use crate::stories::idle::{ASLEEP, DAY, idle};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::files::FakeFiles;
use crate::world::rules::{TEMPLATE, pipeline_name, template};
use crate::world::story::{World, owner, run_story};
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
            page.contains("'Deploy' is not a stage of the clone, which has Source,…"),
            "{page}"
        );
        close(world, 7).await;
    });
}

#[test]
fn a_re_run_reads_the_corrected_file_of_the_base() {
    with_files(declaring(FileFrom::Base), async |world, files| {
        files.set_at(PATH, "main", "{");
        world.handle(Webhook::pull_request("opened")).await;
        let page = world.page(1);
        assert!(page.contains("ci/pipeline.json of the base at "), "{page}");
        let button = || {
            let (check_run, report) = world.github.check(&commit(1));
            Webhook::rerun_check(check_run, &report).at(world.clock.now())
        };
        world.handle(button()).await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        files.set_at(PATH, "main", &file(&["Lint"]));
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(world.handle(button()).await, ["created"]);
        assert_eq!(stages(world), ["Source", "Build", "Lint"]);
        assert_eq!(files.asked(), ["main"; 3]);
        close(world, 7).await;
    });
}

#[test]
fn the_comparison_with_github_builds_a_commit_whose_file_was_corrected_on_the_base() {
    with_files(declaring(FileFrom::Base), async |world, files| {
        files.set_at(PATH, "main", "{");
        let opened = Webhook::pull_request("opened");
        world.github.learn(&opened, world.clock.now());
        world.handle(opened).await;
        world.clock.advance(Duration::from_secs(130));
        world.reconcile().await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        files.set_at(PATH, "main", &file(&["Lint"]));
        world.clock.advance(Duration::from_secs(130));
        world.reconcile().await;
        assert_eq!(stages(world), ["Source", "Build", "Lint"]);
        // A clone that follows its file costs the next comparison no call to GitHub.
        files.asked();
        world.clock.advance(Duration::from_secs(130));
        world.reconcile().await;
        assert_eq!(files.asked(), [""; 0]);
    });
}

#[test]
fn a_pull_request_that_wakes_has_the_pipeline_of_its_new_file() {
    let mut sleeping = declaring(FileFrom::Head);
    sleeping.retention = idle().retention;
    with_files(sleeping, async |world, files| {
        files.set_at(PATH, &commit(1), &file(&["EndToEnd"]));
        files.set_at(PATH, &commit(2), "{");
        files.set_at(PATH, &commit(3), &file(&["Browser"]));
        world.handle(Webhook::pull_request("opened")).await;
        world.build().await;
        for _ in 0..3 {
            world.wait(9 * DAY).await;
        }
        assert_eq!(world.mappings(), ASLEEP);
        assert_eq!(world.pipelines(), Vec::<String>::new());
        assert_eq!(files.asked(), [commit(1)], "nothing reads a file to sleep");
        world
            .handle(world.event("synchronize").before(1).sha(2))
            .await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        assert!(world.page(2).starts_with("failure: Not built"));
        world.clock.advance(Duration::from_secs(5));
        let corrected = world.event("synchronize").before(2).sha(3);
        assert_eq!(world.handle(corrected).await, ["created"]);
        assert_eq!(stages(world), ["Source", "Build", "Browser"]);
        world.handle(world.event("closed").sha(3)).await;
    });
}

#[test]
fn the_file_of_the_head_never_takes_the_place_of_that_of_a_base_that_is_not_known() {
    with_files(declaring(FileFrom::Base), async |world, files| {
        let rules = || vec![declaring(FileFrom::Base)];
        files.set_at(PATH, "main", &file(&["Lint"]));
        files.set_at(PATH, &commit(1), &file(&["Stranger"]));
        files.set_at(PATH, "feature/x", &file(&["Stranger"]));
        world.deliver(Webhook::pull_request("opened")).await;
        // A mapping that is written again from tags has no base.
        world.store.remove_row(&world.mapping("acme/api#7").subject);
        for found in findings(world, rules()).await {
            let (adoption, repository) = found.adoption.as_ref().unwrap();
            world.send_repair(adoption, repository);
        }
        assert_eq!(outcomes(world).await, ["adopted"]);
        assert!(world.account.remove("api-pr-7"));
        files.asked();
        repair(world, rules()).await;
        assert_eq!(outcomes(world).await, ["repository-file-invalid"]);
        assert_eq!(files.asked(), [""; 0]);
        assert_eq!(world.pipelines(), Vec::<String>::new());
        world.handle(pushed(1, 2)).await;
        assert_eq!(stages(world), ["Source", "Build", "Lint"]);
        close(world, 7).await;
    });
}

#[test]
fn check_warns_of_a_file_that_the_author_of_a_pull_request_chooses() {
    run_story(async |world| {
        let name = pipeline_name(TEMPLATE);
        let template = world.account.template(&name).await.unwrap();
        let warnings = |from: FileFrom, base: &[&str]| {
            let mut rule = declaring(from);
            rule.base = GlobFilter::parse(base).unwrap();
            let found = preflight::template(&rule, &template, &owner()).finding;
            found.warnings.join("\n")
        };
        assert_eq!(warnings(FileFrom::Base, &["main", "release/*"]), "");
        insta::assert_snapshot!(warnings(FileFrom::Head, &["main"]), @"rule 'pull requests' reads ci/pipeline.json from the commit that is built, so a pull request can leave out its tests: a check that succeeds does not mean that they ran");
        insta::assert_snapshot!(warnings(FileFrom::Base, &[]), @r#"
        rule 'pull requests' reads ci/pipeline.json from a base that its author chooses, so a pull request can leave out its tests: a check that succeeds does not mean that they ran
        rule 'pull requests' reads ci/pipeline.json from any base, also from a branch that the author of the pull request has pushed: name the branches that are protected at GitHub, such as base = ["main"]
        "#);
        assert_eq!(
            warnings(FileFrom::Base, &["**"]),
            warnings(FileFrom::Base, &["!wip/*"])
        );
    });
}
