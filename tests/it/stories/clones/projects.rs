//! A CodeBuild project per clone: made before the clone, updated with its rule and its template,
//! and deleted after it.

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::overrides::CloneOverrides;
use branchline::domain::clone::projects::{BuildOverrides, BuildSettings};
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::{Rule, Update};
use branchline::ports::Clock;
use serde_json::{Value, json};

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::projects::{project, setting};
use crate::world::rules::{pull_request_rule, template, with_image};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// The name of the project of pull request 7.
pub(super) const PROJECT: &str = "api-pr-7-api-30dc6ddf";

/// Returns the rule of pull requests with another image.
pub(super) fn rule(image: &str) -> Rule {
    Rule {
        overrides: with_image(image),
        digest: image.to_owned(),
        ..pull_request_rule()
    }
}

pub(super) fn begin(world: &World, rule: Rule) {
    world.restart(vec![rule]);
}

fn image(world: &World) -> Value {
    let projects = world.account.all_projects();
    setting(&projects[PROJECT], "/environment/image")
}

#[test]
fn a_pull_request_has_its_project_for_as_long_as_it_is_open() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.account.own_projects(), [PROJECT]);
        assert_eq!(world.pipeline("api-pr-7").projects(), [PROJECT]);
        assert_eq!(image(world), "ci:2");
        let recorded = world.mapping("acme/api#7").resources.projects;
        assert_eq!(recorded[0].name.as_str(), PROJECT);
        assert!(recorded[0].fingerprint.is_some());
        world.deliver(Webhook::pull_request("closed")).await;
        assert_eq!(world.account.own_projects(), [""; 0]);
        assert!(world.account.all_projects().contains_key("api"));
    });
}

#[test]
fn a_rule_without_settings_asks_codebuild_for_nothing() {
    run_story(async |world| {
        for webhook in [
            Webhook::pull_request("opened"),
            Webhook::pull_request("synchronize").before(1).sha(2),
            Webhook::pull_request("closed").sha(2),
        ] {
            world.deliver(webhook).await;
        }
        assert_eq!(world.faults.count(Op::ReadProjects), 0);
    });
}

#[test]
fn a_new_pipeline_with_a_project_costs_two_calls_more_and_a_push_one() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.faults.clear();
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.faults.spent(), 7);
        world.faults.clear();
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed).await;
        assert_eq!(world.faults.spent(), 6, "what there is, is read");
        world.faults.clear();
        world.deliver(Webhook::pull_request("closed").sha(2)).await;
        assert_eq!(world.faults.spent(), 8);
    });
}

#[test]
fn a_changed_rule_or_template_reaches_the_project_with_the_next_start() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        world.restart(vec![rule("ci:3")]);
        let pushed = |before, sha| Webhook::pull_request("synchronize").before(before).sha(sha);
        let outcomes = world.deliver(pushed(1, 2)).await;
        assert_eq!(outcomes, ["started"], "the pipeline stays as it is");
        assert_eq!(image(world), "ci:3");
        let mut changed = project("api");
        changed["timeoutInMinutes"] = json!(90);
        world.account.add_project(changed);
        world.deliver(pushed(2, 3)).await;
        let projects = world.account.all_projects();
        assert_eq!(setting(&projects[PROJECT], "/timeoutInMinutes"), 90);
        assert_eq!(world.faults.count(Op::UpdateProject), 2);
    });
}

#[test]
fn what_an_update_cannot_take_away_makes_the_project_anew() {
    run_story(async |world| {
        let mut with_network = project("api");
        with_network["vpcConfig"] = json!({"vpcId": "vpc-1"});
        begin(world, rule("ci:2"));
        world.account.add_project(with_network);
        world.deliver(Webhook::pull_request("opened")).await;
        world.account.add_project(project("api"));
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed).await;
        let projects = world.account.all_projects();
        assert_eq!(setting(&projects[PROJECT], "/vpcConfig"), Value::Null);
        assert_eq!(world.faults.count(Op::UpdateProject), 0);
    });
}

#[test]
fn a_rule_that_loses_its_settings_takes_the_project_away_after_the_update() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        world.restart(vec![pull_request_rule()]);
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        assert_eq!(world.deliver(pushed).await, ["updated"]);
        assert_eq!(world.pipeline("api-pr-7").projects(), ["api"]);
        assert_eq!(world.account.own_projects(), [""; 0]);
    });
}

#[test]
fn a_clone_that_is_never_updated_keeps_its_project_as_it_is() {
    run_story(async |world| {
        let never = |image| Rule {
            update: Update::Never,
            ..rule(image)
        };
        begin(world, never("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        world.restart(vec![never("ci:3")]);
        world.account.remove_project("api");
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed).await;
        assert_eq!(image(world), "ci:2");
        world.restart(vec![Rule {
            overrides: CloneOverrides::default(),
            ..never("ci:4")
        }]);
        world
            .deliver(Webhook::pull_request("synchronize").before(2).sha(3))
            .await;
        assert_eq!(image(world), "ci:2");
        world.deliver(Webhook::pull_request("closed").sha(3)).await;
        assert_eq!(world.account.own_projects(), [""; 0]);
    });
}

#[test]
fn a_project_that_was_deleted_by_hand_comes_back_with_the_next_start() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove_project(PROJECT));
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed).await;
        assert_eq!(image(world), "ci:2");
    });
}

