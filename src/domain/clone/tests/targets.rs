//! The targets of kept deploy actions: each subject has its own, or its rule says otherwise.

use super::safety::{ROLE, by, deploying};
use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{
    ConfiguredValue, PreviewStacks, PreviewUrl, RoleChoice, StageSelection, TeardownPolicy,
};
use crate::domain::rules::placeholder::FormatString;

const PATH: &str = "Production/Stack";

fn format(text: &str) -> FormatString {
    FormatString::parse(text).unwrap()
}

/// Returns a rule that keeps the deploy action of [`deploying`].
fn keeping(change: impl FnOnce(&mut CloneOverrides)) -> Rule {
    by(|overrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.action = Some(RoleChoice::Arn(ROLE.into()));
        change(overrides);
    })
}

fn with_suffix(suffix: &str) -> Rule {
    keeping(|overrides| {
        overrides.preview.stack_suffix = Some(format(suffix));
    })
}

/// Changes the configuration of the deploy action.
fn configure(template: &mut Template, values: &Value) {
    let path = ActionPath::parse(PATH).unwrap();
    let action = template.declaration.configuration_mut(&path).unwrap();
    for (key, value) in values.as_object().unwrap() {
        action.insert(key.clone(), value.clone());
    }
}

fn configured(rule: &Rule, template: &Template) -> Result<Value, String> {
    let clone = clone_by(rule, template).map_err(|fault| fault.to_string())?;
    let deployed = clone.declaration.actions().last().unwrap();
    Ok(Value::Object(deployed.configuration.unwrap().clone()))
}

#[test]
fn a_clone_deploys_over_no_target_of_its_template_unless_its_rule_says_so() {
    let refused = clone_by(&keeping(|_| ()), &deploying()).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: action 'Production/Stack' (CloudFormation) would deploy the code of a pull request to the template's own target StackName=api: give each its own stack with preview = { stack_suffix = "-pr-{number}" }, write shared_targets = true in the rule to allow it, or leave the stage out"#);
    let shared = keeping(|overrides| overrides.shared_targets = true);
    let allowed = clone_by(&shared, &deploying()).unwrap();
    assert!(
        allowed.notes.dangers[0].contains("changes the template's own target StackName=api"),
        "{:?}",
        allowed.notes.dangers
    );
}

