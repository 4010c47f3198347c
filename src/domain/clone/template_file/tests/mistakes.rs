//! The faults of files with a mistake.

use super::*;
use crate::domain::clone::overrides::VariableFormat;
use crate::domain::clone::projects::BuildSettings;

/// Returns the fault of a file that is changed at one place.
fn fault(change: impl FnOnce(&mut Value)) -> String {
    match clone_by(&rule(), &changed(change)) {
        Ok(_) => "no fault".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn a_mistake_of_the_form_has_its_line_and_its_path() {
    let texts = [
        "",
        "{\n  \"stages\": [\n",
        "[]",
        "{\"stages\": 1}",
        "{\"pipeline\": {\"stages\": [\n  {\"name\": \"Source\", \"actions\": [{\"name\": 1}]}]}}",
        "{\"stages\": [],\n \"triggerz\": []}",
        "{\"stages\": [{\"name\": \"A\", \"action\": []}]}",
        "{\"stages\": [{\"name\": \"A\", \"actions\": [{\"name\": \"B\", \"actionTypeId\": {}}]}]}",
        "{\"stages\": [{\"name\": \"A\", \"name\": \"B\", \"actions\": []}]}",
        "{\"pipeline\": {\"stages\": []}, \"extra\": 1}",
        "stages:\n  - name: Source\n",
    ];
    let faults = texts.map(|text| {
        let content = FileContent::Bytes(text.as_bytes().to_vec());
        let read = TemplateFile::read(&content, None, &file_rule());
        read.unwrap_err().to_string()
    });
    insta::assert_snapshot!(faults.join("\n"), @"
    repository-file-invalid: ci/pipeline.json: not a JSON object: expected what `aws codepipeline get-pipeline` prints
    repository-file-invalid: ci/pipeline.json: line 3, column 0: not JSON: the text ends within a list
    repository-file-invalid: ci/pipeline.json: not a JSON object: expected what `aws codepipeline get-pipeline` prints
    repository-file-invalid: ci/pipeline.json: line 1, column 12: stages: expected a list
    repository-file-invalid: ci/pipeline.json: line 2, column 43: pipeline.stages[0].actions[0].name: expected text in quotes
    repository-file-invalid: ci/pipeline.json: line 2, column 11: triggerz: unknown key 'triggerz': expected stages, variables, pipelineType, roleArn, artifactStore, artifactStores, executionMode, triggers, name, version
    repository-file-invalid: ci/pipeline.json: line 1, column 34: stages[0].action: unknown key 'action': expected name, actions, blockers, beforeEntry, onSuccess, onFailure
    repository-file-invalid: ci/pipeline.json: line 1, column 70: stages[0].actions[0].actionTypeId: the key 'category' is missing
    repository-file-invalid: ci/pipeline.json: line 1, column 32: stages[0]: a key is there twice: remove one
    repository-file-invalid: ci/pipeline.json: line 1, column 36: extra: unknown key 'extra': expected pipeline or metadata
    repository-file-invalid: ci/pipeline.json: not a JSON object: expected what `aws codepipeline get-pipeline` prints
    ");
}

#[test]
fn what_aws_would_refuse_has_its_path() {
    let long = "x".repeat(1_001);
    let faults = [
        fault(|pipeline| pipeline["stages"] = json!([])),
        fault(|pipeline| pipeline["stages"][1]["name"] = json!("a b")),
        fault(|pipeline| pipeline["stages"][2]["name"] = json!("Build")),
        fault(|pipeline| pipeline["stages"][1]["actions"] = json!([])),
        fault(|pipeline| pipeline["stages"][1]["actions"][0]["runOrder"] = json!(0)),
        fault(|pipeline| pipeline["stages"][1]["actions"][0]["timeoutInMinutes"] = json!(4)),
        fault(|pipeline| pipeline["stages"][1]["actions"][0]["namespace"] = json!("a.b")),
        fault(|pipeline| {
            pipeline["stages"][1]["actions"][0]["configuration"]["PrimarySource"] = json!(long)
        }),
        fault(|pipeline| {
            pipeline["stages"][1]["actions"][0]["inputArtifacts"] = json!([{"name": "Lost"}])
        }),
        fault(|pipeline| {
            pipeline["stages"][1]["actions"][0]["outputArtifacts"] = json!([{"name": "App"}])
        }),
        fault(|pipeline| {
            pipeline["variables"] = json!([{"name": "A"}, {"name": "A"}, {"name": "ä"}])
        }),
        fault(|pipeline| {
            for place in 1..5 {
                pipeline["stages"][place]["name"] = json!("");
            }
        }),
    ];
    insta::assert_snapshot!(faults.join("\n"), @r"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages: AWS accepts 2 to 50 stages, not 0
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].name: AWS accepts 1 to 100 of A-Z a-z 0-9 - _ . @
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[2].name: another stage has the name 'Build'
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions: AWS accepts 1 to 100 actions, not 0
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].runOrder: AWS accepts 1 to 999, not 0
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].timeoutInMinutes: AWS accepts 5 to 86400 minutes, not 4
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].namespace: AWS accepts 1 to 100 of A-Z a-z 0-9 - _ @
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.PrimarySource: AWS accepts 1 to 1000 characters, not 1001
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].inputArtifacts[0].name: no action before makes the artifact 'Lost'
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].outputArtifacts[0].name: another output artifact has the name 'App'
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: variables[1].name: another variable has the name 'A'; variables[2].name: AWS accepts 1 to 128 of A-Z a-z 0-9 - _ @
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].name: AWS accepts 1 to 100 of A-Z a-z 0-9 - _ . @; stages[2].name: AWS accepts 1 to 100 of A-Z a-z 0-9 - _ . @; stages[2].name: another stage has the name ''
    ");
}

