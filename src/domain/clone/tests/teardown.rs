//! The stacks that belong to a clone's subject, and the pipeline that deletes them.

use super::safety::{ROLE, by, deploying};
use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{
    ConfiguredValue, RoleChoice, StageSelection, TeardownPolicy,
};
use crate::domain::clone::stacks::{Stack, add_stacks};
use crate::domain::rules::placeholder::FormatString;

fn format(text: &str) -> FormatString {
    FormatString::parse(text).unwrap()
}

fn preview(change: impl FnOnce(&mut CloneOverrides)) -> Rule {
    by(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
        overrides.preview.stack_suffix = Some(format("-pr-{number}"));
        change(overrides);
    })
}

fn action(name: &str, configuration: Value, more: Value) -> Value {
    let mut action = json!({
        "name": name,
        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
        "configuration": configuration,
        "roleArn": "arn:aws:iam::123456789012:role/production",
    });
    let more = more.as_object().unwrap().clone();
    action.as_object_mut().unwrap().extend(more);
    action
}

/// A template whose last stage has these actions.
fn deploying_by(actions: Value) -> Template {
    let mut template = deploying();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    stages[2]["actions"] = actions;
    template
}

fn named(name: &str) -> Stack {
    Stack {
        name: name.into(),
        region: None,
        role: Some("r".into()),
        action_role: Some(ROLE.into()),
        id: None,
    }
}

fn arn() -> PipelineArn {
    PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7").unwrap()
}

fn names(stacks: &[Stack]) -> Vec<&str> {
    stacks.iter().map(|stack| stack.name.as_str()).collect()
}

#[test]
fn only_stacks_of_the_subject_are_its_own_in_the_order_of_deployment() {
    let template = deploying_by(json!([
        action(
            "Web",
            json!({"ActionMode": "CREATE_UPDATE", "StackName": "web", "RoleArn": "r"}),
            json!({"runOrder": 3, "region": "us-east-1"})
        ),
        action(
            "Prepare",
            json!({"ActionMode": "CHANGE_SET_REPLACE", "StackName": "api", "RoleArn": "r", "ChangeSetName": "c"}),
            json!({"runOrder": 1})
        ),
        action(
            "Execute",
            json!({"ActionMode": "CHANGE_SET_EXECUTE", "StackName": "api", "ChangeSetName": "c"}),
            json!({"runOrder": 2})
        ),
        action(
            "Chosen",
            json!({"ActionMode": "CREATE_UPDATE", "StackName": "x-#{variables.V}", "RoleArn": "r"}),
            json!({"runOrder": 1})
        ),
    ]));
    let clone = clone_by(&preview(|_| ()), &template).unwrap();
    let web = Stack {
        region: Some("us-east-1".into()),
        ..named("web-pr-7")
    };
    assert_eq!(clone.stacks, [named("api-pr-7"), web]);
    let stays = preview(|overrides| overrides.preview.teardown = TeardownPolicy::None);
    assert_eq!(clone_by(&stays, &template).unwrap().stacks, []);
}

#[test]
fn a_stack_that_the_template_deploys_as_well_is_never_deleted() {
    let template = deploying_by(json!([
        action(
            "Stack",
            json!({"StackName": "api", "RoleArn": "r"}),
            json!({})
        ),
        action(
            "Shared",
            json!({"StackName": "shared", "RoleArn": "r"}),
            json!({})
        ),
    ]));
    let path = |text: &str| ActionPath::parse(text).unwrap();
    let rule = preview(|overrides| {
        overrides.shared_targets = true;
        overrides.configuration = vec![ConfiguredValue {
            action: path("Production/Shared"),
            key: "StackName".into(),
            value: format("shared").into(),
        }];
    });
    let clone = clone_by(&rule, &template).unwrap();
    assert_eq!(names(&clone.stacks), ["api-pr-7"]);
    let shared = preview(|overrides| {
        overrides.shared_targets = true;
        overrides.preview.stack_suffix = None;
    });
    assert_eq!(
        names(&clone_by(&shared, &template).unwrap().stacks),
        Vec::<&str>::new()
    );
    let given = by(|overrides| {
        overrides.clone_from(&shared.overrides);
        overrides.configuration = vec![ConfiguredValue {
            action: path("Production/Stack"),
            key: "StackName".into(),
            value: format("pull-{number}").into(),
        }];
    });
    assert!(given.overrides.tears_down() && !shared.overrides.tears_down());
    assert_eq!(
        names(&clone_by(&given, &template).unwrap().stacks),
        ["pull-7"]
    );
}

#[test]
fn stacks_of_earlier_declarations_are_deleted_before_those_of_the_present_one() {
    let mut known = vec![named("old"), named("api")];
    let api = Stack {
        role: Some("new".into()),
        ..named("api")
    };
    add_stacks(&mut known, &[api.clone(), named("web")], &arn());
    assert_eq!(known, [api, named("web"), named("old")]);
}

