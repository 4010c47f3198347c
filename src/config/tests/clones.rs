//! The keys of a rule that concern its clones, beside stages, actions, role and tags.

use std::time::Duration;

use super::*;
use crate::domain::clone::overrides::{
    CloneRoles, ExecutionMode, RoleChoice, StageSelection, TeardownPolicy,
};
use crate::domain::rules::placeholder::Placeholder;
use crate::domain::rules::retention::{OnFull, Retention};
use crate::domain::rules::rule::{Rule, Start, Update};

const HEAD: &str = r#"
queue = { url = "https://sqs.eu-west-1.amazonaws.com/123456789012/w", internal_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/i", dead_letter_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/d" }
store = { table = "branchline" }
github = { secrets = ["env:NEW"], token = "env:NEW" }
aws = { codepipeline_rate = 5 }
"#;

#[test]
fn every_key_is_read() {
    let text = format!(
        "{HEAD}{}",
        r#"
[[rule]]
name = "previews"
repository = "acme/api"
on = "pull_request"
template = "api-main"
pipeline_name = "{owner}-{branch_slug}-{number}"
source_action = "Source/App"
start = "head"
update = "never"
stop_on_close = true
max_active = 3
execution_mode = "QUEUED"
variables = { PR = "{repository}#{number}" }
environment = { TITLE = "{title}" }
secrets = { "Source/App/OAuthToken" = "env:NEW" }
buildspec = "ci/pull-request.yml"
configuration = { "Deploy/Stack/StackName" = "api-pr-{number}", "Deploy/Stack/TemplatePath" = { value = "App::{branch}", raw = true } }
preview = { stack_suffix = "-pr-{number}", parameters = { Stage = "pr-{number}" }, teardown = "none", url = "Deploy/Stack/Url" }
shared_targets = true
"#
    );
    let config = load_text(text.leak(), &Overrides::default()).unwrap();
    assert_eq!(config.codepipeline_rate.get(), 5);
    let rule = &config.rules.all()[0];
    assert_eq!((rule.start, rule.update), (Start::Head, Update::Never));
    assert_eq!((rule.stop_on_close, rule.max_active), (true, Some(3)));
    assert!(rule.uses(Placeholder::Title) && !rule.uses(Placeholder::Sha));
    let changes = &rule.overrides;
    assert_eq!(
        changes.source_action.as_ref().unwrap().to_string(),
        "Source/App"
    );
    assert_eq!(changes.execution_mode, Some(ExecutionMode::Queued));
    assert_eq!(changes.variables[0].0, "PR");
    assert_eq!(
        (
            changes.secrets[0].0.to_string(),
            changes.secrets[0].1.as_str()
        ),
        ("Source/App".into(), "OAuthToken")
    );
    assert_eq!(changes.buildspec.as_deref(), Some("ci/pull-request.yml"));
    assert!(changes.preview.stack_suffix.is_some() && changes.shared_targets);
    assert_eq!(changes.preview.parameters[0].0, "Stage");
    assert_eq!(changes.preview.teardown, TeardownPolicy::None);
    let configured = changes.configuration.iter();
    let configured: Vec<String> = configured
        .map(|one| format!("{}/{} raw {}", one.action, one.key, one.value.raw))
        .collect();
    assert_eq!(
        configured,
        [
            "Deploy/Stack/StackName raw false",
            "Deploy/Stack/TemplatePath raw true"
        ]
    );
    assert!(!format!("{config:?}").contains(changes.secrets[0].2.reveal()));
}

