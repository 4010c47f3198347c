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
    let (clone, _) = overrides
        .apply(&template())
        .map_err(|fault| fault.to_string())?;
    let left = clone.actions();
    Ok(left
        .map(|action| format!("{}/{}", action.stage, action.name))
        .collect())
}

fn dropped_stages(stages: &[&str]) -> CloneOverrides {
    CloneOverrides {
        drop_stages: names(stages),
        ..all()
    }
}

fn dropped_actions(actions: &[&str]) -> CloneOverrides {
    let actions = actions.iter().map(|text| ActionPath::parse(text).unwrap());
    CloneOverrides {
        drop_actions: actions.collect(),
        ..all()
    }
}

fn all() -> CloneOverrides {
    CloneOverrides {
        stages: StageSelection::All,
        ..CloneOverrides::default()
    }
}

fn named(stages: &[&str]) -> CloneOverrides {
    CloneOverrides {
        stages: StageSelection::Named(names(stages)),
        ..CloneOverrides::default()
    }
}

#[test]
fn a_rule_that_keeps_all_stages_overrides_nothing() {
    let (clone, left_out) = all().apply(&template()).unwrap();
    assert_eq!(clone, template());
    assert!(left_out.is_empty());
}

#[test]
fn by_default_a_clone_ends_before_the_first_stage_that_deploys() {
    let safe = ["Source/GitHub", "Build/Build", "Build/Lint", "Test/Test"];
    assert_eq!(left(&CloneOverrides::default()).unwrap(), safe);
    let (_, left_out) = CloneOverrides::default().apply(&template()).unwrap();
    assert_eq!(left_out, ["Deploy"]);
}

#[test]
fn what_deploys_is_known_by_its_category_or_its_provider() {
    let cases = [
        ("Deploy", "CodeDeploy", false),
        ("Approval", "Manual", false),
        ("Invoke", "Lambda", false),
        ("Invoke", "CodePipeline", false),
        ("Build", "ECRBuildAndPublish", false),
        ("Test", "CloudFormation", false),
        ("Novelty", "Unknown", false),
        ("Compute", "Weird", false),
        ("Build", "Custom CodeBuild", false),
        ("Build", "CodeBuild", true),
        ("Build", "Jenkins", false),
        ("Test", "DeviceFarm", true),
        ("Compute", "Commands", true),
    ];
    for (category, provider, kept) in cases {
        let mut template = template();
        let (owner, provider) = provider.split_once(' ').unwrap_or(("AWS", provider));
        let kind =
            json!({"category": category, "owner": owner, "provider": provider, "version": "1"});
        let path = ActionPath::parse("Test/Test").unwrap();
        let action = template.action_mut(&path).unwrap();
        action.insert("actionTypeId".into(), kind);
        let overrides = CloneOverrides {
            roles: CloneRoles {
                pipeline: Some(RoleChoice::Template),
                ..CloneRoles::default()
            },
            ..CloneOverrides::default()
        };
        let (clone, _) = overrides.apply(&template).unwrap();
        let is_left = clone.stages().any(|stage| stage == "Test");
        assert_eq!(is_left, kept, "{category} by {provider}");
    }
}

#[test]
fn a_condition_that_calls_a_function_changes_something_outside() {
    let mut json = Value::Object(template().0);
    let condition = |provider: &str| json!({"conditions": [{"rules": [{"name": "r", "ruleTypeId": {"category": "Rule", "provider": provider}}]}]});
    json["stages"][2]["onSuccess"] = condition("VariableCheck");
    let (clone, _) = CloneOverrides::default()
        .apply(&Declaration::new(json.clone()).unwrap())
        .unwrap();
    assert_eq!(clone.stages().count(), 3);
    json["stages"][2]["beforeEntry"] = condition("LambdaInvoke");
    let (_, left_out) = CloneOverrides::default()
        .apply(&Declaration::new(json).unwrap())
        .unwrap();
    assert_eq!(left_out, ["Test", "Deploy"]);
}

#[test]
fn a_template_that_deploys_at_once_is_refused_with_the_line_to_write() {
    let mut json = Value::Object(template().0);
    json["stages"].as_array_mut().unwrap().drain(1..3);
    let template = Declaration::new(json).unwrap();
    let refused = CloneOverrides::default().apply(&template).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: stage 'Deploy' of template 'api-main' is left out because its action 'Deploy/Stage' (Deploy by CodeBuild) changes something outside the pipeline, which leaves only Source, and a pipeline needs two stages: to run it with the code of pull requests, write keep_stages = ["Source", "Deploy"] in the rule"#);
    let named = named(&["Source", "Deploy"]).apply(&template).unwrap();
    assert_eq!(named, (template, Vec::new()));
}

/// The template with a stage as CDK Pipelines adds it.
fn self_mutating() -> Declaration {
    let mut json = Value::Object(template().0);
    let stage = json!({"name": "UpdatePipeline", "actions": [{
        "name": "SelfMutate",
        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
        "configuration": {"ProjectName": "api-SelfMutation-1A2B"},
        "inputArtifacts": [{"name": "App"}],
    }]});
    json["stages"].as_array_mut().unwrap().insert(2, stage);
    Declaration::new(json).unwrap()
}

