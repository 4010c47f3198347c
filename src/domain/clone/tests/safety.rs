//! What a clone may do with the code of a pull request: stages, roles, and text that people write.

use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{RoleChoice, StageSelection, VariableFormat};
use crate::domain::rules::placeholder::FormatString;

pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/preview";

/// A template with Source, Build and Production, which deploys a stack.
pub(super) fn deploying() -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    let production = json!({"name": "Production", "actions": [{
        "name": "Stack",
        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
        "configuration": {"ActionMode": "CREATE_UPDATE", "StackName": "api"},
        "roleArn": "arn:aws:iam::123456789012:role/production",
    }]});
    let stages = template.declaration.0.get_mut("stages").unwrap();
    stages.as_array_mut().unwrap().push(production);
    template
}

pub(super) fn by(change: impl FnOnce(&mut CloneOverrides)) -> Rule {
    let mut rule = rule();
    change(&mut rule.overrides);
    rule
}

pub(super) fn variable(name: &str, text: &str, raw: bool) -> (String, VariableFormat) {
    let format = FormatString::parse(text).unwrap();
    (name.to_owned(), VariableFormat { format, raw })
}

#[test]
fn a_rule_of_four_lines_does_not_deploy() {
    let clone = clone(&deploying()).unwrap();
    let stages: Vec<&str> = clone.declaration.stages().collect();
    assert_eq!(stages, ["Source", "Build"]);
    assert_eq!(clone.fingerprint.left_out_stages, ["Production"]);
    insta::assert_snapshot!(clone.notes.dangers.join("\n"), @"action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn");
}