#[test]
fn invalid_values_are_reported() {
    let text = format!(
        "{HEAD}{}",
        r#"
[[rule]]
repository = "acme/api"
on = "branch"
template = "api-main"
pipeline_name = "{branch}-{title}"
source_action = "App"
start = "push"
update = "always"
stop_on_close = "yes"
max_active = 0
execution_mode = "queued"
variables = { "a b" = "1", SHA = "{sha}", PR = "{number}", X = "{nothing}", Y = "{" }
environment = { "1A" = "1", B = "}" }
secrets = { "App/Token" = "env:NEW", "Source/App/Token" = "hunter2", "Source/App/Other" = "env:GONE" }
[[rule]]
repository = "acme/api"
on = "pull_request"
template = "api-main"
max_active = 3
[[rule]]
repository = "acme/api"
on = "branch"
template = "api-main"
start = "push"
environment = { SHA = "{sha}" }
"#
    )
    .replace("codepipeline_rate = 5", "codepipeline_rate = 0");
    insta::assert_snapshot!(problems(text.leak()), @r#"
    branchline.toml:5: aws.codepipeline_rate: expected 1 to 1000
    branchline.toml:7: rule[1]: a rule with max_active needs a name, under which its clones are counted: set name
    branchline.toml:11: rule[1].pipeline_name: a branch has no {title}: use {branch}
    branchline.toml:12: rule[1].source_action: 'App' is not an action: expected "Stage/Action"
    branchline.toml:14: rule[1].update: expected one of "next-start", "never"
    branchline.toml:15: rule[1].stop_on_close: expected true or false
    branchline.toml:16: rule[1].max_active: expected 1 to 10000
    branchline.toml:17: rule[1].execution_mode: expected "SUPERSEDED", "QUEUED" or "PARALLEL"
    branchline.toml:18: rule[1].variables.PR: a branch has no {number}
    branchline.toml:18: rule[1].variables.X: unknown placeholder '{nothing}': use {repository}, {owner}, {repo}, {branch}, {branch_slug}, {number}, {sha}, {base}, {author}, {title}, {base_slug}, {author_slug}, {title_slug}
    branchline.toml:18: rule[1].variables.Y: '{' without '}' in '{': write '{{' for a brace
    branchline.toml:18: rule[1].variables.a b: not a pipeline variable name: expected 1 to 128 of A-Z a-z 0-9 @ - _
    branchline.toml:19: rule[1].environment.1A: not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit
    branchline.toml:19: rule[1].environment.B: '}' without '{' in '}': write '}}' for a brace
    branchline.toml:20: rule[1].secrets.App/Token: 'App/Token' does not name a configuration value: expected "Stage/Action/Key"
    branchline.toml:20: rule[1].secrets.Source/App/Other: the variable GONE is not set
    branchline.toml:20: rule[1].secrets.Source/App/Token: not a reference: expected env:NAME or file:PATH, never the secret itself
    branchline.toml:21: rule[2]: a rule with max_active needs a name, under which its clones are counted: set name
    branchline.toml:26: rule[3]: {sha} is not known to an execution that the clone starts by itself: use start = "commit"
    "#);
}

#[test]
fn stages_and_roles_are_read() {
    let config = |keys: &str| {
        let rule =
            "[[rule]]\nrepository = \"acme/api\"\non = \"pull_request\"\ntemplate = \"api-main\"\n";
        let text = format!("{HEAD}{rule}{keys}\n");
        load_text(text.leak(), &Overrides::default())
            .map(|config| config.rules.all()[0].overrides.clone())
    };
    let role = "arn:aws:iam::123456789012:role/clones";
    let overrides = config("").unwrap();
    assert_eq!(overrides.stages, StageSelection::Safe);
    assert_eq!(overrides.roles, CloneRoles::default());
    assert_eq!(
        config("stages = \"all\"").unwrap().stages,
        StageSelection::All
    );
    let named = config("keep_stages = [\"Source\", \"Build\"]")
        .unwrap()
        .stages;
    assert_eq!(
        named,
        StageSelection::Named(vec!["Source".into(), "Build".into()])
    );
    let roles = format!("build_role_arn = \"{role}\"\naction_role_arn = \"{role}\"");
    let roles = config(&roles).unwrap().roles;
    assert_eq!(roles.build.as_deref(), Some(role));
    assert_eq!(roles.action, Some(RoleChoice::Arn(role.into())));
    let template = config("action_role_arn = \"template\"")
        .unwrap()
        .roles
        .action;
    assert_eq!(template, Some(RoleChoice::Template));
    let variables =
        config("variables = { A = \"{title}\", B = { value = \"{title}\", raw = true } }");
    let raw: Vec<bool> = variables
        .unwrap()
        .variables
        .iter()
        .map(|(_, one)| one.raw)
        .collect();
    assert_eq!(raw, [false, true]);

    let mistakes = [
        "stages = \"some\"",
        "keep_stages = []",
        "stages = \"all\"\nkeep_stages = \"Build\"",
        "action_role_arn = \"none\"",
        "build_role_arn = \"clones\"",
        "variables = { A = { raw = true }, B = 1, C = { value = \"\", raw = \"yes\", row = 1 } }",
        "forks = true",
    ];
    let mistakes = mistakes.map(|keys| config(keys).unwrap_err().to_string());
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
    branchline.toml:10: rule[1].stages: expected "safe" or "all"; to name stages, use keep_stages
    branchline.toml:10: rule[1].keep_stages: an empty list keeps no stage: name the stages to keep
    branchline.toml:11: rule[1].keep_stages: set stages or keep_stages, not both
    branchline.toml:10: rule[1].action_role_arn: expected "template", or the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME
    branchline.toml:10: rule[1].build_role_arn: not the ARN of a role: expected arn:aws:iam::ACCOUNT:role/NAME
    branchline.toml:10: rule[1].variables.B: expected text in quotes, or { value = "...", raw = true }
    branchline.toml:10: rule[1].variables.A: expected text in quotes, or { value = "...", raw = true }
    branchline.toml:10: rule[1].variables.C.raw: expected true or false
    branchline.toml:10: rule[1].variables.C.row: unknown key: did you mean 'raw'?
    branchline.toml:10: rule[1].forks: pull requests from forks cannot be built yet: a clone would build the branch of the same name in the base repository, not the fork's commit; remove forks, or set it to false
    "#);
}

#[test]
fn keys_that_a_rule_must_not_set_are_refused_with_the_reason() {
    let mistakes = [
        r#"buildspec = """#,
        r#"buildspec = "/ci.yml""#,
        r#"buildspec = "ci/../ci.yml""#,
        r#"buildspec = "arn:aws:s3:::bucket/spec.yml""#,
        r#"buildspec = "version: 0.2\nphases: {}""#,
        r#"configuration = { "Build/Build" = "x" }"#,
        r#"configuration = { "Source/App/BranchName" = "x" }"#,
        r#"configuration = { "Source/App/FullRepositoryId" = "x" }"#,
        r#"configuration = { "Source/App/ConnectionArn" = "x" }"#,
        r#"configuration = { "Source/App/DetectChanges" = "x" }"#,
        r#"configuration = { "Source/App/OAuthToken" = "x" }"#,
        r#"configuration = { "Build/Build/EnvironmentVariables" = "x" }"#,
        r#"configuration = { "Build/Build/ServiceRoleArnOverride" = "x" }"#,
        r#"configuration = { "Build/Build/ProjectName" = "api-{branch_slug}" }"#,
        r#"configuration = { "Deploy/Stack/RoleArn" = "arn:aws:iam::123456789012:role/{author}" }"#,
        r#"configuration = { "Build/Build/BuildspecOverride" = "{branch}" }"#,
        r#"configuration = { "Build/Build/PrimarySource" = "" }"#,
        r#"configuration = { "Build/Build/PrimarySource" = "{nothing}" }"#,
        r#"configuration = { "Build/Build/PrimarySource" = 1 }"#,
    ];
    let mistakes = mistakes.map(|keys| {
        let rule =
            "[[rule]]\nrepository = \"acme/api\"\non = \"pull_request\"\ntemplate = \"api-main\"\n";
        problems(format!("{HEAD}{rule}{keys}\n").leak())
    });
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
    branchline.toml:10: rule[1].buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    branchline.toml:10: rule[1].buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    branchline.toml:10: rule[1].buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    branchline.toml:10: rule[1].buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    branchline.toml:10: rule[1].buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    branchline.toml:10: rule[1].configuration.Build/Build: 'Build/Build' does not name a configuration value: expected "Stage/Action/Key"
    branchline.toml:10: rule[1].configuration.Source/App/BranchName: BranchName is not set here: branchline sets the branch of each clone itself: remove it
    branchline.toml:10: rule[1].configuration.Source/App/FullRepositoryId: FullRepositoryId is not set here: a clone fetches the repository of its template: remove it
    branchline.toml:10: rule[1].configuration.Source/App/ConnectionArn: ConnectionArn is not set here: a clone fetches its repository with the template's connection: remove it
    branchline.toml:10: rule[1].configuration.Source/App/DetectChanges: DetectChanges is not set here: the rule's start decides it: remove it
    branchline.toml:10: rule[1].configuration.Source/App/OAuthToken: OAuthToken is not set here: it is a secret, which must not be in the configuration: use secrets
    branchline.toml:10: rule[1].configuration.Build/Build/EnvironmentVariables: EnvironmentVariables is not set here: use environment
    branchline.toml:10: rule[1].configuration.Build/Build/ServiceRoleArnOverride: ServiceRoleArnOverride is not set here: use build_role_arn
    branchline.toml:10: rule[1].configuration.Build/Build/ProjectName: people choose titles, branches and logins, and must not choose ProjectName: use {number} or a fixed text
    branchline.toml:10: rule[1].configuration.Deploy/Stack/RoleArn: people choose titles, branches and logins, and must not choose RoleArn: use {number} or a fixed text
    branchline.toml:10: rule[1].configuration.Build/Build/BuildspecOverride: BuildspecOverride may also name a file in any S3 bucket, which people must not choose: use {number}, {branch_slug} or a fixed text
    branchline.toml:10: rule[1].configuration.Build/Build/PrimarySource: AWS accepts no empty value
    branchline.toml:10: rule[1].configuration.Build/Build/PrimarySource: unknown placeholder '{nothing}': use {repository}, {owner}, {repo}, {branch}, {branch_slug}, {number}, {sha}, {base}, {author}, {title}, {base_slug}, {author_slug}, {title_slug}
    branchline.toml:10: rule[1].configuration.Build/Build/PrimarySource: expected text in quotes, or { value = "...", raw = true }
    "#);
}

fn retention(on: &str, lines: &str) -> Result<Retention, String> {
    rule(on, lines).map(|rule| rule.retention)
}

/// Reads a rule with further lines.
pub(super) fn rule(on: &str, lines: &str) -> Result<Rule, String> {
    let text = format!(
        "{HEAD}[[rule]]\nrepository = \"acme/api\"\non = \"{on}\"\ntemplate = \"t\"\n{lines}\n"
    );
    let config = load_text(text.leak(), &Overrides::default());
    let rule = config.map(|config| config.rules.all()[0].clone());
    rule.map_err(|problems| problems.to_string())
}

#[test]
fn clones_are_kept_unless_the_rule_says_for_how_long() {
    assert_eq!(retention("pull_request", ""), Ok(Retention::default()));
    let day = Duration::from_hours(24);
    let given = "idle = \"14d\"\nmax_age = \"90d\"\nkeep_label = \"keep\"\non_full = \"wait\"";
    let expected = Retention {
        idle: Some(14 * day),
        max_age: Some(90 * day),
        keep_label: Some("keep".to_owned()),
        on_full: OnFull::Wait,
    };
    assert_eq!(retention("pull_request", given), Ok(expected));
    let evicts = retention(
        "pull_request",
        "on_full = \"evict-idle\"\nkeep_label = \"keep\"",
    );
    assert_eq!(evicts.unwrap().on_full, OnFull::EvictIdle);
    assert_eq!(
        retention("branch", "idle = \"1m\"").unwrap().idle,
        Some(Duration::from_mins(1))
    );
}

#[test]
fn a_time_that_is_no_limit_is_refused() {
    let mistakes = [
        ("pull_request", "idle = \"59s\"\nmax_age = \"366d\""),
        ("pull_request", "idle = 14"),
        ("pull_request", "keep_label = \"keep\""),
        ("pull_request", "idle = \"14d\"\nkeep_label = \"\""),
        ("branch", "idle = \"14d\"\nkeep_label = \"keep\""),
        ("merge_group", "idle = \"14d\""),
        ("pull_request", "on_full = \"evict\""),
    ];
    let texts = mistakes.map(|(on, lines)| retention(on, lines).unwrap_err());
    insta::assert_snapshot!(texts.join("\n"), @r#"
    branchline.toml:10: rule[1].idle: expected a time from "1m" to "365d", such as "14d"
    branchline.toml:11: rule[1].max_age: expected a time from "1m" to "365d", such as "14d"
    branchline.toml:10: rule[1].idle: expected text in quotes
    branchline.toml:10: rule[1].keep_label: has no effect without idle, max_age or on_full = "evict-idle": set one of them, or remove it
    branchline.toml:11: rule[1].keep_label: expected the name of a label, of 1 to 50 characters
    branchline.toml:6: rule[1]: 'keep_label' does not apply to a rule with on = "branch": remove it
    branchline.toml:6: rule[1]: 'idle' does not apply to a rule with on = "merge_group": remove it
    branchline.toml:10: rule[1].on_full: expected "wait" or "evict-idle"
    "#);
}

#[test]
fn names_that_no_rule_or_pipeline_can_have_are_refused() {
    let long = "x".repeat(100);
    let mistakes = [
        r#"name = " ""#.to_owned(),
        format!(r#"pipeline_name = "{long}-{{number}}""#),
    ];
    let mistakes = mistakes.map(|keys| {
        let rule =
            "[[rule]]\nrepository = \"acme/api\"\non = \"pull_request\"\ntemplate = \"api-main\"\n";
        problems(format!("{HEAD}{rule}{keys}\n").leak())
    });
    insta::assert_snapshot!(mistakes.join("\n"), @r"
    branchline.toml:10: rule[1].name: empty: give the rule a name, or remove the key
    branchline.toml:10: rule[1].pipeline_name: 101 characters besides the placeholders, but AWS accepts a name of at most 100
    ");
}

#[test]
fn a_preview_that_two_subjects_would_share_is_refused() {
    let mistakes = [
        ("pull_request", "preview = { stack_suffix = \"-preview\" }"),
        (
            "pull_request",
            "preview = { stack_suffix = \"-{branch_slug}\" }",
        ),
        ("branch", "preview = { stack_suffix = \"-{number}\" }"),
        ("branch", "preview = { stack_suffix = \"-{repo}-{sha}\" }"),
        ("pull_request", "preview = { stack_suffix = 7 }"),
        ("pull_request", "preview = { teardown = \"later\" }"),
        (
            "pull_request",
            "preview = { stack_sufix = \"-pr-{number}\" }",
        ),
        (
            "pull_request",
            "preview = { parameters = { \"a b\" = \"1\" } }",
        ),
        ("pull_request", "shared_targets = \"yes\""),
        ("pull_request", "preview = { teardown = \"pipeline:t\" }"),
        ("pull_request", "preview = { teardown = \"pipeline:\" }"),
        ("pull_request", "preview = { teardown = \"pipeline:a b\" }"),
        (
            "pull_request",
            "preview = { teardown = \"pipeline:td-{number}\" }",
        ),
    ];
    let teardown = "preview = { teardown = \"pipeline:api-teardown\" }";
    let policy = rule("branch", teardown).unwrap().overrides.preview.teardown;
    assert_eq!(policy.to_string(), "pipeline:api-teardown");
    let texts = mistakes.map(|(on, line)| rule(on, line).unwrap_err());
    insta::assert_snapshot!(texts.join("\n"), @r#"
    branchline.toml:10: rule[1].preview.stack_suffix: two pull requests would share a stack: the suffix needs {number}, such as "-pr-{number}"
    branchline.toml:10: rule[1].preview.stack_suffix: two pull requests would share a stack: the suffix needs {number}, such as "-pr-{number}"
    branchline.toml:10: rule[1].preview.stack_suffix: a branch has no {number}
    branchline.toml:10: rule[1].preview.stack_suffix: two branches would share a stack: the suffix needs {branch_slug} and no other placeholder but {repo}, such as "-branch-{branch_slug}"
    branchline.toml:10: rule[1].preview.stack_suffix: expected text in quotes
    branchline.toml:10: rule[1].preview.teardown: expected "run", "stacks", "pipeline:NAME" with the name of a template, or "none"
    branchline.toml:10: rule[1].preview.stack_sufix: unknown key: did you mean 'stack_suffix'?
    branchline.toml:10: rule[1].preview.parameters.a b: not the name of a parameter of CloudFormation: expected 1 to 255 letters and digits
    branchline.toml:10: rule[1].shared_targets: expected true or false
    branchline.toml:6: rule[1]: preview.teardown names the template of the rule, which deploys: name a pipeline that removes the environment
    branchline.toml:10: rule[1].preview.teardown: '' after "pipeline:" is not a pipeline name: expected 1 to 100 of A-Z a-z 0-9 . @ _ -
    branchline.toml:10: rule[1].preview.teardown: 'a b' after "pipeline:" is not a pipeline name: expected 1 to 100 of A-Z a-z 0-9 . @ _ -
    branchline.toml:10: rule[1].preview.teardown: the name of a template has no placeholders: name one pipeline, of which each subject gets a clone with its own values, such as "pipeline:api-teardown"
    "#);
}
