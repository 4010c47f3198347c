//! A file of the repository changes its clones.

use std::time::Duration;

use branchline::domain::clone::file::FileContent;
use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::repository_file::{FileFrom, FileKey, FileRule};
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::State;
use branchline::ports::Clock;
use serde_json::Value;

use crate::stories::clones::updates::change_template;
use crate::stories::clones::{pushed, rule};
use crate::world::files::FakeFiles;
use crate::world::projects::project;
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

const BUILDSPEC: &str = "buildspec = \"ci/pull-request.yml\"\n";

/// The rule of the tests, which reads a file that may set everything.
fn reading(from: FileFrom) -> Rule {
    rule(|rule| {
        rule.report = Some(ReportForm::Check);
        rule.repository_file = Some(FileRule {
            path: ".branchline.toml".to_owned(),
            from,
            allow: FileKey::ALL.into(),
            images: GlobFilter::parse_images(["ci:*"]).unwrap(),
        });
    })
}

/// Runs a story in a world whose rule reads a file.
fn with_files(from: FileFrom, story: impl AsyncFn(&World, &FakeFiles)) {
    run_story(async |world| {
        let files = FakeFiles::default();
        world.restart_with_files(vec![reading(from)], &files);
        story(world, &files).await;
    });
}

/// Returns the configuration of the build of `api-pr-7`.
fn build(world: &World) -> Value {
    let declaration = Value::Object(world.pipeline("api-pr-7").declaration);
    let build = declaration.pointer("/stages/1/actions/0/configuration");
    build.unwrap().clone()
}

fn commit(number: u64) -> String {
    format!("{number:040x}")
}

#[test]
fn the_file_of_the_base_changes_the_clone_and_reaches_it_with_the_next_start() {
    with_files(FileFrom::Base, async |world, files| {
        files.set("main", BUILDSPEC);
        files.set(&commit(1), "not TOML, and not read");
        assert_eq!(
            world.handle(Webhook::pull_request("opened")).await,
            ["created"]
        );
        assert_eq!(build(world)["BuildspecOverride"], "ci/pull-request.yml");
        assert_eq!(files.asked(), ["main"]);
        assert_eq!(world.handle(pushed(1, 2)).await, ["started"]);
        files.set("main", "[environment]\nNODE = \"22\"\n");
        assert_eq!(world.handle(pushed(2, 3)).await, ["updated"]);
        assert_eq!(build(world)["BuildspecOverride"], Value::Null);
        let environment = build(world)["EnvironmentVariables"].clone();
        assert!(environment.as_str().unwrap().contains("NODE"));
    });
}

#[test]
fn the_file_of_the_head_is_that_of_the_commit_to_build() {
    with_files(FileFrom::Head, async |world, files| {
        files.set(&commit(1), BUILDSPEC);
        files.set(&commit(2), "buildspec = \"ci/other.yml\"\n");
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(build(world)["BuildspecOverride"], "ci/pull-request.yml");
        assert_eq!(world.handle(pushed(1, 2)).await, ["updated"]);
        assert_eq!(build(world)["BuildspecOverride"], "ci/other.yml");
        assert_eq!(
            world.handle(pushed(2, 3)).await,
            ["updated"],
            "without a file"
        );
        assert_eq!(build(world)["BuildspecOverride"], Value::Null);
        assert_eq!(files.asked(), [commit(1), commit(2), commit(3)]);
    });
}

#[test]
fn a_file_that_cannot_be_used_is_a_failed_check_of_the_commit_alone() {
    with_files(FileFrom::Head, async |world, files| {
        files.set(&commit(1), "role_arn = \"evil\"\n");
        let outcomes = world.handle(Webhook::pull_request("opened")).await;
        let expected = "repository-file-invalid: .branchline.toml at 0000000: line 1, column 1: unknown key 'role_arn': expected variables, environment, buildspec, keep_stages, image, compute, timeout";
        assert_eq!(outcomes, [expected]);
        let page = world.page(1);
        assert!(
            page.starts_with(
                "failure: Not built: .branchline.toml at 0000000: line 1, column 1: unknown key"
            ),
            "{page}"
        );
        assert_eq!(world.mapping("acme/api#7").state, State::Creating);
        // Nothing tries again by itself, and nothing is dead-lettered.
        world.clock.advance(Duration::from_secs(3_600));
        assert!(world.settle().await.is_empty());
        assert_eq!(files.asked().len(), 1);
        files.set(&commit(2), BUILDSPEC);
        assert_eq!(world.handle(pushed(1, 2)).await, ["created"]);
        files.set(&commit(3), "keep_stages = [\"Source\", \"Deploy\"]\n");
        world.handle(pushed(2, 3)).await;
        let page = world.page(3);
        assert!(
            page.contains("'Deploy' is not a stage of the clone"),
            "{page}"
        );
        assert_eq!(build(world)["BuildspecOverride"], "ci/pull-request.yml");
        assert_eq!(
            world.handle(Webhook::pull_request("closed").sha(3)).await,
            ["deleted"]
        );
    });
}