#[test]
fn a_stage_that_deploys_its_own_pipeline_is_refused_unless_it_is_named() {
    let template = self_mutating();
    let refused = CloneOverrides::default().apply(&template).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: action 'UpdatePipeline/SelfMutate' of template 'api-main' has the name of one that deploys the stack of its own pipeline, so a clone would deploy a pull request over the template: write keep_stages = ["Source", "Build"] in the rule, or name 'UpdatePipeline' in keep_stages to run it"#);
    assert_eq!(
        all().apply(&template).unwrap_err(),
        refused,
        "all names none"
    );
    let drop = dropped_stages(&["UpdatePipeline"]).apply(&template);
    assert_eq!(drop.unwrap().1, ["UpdatePipeline"]);
    let kept = named(&["Source", "Build", "UpdatePipeline"]);
    assert_eq!(kept.apply(&template).unwrap().1, ["Test", "Deploy"]);
}

#[test]
fn a_stage_that_the_template_gains_is_left_out_until_it_is_named() {
    let rule = named(&["Source", "Build", "Test"]);
    let mut json = Value::Object(template().0);
    let mut gained = json["stages"][2].clone();
    gained["name"] = json!("Audit");
    json["stages"].as_array_mut().unwrap().push(gained);
    let (_, left_out) = rule.apply(&Declaration::new(json).unwrap()).unwrap();
    assert_eq!(left_out, ["Deploy", "Audit"]);
}

#[test]
fn a_pull_request_does_not_deploy() {
    let without = ["Source/GitHub", "Build/Build", "Build/Lint", "Test/Test"];
    assert_eq!(left(&dropped_stages(&["Deploy"])).unwrap(), without);
    let keep = named(&["Source", "Build", "Test"]);
    assert_eq!(left(&keep).unwrap(), without);
    let some = left(&dropped_actions(&["Deploy/Production", "Build/Lint"])).unwrap();
    assert_eq!(
        some,
        ["Source/GitHub", "Build/Build", "Test/Test", "Deploy/Stage"]
    );
}

#[test]
fn a_clone_may_have_a_role_of_its_own() {
    let overrides = CloneOverrides {
        roles: CloneRoles {
            pipeline: Some(RoleChoice::Arn(
                "arn:aws:iam::123456789012:role/preview".into(),
            )),
            ..CloneRoles::default()
        },
        ..all()
    };
    let (mut clone, _) = overrides.apply(&template()).unwrap();
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
fn a_condition_that_needs_what_was_dropped_is_refused() {
    let rule = json!({
        "name": "r", "ruleTypeId": {"category": "Rule", "provider": "VariableCheck"},
        "configuration": {"Variable": "#{Built.FINDINGS}"},
    });
    let function = json!({
        "name": "r", "ruleTypeId": {"category": "Rule", "provider": "LambdaInvoke"},
        "inputArtifacts": [{"name": "Built"}],
    });
    for kind in ["beforeEntry", "onSuccess", "onFailure"] {
        for (rule, what) in [(&rule, "variables"), (&function, "artifact")] {
            let mut json = Value::Object(template().0);
            let stages = json["stages"].as_array_mut().unwrap();
            stages.truncate(3);
            stages[2]["actions"][0]["inputArtifacts"] = json!([{"name": "App"}]);
            stages[2]["actions"][0]["configuration"] = json!({});
            let without = Declaration::new(json.clone()).unwrap();
            let drop = dropped_actions(&["Build/Build"]);
            assert!(drop.apply(&without).is_ok());
            json["stages"][2][kind] = json!({"conditions": [{"rules": [rule]}]});
            let refused = drop.apply(&Declaration::new(json).unwrap()).unwrap_err();
            let wanted = format!(
                "a condition of stage 'Test' needs the {what} 'Built' of 'Build/Build', which the rule drops"
            );
            assert_eq!(refused.detail, wanted, "{kind}");
        }
    }
}

#[test]
fn a_path_without_a_stage_and_an_action_is_refused() {
    for text in ["", "/", "Deploy", "Deploy/", "/Action", "a/b/c"] {
        assert_eq!(ActionPath::parse(text), None, "{text}");
    }
}

#[test]
fn dropping_more_never_keeps_more() {
    let mut json = Value::Object(template().0);
    let mut approve = json["stages"][3].clone();
    approve["name"] = json!("Approve");
    approve["actions"].as_array_mut().unwrap().truncate(1);
    approve["actions"][0]["actionTypeId"] =
        json!({"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"});
    let mut release = json["stages"][2].clone();
    release["name"] = json!("Release");
    json["stages"] = json!([json["stages"][0], json["stages"][1], approve, release]);
    let template = Declaration::new(json).unwrap();
    let safe = CloneOverrides::default().apply(&template).unwrap().1;
    assert_eq!(safe, ["Approve", "Release"]);
    let rules = [
        CloneOverrides {
            drop_stages: names(&["Approve"]),
            ..CloneOverrides::default()
        },
        CloneOverrides {
            drop_actions: vec![ActionPath::parse("Approve/Stage").unwrap()],
            ..CloneOverrides::default()
        },
    ];
    for rule in rules {
        assert_eq!(rule.apply(&template).unwrap().1, safe, "{rule:?}");
    }
}

#[test]
fn the_assets_of_cdk_pipelines_are_published_outside() {
    for (stage, action) in [
        ("Assets", "Publish"),
        ("Test", "FileAsset1"),
        ("Test", "DockerAsset2"),
    ] {
        let mut json = Value::Object(template().0);
        json["stages"][2]["name"] = json!(stage);
        json["stages"][2]["actions"][0]["name"] = json!(action);
        let template = Declaration::new(json).unwrap();
        let (_, left_out) = CloneOverrides::default().apply(&template).unwrap();
        assert_eq!(left_out, [stage, "Deploy"], "{action}");
    }
}
