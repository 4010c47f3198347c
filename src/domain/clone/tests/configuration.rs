//! Tests of the configuration that a rule gives to actions of its clones.

use super::safety::{ROLE, by, deploying};
use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{
    ConfiguredValue, RoleChoice, StageSelection, VariableFormat,
};
use crate::domain::rules::placeholder::FormatString;

/// Returns a value for `Stage/Action/Key`.
pub(super) fn configured(path: &str, text: &str, raw: bool) -> ConfiguredValue {
    let (action, key) = path.rsplit_once('/').unwrap();
    let format = FormatString::parse(text).unwrap();
    ConfiguredValue {
        action: ActionPath::parse(action).unwrap(),
        key: key.to_owned(),
        value: VariableFormat { format, raw },
    }
}

/// Returns a template with two CodeBuild actions and a Commands action.
fn building() -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let actions = stages[1]["actions"].as_array_mut().unwrap();
    let mut lint = actions[0].clone();
    lint["name"] = json!("Lint");
    actions.push(lint);
    actions.push(json!({
        "name": "Say",
        "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
        "commands": ["npm test"], "inputArtifacts": [{"name": "App"}],
        "environmentVariables": [
            {"name": "TOKEN", "value": "secret", "type": "SECRETS_MANAGER"},
            {"name": "STAGE", "value": "live"},
        ],
    }));
    template
}

/// Returns a rule for it.
fn changing(change: impl FnOnce(&mut CloneOverrides)) -> Rule {
    by(|overrides| {
        overrides.roles.pipeline = Some(RoleChoice::Template);
        change(overrides);
    })
}