#[test]
fn a_corrected_file_of_the_base_reaches_pull_requests_with_the_next_look_at_github() {
    with_files(FileFrom::Base, async |world, files| {
        files.set("main", "not TOML");
        let opened = Webhook::pull_request("opened");
        world.github.learn(&opened, world.clock.now());
        world.handle(opened).await;
        world.clock.advance(Duration::from_secs(130));
        world.reconcile().await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        files.set("main", BUILDSPEC);
        world.clock.advance(Duration::from_secs(130));
        world.reconcile().await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_pull_request_may_try_another_image_and_goes_back_to_the_projects_of_the_template() {
    with_files(FileFrom::Head, async |world, files| {
        files.set(&commit(1), "image = \"ci:2\"\ntimeout = 30\n");
        world.handle(Webhook::pull_request("opened")).await;
        let line = |image: &str| format!("project of api-pr-7 from api: \"{image}\"");
        assert_eq!(world.account.project_lines(), [line("ci:2")]);
        files.set(&commit(2), "image = \"ci:3\"\n");
        assert_eq!(world.handle(pushed(1, 2)).await, ["started"]);
        assert_eq!(world.account.project_lines(), [line("ci:3")]);
        files.set(&commit(3), "image = \"evil.example.com/ci:3\"\n");
        let outcomes = world.handle(pushed(2, 3)).await;
        assert!(outcomes[0].contains("permits ci:*"), "{outcomes:?}");
        assert_eq!(world.account.project_lines(), [line("ci:3")]);
        assert_eq!(
            world.handle(pushed(3, 4)).await,
            ["updated"],
            "without a file"
        );
        assert_eq!(build(world)["ProjectName"], "api");
        assert_eq!(world.account.project_lines(), [""; 0]);
        world.handle(Webhook::pull_request("closed").sha(4)).await;
    });
}

#[test]
fn a_setting_that_codebuild_refuses_is_the_mistake_of_the_file() {
    with_files(FileFrom::Head, async |world, files| {
        let mut on_a_fleet = project("api");
        on_a_fleet["environment"]["fleet"] = serde_json::json!({"fleetArn": "arn"});
        world.account.add_project(on_a_fleet);
        files.set(&commit(1), "compute = \"BUILD_GENERAL1_LARGE\"\n");
        let outcomes = world.handle(Webhook::pull_request("opened")).await;
        assert!(outcomes[0].starts_with("repository-file-invalid: .branchline.toml at 0000000: with this file, the CodeBuild project 'api' runs on a fleet"), "{outcomes:?}");
        world.handle(Webhook::pull_request("closed").sha(1)).await;
    });
}

#[test]
fn nothing_is_built_without_the_file_while_github_is_down() {
    for kind in [
        GitHubFaultKind::Unavailable,
        GitHubFaultKind::Limited,
        GitHubFaultKind::Denied,
        GitHubFaultKind::Missing,
    ] {
        with_files(FileFrom::Base, async |world, files| {
            files.set("main", BUILDSPEC);
            files.goes(Some(kind));
            world.send(&Webhook::pull_request("opened"));
            world.work_once().await;
            world.tell().await;
            assert_eq!(world.pipelines(), [""; 0], "{kind:?}");
            assert!(
                world.page(1).starts_with("queued: Waiting"),
                "{}",
                world.page(1)
            );
            files.goes(None);
            world.settle().await;
            assert_eq!(build(world)["BuildspecOverride"], "ci/pull-request.yml");
        });
    }
}

#[test]
fn a_fork_and_an_event_that_changes_nothing_read_no_file() {
    with_files(FileFrom::Head, async |world, files| {
        files.set(&commit(1), BUILDSPEC);
        let opened =
            Webhook::pull_request("opened").at(branchline::ports::Clock::now(&world.clock));
        world.handle(opened.clone()).await;
        assert_eq!(files.asked().len(), 1);
        world.handle(opened).await;
        world
            .handle(Webhook::pull_request("edited").title("Another"))
            .await;
        let fork = serde_json::json!({"id": 5});
        let fork = Webhook::pull_request("opened")
            .number(8)
            .with("/pull_request/head/repo", fork);
        world.handle(fork).await;
        world.handle(Webhook::pull_request("closed")).await;
        assert_eq!(files.asked(), [""; 0]);
    });
}

#[test]
fn the_variables_of_the_file_are_given_to_each_execution() {
    with_files(FileFrom::Head, async |world, files| {
        files.set(&commit(1), "[variables]\nNODE = \"20\"\n");
        files.set(&commit(2), "[variables]\nNODE = \"22\"\n");
        world.handle(Webhook::pull_request("opened")).await;
        assert_eq!(
            world.handle(pushed(1, 2)).await,
            ["started"],
            "no update stops what runs"
        );
        let runs = world.pipeline("api-pr-7").runs;
        assert_eq!(runs[1].variables, [("NODE".to_owned(), "22".to_owned())]);
    });
}

#[test]
fn a_template_that_changes_with_a_file_in_use_keeps_the_file() {
    with_files(FileFrom::Base, async |world, files| {
        files.set("main", BUILDSPEC);
        world.handle(Webhook::pull_request("opened")).await;
        change_template(world);
        assert_eq!(world.handle(pushed(1, 2)).await, ["updated"]);
        assert_eq!(build(world)["BuildspecOverride"], "ci/pull-request.yml");
        files.set_content("main", FileContent::TooLong);
        world.handle(pushed(2, 3)).await;
        assert!(world.page(3).contains("more than 65536 bytes"));
        files.set("main", BUILDSPEC);
        assert_eq!(world.handle(pushed(3, 4)).await, ["started"]);
    });
}
