//! The dangers that a rule or its template allows, and the warnings.

use super::safety::{ROLE, by, deploying, variable, with_rule};
use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{RoleChoice, StageSelection};

/// Returns a rule whose clones run nothing with a role of the template, and may deploy to its
/// targets.
fn isolated(change: impl FnOnce(&mut CloneOverrides)) -> Rule {
    by(|overrides| {
        overrides.roles.build = Some(ROLE.into());
        overrides.roles.pipeline = Some(RoleChoice::Arn(ROLE.into()));
        overrides.shared_targets = true;
        change(overrides);
    })
}

/// Returns an action of CodePipeline's own compute, as its provider and its commands.
fn compute(name: &str, category: &str, provider: &str) -> Value {
    json!({
        "name": name,
        "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
        "commands": ["npm test"],
    })
}

/// Adds actions to the build stage.
fn add(template: &mut Template, actions: impl IntoIterator<Item = Value>) {
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let build = stages[1]["actions"].as_array_mut().unwrap();
    build.extend(actions);
}

#[test]
fn code_that_runs_with_a_role_of_the_template_is_a_danger() {
    let mut template = template(json!([source("App", "acme/api")]));
    let mut own = compute("Own", "Compute", "Commands");
    own["roleArn"] = json!("arn:aws:iam::123456789012:role/own");
    add(
        &mut template,
        [
            compute("Say", "Compute", "Commands"),
            compute("Image", "Build", "ECRBuildAndPublish"),
            own,
        ],
    );
    let with = |change: fn(&mut CloneOverrides)| {
        let rule = by(|overrides| {
            overrides.stages = StageSelection::All;
            overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
            change(overrides);
        });
        match clone_by(&rule, &template) {
            Ok(clone) => clone.notes.dangers.join("\n"),
            Err(fault) => fault.to_string(),
        }
    };
    insta::assert_snapshot!(with(|_| ()), @r#"unsafe-clone: action 'Build/Say' of template 'api-main' would run the code of pull requests with the pipeline's role: write role_arn = "arn:aws:iam::ACCOUNT:role/NAME" in the rule with the role for clones, or role_arn = "template" to run it with the template's role"#);
    insta::assert_snapshot!(with(|o| o.roles.pipeline = Some(RoleChoice::Template)), @r"
    action 'Build/Image' (ECRBuildAndPublish) changes what the template changes
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Say' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Own' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    action 'Build/Say' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/pipeline: set role_arn
    action 'Build/Image' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/pipeline: set role_arn
    ");
    insta::assert_snapshot!(with(|o| o.roles.pipeline = Some(RoleChoice::Arn(ROLE.into()))), @r"
    action 'Build/Image' (ECRBuildAndPublish) changes what the template changes
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Say' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Own' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    ");
    insta::assert_snapshot!(with(|o| {
        o.roles.build = Some(ROLE.into());
        o.roles.pipeline = Some(RoleChoice::Arn(ROLE.into()));
    }), @r"
    action 'Build/Image' (ECRBuildAndPublish) changes what the template changes
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Say' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Own' runs in or after stage 'Build' of the template, which changes something outside
    ");
    insta::assert_snapshot!(with(|o| {
        o.roles.build = Some(ROLE.into());
        o.roles.pipeline = Some(RoleChoice::Template);
        o.drop_actions = vec![ActionPath::parse("Build/Image").unwrap()];
    }), @r"
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Say' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Own' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Say' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/pipeline: set role_arn
    ");
}

#[test]
fn a_role_that_the_template_gives_to_a_build_is_named() {
    let mut template = template(json!([source("App", "acme/api")]));
    let path = ActionPath::parse("Build/Build").unwrap();
    let build = template.declaration.configuration_mut(&path).unwrap();
    build.insert(
        "ServiceRoleArnOverride".into(),
        json!("arn:aws:iam::123456789012:role/release"),
    );
    insta::assert_snapshot!(clone(&template).unwrap().notes.dangers.join("\n"), @"action 'Build/Build' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/release: set build_role_arn");
}

#[test]
fn a_condition_that_runs_code_with_a_role_of_the_template_is_a_danger() {
    let rule = |provider: &str| {
        json!({
            "name": "r", "configuration": {"ProjectName": "api"}, "commands": ["npm test"],
            "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"},
        })
    };
    let keep = by(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.pipeline = Some(RoleChoice::Template);
    });
    let dangers = |provider: &str| {
        let clone = clone_by(&keep, &with_rule(rule(provider)));
        clone.unwrap().notes.dangers.join("\n")
    };
    insta::assert_snapshot!(dangers("CodeBuild"), @r"
    stage 'Build' has a condition with the rule CodeBuild, which runs something
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    a condition of stage 'Build' runs code with the role of its CodeBuild project, which no key replaces
    ");
    insta::assert_snapshot!(dangers("Commands"), @r"
    stage 'Build' has a condition with the rule Commands, which runs something
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    a condition of stage 'Build' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/pipeline: set role_arn
    ");
}

#[test]
fn a_condition_that_deploys_its_own_pipeline_is_refused_unless_its_stage_is_named() {
    let template = with_rule(json!({
        "name": "r", "configuration": {"ProjectName": "api-SelfMutation-1A2B"},
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
    }));
    let all = by(|overrides| overrides.stages = StageSelection::All);
    insta::assert_snapshot!(clone_by(&all, &template).unwrap_err(), @r#"unsafe-clone: a condition of stage 'Build' of template 'api-main' has the name of one that deploys the stack of its own pipeline, so a clone would deploy a pull request over the template: write drop_stages = ["Build"] in the rule, or name 'Build' in keep_stages to run it"#);
    let stages = ["Source", "Build"].map(str::to_owned).to_vec();
    let named = by(|overrides| overrides.stages = StageSelection::Named(stages));
    let dangers = clone_by(&named, &template).unwrap().notes.dangers;
    let own = "a condition of stage 'Build' deploys the stack of its own pipeline";
    assert!(dangers.iter().any(|danger| danger == own), "{dangers:?}");
}

#[test]
fn what_the_code_of_the_pull_request_sets_chooses_no_target() {
    let mut template = deploying();
    let path = ActionPath::parse("Build/Build").unwrap();
    let build = template.declaration.action_mut(&path).unwrap();
    build.insert("namespace".into(), json!("Built"));
    let path = ActionPath::parse("Production/Stack").unwrap();
    let stack = template.declaration.configuration_mut(&path).unwrap();
    for (key, value) in [
        ("StackName", "api-#{variables.PR}-#{Built.STACK}"),
        ("RoleArn", "#{Built.ROLE}"),
        ("ParameterOverrides", "{\"Image\":\"#{Built.IMAGE}\"}"),
        ("TemplatePath", "App::#{Built.PATH}"),
    ] {
        stack.insert(key.into(), json!(value));
    }
    let mut say = compute("Say", "Compute", "Commands");
    say["commands"] = json!(["echo #{Built.TEXT}"]);
    let mut test = compute("Test", "Test", "CodeBuild");
    test["configuration"] = json!({"ProjectName": "#{Built.PROJECT}"});
    add(&mut template, [say, test]);
    let rule = isolated(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
        overrides.variables = vec![variable("PR", "{number}", false)];
    });
    insta::assert_snapshot!(clone_by(&rule, &template).unwrap().notes.dangers.join("\n"), @r"
    action 'Production/Stack' (CloudFormation) changes the target StackName=api-#{variables.PR}-#{Built.STACK}, which the code of the pull request chooses
    action 'Production/Stack' (CloudFormation) deploys with the template's RoleArn=#{Built.ROLE}
    ParameterOverrides of action 'Production/Stack' uses #{Built.IMAGE}, which the code of the pull request may set
    ProjectName of action 'Build/Test' uses #{Built.PROJECT}, which the code of the pull request may set
    RoleArn of action 'Production/Stack' uses #{Built.ROLE}, which the code of the pull request may set
    StackName of action 'Production/Stack' uses #{Built.STACK}, which the code of the pull request may set
    a command of action 'Build/Say' uses #{Built.TEXT}, which the code of the pull request may set
    ");
}

#[test]
fn raw_text_is_a_danger_wherever_an_action_uses_it() {
    let mut template = template(json!([source("App", "acme/api")]));
    let mut say = compute("Say", "Compute", "Commands");
    say["environmentVariables"] = json!([{"name": "T", "value": "#{variables.TITLE}"}]);
    say["outputArtifacts"] = json!([{"name": "Out", "files": ["#{variables.TITLE}/*"]}]);
    add(&mut template, [say]);
    let rule = isolated(|overrides| {
        overrides.variables = vec![variable("TITLE", "{title}", true)];
    });
    insta::assert_snapshot!(clone_by(&rule, &template).unwrap().notes.dangers.join("\n"), @r"
    environmentVariables of action 'Build/Say' uses #{variables.TITLE}, which is raw text that people write and is not escaped
    outputArtifacts of action 'Build/Say' uses #{variables.TITLE}, which is raw text that people write and is not escaped
    ");
}

#[test]
fn raw_text_in_a_command_or_in_json_is_a_danger() {
    let mut template = template(json!([source("App", "acme/api")]));
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let build = &mut stages[1]["actions"];
    build[0]["configuration"]["EnvironmentVariables"] =
        json!("[{\"name\":\"T\",\"value\":\"#{variables.TITLE}\"}]");
    build.as_array_mut().unwrap().push(json!({
        "name": "Say",
        "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
        "commands": ["echo #{variables.TITLE} #{variables.NUMBER}"],
    }));
    let rule = isolated(|overrides| {
        overrides.variables = vec![
            variable("TITLE", "{title}", true),
            variable("NUMBER", "{number}", true),
        ];
    });
    let clone = clone_by(&rule, &template).unwrap();
    insta::assert_snapshot!(clone.notes.dangers.join("\n"), @r#"
    EnvironmentVariables of action 'Build/Build' uses #{variables.TITLE}, which is raw text that people write and is not escaped
    a command of action 'Build/Say' uses #{variables.TITLE}, which is raw text that people write and is not escaped
    "#);
    insta::assert_snapshot!(clone.notes.warnings.join("\n"), @r"
    EnvironmentVariables of action 'Build/Build' uses #{variables.TITLE}, which CodePipeline does not escape
    a command of action 'Build/Say' uses #{variables.NUMBER}, which CodePipeline does not escape
    a command of action 'Build/Say' uses #{variables.TITLE}, which CodePipeline does not escape
    ");
}

#[test]
fn the_targets_of_eks_ec2_and_appconfig_are_known() {
    let path = ActionPath::parse("Production/Stack").unwrap();
    for (shared, own) in [
        ("ClusterName", "Namespace"),
        ("ClusterName", "HelmReleaseName"),
        ("InstanceTagKey", "InstanceTagValue"),
        ("Application", "ConfigurationProfile"),
    ] {
        let mut template = deploying();
        let action = template.declaration.configuration_mut(&path).unwrap();
        action.remove("StackName");
        action.insert(shared.into(), json!("api"));
        action.insert(own.into(), json!("api-#{variables.V}"));
        for (value, dangers) in [("prod", 1), ("pr-{number}", 0)] {
            let rule = isolated(|overrides| {
                overrides.stages = StageSelection::All;
                overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
                overrides.variables = vec![variable("V", value, false)];
            });
            let found = clone_by(&rule, &template).unwrap().notes.dangers;
            assert_eq!(found.len(), dangers, "{own}: {found:?}");
        }
    }
}

#[test]
fn a_target_that_differs_by_pull_request_is_no_danger() {
    let mut template = deploying();
    let path = ActionPath::parse("Production/Stack").unwrap();
    let keep = isolated(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
    });
    let own = clone_by(&keep, &template).unwrap();
    insta::assert_snapshot!(own.notes.dangers.join("\n"), @r#"action 'Production/Stack' (CloudFormation) changes the template's own target StackName=api"#);
    let stack = template.declaration.configuration_mut(&path).unwrap();
    stack.insert("StackName".into(), json!("api-#{variables.V}"));
    let with = |text: &str, template: &Template| {
        let mut rule = keep.clone();
        rule.overrides.variables = vec![variable("V", text, false)];
        clone_by(&rule, template).unwrap().notes.dangers.len()
    };
    let dangers = |text: &str| with(text, &template);
    assert_eq!(clone_by(&keep, &template).unwrap().notes.dangers.len(), 1);
    assert_eq!(dangers("prod"), 1, "the same for every pull request");
    assert_eq!(dangers("{base}"), 1, "the same for every pull request");
    assert_eq!(dangers("{branch_slug}"), 1, "people choose it");
    assert_eq!(dangers("pr-{number}"), 0);
    assert_eq!(dangers("{repo}-{number}-{title_slug}"), 0);
    assert_eq!(dangers("{branch_slug}-{number}"), 0);
    assert_eq!(dangers("{branch_slug}{number}"), 1, "x and 12, or x1 and 2");
    assert_eq!(dangers("{number}0{branch_slug}"), 1);
    assert_eq!(dangers("{branch_slug}-{number}-{title_slug}"), 1);
    let stack = template.declaration.configuration_mut(&path).unwrap();
    stack.insert("StackName".into(), json!("#{variables.B}#{variables.V}"));
    assert_eq!(
        with("{number}", &template),
        1,
        "beside text that is not known"
    );
    let stack = template.declaration.configuration_mut(&path).unwrap();
    stack.insert(
        "RoleArn".into(),
        json!("arn:aws:iam::123456789012:role/cfn"),
    );
    let deploys = clone_by(&keep, &template).unwrap().notes.dangers;
    assert!(
        deploys[1]
            .ends_with("deploys with the template's RoleArn=arn:aws:iam::123456789012:role/cfn"),
        "{deploys:?}"
    );
}

#[test]
fn text_of_a_source_action_in_a_command_is_a_danger() {
    let mut fetch = source("App", "acme/api");
    fetch["namespace"] = json!("Fetched");
    let mut template = template(json!([fetch]));
    let path = ActionPath::parse("Build/Build").unwrap();
    let build = template.declaration.configuration_mut(&path).unwrap();
    build.insert(
        "BuildspecOverride".into(),
        json!("echo #{Fetched.CommitMessage} #{Fetched.CommitId}"),
    );
    build.insert(
        "EnvironmentVariables".into(),
        json!("[{\"name\":\"B\",\"value\":#{Fetched.BranchName}}]"),
    );
    let clone = clone_by(&isolated(|_| ()), &template).unwrap();
    insta::assert_snapshot!(clone.notes.dangers.join("\n"), @r#"
    BuildspecOverride of action 'Build/Build' uses #{Fetched.CommitMessage}, which people write and CodePipeline does not escape
    EnvironmentVariables of action 'Build/Build' uses #{Fetched.BranchName}, which people write and CodePipeline does not escape
    "#);
}

#[test]
fn a_build_that_an_approval_guarded_is_a_danger() {
    let mut template = deploying();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let mut later = stages[1].clone();
    later["name"] = json!("Later");
    stages.as_array_mut().unwrap().push(later);
    let rule = isolated(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.drop_stages = vec!["Production".into()];
    });
    let clone = clone_by(&rule, &template).unwrap();
    insta::assert_snapshot!(clone.notes.dangers.join("\n"), @r#"action 'Later/Build' runs in or after stage 'Production' of the template, which changes something outside"#);
}

#[test]
fn a_secret_of_the_template_in_a_build_is_a_danger() {
    let mut template = template(json!([source("App", "acme/api")]));
    let path = ActionPath::parse("Build/Build").unwrap();
    let build = template.declaration.configuration_mut(&path).unwrap();
    build.insert(
        "EnvironmentVariables".into(),
        json!(r#"[{"name":"TOKEN","value":"npm-token","type":"SECRETS_MANAGER"},{"name":"CI","value":"1"}]"#),
    );
    let mut say = compute("Say", "Compute", "Commands");
    say["environmentVariables"] =
        json!([{"name": "KEY", "value": "deploy-key", "type": "SECRETS_MANAGER"}]);
    add(&mut template, [say]);
    let clone = clone_by(
        &by(|overrides| overrides.roles.pipeline = Some(RoleChoice::Template)),
        &template,
    );
    insta::assert_snapshot!(clone.unwrap().notes.dangers.join("\n"), @r#"
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    action 'Build/Say' runs code of the pull request with the template's role arn:aws:iam::123456789012:role/pipeline: set role_arn
    action 'Build/Build' gives the code of the pull request the secret 'npm-token' as TOKEN
    action 'Build/Say' gives the code of the pull request the secret 'deploy-key' as KEY
    "#);
    let clone = clone_by(&isolated(|_| ()), &template).unwrap();
    assert_eq!(
        clone.notes.dangers,
        Vec::<String>::new(),
        "the rule chose the roles"
    );
}

#[test]
fn a_variable_that_only_a_trigger_sets_is_a_warning() {
    let mut fetch = source("App", "acme/api");
    fetch["namespace"] = json!("Fetched");
    let mut template = template(json!([fetch]));
    let mut say = compute("Say", "Compute", "Commands");
    say["commands"] = json!(["echo #{Fetched.PullRequestId} #{Fetched.CommitId}"]);
    say["environmentVariables"] = json!([{"name": "T", "value": "#{Fetched.TagName}"}]);
    add(&mut template, [say]);
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let check = json!({"Variable": "#{Fetched.PullRequestTitle}", "Value": "x", "Operator": "EQ"});
    let rule = json!({"ruleTypeId": {"provider": "VariableCheck"}, "configuration": check});
    stages[1]["beforeEntry"] = json!({"conditions": [{"result": "SKIP", "rules": [rule]}]});
    let clone = clone_by(&isolated(|_| ()), &template).unwrap();
    insta::assert_snapshot!(clone.notes.warnings.join("\n"), @r"
    Variable of a condition of stage 'Build' uses #{Fetched.PullRequestTitle}, which is set only in executions that a trigger of CodePipeline starts, so it fails in a clone: use a variable of the rule instead, as #{variables.NAME}
    a command of action 'Build/Say' uses #{Fetched.PullRequestId}, which is set only in executions that a trigger of CodePipeline starts, so it fails in a clone: use a variable of the rule instead, as #{variables.NAME}
    environmentVariables of action 'Build/Say' uses #{Fetched.TagName}, which is set only in executions that a trigger of CodePipeline starts, so it fails in a clone: use a variable of the rule instead, as #{variables.NAME}
    ");
}