#[test]
fn the_clone_becomes_a_pipeline_that_deletes_its_stacks_last_one_first() {
    let template = deploying_by(json!([action(
        "Stack",
        json!({"StackName": "api", "RoleArn": "r"}),
        json!({})
    ),]));
    let clone = clone_by(&preview(|_| ()), &template).unwrap();
    let existing = Template {
        declaration: clone.declaration,
        arn: clone.arn,
        version: Some(3),
        updated_at: None,
    };
    let web = Stack {
        region: Some("us-east-1".into()),
        action_role: None,
        id: None,
        role: None,
        ..named("web-pr-7")
    };
    let stacks = [named("api-pr-7"), web];
    let main = Branch::parse("main").unwrap();
    let teardown = existing
        .teardown(&stacks, Some("App"), &main, None)
        .unwrap();
    assert_eq!(teardown.name.as_str(), "api-pr-7");
    let mut fetching = source("App", "acme/api");
    fetching["configuration"]["DetectChanges"] = json!("false");
    assert_eq!(
        serde_json::to_value(&teardown.declaration.0).unwrap(),
        json!({
            "name": "api-pr-7", "pipelineType": "V2", "executionMode": "SUPERSEDED",
            "roleArn": "arn:aws:iam::123456789012:role/pipeline",
            "artifactStore": {"type": "S3", "location": "bucket"},
            "stages": [
                {"name": "Source", "actions": [fetching]},
                {"name": "Teardown-1", "actions": [
                    {
                        "name": "1-web-pr-7", "runOrder": 1, "region": "us-east-1",
                        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
                        "configuration": {"ActionMode": "DELETE_ONLY", "StackName": "web-pr-7"},
                    },
                    {
                        "name": "2-api-pr-7", "runOrder": 2, "roleArn": ROLE,
                        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
                        "configuration": {"ActionMode": "DELETE_ONLY", "StackName": "api-pr-7", "RoleArn": "r"},
                    },
                ]},
            ],
        })
    );
    assert_eq!(template.branch(), Some(main));
}

#[test]
fn a_teardown_is_within_the_limits_of_codepipeline() {
    let stacks: Vec<Stack> = (0..120)
        .map(|n| named(&format!("{}-{n}", "x".repeat(120))))
        .collect();
    let main = Branch::parse("main").unwrap();
    let teardown = deploying().teardown(&stacks, None, &main, None).unwrap();
    let stages: Vec<&str> = teardown.declaration.stages().collect();
    assert_eq!(stages, ["Source", "Teardown-1", "Teardown-2", "Teardown-3"]);
    for action in teardown.declaration.actions().skip(1) {
        assert!(action.name.len() <= 100, "{}", action.name);
    }
    let deleted = teardown
        .declaration
        .actions()
        .filter_map(|action| action.configured("StackName"));
    let mut deleted: Vec<&str> = deleted.collect();
    deleted.reverse();
    assert_eq!(deleted, names(&stacks));
}

