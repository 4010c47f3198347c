//! What a clone is told of its subject: variables, environment, and what does not fit.

use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::rules::placeholder::FormatString;

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
    let mut told = rule();
    told.overrides.variables = patterns(&[("SHA", "{sha}"), ("PR", "{repository}#{number}")]);
    told.overrides.environment =
        patterns(&[("STAGE", "pr-{number}"), ("TITLE", "{title} by {author}")]);
    insta::assert_snapshot!(said(&told, &template), @r#"
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
    let clone = clone_by(&told, &template).unwrap();
    assert_eq!(clone.fingerprint.variables, ["SHA", "PR"]);
}

#[test]
fn another_commit_changes_the_values_and_not_the_print() {
    let template = with_build(json!({"ProjectName": "api"}));
    let mut told = rule();
    told.overrides.variables = patterns(&[("SHA", "{sha}")]);
    let mut mapping = mapping(SubjectKind::PullRequest(7));
    let one = template
        .clone_for(&mapping.clone_request(&spec(), &told, TABLE))
        .unwrap();
    mapping.order.head = CommitId::parse("b".repeat(40)).ok();
    let two = template
        .clone_for(&mapping.clone_request(&spec(), &told, TABLE))
        .unwrap();
    assert_ne!(one.declaration, two.declaration);
    assert_eq!(one.fingerprint, two.fingerprint);
    told.overrides.role_arn = Some("arn:aws:iam::123456789012:role/x".into());
    let three = template
        .clone_for(&mapping.clone_request(&spec(), &told, TABLE))
        .unwrap();
    assert_ne!(two.fingerprint, three.fingerprint);
}

/// The fault of a rule that was changed so.
fn refused(change: impl FnOnce(&mut CloneOverrides), template: &Template) -> String {
    let mut rule = rule();
    change(&mut rule.overrides);
    said(&rule, template)
}

#[test]
fn what_does_not_fit_is_refused_before_aws_is_asked() {
    let plain = || with_build(json!({"ProjectName": "api"}));
    let long = "x".repeat(1_001);
    let cases = [
        (
            refused(
                |changes| changes.variables = patterns(&[("LONG", long.as_str())]),
                &plain(),
            ),
            "value-unfit: variables.LONG has 1001 characters here, and AWS takes 1 to 1000",
        ),
        (
            refused(
                |changes| changes.variables = patterns(&[("EMPTY", "")]),
                &plain(),
            ),
            "value-unfit: variables.EMPTY has 0 characters here, and AWS takes 1 to 1000",
        ),
        (
            refused(
                |changes| changes.environment = patterns(&[("LONG", long.as_str())]),
                &plain(),
            ),
            "value-unfit: EnvironmentVariables of Build/Build would have 1048 characters, and AWS takes a value of 1 to 1000 and a key of 1 to 50",
        ),
        (
            refused(
                |changes| changes.environment = patterns(&[("A", "1")]),
                &with_build(json!({"EnvironmentVariables": "A=1"})),
            ),
            "rule-unfit: EnvironmentVariables of Build/Build in template 'api-main' are no JSON list: correct the template",
        ),
        (
            refused(
                |changes| {
                    changes.tags = (0..48).map(|n| (format!("t{n}"), String::new())).collect()
                },
                &plain(),
            ),
            "value-unfit: the clone would have 51 tags, and AWS takes 50",
        ),
        (
            refused(
                |changes| changes.drop_actions = vec![ActionPath::parse("Build/None").unwrap()],
                &plain(),
            ),
            "rule-unfit: template 'api-main' has no action 'Build/None': correct the rule",
        ),
    ];
    for (said, wanted) in cases {
        assert_eq!(said, wanted);
    }
    let mut many = plain();
    let variables: Vec<Value> = (0..50)
        .map(|n| json!({"name": format!("v{n}"), "defaultValue": "1"}))
        .collect();
    many.declaration
        .0
        .insert("variables".into(), Value::Array(variables));
    let said = refused(|changes| changes.variables = patterns(&[("V", "1")]), &many);
    assert_eq!(
        said,
        "value-unfit: the clone would have 51 variables, and AWS takes 50"
    );
}