#[test]
fn a_project_of_somebody_else_is_left_alone() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.account.add_project(project(PROJECT));
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert!(outcomes[0].contains(PROJECT), "{outcomes:?}");
        assert_eq!(world.dead_letter_reasons(), ["project-not-ours"]);
        assert_eq!(world.pipelines(), [""; 0]);
        world.deliver(Webhook::pull_request("closed")).await;
        assert!(world.account.all_projects().contains_key(PROJECT));
    });
}

#[test]
fn nothing_is_left_where_the_name_of_the_pipeline_is_taken() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.add_pipeline(template("api-pr-7", "acme/api"), Tags::new());
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.dead_letter_reasons(), ["pipeline-name-taken"]);
        assert_eq!(world.account.own_projects(), [""; 0]);
        world.deliver(Webhook::pull_request("closed")).await;
    });
}

#[test]
fn a_template_without_its_project_is_a_fault_of_the_template() {
    run_story(async |world| {
        world.account.remove_project("api");
        world.restart(vec![rule("ci:2")]);
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert!(
            outcomes[0].contains("CodeBuild project 'api'"),
            "{outcomes:?}"
        );
        assert_eq!(world.dead_letter_reasons(), ["template-missing"]);
        world.account.add_project(project("api"));
        world
            .deliver(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        assert_eq!(world.account.own_projects(), [PROJECT]);
    });
}

#[test]
fn the_quota_of_projects_is_waited_for() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.account.limit_projects(1);
        world.send(&Webhook::pull_request("opened"));
        let journals = world.settle().await;
        assert!(journals.len() > 2, "tried again");
        assert_eq!(world.dead_letter_reasons(), ["project-quota"]);
        world.account.limit_projects(2);
        world
            .deliver(Webhook::pull_request("synchronize").before(1).sha(2))
            .await;
        assert_eq!(world.account.own_projects(), [PROJECT]);
    });
}

#[test]
fn a_removed_rule_and_an_archived_repository_take_the_projects_with_them() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        assert_eq!(world.account.own_projects().len(), 2);
        let now = world.clock.now();
        let archived = Webhook::repository_event("archived", REPOSITORY, now, json!({}));
        world.deliver(archived).await;
        assert_eq!(world.account.own_projects(), [""; 0]);
    });
}

#[test]
fn a_worker_that_ends_between_project_and_pipeline_leaves_nothing_behind() {
    for (op, when) in [
        (Op::CreateProject, When::After),
        (Op::Create, When::Before),
        (Op::Create, When::After),
    ] {
        run_story(async |world| {
            begin(world, rule("ci:2"));
            world.faults.next(op, 1, Trouble::Hang(when));
            world.deliver(Webhook::pull_request("opened")).await;
            assert_eq!(world.account.own_projects(), [PROJECT], "{op:?} {when:?}");
            assert_eq!(world.pipelines(), ["api-pr-7"]);
            assert_eq!(world.faults.count(Op::UpdateProject), 0, "it is as wanted");
        });
    }
    for (op, when) in [
        (Op::Remove, When::After),
        (Op::DeleteProject, When::Before),
        (Op::DeleteProject, When::After),
    ] {
        run_story(async |world| {
            begin(world, rule("ci:2"));
            world.deliver(Webhook::pull_request("opened")).await;
            world.faults.next(op, 1, Trouble::Hang(when));
            world.deliver(Webhook::pull_request("closed")).await;
            assert_eq!(world.account.own_projects(), [""; 0], "{op:?} {when:?}");
        });
    }
}

#[test]
fn one_that_closes_before_its_pipeline_was_made_has_no_project_left() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        let denied = Trouble::Fail(When::Before, Reason::AwsDenied);
        world.faults.next(Op::Create, 1, denied);
        world.send(&Webhook::pull_request("opened"));
        world.send(&Webhook::pull_request("closed"));
        world.settle().await;
        assert_eq!(world.account.own_projects(), [""; 0]);
    });
}

#[test]
fn actions_may_have_settings_of_their_own() {
    run_story(async |world| {
        let own = |image: &str| BuildSettings {
            image: Some(image.to_owned()),
            ..BuildSettings::default()
        };
        let build = BuildOverrides {
            all: BuildSettings::default(),
            actions: vec![(ActionPath::parse("Build/Build").unwrap(), own("ci:9"))],
        };
        begin(
            world,
            Rule {
                overrides: CloneOverrides {
                    build,
                    ..CloneOverrides::default()
                },
                ..pull_request_rule()
            },
        );
        world.deliver(Webhook::pull_request("opened")).await;
        let projects = world.account.all_projects();
        let ours = world.account.own_projects();
        assert_eq!(setting(&projects[&ours[0]], "/environment/image"), "ci:9");
        world.deliver(Webhook::pull_request("closed")).await;
    });
}