#[test]
fn the_buildspec_is_of_every_build_and_a_single_value_wins() {
    let rule = changing(|overrides| {
        overrides.buildspec = Some("ci/pull-request.yml".into());
        overrides.configuration = vec![
            configured(
                "Build/Lint/BuildspecOverride",
                "ci/lint-{number}.yml",
                false,
            ),
            configured("Build/Say/ComputeType", "SMALL", false),
        ];
    });
    insta::assert_snapshot!(difference_or_fault(&rule, &building()), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    + stages/Build/actions/Build/configuration/BuildspecOverride: "ci/pull-request.yml"
    + stages/Build/actions/Lint/configuration/BuildspecOverride: "ci/lint-7.yml"
    + stages/Build/actions/Say/configuration: {"ComputeType":"SMALL"}
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
    "#);
}

#[test]
fn the_environment_is_also_that_of_commands() {
    let environment = [("STAGE", "pr-{number}"), ("TITLE", "{title}")];
    let environment =
        environment.map(|(name, text)| (name.to_owned(), FormatString::parse(text).unwrap()));
    let rule = changing(|overrides| overrides.environment = environment.to_vec());
    let clone = clone_by(&rule, &building()).unwrap();
    let mut actions = clone.declaration.actions();
    let say = actions.find(|action| action.name == "Say").unwrap();
    assert_eq!(
        say.whole()["environmentVariables"],
        json!([
            {"name": "TOKEN", "value": "secret", "type": "SECRETS_MANAGER"},
            {"name": "STAGE", "value": "pr-7", "type": "PLAINTEXT"},
            {"name": "TITLE", "value": "Add \"login\"", "type": "PLAINTEXT"},
        ])
    );
    let many = |count: usize, text: &str| {
        let names =
            (0..count).map(|number| (format!("V{number}"), FormatString::parse(text).unwrap()));
        let rule = changing(|overrides| {
            overrides.drop_actions = ["Build", "Lint"]
                .map(|name| ActionPath::parse(&format!("Build/{name}")).unwrap())
                .to_vec();
            overrides.environment = names.collect();
        });
        clone_by(&rule, &building())
            .map(|_| "accepted")
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(many(8, "x"), Ok("accepted"));
    let refused = [many(9, "x"), many(1, ""), many(1, &"x".repeat(2_001))];
    let refused = refused.map(Result::unwrap_err).join("\n");
    insta::assert_snapshot!(refused, @r"
    invalid-value: the clone would have 11 environment variables in action 'Build/Say', but AWS accepts 10
    invalid-value: the environment variable V0 of Build/Say would have 0 characters, but AWS accepts 1 to 2000
    invalid-value: the environment variable V0 of Build/Say would have 2001 characters, but AWS accepts 1 to 2000
    ");
}

#[test]
fn a_rule_that_does_not_fit_the_template_is_refused_with_both_sides() {
    let fault = |path: &str, text: &str| {
        let rule =
            changing(|overrides| overrides.configuration = vec![configured(path, text, false)]);
        difference_or_fault(&rule, &building())
    };
    let faults = [
        fault("Build/Deploy/StackName", "api"),
        fault("Deploy/Build/StackName", "api"),
        fault("Source/App/Owner", "evil"),
        fault("Build/Build/PrimarySource", "{title}"),
        fault("Build/Build/PrimarySource", &"x".repeat(1_001)),
    ];
    insta::assert_snapshot!(faults.join("\n"), @r#"
    rule-template-mismatch: the clone of template 'api-main' has no action 'Build/Deploy' for StackName in the configuration of the rule (it has Source/App, Build/Build, Build/Lint, Build/Say): correct the rule, or keep the action's stage
    rule-template-mismatch: the clone of template 'api-main' has no action 'Deploy/Build' for StackName in the configuration of the rule (it has Source/App, Build/Build, Build/Lint, Build/Say): correct the rule, or keep the action's stage
    rule-template-mismatch: the configuration of the rule has Owner of 'Source/App', which decides what this source action fetches: remove it
    invalid-value: configuration."Build/Build/PrimarySource": {title} has characters here that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use {title_slug}, or { value = "...", raw = true } if no command and no JSON of the template uses the variable
    invalid-value: PrimarySource of Build/Build would have 1001 characters, but AWS accepts a value of 1 to 1000 and a key of 1 to 50
    "#);
    let format = fault("Source/App/OutputArtifactFormat", "CODEBUILD_CLONE_REF");
    assert!(format.contains("CODEBUILD_CLONE_REF"), "{format}");
}

#[test]
fn a_target_that_the_rule_sets_is_a_danger_unless_it_differs() {
    let dangers = |stack: &str, template: &str| {
        let rule = by(|overrides| {
            overrides.stages = StageSelection::All;
            overrides.shared_targets = true;
            overrides.roles.build = Some(ROLE.into());
            overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
            overrides.configuration = vec![
                configured("Production/Stack/StackName", stack, false),
                configured("Production/Stack/RoleArn", ROLE, false),
                configured("Production/Stack/TemplatePath", template, true),
            ];
        });
        match clone_by(&rule, &deploying()) {
            Ok(clone) => clone.notes.dangers.join("\n"),
            Err(fault) => fault.to_string(),
        }
    };
    insta::assert_snapshot!(dangers("api-pr-{number}", "App::a.json"), @"");
    insta::assert_snapshot!(dangers("api-{branch_slug}", "App::a.json"), @"action 'Production/Stack' (CloudFormation) changes the target StackName=api-feature-1363e351, which another pull request may have as well");
    insta::assert_snapshot!(dangers("api-pr-{number}", "App::{title}"), @"TemplatePath of action 'Production/Stack' has raw text that people write, which is not escaped");
}

#[test]
fn another_value_is_another_clone() {
    let digest = |change: fn(&mut CloneOverrides)| {
        let clone = clone_by(&changing(change), &building()).unwrap();
        clone.fingerprint.digest
    };
    let plain = digest(|_| ());
    let buildspec = digest(|overrides| overrides.buildspec = Some("ci.yml".into()));
    let value = digest(|overrides| {
        overrides.configuration = vec![configured("Build/Build/PrimarySource", "App", false)];
    });
    assert_ne!(plain, buildspec);
    assert_ne!(plain, value);
}
