use serde_json::json;

use super::*;

/// A template with Source, Build, two deployments, and a test that reads the build's variables.
fn template() -> Declaration {
    let action = |name: &str, category: &str| {
        json!({
            "name": name,
            "actionTypeId": {"category": category, "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "api"},
        })
    };
    let with = |mut action: Value, more: Value| {
        for (key, value) in more.as_object().unwrap() {
            action[key] = value.clone();
        }
        action
    };
    let artifact = |name: &str| json!([{"name": name}]);
    let source = with(
        action("GitHub", "Source"),
        json!({"outputArtifacts": artifact("App"), "namespace": "Source"}),
    );
    let build = with(
        action("Build", "Build"),
        json!({"inputArtifacts": artifact("App"), "outputArtifacts": artifact("Built"), "namespace": "Built"}),
    );
    let lint = with(
        action("Lint", "Build"),
        json!({"inputArtifacts": artifact("App")}),
    );
    let test = with(
        action("Test", "Test"),
        json!({
            "inputArtifacts": artifact("App"),
            "configuration": {"EnvironmentVariables": "[{\"name\":\"V\",\"value\":\"#{Built.VERSION} of #{Source.CommitId}\"}]"},
        }),
    );
    let stage = with(
        action("Stage", "Deploy"),
        json!({"inputArtifacts": artifact("Built")}),
    );
    let production = with(
        action("Production", "Deploy"),
        json!({"inputArtifacts": artifact("Built")}),
    );
    Declaration::new(json!({
        "name": "api-main", "roleArn": "arn:aws:iam::123456789012:role/main",
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [build, lint]},
            {"name": "Test", "actions": [test]},
            {"name": "Deploy", "actions": [stage, production]},
        ],
    }))
    .unwrap()
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// Returns the remaining actions, each as `Stage/Action`, or the fault.
fn left(overrides: &CloneOverrides) -> Result<Vec<String>, String> {
    let mut clone = template();
    overrides
        .apply(&mut clone)
        .map_err(|fault| fault.to_string())?;
    let left = clone.actions();
    Ok(left
        .map(|action| format!("{}/{}", action.stage, action.name))
        .collect())
}

fn dropped_stages(stages: &[&str]) -> CloneOverrides {
    CloneOverrides {
        drop_stages: names(stages),
        ..CloneOverrides::default()
    }
}

fn dropped_actions(actions: &[&str]) -> CloneOverrides {
    let actions = actions.iter().map(|text| ActionPath::parse(text).unwrap());
    CloneOverrides {
        drop_actions: actions.collect(),
        ..CloneOverrides::default()
    }
}

#[test]
fn a_rule_without_overrides_overrides_nothing() {
    let mut clone = template();
    CloneOverrides::default().apply(&mut clone).unwrap();
    assert_eq!(clone, template());
}

#[test]
fn a_pull_request_does_not_deploy() {
    let without = ["Source/GitHub", "Build/Build", "Build/Lint", "Test/Test"];
    assert_eq!(left(&dropped_stages(&["Deploy"])).unwrap(), without);
    let keep = CloneOverrides {
        keep_stages: names(&["Source", "Build", "Test"]),
        ..CloneOverrides::default()
    };
    assert_eq!(left(&keep).unwrap(), without);
    let some = left(&dropped_actions(&["Deploy/Production", "Build/Lint"])).unwrap();
    assert_eq!(
        some,
        ["Source/GitHub", "Build/Build", "Test/Test", "Deploy/Stage"]
    );
}

#[test]
fn a_clone_may_have_a_role_of_its_own() {
    let mut clone = template();
    let overrides = CloneOverrides {
        role_arn: Some("arn:aws:iam::123456789012:role/preview".into()),
        ..CloneOverrides::default()
    };
    overrides.apply(&mut clone).unwrap();
    assert_eq!(clone.0["roleArn"], "arn:aws:iam::123456789012:role/preview");
    clone
        .0
        .insert("roleArn".into(), template().0["roleArn"].clone());
    assert_eq!(clone, template(), "and nothing else");
}

#[test]
fn an_invalid_result_is_refused_and_the_fault_names_both_sides() {
    let refusals = [
        left(&dropped_stages(&["Deplo"])),
        left(&dropped_actions(&["Deploy/Prod"])),
        left(&dropped_stages(&["Source"])),
        left(&dropped_stages(&["Build", "Test", "Deploy"])),
        left(&dropped_actions(&["Test/Test"])),
        left(&dropped_stages(&["Build"])),
        left(&CloneOverrides {
            drop_stages: names(&["Test"]),
            ..dropped_actions(&["Build/Build"])
        }),
    ];
    let details: Vec<String> = refusals.into_iter().map(Result::unwrap_err).collect();
    insta::assert_snapshot!(details.join("\n"), @r"
    rule-template-mismatch: template 'api-main' has no stage 'Deplo' (it has Source, Build, Test, Deploy): correct the rule
    rule-template-mismatch: template 'api-main' has no action 'Deploy/Prod': correct the rule
    rule-template-mismatch: the rule leaves 'Build' as the first stage, which must hold the source actions
    rule-template-mismatch: the rule leaves only Source, and a pipeline needs two stages
    rule-template-mismatch: the rule leaves stage 'Test' without an action: drop the stage
    rule-template-mismatch: 'Test/Test' needs the variables 'Built' of 'Build/Build', which the rule drops
    rule-template-mismatch: 'Deploy/Stage' needs the artifact 'Built' of 'Build/Build', which the rule drops
    ");
}

#[test]
fn a_path_without_a_stage_and_an_action_is_refused() {
    for text in ["", "/", "Deploy", "Deploy/", "/Action", "a/b/c"] {
        assert_eq!(ActionPath::parse(text), None, "{text}");
    }
}