#[test]
fn what_the_rule_does_not_allow_has_its_path() {
    let build_of = |pipeline: &mut Value, key: &str, value: &str| {
        pipeline["stages"][1]["actions"][0]["configuration"][key] = json!(value);
    };
    let environment =
        |value: &str| json!([{"name": "A", "value": value, "type": "PARAMETER_STORE"}]).to_string();
    let faults = [
        fault(|pipeline| build_of(pipeline, "ProjectName", "api-migrate")),
        fault(|pipeline| build_of(pipeline, "ProjectName", "#{variables.PROJECT}")),
        fault(|pipeline| build_of(pipeline, "BatchEnabled", "true")),
        fault(|pipeline| build_of(pipeline, "BuildspecOverride", "arn:aws:s3:::bucket/x.yml")),
        fault(|pipeline| build_of(pipeline, "ServiceRoleArnOverride", "arn:aws:iam::1:role/x")),
        fault(|pipeline| build_of(pipeline, "EnvironmentVariables", &environment("/prod/key"))),
        fault(|pipeline| build_of(pipeline, "EnvironmentVariables", SECRET)),
        fault(|pipeline| build_of(pipeline, "EnvironmentVariables", "[{\"name\": \"A\"}]")),
        fault(|pipeline| build_of(pipeline, "Token", "****")),
        fault(|pipeline| {
            pipeline["stages"][1]["actions"][0]["roleArn"] = json!("arn:aws:iam::1:role/x")
        }),
        fault(|pipeline| pipeline["stages"][1]["actions"][0]["region"] = json!("us-east-1")),
        fault(|pipeline| {
            pipeline["stages"][1]["actions"][0]["actionTypeId"]["owner"] = json!("Custom")
        }),
        fault(|pipeline| pipeline["stages"][1]["actions"][0]["commands"] = json!(["id"])),
        fault(|pipeline| {
            pipeline["stages"][1]["beforeEntry"] =
                json!({"conditions": [{"rules": [{"ruleTypeId": {"provider": "VariableCheck"}}]}]})
        }),
        fault(|pipeline| pipeline["stages"][0]["name"] = json!("Sources")),
        fault(|pipeline| {
            pipeline["stages"][0]["actions"][0]["configuration"]["FullRepositoryId"] =
                json!("acme/web")
        }),
        fault(|pipeline| {
            pipeline["stages"][0]["actions"][0]["outputArtifacts"] = json!([{"name": "Web"}])
        }),
        fault(|pipeline| {
            let mut other = pipeline["stages"][0]["actions"][0].clone();
            other["name"] = json!("Other");
            other["outputArtifacts"] = json!([{"name": "Other"}]);
            pipeline["stages"][0]["actions"]
                .as_array_mut()
                .unwrap()
                .push(other);
        }),
        fault(|pipeline| {
            let mut other = pipeline["stages"][0]["actions"][0].clone();
            other["outputArtifacts"] = json!([]);
            pipeline["stages"][1]["actions"]
                .as_array_mut()
                .unwrap()
                .push(other);
        }),
        fault(|pipeline| pipeline["pipelineType"] = json!("V1")),
    ];
    insta::assert_snapshot!(faults.join("\n"), @r#"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.ProjectName: rule 'rule 1' does not let the file run project 'api-migrate', only api, api-test: use one of these, or set projects in the template of the rule
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.ProjectName: rule 'rule 1' does not let the file run project '#{variables.PROJECT}', only api, api-test: use one of these, or set projects in the template of the rule
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.BatchEnabled: is not that of the same action in template 'api-main', and the file may set only ProjectName, PrimarySource, EnvironmentVariables, BuildspecOverride here: remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.BuildspecOverride: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0]: roleArn, region and ServiceRoleArnOverride are not those with which template 'api-main' runs project 'api': remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.EnvironmentVariables[0]: is a secret of type PARAMETER_STORE that template 'api-main' does not give to this project: use a PLAINTEXT value, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.EnvironmentVariables[0]: is a secret of type SECRETS_MANAGER that template 'api-main' does not give to this project: use a PLAINTEXT value, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.EnvironmentVariables: not a JSON list of { "name": ..., "value": ..., "type": ... }
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.Token: is not that of the same action in template 'api-main', and the file may set only ProjectName, PrimarySource, EnvironmentVariables, BuildspecOverride here: remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0]: roleArn, region and ServiceRoleArnOverride are not those with which template 'api-main' runs project 'api': remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0]: roleArn, region and ServiceRoleArnOverride are not those with which template 'api-main' runs project 'api': remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: with this file, stage 'Build' of template 'api-main' is left out because its action 'Build/Build' (Build by CodeBuild) changes something outside the pipeline, which leaves only Source, and a pipeline needs two stages: to run it with the code of pull requests, write keep_stages = ["Source", "Build"] in the rule
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].commands: only a Commands action has it: remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].beforeEntry: is not that of stage 'Build' in template 'api-main': copy it from there, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[0].name: the source stage is that of template 'api-main': name it 'Source'
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[0].actions[0].configuration.FullRepositoryId: differs from template 'api-main', whose source a clone has: copy it from there, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].inputArtifacts[0].name: no action before makes the artifact 'App'; stages[2].actions[0].inputArtifacts[0].name: no action before makes the artifact 'App'; stages[4].actions[0].inputArtifacts[0].name: no action before makes the artifact 'App'
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[0].actions[1]: template 'api-main' has no source action 'Other', and a clone has only its sources: remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].actionTypeId: rule 'rule 1' does not let the file declare an action of type Source/CodeStarSourceConnection (owner AWS, version 1), only Build/CodeBuild, Test/CodeBuild (owner AWS, version 1): remove the action, or set actions in the template of the rule
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: pipelineType: a clone has the type of template 'api-main', which is V2: write V2 here, or remove it
    "#);
}

