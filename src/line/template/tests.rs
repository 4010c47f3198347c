use serde_json::json;

use super::*;
use crate::line::changes::MASK;
use crate::line::fault::Reason;
use crate::line::freshness::{Kind, Moment};
use crate::line::ids::{Branch, RepositoryId, Timestamp};
use crate::line::mapping::State;
use crate::line::naming::NamePattern;
use crate::line::rule::{On, Patterns, Start, Update};
use crate::line::source::CONNECTION;

const TABLE: &str = "branchline";

fn source(name: &str, repository: &str) -> Value {
    json!({
        "name": name,
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": CONNECTION, "version": "1"},
        "configuration": {
            "ConnectionArn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
            "FullRepositoryId": repository, "BranchName": "main", "OutputArtifactFormat": "CODE_ZIP",
        },
        "outputArtifacts": [{"name": name}],
    })
}

fn template(sources: Value) -> Template {
    let declaration = json!({
        "name": "api-main", "version": 12, "pipelineType": "V2", "executionMode": "SUPERSEDED",
        "roleArn": "arn:aws:iam::123456789012:role/pipeline",
        "artifactStore": {"type": "S3", "location": "bucket"},
        "stages": [
            {"name": "Source", "actions": sources},
            {"name": "Build", "actions": [{
                "name": "Build",
                "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                "configuration": {"ProjectName": "api"}, "inputArtifacts": [{"name": "App"}],
            }]},
        ],
        "triggers": [{"providerType": CONNECTION, "gitConfiguration": {"sourceActionName": "App"}}],
    });
    Template {
        declaration: Declaration::new(declaration).unwrap(),
        arn: PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api-main").unwrap(),
        version: Some(12),
    }
}

fn mapping(kind: SubjectKind) -> Mapping {
    let moment = Moment {
        event: Timestamp(0),
        arrival: Timestamp(0),
        kind: Kind::Open,
        head: None,
        before: None,
    };
    Mapping {
        subject: Subject {
            repository: RepositoryId(186853002),
            kind,
        },
        repository: RepositoryName::parse("acme/api").unwrap(),
        state: State::Creating,
        generation: 1,
        moment,
        spec: None,
        absence: None,
        arn: None,
        template_version: None,
        print: None,
        built: None,
        start_token: None,
        place: None,
        executions: Vec::new(),
        hold: None,
        attempts: 0,
        last_error: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn rule() -> Rule {
    Rule {
        name: "rule 1".into(),
        repository: Patterns::default(),
        on: On::PullRequest,
        base: Patterns::default(),
        branches: Patterns::default(),
        drafts: true,
        forks: false,
        template: PipelineName::parse("api-main").unwrap(),
        pipeline_name: NamePattern::parse("{repo}-pr-{number}").unwrap(),
        changes: Changes::default(),
        start: Start::Fitting,
        update: Update::NextStart,
        stop_on_close: false,
        max_active: None,
    }
}

fn clone(template: &Template) -> Result<NewPipeline, Fault> {
    clone_by(&rule(), template)
}

fn clone_by(rule: &Rule, template: &Template) -> Result<NewPipeline, Fault> {
    let spec = Spec {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        template: PipelineName::parse("api-main").unwrap(),
        branch: Branch::parse("feature/ü").unwrap(),
        rule: "rule 1".into(),
        base: None,
        title: None,
        author: None,
    };
    template.clone_for(&mapping(SubjectKind::PullRequest(7)), &spec, rule, TABLE)
}

/// Every leaf in which two declarations differ, by its path.
fn difference(before: &Declaration, after: &Declaration) -> String {
    let leaves = |declaration: &Declaration| {
        let mut found = BTreeMap::new();
        collect(
            "",
            &Value::Object(declaration.as_json().clone()),
            &mut found,
        );
        found
    };
    let (before, after) = (leaves(before), leaves(after));
    let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>, sign| {
        let differs = |(path, value): &(&String, &String)| those.get(*path) != Some(value);
        let line = |(path, value)| format!("{sign} {path} = {value}");
        these.iter().filter(differs).map(line).collect::<Vec<_>>()
    };
    [only(&before, &after, '-'), only(&after, &before, '+')]
        .concat()
        .join("\n")
}

fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(key, value)| collect(&format!("{path}/{key}"), value, found));
        }
        Value::Array(items) => {
            let each = |(place, value)| collect(&format!("{path}/{place}"), value, found);
            items.iter().enumerate().for_each(each);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(path.to_owned(), value.to_string());
        }
    }
}