#[test]
fn a_kept_action_with_a_role_of_its_own_needs_a_role_for_clones() {
    let keep = |role| {
        by(|overrides| {
            overrides.stages = StageSelection::All;
            overrides.shared_targets = true;
            overrides.roles.pipeline = Some(RoleChoice::Arn(ROLE.into()));
            overrides.roles.action = role;
        })
    };
    let refused = clone_by(&keep(None), &deploying()).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: action 'Production/Stack' of template 'api-main' has a role of its own, which role_arn does not replace: write action_role_arn = "arn:aws:iam::ACCOUNT:role/NAME" in the rule with the role for clones, or action_role_arn = "template" to run it with the template's role"#);
    let replaced = clone_by(&keep(Some(RoleChoice::Arn(ROLE.into()))), &deploying()).unwrap();
    let roles: Vec<_> = replaced.declaration.actions().map(|a| a.role()).collect();
    assert_eq!(roles, [None, None, Some(ROLE)]);
    let kept = clone_by(&keep(Some(RoleChoice::Template)), &deploying()).unwrap();
    insta::assert_snapshot!(kept.notes.dangers.join("\n"), @r"
    action 'Production/Stack' (CloudFormation) changes the template's own target StackName=api
    action 'Production/Stack' runs with the template's role arn:aws:iam::123456789012:role/production
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    ");
}

#[test]
fn the_role_of_a_source_action_stays() {
    let mut action = source("App", "acme/api");
    action["roleArn"] = json!("arn:aws:iam::210987654321:role/source");
    let template = template(json!([action]));
    let overrides = by(|o| o.roles.action = Some(RoleChoice::Arn(ROLE.into())));
    for rule in [rule(), overrides] {
        let clone = clone_by(&rule, &template).unwrap();
        let roles = clone
            .declaration
            .actions()
            .filter_map(|action| action.role());
        assert_eq!(
            roles.collect::<Vec<_>>(),
            ["arn:aws:iam::210987654321:role/source"]
        );
    }
}

#[test]
fn build_role_arn_decides_which_role_runs_the_buildspec() {
    let template = template(json!([source("App", "acme/api")]));
    let rule = by(|overrides| overrides.roles.build = Some(ROLE.into()));
    let clone = clone_by(&rule, &template).unwrap();
    let build = clone.declaration.actions().last().unwrap();
    assert_eq!(build.configuration.unwrap()["ServiceRoleArnOverride"], ROLE);
    let before = clone_by(&super::rule(), &template).unwrap();
    assert!(!before.fingerprint.matches(&clone.fingerprint), "an update");
}

#[test]
fn text_that_people_write_reaches_a_variable_only_if_it_is_plain() {
    let template = template(json!([source("App", "acme/api")]));
    let with = |title: &str, text: &str, raw| {
        let rule = by(|overrides| overrides.variables = vec![variable("V", text, raw)]);
        let spec = Spec {
            title: Some(title.to_owned()),
            branch: Branch::parse("feature/x").unwrap(),
            author: Some("dependabot[bot]".to_owned()),
            ..spec()
        };
        let mapping = mapping(SubjectKind::PullRequest(7));
        let clone = template.clone_for(&mapping.clone_request(&spec, &rule, &owner()));
        let clone = clone.map_err(|fault| fault.to_string())?;
        let variables = clone.declaration.0["variables"].clone();
        Ok::<_, String>(variables[0]["defaultValue"].as_str().unwrap().to_owned())
    };
    for (title, text, value) in [
        ("v1.2.3", "{title}", "v1.2.3"),
        ("any", "{branch} of {base}", "feature/x of main"),
        ("it's", "{title_slug}", "it-s-24ceef1c"),
        ("any", "{author_slug}", "dependabot-bot-3aa59729"),
        ("any", "pr-{title_slug}", "pr-any"),
    ] {
        assert_eq!(with(title, text, false).unwrap(), value, "{text}");
    }
    for (title, text, why) in [
        ("-x", "v={title_slug}", "{title_slug} begins with '-'"),
        (
            "--exec",
            "{number} {title_slug}",
            "{title_slug} begins with",
        ),
        ("@etc", "{repo},{title}", "{title} begins with"),
        ("-x", "{number} {title}", "{title} begins with"),
        (":/", "https{title}/y", "with {title} the text has '://'"),
        ("//x", "a:{title}", "with {title} the text has '://'"),
        ("/x", "a:/{title}", "with {title} the text has '://'"),
        ("..", "{title}", "with {title} the text has '..'"),
        ("..", "out/{title_slug}/x", "with {title_slug} the text"),
        (".", "out/.{title_slug}/x", "with {title_slug} the text"),
        ("a/../b", "{title}", "with {title} the text has '..'"),
        ("/x", "..{title}", "with {title} the text has '..'"),
        ("..", "--out={title}", "with {title} the text has '..'"),
    ] {
        let refused = with(title, text, false).unwrap_err();
        assert!(refused.contains(why), "{text}: {refused}");
    }
    for (title, text, value) in [
        ("-x", "v.{title_slug}", "v.-x"),
        ("@x", "a/{title}", "a/@x"),
        ("x", "https://{title}.test/..", "https://x.test/.."),
        ("v1..v2", "{title}", "v1..v2"),
        ("...", "{title}", "..."),
        ("x:/", "{title}{branch}", "x:/feature/x"),
        ("x", "../{title}", "../x"),
        ("c", "a:/{title}://b", "a:/c://b"),
    ] {
        assert_eq!(with(title, text, false).unwrap(), value, "{text}");
    }
    let option = with("--eval", "{title_slug}", false).unwrap_err();
    assert!(option.contains("begins with '-' or '@'"), "{option}");
    assert_eq!(
        with("--eval", "pr-{title_slug}", false).unwrap(),
        "pr---eval"
    );
    for title in [
        "two words",
        "a;b",
        "$(id)",
        "`id`",
        "a\"b",
        "a'b",
        "a\\b",
        "a\nb",
        "-rf",
        "a&b",
        "a|b",
        "a>b",
        "*",
        "~",
        "{x}",
        "ü",
        "a#b",
        "a=b",
        "@file",
        "file:///etc/passwd",
    ] {
        let refused = with(title, "{title}", false).unwrap_err();
        let problem = refused.strip_prefix("invalid-value: variables.V: ");
        let problem = problem.unwrap_or_else(|| panic!("{refused}"));
        let reasons = ["{title} has", "{title} begins with", "with {title} the"];
        assert!(
            reasons.iter().any(|reason| problem.starts_with(reason)),
            "{refused}"
        );
        assert_eq!(with(title, "{title}", true).unwrap(), title);
    }
    insta::assert_snapshot!(with("a b", "{title}", false).unwrap_err(), @r#"invalid-value: variables.V: {title} has characters here that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use {title_slug}, or { value = "...", raw = true } if no command and no JSON of the template uses the variable"#);
    assert!(
        with("any", "{author}", false).is_err(),
        "a bot has brackets in its login"
    );
}

/// A template whose build stage has a condition with this rule.
pub(super) fn with_rule(rule: Value) -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    let stages = template.declaration.0.get_mut("stages").unwrap();
    stages[1]["onSuccess"] = json!({"conditions": [{"result": "FAIL", "rules": [rule]}]});
    template
}

#[test]
fn a_rule_of_a_condition_is_treated_like_an_action() {
    let admin = "arn:aws:iam::123456789012:role/admin";
    let commands = json!({
        "name": "say",
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "Commands", "version": "1"},
        "roleArn": admin, "commands": ["echo #{variables.TITLE}"],
    });
    let template = with_rule(commands);
    let refused = clone_by(&rule(), &template).unwrap_err();
    assert!(
        refused.detail.contains("condition with the rule Commands"),
        "{refused}"
    );
    let keep = |role| {
        by(|overrides| {
            overrides.stages = StageSelection::All;
            overrides.roles.action = role;
            overrides.variables = vec![variable("TITLE", "{title}", true)];
        })
    };
    let refused = clone_by(&keep(None), &template).unwrap_err();
    assert!(
        refused.detail.starts_with(
            "a condition of stage 'Build' of template 'api-main' has a role of its own"
        ),
        "{refused}"
    );
    let replaced = clone_by(&keep(Some(RoleChoice::Arn(ROLE.into()))), &template).unwrap();
    let rule = replaced.declaration.rules().next().unwrap();
    assert_eq!(rule.role, Some(ROLE));
    let kept = clone_by(&keep(Some(RoleChoice::Template)), &template).unwrap();
    insta::assert_snapshot!(kept.notes.dangers.join("\n"), @r"
    stage 'Build' has a condition with the rule Commands, which runs something
    action 'Build/Build' runs in or after stage 'Build' of the template, which changes something outside
    a condition of stage 'Build' runs with the template's role arn:aws:iam::123456789012:role/admin
    action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    a command of a condition of stage 'Build' uses #{variables.TITLE}, which is raw text that people write and is not escaped
    ");
}

#[test]
fn a_role_for_builds_that_would_not_apply_is_refused() {
    let build = json!({
        "name": "b", "configuration": {"ProjectName": "admin"},
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
    });
    let all = |overrides: &mut CloneOverrides| {
        overrides.stages = StageSelection::All;
        overrides.roles.build = Some(ROLE.into());
    };
    let refused = clone_by(&by(all), &with_rule(build)).unwrap_err();
    assert!(
        refused.detail.contains("build_role_arn does not replace"),
        "{refused}"
    );

    let say = json!({
        "name": "s", "commands": ["npm test"],
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "Commands", "version": "1"},
    });
    let refused = clone_by(&by(all), &with_rule(say)).unwrap_err();
    assert!(refused.detail.contains("write role_arn = "), "{refused}");

    let mut commands = template(json!([source("App", "acme/api")]));
    let path = ActionPath::parse("Build/Build").unwrap();
    let action = commands.declaration.action_mut(&path).unwrap();
    action.insert(
        "actionTypeId".into(),
        json!({"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"}),
    );
    for rule in [by(all), by(|_| ())] {
        let refused = clone_by(&rule, &commands).unwrap_err();
        assert!(refused.detail.contains("write role_arn = "), "{refused}");
    }
    let both = by(|overrides| {
        all(overrides);
        overrides.roles.pipeline = Some(RoleChoice::Arn(ROLE.into()));
    });
    assert!(clone_by(&both, &commands).is_ok());
}