#[test]
fn commands_need_to_be_allowed_and_a_role() {
    let file = changed(|pipeline| {
        pipeline["stages"].as_array_mut().unwrap().push(json!({"name": "Say", "actions": [{
            "name": "Hello", "commands": ["make hello"], "inputArtifacts": [{"name": "App"}],
            "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
            "outputArtifacts": [{"name": "Said", "files": ["out/*"]}], "outputVariables": ["WORD"],
            "environmentVariables": [{"name": "A", "value": "1"}],
        }]}));
        pipeline["stages"].as_array_mut().unwrap().swap(3, 5);
    });
    let mut rule = rule();
    let mut faults = vec![differences(&rule, &file)];
    let allowed = rule.template_file.as_mut().unwrap();
    allowed.actions.insert(FileAction::Commands);
    faults.push(differences(&rule, &file));
    rule.overrides.roles.pipeline = Some(RoleChoice::Arn("arn:aws:iam::1:role/pr".to_owned()));
    faults.push(differences(&rule, &file));
    let mut secret = file.clone();
    secret["stages"][3]["actions"][0]["environmentVariables"][0]["type"] = json!("SECRETS_MANAGER");
    secret["stages"][3]["actions"][0]["configuration"] =
        json!({"VpcId": "vpc-1", "ComputeType": "SMALL"});
    faults.push(differences(&rule, &secret));
    insta::assert_snapshot!(faults.join("\n"), @r#"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3].actions[0].actionTypeId: rule 'rule 1' does not let the file declare an action of type Compute/Commands (owner AWS, version 1), only Build/CodeBuild, Test/CodeBuild (owner AWS, version 1): remove the action, or set actions in the template of the rule
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3].actions[0].actionTypeId: Commands run with the role of the pipeline, and rule 'rule 1' has no role_arn for that: remove the action, or set role_arn in the rule
    + stages/Say: {"name":"Say","actions":[{"name":"Hello","actionTypeId":{"category":"Compute","owner":"AWS","provider":"Commands","version":"1"},"commands":["make hello"],"environmentVariables":[{"name":"A","value":"1"}],"outputArtifacts":[{"name":"Said","files":["out/*"]}],"inputArtifacts":[{"name":"App"}],"outputVariables":["WORD"]}]}
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3].actions[0].configuration.VpcId: is not that of the same action in template 'api-main', and the file may set only ComputeType, EnvironmentType here: remove it; stages[3].actions[0].environmentVariables[0]: is a secret of type SECRETS_MANAGER that template 'api-main' does not give to this project: use a PLAINTEXT value, or remove it
    "#);
}