#[test]
fn a_clone_differs_in_name_branch_detection_version_and_triggers_alone() {
    let template = template(json!([
        source("App", "acme/api"),
        source("Shared", "acme/shared")
    ]));
    let clone = clone(&template).unwrap();
    insta::assert_snapshot!(difference(&template.declaration, &clone.declaration), @r#"
    - /name = "api-main"
    - /stages/0/actions/0/configuration/BranchName = "main"
    - /triggers/0/gitConfiguration/sourceActionName = "App"
    - /triggers/0/providerType = "CodeStarSourceConnection"
    - /version = 12
    + /name = "api-pr-7"
    + /stages/0/actions/0/configuration/BranchName = "feature/ü"
    + /stages/0/actions/0/configuration/DetectChanges = "false"
    + /stages/0/actions/1/configuration/DetectChanges = "false"
    "#);
    assert_eq!(
        clone.arn.as_str(),
        "arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7"
    );
}

#[test]
fn none_or_several_sources_of_the_repository_are_a_fault_with_the_candidates() {
    let none = clone(&template(json!([source("App", "acme/other")]))).unwrap_err();
    assert_eq!(none.reason, Reason::TemplateSource);
    assert!(none.detail.contains("Source/App"), "{none}");
    let several = clone(&template(json!([
        source("A", "acme/api"),
        source("B", "Acme/API")
    ])))
    .unwrap_err();
    assert!(several.detail.contains("Source/A, Source/B"), "{several}");
}

#[test]
fn a_masked_secret_is_a_fault_that_names_its_place() {
    let mut action = source("App", "acme/api");
    action["configuration"]["OAuthToken"] = json!(MASK);
    let fault = clone(&template(json!([action]))).unwrap_err();
    assert_eq!(fault.reason, Reason::TemplateMasked);
    assert!(
        fault.detail.starts_with("OAuthToken of Source/App"),
        "{fault}"
    );
}

#[test]
fn tags_are_legal_and_tell_subjects_apart() {
    let branch = |name: &str| SubjectKind::Branch(Branch::parse(name).unwrap());
    let tags_of = |kind: SubjectKind| {
        let mapping = mapping(kind);
        tags(&mapping.subject, &mapping.repository, TABLE)
    };
    assert_eq!(
        tags_of(SubjectKind::PullRequest(7))[SUBJECT],
        "186853002/pull/7"
    );
    assert_eq!(
        tags_of(branch("feature/x"))[SUBJECT],
        "186853002/branch/feature/x"
    );
    assert_ne!(
        tags_of(branch("a#b"))[SUBJECT],
        tags_of(branch("a%b"))[SUBJECT]
    );
    assert!(tags_of(branch(&"ü#".repeat(150)))[SUBJECT].chars().count() <= TAG_LIMIT);
}

#[test]
fn only_our_own_table_and_subject_make_a_pipeline_ours() {
    let mapping = mapping(SubjectKind::PullRequest(7));
    let other = Subject {
        kind: SubjectKind::PullRequest(8),
        ..mapping.subject.clone()
    };
    let renamed = RepositoryName::parse("acme/renamed").unwrap();
    let found = tags(&mapping.subject, &mapping.repository, TABLE);
    assert!(is_ours(&found, &mapping.subject, TABLE));
    assert!(is_ours(
        &tags(&mapping.subject, &renamed, TABLE),
        &mapping.subject,
        TABLE
    ));
    assert!(!is_ours(&found, &other, TABLE));
    assert!(!is_ours(&found, &mapping.subject, "another-table"));
    assert!(!is_ours(&Tags::new(), &mapping.subject, TABLE));
}
