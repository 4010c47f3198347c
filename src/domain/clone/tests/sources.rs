//! Tests of every kind of source action, and of change detection.

use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::rules::rule::Start;

fn action(name: &str, owner: &str, provider: &str, configuration: Value) -> Value {
    json!({
        "name": name,
        "actionTypeId": {"category": "Source", "owner": owner, "provider": provider, "version": "1"},
        "configuration": configuration,
        "outputArtifacts": [{"name": name}],
    })
}

/// Returns a template with a source of every kind, and one of the repository.
fn every_kind(own: Value) -> Template {
    template(json!([
        own,
        action(
            "Shared",
            "AWS",
            CONNECTION,
            json!({"FullRepositoryId": "acme/shared", "BranchName": "main"})
        ),
        action(
            "Mirror",
            "AWS",
            "CodeCommit",
            json!({"RepositoryName": "api", "BranchName": "main"})
        ),
        action(
            "Bucket",
            "AWS",
            "S3",
            json!({"S3Bucket": "b", "S3ObjectKey": "k", "PollForSourceChanges": "true"})
        ),
        action(
            "Image",
            "AWS",
            "ECR",
            json!({"RepositoryName": "api", "ImageTag": "latest"})
        ),
    ]))
}

fn named(source_action: &str) -> Rule {
    let mut rule = rule();
    rule.overrides.source_action = ActionPath::parse(source_action);
    rule
}

#[test]
fn no_source_is_left_to_poll_and_one_is_pointed_at_the_branch() {
    insta::assert_snapshot!(difference_or_fault(&rule(), &every_kind(source("App", "acme/api"))), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - stages/Source/actions/Bucket/configuration/PollForSourceChanges: "true"
    + stages/Source/actions/Bucket/configuration/PollForSourceChanges: "false"
    + stages/Source/actions/Mirror/configuration/PollForSourceChanges: "false"
    + stages/Source/actions/Shared/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
    "#);
}

#[test]
fn a_mirror_is_used_if_the_rule_names_it() {
    let template = every_kind(source("App", "acme/other"));
    let unnamed = difference_or_fault(&rule(), &template);
    assert!(
        unnamed.contains(
            "(its source actions with a branch: Source/App, Source/Shared, Source/Mirror)"
        ),
        "{unnamed}"
    );
    insta::assert_snapshot!(difference_or_fault(&named("Source/Mirror"), &template), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - stages/Source/actions/Bucket/configuration/PollForSourceChanges: "true"
    + stages/Source/actions/Bucket/configuration/PollForSourceChanges: "false"
    - stages/Source/actions/Mirror/configuration/BranchName: "main"
    + stages/Source/actions/Mirror/configuration/BranchName: "feature/ü"
    + stages/Source/actions/Mirror/configuration/PollForSourceChanges: "false"
    + stages/Source/actions/Shared/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
    "#);
    for wrong in ["Source/Bucket", "Source/Nothing", "Build/Build"] {
        let fault = difference_or_fault(&named(wrong), &template);
        assert!(
            fault.contains(&format!(
                "source_action '{wrong}' is not a source action with a branch"
            )),
            "{fault}"
        );
    }
}

#[test]
fn a_named_source_action_must_fetch_the_repository_of_the_event() {
    let template = every_kind(source("App", "Acme/API"));
    assert!(clone_by(&named("Source/App"), &template).is_ok());
    insta::assert_snapshot!(difference_or_fault(&named("Source/Shared"), &template), @"template-source: source_action 'Source/Shared' fetches acme/shared, not acme/api, in template 'api-main' (its source actions with a branch: Source/App, Source/Shared, Source/Mirror): correct the template, or name one as source_action");
    let other = json!({"Owner": "acme", "Repo": "web", "Branch": "main"});
    let first_version = every_kind(action("App", "ThirdParty", "GitHub", other));
    let refused = difference_or_fault(&named("Source/App"), &first_version);
    assert!(
        refused.contains("source_action 'Source/App' fetches acme/web, not acme/api"),
        "{refused}"
    );
}

#[test]
fn a_template_without_a_git_repository_gets_advice_that_is_possible() {
    let bucket = action("Bucket", "AWS", "S3", json!({"S3Bucket": "b"}));
    let image = action("Image", "AWS", "ECR", json!({"RepositoryName": "api"}));
    let template = template(json!([bucket, image]));
    for rule in [rule(), named("Source/Bucket")] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(difference_or_fault(&rule, &template), @"template-source: template 'api-main' fetches no Git repository (its source actions: 'Source/Bucket' by S3, 'Source/Image' by ECR), so a clone has no branch to build: add a CodeStarSourceConnection action for acme/api to the template, or let the rule clone another one");
        }
    }
}

/// Returns a source action of GitHub version 1 as GetPipeline returns it.
fn version_1() -> Template {
    let configuration =
        json!({"Owner": "Acme", "Repo": "api", "Branch": "main", "OAuthToken": MASK});
    template(json!([action(
        "App",
        "ThirdParty",
        "GitHub",
        configuration
    )]))
}