#[test]
fn a_list_of_projects_takes_the_place_of_those_of_the_template() {
    let file = |project: &str| {
        changed(|pipeline| pipeline["stages"][1]["actions"][0] = build("Other", project))
    };
    let mut rule = rule();
    let listed = ["api-pr", "api-migrate"].map(str::to_owned);
    rule.template_file.as_mut().unwrap().projects = Some(listed.into());
    let faults = ["api-pr", "api-migrate", "api"].map(|project| differences(&rule, &file(project)));
    insta::assert_snapshot!(faults.join("\n"), @r#"
    - stages/Build/actions/Build: {"name":"Build","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api"},"inputArtifacts":[{"name":"App"}],"outputArtifacts":[]}
    + stages/Build/actions/Other: {"name":"Other","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api-pr"},"inputArtifacts":[{"name":"App"}]}
    - stages/Build/actions/Build: {"name":"Build","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api"},"inputArtifacts":[{"name":"App"}],"outputArtifacts":[]}
    + stages/Build/actions/Other: {"name":"Other","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api-migrate"},"inputArtifacts":[{"name":"App"}]}
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[0].configuration.ProjectName: rule 'rule 1' does not let the file run project 'api', only api-migrate, api-pr: use one of these, or set projects in the template of the rule
    "#);
}

/// Adds an action to the stage Build.
fn add(pipeline: &mut Value, action: Value) {
    let actions = pipeline["stages"][1]["actions"].as_array_mut().unwrap();
    actions.push(action);
}

/// Returns a build with one plain environment variable.
fn with_environment(value: &str) -> Value {
    let mut action = build("Other", "api-test");
    let list = json!([{"name": "A", "value": value}]);
    action["configuration"]["EnvironmentVariables"] = json!(list.to_string());
    action
}

