use serde_json::{Value, json};

use super::*;
use crate::domain::clone::diff::{diff, lines};
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::overrides::{CloneOverrides, RoleChoice};
use crate::domain::clone::tests::{clone_of, rule as plain_rule, template_with_stages};
use crate::domain::clone::{CloneRequest, NewPipeline};
use crate::domain::rules::repository_file::FileFrom;
use crate::domain::rules::template_file::FileAction;

mod mistakes;
mod properties;

const SECRET: &str = r#"[{"name":"TOKEN","value":"db:password","type":"SECRETS_MANAGER"}]"#;

/// Returns a template that builds, tests with a secret, asks for an approval and deploys.
fn template() -> Template {
    let mut template = template_with_stages(&["Build", "Test"]);
    let stages = template.declaration.0.get_mut("stages").unwrap();
    // CodePipeline prints empty lists.
    stages[1]["actions"][0]["outputArtifacts"] = json!([]);
    let test = &mut stages[2]["actions"][0];
    test["configuration"] = json!({"ProjectName": "api-test", "EnvironmentVariables": SECRET});
    let approve = json!({"name": "Approve", "actions": [{
        "name": "Ask", "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
    }]});
    let deploy = json!({"name": "Deploy", "actions": [
        {
            "name": "Stack", "inputArtifacts": [{"name": "App"}],
            "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
            "configuration": {"StackName": "api", "RoleArn": "arn:aws:iam::123456789012:role/deploy"},
        },
        build("Migrate", "api-migrate"),
    ]});
    stages.as_array_mut().unwrap().extend([approve, deploy]);
    template
}

/// Returns a CodeBuild action.
fn build(name: &str, project: &str) -> Value {
    json!({
        "name": name, "configuration": {"ProjectName": project}, "inputArtifacts": [{"name": "App"}],
        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
    })
}

fn file_rule() -> TemplateFileRule {
    TemplateFileRule {
        path: "ci/pipeline.json".to_owned(),
        from: FileFrom::Head,
        actions: FileAction::DEFAULT.into(),
        projects: None,
    }
}

fn rule() -> Rule {
    let overrides = CloneOverrides {
        shared_targets: true,
        ..CloneOverrides::default()
    };
    Rule {
        template_file: Some(file_rule()),
        overrides,
        ..plain_rule()
    }
}

/// Returns a rule that keeps these stages.
fn keeping(stages: &[&str]) -> Rule {
    let stages = stages.iter().map(|stage| (*stage).to_owned());
    let mut rule = rule();
    rule.overrides.stages = StageSelection::Named(stages.collect());
    rule
}

/// Returns what `aws codepipeline get-pipeline` prints of the template.
fn printed() -> Value {
    json!({"pipeline": Value::Object(template().declaration.0), "metadata": {"pipelineArn": "arn"}})
}

/// Returns the printed declaration without its wrapping, changed by `change`.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut pipeline = printed()["pipeline"].take();
    change(&mut pipeline);
    pipeline
}

fn read(rule: &Rule, json: &Value) -> Result<CloneFiles, Fault> {
    let content = FileContent::Bytes(json.to_string().into_bytes());
    let commit = CommitId::parse("1a2b3c4d".repeat(5)).unwrap();
    let file = rule.template_file.as_ref().unwrap();
    Ok(CloneFiles {
        template: TemplateFile::read(&content, Some(&commit), file)?,
        changes: None,
    })
}

fn clone_by(rule: &Rule, json: &Value) -> Result<NewPipeline, Fault> {
    let files = read(rule, json)?;
    clone_of(rule, |request| files.clone_for(&template(), request))
}