#[test]
fn a_masked_token_is_never_sent_and_a_given_one_is() {
    let template = version_1();
    let refused = difference_or_fault(&rule(), &template);
    assert!(
        refused.starts_with("template-masked: OAuthToken of Source/App in template"),
        "{refused}"
    );
    assert!(
        refused.contains(r#"secrets = { "Source/App/OAuthToken" = "env:NAME" }"#),
        "{refused}"
    );

    let mut given = rule();
    let place = ActionPath::parse("Source/App").unwrap();
    given.overrides.secrets = vec![(place, "OAuthToken".into(), Secret::new("gho_1".into()))];
    insta::assert_snapshot!(difference_or_fault(&given, &template), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/Branch: "main"
    + stages/Source/actions/App/configuration/Branch: "feature/ü"
    - stages/Source/actions/App/configuration/OAuthToken: "****"
    + stages/Source/actions/App/configuration/OAuthToken: "gho_1"
    + stages/Source/actions/App/configuration/PollForSourceChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
    "#);
    let clone = clone_by(&given, &template).unwrap();
    assert!(!format!("{clone:?} {given:?}").contains("gho_1"));

    given.overrides.secrets[0].0.action = "Gone".into();
    assert!(difference_or_fault(&given, &template).contains("no action 'Source/Gone'"));
}

#[test]
fn a_rotated_secret_is_a_difference_and_a_hidden_one_is_none() {
    let fingerprint = |secret: Secret, key: &str| {
        let mut rule = rule();
        let place = ActionPath::parse("Source/App").unwrap();
        rule.overrides.secrets = vec![(place, key.into(), secret)];
        clone_by(&rule, &version_1()).unwrap().fingerprint
    };
    let token = |text: &str| fingerprint(Secret::new(text.into()), "OAuthToken");
    let written = token("gho_1");
    assert!(written.matches(&token("gho_1")));
    assert!(!written.matches(&token("gho_2")));
    let hidden = fingerprint(Secret::hidden(), "OAuthToken");
    assert_eq!(hidden.secrets, None);
    assert!(written.matches(&hidden));
    assert!(!hidden.matches(&written), "a hidden secret was not written");
}

#[test]
fn secrets_fill_only_what_getpipeline_masks() {
    let mut rule = rule();
    let place = ActionPath::parse("Source/App").unwrap();
    rule.overrides.secrets = vec![(place, "BranchName".into(), Secret::new("s".into()))];
    let connection = template(json!([source("App", "acme/api")]));
    let refused = clone_by(&rule, &connection).unwrap_err().to_string();
    assert!(refused.contains("'BranchName' of 'Source/App' in template 'api-main' is not a secret that GetPipeline masks"), "{refused}");
}

fn pushed(triggers: Value) -> String {
    let mut template = template(json!([source("App", "acme/api")]));
    template.declaration.0.insert("triggers".into(), triggers);
    let push = Rule {
        start: Start::Push,
        ..rule()
    };
    difference_or_fault(&push, &template)
}

#[test]
fn a_trigger_is_rewritten_for_the_branch_and_keeps_its_paths() {
    let git = |more: Value| json!([{"providerType": CONNECTION, "gitConfiguration": more}]);
    insta::assert_snapshot!(pushed(git(json!({
        "sourceActionName": "App",
        "push": [
            {"branches": {"includes": ["main"]}, "filePaths": {"includes": ["src/**"]}},
            {"tags": {"includes": ["v*"]}},
        ],
        "pullRequest": [{"events": ["OPEN"]}],
    }))), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - triggers/0/gitConfiguration/pullRequest: [{"events":["OPEN"]}]
    - triggers/0/gitConfiguration/push/0/branches/includes/0: "main"
    + triggers/0/gitConfiguration/push/0/branches/includes/0: "feature/ü"
    - triggers/0/gitConfiguration/push/1: {"tags":{"includes":["v*"]}}
    - version: 12
    "#);
    let plain = pushed(git(
        json!({"sourceActionName": "App", "push": [{"tags": {"includes": ["v*"]}}]}),
    ));
    assert!(
        plain.contains(r#"+ stages/Source/actions/App/configuration/DetectChanges: "true""#),
        "{plain}"
    );
    assert!(plain.contains("- triggers:"), "{plain}");
}

#[test]
fn a_branch_that_a_trigger_would_read_as_a_pattern_is_refused() {
    let mut template = template(json!([source("App", "acme/api")]));
    let trigger = json!([{"gitConfiguration": {"sourceActionName": "App", "push": [{"branches": {"includes": ["main"]}}]}}]);
    template.declaration.0.insert("triggers".into(), trigger);
    let push = Rule {
        start: Start::Push,
        ..rule()
    };
    let mapping = mapping(SubjectKind::PullRequest(7));
    let mut spec = spec();
    spec.branch = Branch::parse("a{b}").unwrap();
    let fault = template
        .clone_for(&mapping.clone_request(&spec, &push, &owner()))
        .unwrap_err();
    assert_eq!(fault.reason, Reason::RuleTemplateMismatch);
    assert!(
        fault.detail.contains("cannot match a branch with '{'"),
        "{fault}"
    );
}