#[test]
fn a_source_that_cannot_be_fetched_is_refused() {
    let main = Branch::parse("main").unwrap();
    let teardown = |template: &Template, rule: Option<&Rule>| {
        let made = template.teardown(&[named("api")], None, &main, rule);
        made.map_err(|fault| fault.to_string())
    };
    let mut bucket = source("App", "acme/api");
    bucket["actionTypeId"]["provider"] = json!("S3");
    insta::assert_snapshot!(teardown(&template(json!([bucket])), None).unwrap_err(), @r#"template-source: pipeline 'api-main' has no source action with a branch, so it cannot delete its stacks: delete them by hand, then use `branchline mappings forget`"#);
    let mut masked = source("App", "acme/api");
    masked["actionTypeId"] =
        json!({"category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1"});
    masked["configuration"] =
        json!({"Owner": "acme", "Repo": "api", "Branch": "main", "OAuthToken": MASK});
    let masked = template(json!([masked]));
    insta::assert_snapshot!(teardown(&masked, None).unwrap_err(), @r#"template-masked: OAuthToken of 'Source/App' in pipeline 'api-main' is a secret that GetPipeline masks, so its stacks cannot be deleted: give the rule secrets = { "Source/App/OAuthToken" = "env:NAME" }"#);
    let path = ActionPath::parse("Source/App").unwrap();
    let secret = (path, "OAuthToken".to_owned(), Secret::new("token".into()));
    let rule = by(|overrides| overrides.secrets = vec![secret]);
    let made = teardown(&masked, Some(&rule)).unwrap();
    let fetching = made.declaration.actions().next().unwrap();
    assert_eq!(fetching.configured("OAuthToken"), Some("token"));
}

#[test]
fn a_teardown_template_is_cloned_as_a_whole_with_what_the_rule_gives_each_clone() {
    let mut teardown = deploying_by(json!([action(
        "Remove",
        json!({"ActionMode": "DELETE_ONLY", "StackName": "api", "RoleArn": "r"}),
        json!({})
    )]));
    let named = teardown.declaration.0.get_mut("name").unwrap();
    *named = json!("api-teardown");
    let path = |text: &str| ActionPath::parse(text).unwrap();
    let configured = |action: &str, key: &str| ConfiguredValue {
        action: path(action),
        key: key.to_owned(),
        value: format("x-{number}").into(),
    };
    // It names stages and actions that the teardown template does not have.
    let rule = preview(|overrides| {
        overrides.stages = StageSelection::Named(vec!["Source".into(), "Only".into()]);
        overrides.drop_actions = vec![path("Only/Here")];
        overrides.source_action = Some(path("Source/Other"));
        overrides.buildspec = Some("ci.yml".into());
        overrides.environment = vec![("STAGE".into(), format("{branch_slug}"))];
        overrides.configuration = vec![
            configured("Only/Here", "Key"),
            configured("Production/Remove", "ChangeSetName"),
        ];
        overrides.secrets = vec![(path("Only/Here"), "Token".into(), Secret::new("t".into()))];
    });
    let base = Branch::parse("release/1").unwrap();
    let made = clone_of(&rule, |request| teardown.teardown_clone(request, &base));
    let (clone, variables) = made.unwrap();
    assert!(variables.is_empty());
    assert_eq!(clone.name.as_str(), "api-pr-7");
    let stages: Vec<&str> = clone.declaration.stages().collect();
    assert_eq!(stages, ["Source", "Build", "Production"]);
    let find = |text: &str| {
        let mut actions = clone.declaration.actions();
        actions.find(|action| action.path() == path(text)).unwrap()
    };
    let fetching = find("Source/App");
    assert_eq!(fetching.configured("BranchName"), Some("release/1"));
    assert_eq!(fetching.configured("DetectChanges"), Some("false"));
    let built = find("Build/Build");
    assert_eq!(built.configured("BuildspecOverride"), None);
    let environment = built.configured("EnvironmentVariables").unwrap();
    assert!(environment.contains("feature-"), "{environment}");
    let removing = find("Production/Remove");
    assert_eq!(removing.configured("StackName"), Some("api-pr-7"));
    assert_eq!(removing.configured("ChangeSetName"), Some("x-7"));
    assert_eq!(removing.role(), Some(ROLE));
}

#[test]
fn a_stack_of_another_account_is_not_left_to_the_daemon() {
    let template = deploying_by(json!([action(
        "Stack",
        json!({"ActionMode": "CREATE_UPDATE", "StackName": "api", "RoleArn": "r"}),
        json!({})
    )]));
    let elsewhere = "arn:aws:iam::999999999999:role/deploy";
    let rule = |policy| {
        preview(|overrides| {
            overrides.roles.action = Some(RoleChoice::Arn(elsewhere.into()));
            overrides.preview.teardown = policy;
        })
    };
    let refused = clone_by(&rule(TeardownPolicy::Stacks), &template).unwrap_err();
    insta::assert_snapshot!(refused, @r#"stack-not-deleted: stack api-pr-7 is deployed with the role arn:aws:iam::999999999999:role/deploy of another account, in which branchline deletes nothing: set teardown = "run" or "pipeline:NAME" in preview of the rule"#);
    let by_itself = clone_by(&rule(TeardownPolicy::Run), &template).unwrap();
    assert_eq!(names(&by_itself.stacks), ["api-pr-7"]);
    let ours = preview(|overrides| overrides.preview.teardown = TeardownPolicy::Stacks);
    assert_eq!(
        names(&clone_by(&ours, &template).unwrap().stacks),
        ["api-pr-7"]
    );
}

#[test]
fn a_pipeline_deploys_a_stack_of_its_account_and_region_alone() {
    let deploys = |configuration: Value, more: Value| {
        let template = deploying_by(json!([action("Stack", configuration, more)]));
        named("api").is_deployed_by(&template.declaration, &arn())
    };
    let api = || json!({"StackName": "api"});
    assert!(deploys(api(), json!({})));
    assert!(deploys(api(), json!({"region": "eu-west-1"})));
    assert!(!deploys(api(), json!({"region": "us-east-1"})));
    assert!(!deploys(json!({"StackName": "web"}), json!({})));
    let elsewhere = json!({"roleArn": "arn:aws:iam::999999999999:role/deploy"});
    assert!(!deploys(api(), elsewhere));
    let deletes = json!({"StackName": "api", "ActionMode": "DELETE_ONLY"});
    assert!(!deploys(deletes, json!({})));
}
