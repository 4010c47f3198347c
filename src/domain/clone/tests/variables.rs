//! Tests of a clone's variables and environment, and of values that AWS would refuse.

use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{RoleChoice, VariableFormat};
use crate::domain::rules::placeholder::FormatString;

fn formats(list: &[(&str, &str)]) -> Vec<(String, VariableFormat)> {
    let formats = patterns(list).into_iter();
    formats
        .map(|(name, format)| (name, format.into()))
        .collect()
}

fn patterns(list: &[(&str, &str)]) -> Vec<(String, FormatString)> {
    let pattern =
        |(name, text): &(&str, &str)| ((*name).to_owned(), FormatString::parse(text).unwrap());
    list.iter().map(pattern).collect()
}

fn with_build(configuration: Value) -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    let build = template.declaration.0["stages"]
        .pointer_mut("/1/actions/0")
        .unwrap();
    build["configuration"] = configuration;
    template
}

#[test]
fn variables_and_environment_are_merged_by_name() {
    let mut template = with_build(json!({
        "ProjectName": "api",
        "EnvironmentVariables": r#"[{"name":"STAGE","value":"live","type":"PARAMETER_STORE"},{"name":"KEEP","value":"1"}]"#,
    }));
    let declared = json!([{"name": "SHA", "defaultValue": "none", "description": "the commit"}, {"name": "OTHER", "defaultValue": "o"}]);
    template.declaration.0.insert("variables".into(), declared);
    let mut rule = rule();
    rule.overrides.variables = formats(&[("SHA", "{sha}"), ("PR", "{repository}#{number}")]);
    rule.overrides.environment =
        patterns(&[("STAGE", "pr-{number}"), ("TITLE", "{title} by {author}")]);
    insta::assert_snapshot!(difference_or_fault(&rule, &template), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"STAGE\",\"value\":\"live\",\"type\":\"PARAMETER_STORE\"},{\"name\":\"KEEP\",\"value\":\"1\"}]"
    + stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"STAGE\",\"value\":\"pr-7\",\"type\":\"PLAINTEXT\"},{\"name\":\"KEEP\",\"value\":\"1\"},{\"name\":\"TITLE\",\"value\":\"Add \\\"login\\\" by octocat\",\"type\":\"PLAINTEXT\"}]"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    + variables/PR: {"name":"PR","defaultValue":"acme/api#7"}
    - variables/SHA/defaultValue: "none"
    + variables/SHA/defaultValue: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    - version: 12
    "#);
    let clone = clone_by(&rule, &template).unwrap();
    assert_eq!(clone.fingerprint.variables, ["SHA", "PR"]);
}

#[test]
fn another_commit_changes_the_values_but_not_the_fingerprint() {
    let template = with_build(json!({"ProjectName": "api"}));
    let mut rule = rule();
    rule.overrides.variables = formats(&[("SHA", "{sha}")]);
    let mut mapping = mapping(SubjectKind::PullRequest(7));
    let one = template
        .clone_for(&mapping.clone_request(&spec(), &rule, &owner()))
        .unwrap();
    mapping.order.head = CommitId::parse("b".repeat(40)).ok();
    let two = template
        .clone_for(&mapping.clone_request(&spec(), &rule, &owner()))
        .unwrap();
    assert_ne!(one.declaration, two.declaration);
    assert_eq!(one.fingerprint, two.fingerprint);
    rule.overrides.roles.pipeline =
        Some(RoleChoice::Arn("arn:aws:iam::123456789012:role/x".into()));
    let three = template
        .clone_for(&mapping.clone_request(&spec(), &rule, &owner()))
        .unwrap();
    assert_ne!(two.fingerprint, three.fingerprint);
}

/// Returns the fault of a rule with these overrides.
fn refused(change: impl FnOnce(&mut CloneOverrides), template: &Template) -> String {
    let mut rule = rule();
    change(&mut rule.overrides);
    difference_or_fault(&rule, template)
}

#[test]
fn values_over_a_limit_are_refused_before_any_call_to_aws() {
    let plain = || with_build(json!({"ProjectName": "api"}));
    let long = "x".repeat(1_001);
    let cases = [
        (
            refused(
                |overrides| overrides.variables = formats(&[("LONG", long.as_str())]),
                &plain(),
            ),
            "invalid-value: variables.LONG has 1001 characters here, but AWS accepts 1 to 1000",
        ),
        (
            refused(
                |overrides| overrides.variables = formats(&[("EMPTY", "")]),
                &plain(),
            ),
            "invalid-value: variables.EMPTY has 0 characters here, but AWS accepts 1 to 1000",
        ),
        (
            refused(
                |overrides| overrides.environment = patterns(&[("LONG", long.as_str())]),
                &plain(),
            ),
            "invalid-value: EnvironmentVariables of Build/Build would have 1048 characters, but AWS accepts a value of 1 to 1000 and a key of 1 to 50",
        ),
        (
            refused(
                |overrides| overrides.environment = patterns(&[("A", "1")]),
                &with_build(json!({"EnvironmentVariables": "A=1"})),
            ),
            "rule-template-mismatch: EnvironmentVariables of Build/Build in template 'api-main' are not a JSON list: correct the template",
        ),
        (
            refused(
                |overrides| {
                    overrides.tags = (0..48).map(|n| (format!("t{n}"), String::new())).collect()
                },
                &plain(),
            ),
            "invalid-value: the clone would have 54 tags, but AWS accepts 50",
        ),
        (
            refused(
                |overrides| overrides.drop_actions = vec![ActionPath::parse("Build/None").unwrap()],
                &plain(),
            ),
            "rule-template-mismatch: template 'api-main' has no action 'Build/None': correct the rule",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(fault, expected);
    }
    let mut many = plain();
    let variables: Vec<Value> = (0..50)
        .map(|n| json!({"name": format!("v{n}"), "defaultValue": "1"}))
        .collect();
    many.declaration
        .0
        .insert("variables".into(), Value::Array(variables));
    let fault = refused(
        |overrides| overrides.variables = formats(&[("V", "1")]),
        &many,
    );
    assert_eq!(
        fault,
        "invalid-value: the clone would have 51 variables, but AWS accepts 50"
    );
}

#[test]
fn a_variable_that_nothing_declares_is_warned_about() {
    let mut rule = rule();
    rule.overrides.variables = formats(&[("PR", "{number}")]);
    let text = "#{variables.PR} #{variables.REGION} #{Build.IMAGE} #{codepipeline.PipelineExecutionId} #{open";
    let template = with_build(json!({"ProjectName": "api", "Text": text}));
    let warnings = clone_by(&rule, &template).unwrap().notes.warnings;
    insta::assert_snapshot!(warnings.join("\n"), @"
    Text of action 'Build/Build' uses #{Build.IMAGE}, but no action of the clone has the namespace Build
    Text of action 'Build/Build' uses #{variables.REGION}, but the clone has no variable REGION
    ");
}