/// Returns how the clone with the file differs from the clone without, or the fault.
fn differences(rule: &Rule, json: &Value) -> String {
    let without = |request: &CloneRequest<'_>| template().clone_for(request);
    let without = clone_of(rule, without).unwrap();
    match clone_by(rule, json) {
        Ok(with) => lines(&diff(&without.declaration, &with.declaration)).join("\n"),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn what_get_pipeline_printed_makes_the_clone_of_the_template() {
    for rule in [
        rule(),
        keeping(&["Source", "Build", "Test", "Approve", "Deploy"]),
    ] {
        assert_eq!(differences(&rule, &printed()), "");
        assert_eq!(differences(&rule, &printed()["pipeline"]), "");
        let with = clone_by(&rule, &printed()).unwrap();
        let without = clone_of(&rule, |request| template().clone_for(request)).unwrap();
        assert_eq!(with.fingerprint, without.fingerprint);
        assert_eq!(with.tags, without.tags);
        assert_eq!(with.notes.warnings, [""; 0]);
    }
    let missing = TemplateFile::read(&FileContent::Missing, None, &file_rule());
    assert!(missing.unwrap().is_none());
}

#[test]
fn a_file_adds_stages_actions_variables_and_environment_and_leaves_stages_out() {
    let file = changed(|pipeline| {
        pipeline["variables"] = json!([{"name": "NODE", "defaultValue": "22"}]);
        let stages = pipeline["stages"].as_array_mut().unwrap();
        stages.truncate(2);
        stages[1]["actions"][0]["outputArtifacts"] = json!([{"name": "Built"}]);
        stages[1]["onFailure"] =
            json!({"result": "RETRY", "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}});
        let mut browser = build("Browser", "api-test");
        browser["actionTypeId"]["category"] = json!("Test");
        browser["runOrder"] = json!(2);
        browser["inputArtifacts"] = json!([{"name": "Built"}, {"name": "App"}]);
        browser["configuration"] = json!({
            "ProjectName": "api-test", "PrimarySource": "App", "BuildspecOverride": "ci/browser.yml",
            "EnvironmentVariables": "[{\"name\": \"A\", \"value\": \"1\"}, {\"type\":\"SECRETS_MANAGER\", \"name\":\"DB\", \"value\":\"db:password\"}]",
        });
        stages.push(json!({"name": "EndToEnd", "actions": [browser]}));
    });
    insta::assert_snapshot!(differences(&rule(), &file), @r#"
    + stages/Build/actions/Build/outputArtifacts/Built: {"name":"Built"}
    + stages/Build/onFailure: {"result":"RETRY","retryConfiguration":{"retryMode":"FAILED_ACTIONS"}}
    + stages/EndToEnd: {"name":"EndToEnd","actions":[{"name":"Browser","actionTypeId":{"category":"Test","owner":"AWS","provider":"CodeBuild","version":"1"},"runOrder":2,"configuration":{"BuildspecOverride":"ci/browser.yml","EnvironmentVariables":"[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"DB\",\"value\":\"db:password\",\"type\":\"SECRETS_MANAGER\"}]","PrimarySource":"App","ProjectName":"api-test"},"inputArtifacts":[{"name":"Built"},{"name":"App"}]}]}
    - stages/Test: {"name":"Test","actions":[{"name":"Build","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api-test","EnvironmentVariables":"[{\"name\":\"TOKEN\",\"value\":\"db:password\",\"type\":\"SECRETS_MANAGER\"}]"},"inputArtifacts":[{"name":"App"}]}]}
    + variables: [{"name":"NODE","defaultValue":"22"}]
    "#);
    let clone = clone_by(&rule(), &file).unwrap();
    assert_eq!(clone.fingerprint.left_out_stages, [""; 0]);
}

#[test]
fn roles_stores_and_what_starts_a_clone_are_those_of_the_template() {
    let file = changed(|pipeline| {
        pipeline["name"] = json!("another");
        pipeline["version"] = json!(99);
        pipeline["roleArn"] = json!("arn:aws:iam::666666666666:role/admin");
        pipeline["artifactStores"] = json!({"us-east-1": {"type": "S3", "location": "mine"}});
        pipeline["artifactStore"] = json!({"type": "S3", "location": "mine"});
        pipeline["executionMode"] = json!("PARALLEL");
        pipeline["triggers"] = json!([{"providerType": "CodeStarSourceConnection"}]);
        let source = &mut pipeline["stages"][0]["actions"][0];
        source["roleArn"] = json!("arn:aws:iam::666666666666:role/admin");
        source["configuration"]["ConnectionArn"] =
            json!("arn:aws:codeconnections:x:1:connection/2");
        source["configuration"]["BranchName"] = json!("another");
    });
    assert_eq!(differences(&rule(), &file), "");
    let warnings = clone_by(&rule(), &file).unwrap().notes.warnings;
    insta::assert_snapshot!(warnings.join("\n"), @r"
    roleArn in ci/pipeline.json at 1a2b3c4 has no effect: a clone has that of template 'api-main' or of the rule
    artifactStore in ci/pipeline.json at 1a2b3c4 has no effect: a clone has that of template 'api-main' or of the rule
    artifactStores in ci/pipeline.json at 1a2b3c4 has no effect: a clone has that of template 'api-main' or of the rule
    executionMode in ci/pipeline.json at 1a2b3c4 has no effect: a clone has that of template 'api-main' or of the rule
    triggers in ci/pipeline.json at 1a2b3c4 has no effect: a clone has that of template 'api-main' or of the rule
    ");
}

#[test]
fn a_build_has_the_roles_and_the_region_with_which_the_template_runs_its_project() {
    let role = "arn:aws:iam::210987654321:role/build";
    let mut template = template();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let test = &mut stages[2]["actions"][0];
    test["roleArn"] = json!(role);
    test["region"] = json!("eu-central-1");
    test["configuration"]["ServiceRoleArnOverride"] = json!("arn:aws:iam::1:role/tests");
    let mut rule = rule();
    rule.overrides.roles.action = Some(RoleChoice::Template);
    let clone = |action: Value| {
        let file = json!({"stages": [printed()["pipeline"]["stages"][0], {"name": "Check", "actions": [action]}]});
        let files = read(&rule, &file).unwrap();
        clone_of(&rule, |request| files.clone_for(&template, request))
    };
    let made = clone(build("Unit", "api-test")).unwrap().declaration;
    let made = Value::Object(made.0);
    let action = &made["stages"][1]["actions"][0];
    assert_eq!(action["roleArn"], role);
    assert_eq!(action["region"], "eu-central-1");
    let build_role = &action["configuration"]["ServiceRoleArnOverride"];
    assert_eq!(build_role, "arn:aws:iam::1:role/tests");
    for (field, value) in [
        ("roleArn", "arn:aws:iam::1:role/x"),
        ("region", "eu-west-1"),
    ] {
        let mut action = build("Unit", "api-test");
        action[field] = json!(value);
        let fault = clone(action).unwrap_err().to_string();
        assert!(fault.contains("are not those with which"), "{fault}");
    }
}

#[test]
fn stages_that_act_are_those_of_the_template_or_none() {
    let all = keeping(&["Source", "Build", "Test", "Approve", "Deploy"]);
    let cases = [
        changed(|pipeline| pipeline["stages"].as_array_mut().unwrap().truncate(3)),
        changed(|pipeline| drop(pipeline["stages"].as_array_mut().unwrap().remove(3))),
        changed(|pipeline| pipeline["stages"].as_array_mut().unwrap().swap(3, 4)),
        changed(|pipeline| pipeline["stages"].as_array_mut().unwrap().swap(2, 3)),
        changed(|pipeline| pipeline["stages"].as_array_mut().unwrap().truncate(4)),
        changed(|pipeline| {
            pipeline["stages"][4]["actions"][0]["configuration"]["StackName"] = json!("web")
        }),
        changed(|pipeline| pipeline["stages"][2]["name"] = json!("Publish")),
    ];
    let faults = cases.map(|file| match clone_by(&all, &file) {
        Ok(clone) => clone.declaration.stages().collect::<Vec<_>>().join(", "),
        Err(fault) => fault.to_string(),
    });
    insta::assert_snapshot!(faults.join("\n"), @r"
    Source, Build, Test
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3]: action 'Deploy/Stack' (Deploy by CloudFormation) changes something outside the pipeline, and so the stages from there on must be those of template 'api-main' (Approve, Deploy): copy them from there, or remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3]: action 'Deploy/Stack' (Deploy by CloudFormation) changes something outside the pipeline, and so the stages from there on must be those of template 'api-main' (Approve, Deploy): copy them from there, or remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3]: action 'Approve/Ask' (Approval by Manual) changes something outside the pipeline, and so the stages from there on must be those of template 'api-main' (Approve, Deploy): copy them from there, or remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[3]: action 'Approve/Ask' (Approval by Manual) changes something outside the pipeline, and so the stages from there on must be those of template 'api-main' (Approve, Deploy): copy them from there, or remove them
    repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[4]: action 'Approve/Ask' (Approval by Manual) changes something outside the pipeline, and so the stages from there on must be those of template 'api-main' (Approve, Deploy): copy them from there, or remove them
    Source, Build, Approve, Deploy
    ");
    // Where the rule keeps none of them, none comes in under another name.
    let ship = changed(|pipeline| pipeline["stages"][4]["name"] = json!("Test2"));
    let mut rule = rule();
    rule.overrides.stages = StageSelection::All;
    rule.overrides.drop_stages = vec!["Deploy".to_owned(), "Approve".to_owned()];
    let fault = clone_by(&rule, &ship).unwrap_err();
    insta::assert_snapshot!(fault, @"repository-file-invalid: ci/pipeline.json at 1a2b3c4: stages[4]: action 'Test2/Stack' (Deploy by CloudFormation) changes something outside the pipeline, which no stage of a clone of template 'api-main' does under rule 'rule 1': remove it");
    // By default they are left out, as those of a template are.
    let clone = clone_by(&super::tests::rule(), &ship).unwrap();
    assert_eq!(clone.fingerprint.left_out_stages, ["Approve", "Test2"]);
}

#[test]
fn a_stage_that_acts_is_the_templates_own_whatever_is_empty_in_the_file() {
    let rule = Rule {
        overrides: CloneOverrides {
            stages: StageSelection::All,
            ..rule().overrides
        },
        ..rule()
    };
    let file = changed(|pipeline| {
        for stage in pipeline["stages"].as_array_mut().unwrap() {
            stage["onFailure"] = json!({});
        }
    });
    assert_eq!(differences(&rule, &file), "");
}

#[test]
fn a_rule_that_does_not_fit_its_template_is_at_fault_itself() {
    let mut rule = rule();
    rule.overrides.drop_stages = vec!["Nothing".to_owned()];
    let fault = clone_by(&rule, &printed()).unwrap_err();
    insta::assert_snapshot!(fault, @"rule-template-mismatch: template 'api-main' has no stage 'Nothing' (it has Source, Build, Test, Approve, Deploy): correct the rule");
    // A stage that the file has not need not be left out.
    rule.overrides.drop_stages = vec!["Test".to_owned()];
    let file = changed(|pipeline| drop(pipeline["stages"].as_array_mut().unwrap().remove(2)));
    assert_eq!(differences(&rule, &file), "");
}