#[test]
fn a_build_that_deploys_by_its_name_or_its_commands_is_left_out() {
    let with_build = |stage: &str, name: &str, buildspec: &str| {
        let mut template = deploying();
        let stages = template.declaration.0.get_mut("stages").unwrap();
        stages[2]["name"] = json!(stage);
        stages[2]["actions"] = json!([{
            "name": name,
            "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "terraform", "BuildspecOverride": buildspec},
        }]);
        let clone = clone_by(&by(|_| ()), &template).unwrap();
        let left_out = clone.fingerprint.left_out_stages;
        left_out.join(", ")
    };
    for (stage, name, buildspec) in [
        ("Production", "Run", ""),
        ("Infra", "TerraformApply", ""),
        ("Infra", "cdk-deploy", ""),
        ("Infra", "deployToProd", ""),
        ("Infra", "Run", "npx cdk deploy PipelineStack"),
    ] {
        assert_eq!(with_build(stage, name, buildspec), stage, "{name}");
    }
    for (stage, name) in [
        ("Reproduce", "Run"),
        ("Infra", "Applying"),
        ("Checks", "Product"),
    ] {
        assert_eq!(with_build(stage, name, "npm test"), "", "{stage}/{name}");
    }
}

#[test]
fn the_line_to_write_keeps_two_stages() {
    let mut template = with_rule(json!({
        "name": "call",
        "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "LambdaInvoke", "version": "1"},
    }));
    let stages = template.declaration.0.get_mut("stages").unwrap();
    stages[0]["onSuccess"] = stages[1]["onSuccess"].take();
    let refused = clone(&template).unwrap_err().to_string();
    insta::assert_snapshot!(refused, @r#"unsafe-clone: stage 'Source' of template 'api-main' is left out because its condition with the rule LambdaInvoke changes something outside the pipeline, which leaves no stage, and a pipeline needs two stages: to run it with the code of pull requests, write keep_stages = ["Source", "Build"] in the rule"#);
}