#[test]
fn no_text_that_codepipeline_inserts_adds_a_secret() {
    let inserted = |value: &str| fault(|pipeline| add(pipeline, with_environment(value)));
    for fine in [
        "#{variables.NODE}",
        "#{codepipeline.PipelineExecutionId}",
        "100 % {x}",
    ] {
        assert_eq!(inserted(fine), "no fault", "{fine}");
    }
    let hostile = r#"x","type":"PARAMETER_STORE"#;
    let faults = [
        inserted("#{Build.WORD}"),
        inserted("a #{SourceVariables.CommitMessage}"),
        inserted("#{variables.NODE"),
        fault(|pipeline| {
            pipeline["variables"] = json!([{"name": "NODE", "defaultValue": hostile}]);
        }),
        fault(|pipeline| {
            pipeline["variables"] = json!([{"name": "NODE", "defaultValue": "{a}"}]);
        }),
    ];
    insta::assert_snapshot!(faults.join("\n"), @"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].configuration.EnvironmentVariables[0]: #{Build.WORD} has text that people or builds write, which CodePipeline does not escape in JSON: use a variable of the rule, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].configuration.EnvironmentVariables[0]: #{SourceVariables.CommitMessage} has text that people or builds write, which CodePipeline does not escape in JSON: use a variable of the rule, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].configuration.EnvironmentVariables[0]: #{variables.NODE has text that people or builds write, which CodePipeline does not escape in JSON: use a variable of the rule, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: variables[0].defaultValue: has characters that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use the environment variables of an action
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: variables[0].defaultValue: has characters that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use the environment variables of an action
    ");
    let mut raw = rule();
    let mut format: VariableFormat = FormatString::parse("{title}").unwrap().into();
    format.raw = true;
    raw.overrides.variables = vec![("TITLE".to_owned(), format)];
    let file = changed(|pipeline| add(pipeline, with_environment("#{variables.TITLE}")));
    let refused = clone_by(&raw, &file).unwrap_err().to_string();
    assert!(refused.contains("#{variables.TITLE} has text"), "{refused}");
}

#[test]
fn names_of_the_source_and_of_codepipeline_stay_theirs() {
    let named = |namespace: &str| {
        fault(|pipeline| {
            let mut action = build("Other", "api-test");
            action["namespace"] = json!(namespace);
            add(pipeline, action);
        })
    };
    let faults = [named("variables"), named("codepipeline"), {
        let mut template = template();
        let stages = template.declaration.0.get_mut("stages").unwrap();
        stages[0]["actions"][0]["namespace"] = json!("Fetched");
        let file = changed(|pipeline| {
            let mut action = build("Other", "api-test");
            action["namespace"] = json!("Fetched");
            add(pipeline, action);
        });
        let files = read(&rule(), &file).unwrap();
        let made = clone_of(&rule(), |request| files.clone_for(&template, request));
        made.unwrap_err().to_string()
    }];
    insta::assert_snapshot!(faults.join("\n"), @"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].namespace: belongs to CodePipeline: choose another name
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].namespace: belongs to CodePipeline: choose another name
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].actions[1].namespace: is that of a source action of the template: choose another name
    ");
}

#[test]
fn a_stage_of_the_file_fails_or_is_retried_and_does_not_roll_back() {
    let failing = |result: &str| {
        fault(|pipeline| pipeline["stages"][1]["onFailure"] = json!({"result": result}))
    };
    assert_eq!(failing("FAIL"), "no fault");
    insta::assert_snapshot!([failing("ROLLBACK"), failing("SKIP")].join("\n"), @"
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].onFailure: is not that of stage 'Build' in template 'api-main': copy it from there, write the result FAIL or RETRY without conditions, or remove it
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[1].onFailure: is not that of stage 'Build' in template 'api-main': copy it from there, write the result FAIL or RETRY without conditions, or remove it
    ");
}

#[test]
fn an_action_for_which_the_rule_has_settings_stays() {
    let mut rule = rule();
    let path = ActionPath::parse("Build/Build").unwrap();
    let settings = BuildSettings {
        timeout: Some(30),
        ..BuildSettings::default()
    };
    rule.overrides.build.actions = vec![(path, settings)];
    let file = changed(|pipeline| pipeline["stages"][1]["actions"][0]["name"] = json!("Compile"));
    insta::assert_snapshot!(clone_by(&rule, &file).unwrap_err(), @"repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages: has no action 'Build/Build', for which rule 'rule 1' has settings: keep it under this name");
}