#[test]
fn an_action_of_another_provider_is_given_the_key_that_names_its_target() {
    let mut template = deploying();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let action = &mut stages[2]["actions"][0];
    action["actionTypeId"]["provider"] = json!("S3");
    let one = json!({"BucketName": "site", "ObjectKey": "index", "Extract": "false"});
    let template = with_configuration(&template, one);
    let refused = clone_by(&keeping(|_| ()), &template).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: action 'Production/Stack' (S3) would deploy the code of a pull request to the template's own target BucketName=site, ObjectKey=index: give each its own with configuration = { "Production/Stack/ObjectKey" = "pr-{number}/..." }, write shared_targets = true in the rule to allow it, or leave the stage out"#);
    let whole = json!({"BucketName": "site", "Extract": "true"});
    let without_key = with_configuration(&template, whole);
    let refused = clone_by(&keeping(|_| ()), &without_key).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: action 'Production/Stack' (S3) would deploy the code of a pull request to the template's own target BucketName=site: give each its own with configuration = { "Production/Stack/ObjectKey" = "pr-{number}/..." }, write shared_targets = true in the rule to allow it, or leave the stage out"#);
    let own = |text: &str| {
        keeping(|overrides| {
            overrides.configuration = vec![ConfiguredValue {
                action: ActionPath::parse(PATH).unwrap(),
                key: "ObjectKey".into(),
                value: format(text).into(),
            }];
        })
    };
    for template in [&template, &without_key] {
        assert_eq!(
            configured(&own("pr-{number}/index"), template).unwrap()["ObjectKey"],
            "pr-7/index"
        );
    }
    let shared = configured(&own("{title_slug}/index"), &template).unwrap_err();
    insta::assert_snapshot!(shared, @r#"unsafe-clone: action 'Production/Stack' (S3) would deploy the code of a pull request to the target BucketName=site, ObjectKey=Add-login-7e3e6a1f/index, which another pull request may have as well: give each its own with configuration = { "Production/Stack/ObjectKey" = "pr-{number}/..." }, write shared_targets = true in the rule to allow it, or leave the stage out"#);
    action_without_targets_is_refused(&template);
}

/// Replaces the configuration of the deploy action.
fn with_configuration(template: &Template, configuration: Value) -> Template {
    let mut template = template.clone();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    stages[2]["actions"][0]["configuration"] = configuration;
    template
}

fn action_without_targets_is_refused(template: &Template) {
    let template = with_configuration(template, json!({"Url": "https://example.com"}));
    let refused = clone_by(&keeping(|_| ()), &template).unwrap_err();
    insta::assert_snapshot!(refused, @"unsafe-clone: action 'Production/Stack' (S3) would deploy the code of a pull request to what the template changes: write shared_targets = true in the rule to allow it, or leave the stage out");
}

#[test]
fn a_suffix_gives_each_pull_request_its_own_stack() {
    let rule = with_suffix("-pr-{number}");
    assert_eq!(
        configured(&rule, &deploying()).unwrap(),
        json!({"ActionMode": "REPLACE_ON_FAILURE", "StackName": "api-pr-7"})
    );
    assert!(
        !clone_by(&rule, &deploying()).unwrap().notes.dangers[0].contains("StackName"),
        "it is the pull request's own"
    );
    let mut template = deploying();
    configure(
        &mut template,
        &json!({"StackName": "#{variables.NAME}", "ActionMode": "DELETE_ONLY"}),
    );
    assert_eq!(
        configured(&rule, &template).unwrap(),
        json!({"ActionMode": "DELETE_ONLY", "StackName": "#{variables.NAME}-pr-7"})
    );
}

#[test]
fn the_name_of_a_branch_becomes_a_legal_name_of_a_stack() {
    let mut rule = with_suffix("-{branch_slug}");
    rule.on = On::Branch;
    let name = |branch: &str| {
        let spec = Spec {
            branch: Branch::parse(branch).unwrap(),
            ..spec()
        };
        let mapping = mapping(SubjectKind::Branch(spec.branch.clone()));
        let clone = deploying().clone_for(&mapping.clone_request(&spec, &rule, &owner()));
        let clone = clone.unwrap().declaration;
        let deployed = clone.actions().last().unwrap();
        deployed.configured("StackName").unwrap().to_owned()
    };
    assert_eq!(name("login"), "api-login");
    // One hash, of the whole name.
    assert_eq!(name("feature/login"), "api-feature-login-1974c4e2");
    let long = name(&format!("feature/{}", "x".repeat(200)));
    assert!(
        long.starts_with("api-feature-xxx") && long.matches('-').count() == 3,
        "{long}"
    );
    let names = ["a/b", "a-b", "a_b", "a.b", "ü", &"x".repeat(200)].map(name);
    for name in &names {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(name.len() <= 128 && name.chars().all(legal), "{name}");
        assert!(name.starts_with("api-"), "{name}");
    }
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn parameters_are_added_to_those_of_the_template() {
    let rule = keeping(|overrides| {
        overrides.preview = PreviewStacks {
            stack_suffix: Some(format("-pr-{number}")),
            parameters: vec![
                ("Stage".into(), format("pr-{number}")),
                ("Title".into(), format("{title}")),
            ],
            ..PreviewStacks::default()
        };
    });
    let mut template = deploying();
    let parameters = |template: &Template| {
        let json = configured(&rule, template)?;
        Ok::<Value, String>(
            serde_json::from_str(json["ParameterOverrides"].as_str().unwrap()).unwrap(),
        )
    };
    let own = json!({"Stage": "pr-7", "Title": "Add \"login\""});
    assert_eq!(parameters(&template).unwrap(), own, "escaped");
    let given = json!({"Stage": "main", "Key": {"Fn::GetParam": ["App", "a.json", "k"]}, "V": "#{variables.V}"});
    configure(
        &mut template,
        &json!({"ParameterOverrides": given.to_string()}),
    );
    let mut merged = given;
    merged["Stage"] = json!("pr-7");
    merged["Title"] = own["Title"].clone();
    assert_eq!(parameters(&template).unwrap(), merged);
    configure(&mut template, &json!({"ActionMode": "CHANGE_SET_EXECUTE"}));
    let unchanged = configured(&rule, &template).unwrap();
    assert!(
        !unchanged["ParameterOverrides"]
            .as_str()
            .unwrap()
            .contains("pr-7")
    );
    configure(
        &mut template,
        &json!({"ActionMode": "CREATE_UPDATE", "ParameterOverrides": "{\"N\": #{variables.N}}"}),
    );
    insta::assert_snapshot!(parameters(&template).unwrap_err(), @r#"rule-template-mismatch: ParameterOverrides of action 'Production/Stack' in the template is not a JSON object, so the parameters of preview cannot be added: set "Production/Stack/ParameterOverrides" in configuration instead"#);
}

#[test]
fn a_value_of_the_rule_wins_over_the_suffix() {
    let mut rule = with_suffix("-pr-{number}");
    let set = |key: &str, text: &str| ConfiguredValue {
        action: ActionPath::parse(PATH).unwrap(),
        key: key.into(),
        value: format(text).into(),
    };
    rule.overrides.configuration = vec![
        set("StackName", "pull-{number}"),
        set("ActionMode", "CREATE_UPDATE"),
    ];
    assert_eq!(
        configured(&rule, &deploying()).unwrap(),
        json!({"ActionMode": "CREATE_UPDATE", "StackName": "pull-7"})
    );
    rule.overrides.configuration = vec![set("StackName", "api")];
    assert!(
        configured(&rule, &deploying()).is_err(),
        "the same for every pull request"
    );
}

#[test]
fn a_name_or_mode_that_cloudformation_does_not_know_is_refused() {
    let refused = |key: &str, text: &str| {
        let mut rule = with_suffix("-pr-{number}");
        rule.overrides.configuration = vec![ConfiguredValue {
            action: ActionPath::parse(PATH).unwrap(),
            key: key.into(),
            value: format(text).into(),
        }];
        configured(&rule, &deploying()).unwrap_err()
    };
    let too_long = format!("{}-{{number}}", "x".repeat(127));
    for name in ["{number}-api", "api_{number}", &too_long] {
        let why = refused("StackName", name);
        assert!(why.contains("as the name of a stack"), "{why}");
    }
    insta::assert_snapshot!(refused("StackName", "{number}"), @r#"invalid-value: configuration."Production/Stack/StackName": CloudFormation does not accept '7' as the name of a stack, which has 1 to 128 letters, digits and hyphens, and begins with a letter"#);
    insta::assert_snapshot!(refused("ActionMode", "CHANGE_SET_EXECUTE"), @r#"invalid-value: configuration."Production/Stack/ActionMode": CHANGE_SET_EXECUTE needs a ChangeSetName, which the action does not have"#);
    insta::assert_snapshot!(refused("ParameterOverrides", "nope"), @r#"invalid-value: configuration."Production/Stack/ParameterOverrides": 'nope' is not a JSON object of parameters"#);
    insta::assert_snapshot!(refused("ActionMode", "CREATE"), @r#"invalid-value: configuration."Production/Stack/ActionMode": CloudFormation has no mode 'CREATE': write one of CREATE_UPDATE, REPLACE_ON_FAILURE, CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE, DELETE_ONLY"#);
}

#[test]
fn the_url_is_an_output_of_an_action_that_has_some() {
    let mut rule = with_suffix("-pr-{number}");
    rule.overrides.preview.url = Some(PreviewUrl::Output {
        action: ActionPath::parse(PATH).unwrap(),
        key: "Url".into(),
    });
    assert!(configured(&rule, &deploying()).is_ok());
    let mut template = deploying();
    configure(&mut template, &json!({"ActionMode": "CHANGE_SET_REPLACE"}));
    insta::assert_snapshot!(configured(&rule, &template).unwrap_err(), @"rule-template-mismatch: preview.url names the action 'Production/Stack', which creates a change set and has no outputs: name the action that deploys what has the URL");
}

#[test]
fn a_stack_that_is_not_what_its_rule_says_is_warned_about() {
    let warnings = |rule: &Rule, values: &Value| {
        let mut template = deploying();
        configure(&mut template, values);
        clone_by(rule, &template).unwrap().notes.warnings.join("\n")
    };
    let with_number = with_suffix("-pr-{number}");
    assert_eq!(warnings(&with_number, &json!({})), "");
    let only_deletes = json!({"ActionMode": "DELETE_ONLY"});
    let foreign = json!({"RoleArn": "arn:aws:iam::999999999999:role/deploy"});
    let leaves_out = by(|overrides| {
        overrides.preview.stack_suffix = Some(format("-pr-{number}"));
    });
    let mut overridden = with_number.clone();
    overridden.overrides.configuration = vec![ConfiguredValue {
        action: ActionPath::parse(PATH).unwrap(),
        key: "StackName".into(),
        value: format("pull-{number}").into(),
    }];
    let without_stack = by(|overrides| overrides.preview.teardown = TeardownPolicy::Stacks);
    let mut with_environment = with_number.clone();
    with_environment.deployment = Some(format("{title}"));
    let all = [
        warnings(&with_number, &only_deletes),
        warnings(&with_number, &foreign),
        warnings(&with_suffix("-{number}-{title_slug}"), &json!({})),
        warnings(&leaves_out, &json!({})),
        warnings(&with_environment, &json!({})),
        warnings(&overridden, &json!({})),
        warnings(&without_stack, &json!({})),
        warnings(&with_number, &json!({"StackName": "api-#{variables.NAME}"})),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    action 'Production/Stack' deploys nothing: its ActionMode is DELETE_ONLY
    action 'Production/Stack' runs in account 123456789012, and its RoleArn is a role of account 999999999999, which CloudFormation refuses
    the stack of action 'Production/Stack' gets another name when {title_slug} changes: each name is a stack of its own, and all are deleted in the end
    stack_suffix of preview has no effect: the clone has no CloudFormation action (keep_stages of the rule says which stages that deploy it keeps)
    the environment at GitHub gets another name when {title} changes: each name is an environment of its own, and the ones before stay in GitHub's list
    stack_suffix of preview has no effect on action 'Production/Stack', because configuration sets its StackName
    teardown = "stacks" of preview has no effect: the clone has no CloudFormation action (keep_stages of the rule says which stages that deploy it keeps)
    StackName of action 'Production/Stack' uses #{variables.NAME}, but the clone has no variable NAME
    the stack of action 'Production/Stack' has a variable in its name (api-#{variables.NAME}-pr-7): it is not looked for before it is deployed, and not deleted in the end
    "#);
}
