use serde_json::json;

use super::*;
use crate::domain::clone::diff::{diff, lines};
use crate::domain::clone::overrides::{CloneOverrides, MASK};
use crate::domain::clone::source::CONNECTION;
use crate::domain::clone::tags::{
    BRANCH, MANAGED_BY, REPOSITORY, RULE, SUBJECT, TAG_LIMIT, TEMPLATE, TaggedClone, is_ours,
    is_tag,
};
use crate::domain::fault::Reason;
use crate::domain::ids::{Branch, CommitId, RepositoryId, SubjectKind, Timestamp};
use crate::domain::report::target::CommentPolicy;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::retention::Retention;
use crate::domain::rules::rule::{On, Start, Update};
use crate::domain::secret::Secret;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::ordering::{EventKind, EventOrder};

fn owner() -> Owner {
    Owner::parse("branchline").unwrap()
}

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
        updated_at: None,
    }
}

fn mapping(kind: SubjectKind) -> Mapping {
    let order = EventOrder {
        event_time: Timestamp(0),
        received_at: Timestamp(0),
        kind: EventKind::Open,
        head: Some(CommitId::parse("a".repeat(40)).unwrap()),
        before: None,
    };
    let subject = Subject {
        repository: RepositoryId(186853002),
        kind,
    };
    let repository = RepositoryName::parse("acme/api").unwrap();
    Mapping::unseen(subject, repository, order, Timestamp(0))
}

pub(super) fn rule() -> Rule {
    Rule {
        name: "rule 1".into(),
        digest: "d1".into(),
        repository: GlobFilter::default(),
        on: On::PullRequest,
        base: GlobFilter::default(),
        branches: GlobFilter::default(),
        drafts: true,
        template: PipelineName::parse("api-main").unwrap(),
        template_file: None,
        pipeline_name: NamePattern::parse("{repo}-pr-{number}").unwrap(),
        overrides: CloneOverrides::default(),
        repository_file: None,
        start: Start::Auto,
        update: Update::NextStart,
        stop_on_close: false,
        max_active: None,
        retention: Retention::default(),
        report: None,
        context: "branchline/api".into(),
        comment: CommentPolicy::Never,
        deployment: None,
    }
}

fn clone(template: &Template) -> Result<NewPipeline, Fault> {
    clone_by(&rule(), template)
}

fn spec() -> Spec {
    Spec {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        template: PipelineName::parse("api-main").unwrap(),
        branch: Branch::parse("feature/ü").unwrap(),
        rule: "rule 1".into(),
        rule_digest: "d1".into(),
        base: Some(Branch::parse("main").unwrap()),
        title: Some("Add \"login\"".into()),
        author: Some("octocat".into()),
    }
}

/// Calls `make` with the request for pull request 7 under a rule.
pub(super) fn clone_of<T>(
    rule: &Rule,
    make: impl FnOnce(&CloneRequest<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (mapping, spec, owner) = (mapping(SubjectKind::PullRequest(7)), spec(), owner());
    make(&CloneRequest {
        with_notes: true,
        ..mapping.clone_request(&spec, rule, &owner)
    })
}

/// Returns a template whose source is followed by these stages, each with one build.
pub(super) fn template_with_stages(names: &[&str]) -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let build = stages[1].clone();
    let stages = stages.as_array_mut().unwrap();
    stages.truncate(1);
    stages.extend(names.iter().map(|name| {
        let mut stage = build.clone();
        stage["name"] = json!(name);
        stage
    }));
    template
}

fn clone_by(rule: &Rule, template: &Template) -> Result<NewPipeline, Fault> {
    clone_of(rule, |request| template.clone_for(request))
}

/// Returns the differences between the clone and its template.
fn difference(template: &Template, clone: &NewPipeline) -> String {
    lines(&diff(&template.declaration, &clone.declaration)).join("\n")
}

/// Returns the differences of this rule's clone from its template, or the fault.
fn difference_or_fault(rule: &Rule, template: &Template) -> String {
    match clone_by(rule, template) {
        Ok(clone) => difference(template, &clone),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn a_clone_differs_in_name_branch_detection_version_and_triggers_alone() {
    let template = template(json!([
        source("App", "acme/api"),
        source("Shared", "acme/shared")
    ]));
    let clone = clone(&template).unwrap();
    insta::assert_snapshot!(difference(&template, &clone), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    + stages/Source/actions/Shared/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
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

/// Returns the tags of a clone of a rule whose name AWS does not accept in a tag.
fn tagged(subject: &Subject, repository: &RepositoryName) -> Tags {
    let branch = Branch::parse("fix/(a) = b,#1").unwrap();
    let made_from = MadeFrom {
        rule: "rule 1, api",
        template: "api-template",
        branch: &branch,
    };
    tags(subject, repository, &owner(), made_from)
}

#[test]
fn tags_are_legal_and_tell_subjects_apart() {
    let branch = |name: &str| SubjectKind::Branch(Branch::parse(name).unwrap());
    let tags_of = |kind: SubjectKind| {
        let mapping = mapping(kind);
        tagged(&mapping.subject, &mapping.repository)
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
    let long = tags_of(branch(&"ü#".repeat(150)));
    assert_eq!(long[SUBJECT].chars().count(), TAG_LIMIT);
    for (key, value) in tags_of(branch("a b=c,d")).iter().chain(&long) {
        assert!(is_tag(key, value), "{key}={value}");
    }
}

#[test]
fn the_tags_of_a_clone_say_what_it_was_made_from() {
    let of = |kind: SubjectKind| {
        let mapping = mapping(kind);
        let tags = tagged(&mapping.subject, &mapping.repository);
        (mapping, tags)
    };
    let branch = |name: &str| SubjectKind::Branch(Branch::parse(name).unwrap());
    for (kind, name) in [
        (SubjectKind::PullRequest(7), "fix/(a) = b,#1"),
        (branch("feature/x"), "feature/x"),
        (branch("ü#1 = 2 "), "ü#1 = 2 "),
    ] {
        let (mapping, tags) = of(kind);
        let read = TaggedClone::read(&tags, &owner());
        let expected = TaggedClone {
            subject: mapping.subject,
            repository: mapping.repository,
            rule: "rule 1, api".to_owned(),
            template: PipelineName::parse("api-template").unwrap(),
            branch: Branch::parse(name).unwrap(),
        };
        assert_eq!(read, Ok(expected));
        let other = Owner::parse("another").unwrap();
        assert_eq!(TaggedClone::read(&tags, &other), Err(SUBJECT));
    }
}

#[test]
fn a_clone_whose_tags_do_not_suffice_names_the_tag() {
    let (pull, long) = (SubjectKind::PullRequest(7), "a".repeat(300));
    let of = |kind: SubjectKind| {
        let mapping = mapping(kind);
        tagged(&mapping.subject, &mapping.repository)
    };
    let without = |key: &str| {
        let mut tags = of(pull.clone());
        tags.remove(key);
        TaggedClone::read(&tags, &owner()).unwrap_err()
    };
    for key in [MANAGED_BY, SUBJECT] {
        assert_eq!(without(key), SUBJECT);
    }
    for key in [REPOSITORY, RULE, TEMPLATE, BRANCH] {
        assert_eq!(without(key), key);
    }
    // A text that was cut is not taken for a whole one.
    let cut = of(SubjectKind::Branch(Branch::parse(long).unwrap()));
    assert_eq!(TaggedClone::read(&cut, &owner()), Err(SUBJECT));
    for text in ["a=", "a=2", "a=zz", "a==0badcafe", "=FF"] {
        let mut tags = of(pull.clone());
        tags.insert(RULE.to_owned(), text.to_owned());
        assert_eq!(TaggedClone::read(&tags, &owner()), Err(RULE), "{text}");
    }
}

#[test]
fn only_our_own_table_and_subject_make_a_pipeline_ours() {
    let mapping = mapping(SubjectKind::PullRequest(7));
    let other = Subject {
        kind: SubjectKind::PullRequest(8),
        ..mapping.subject.clone()
    };
    let renamed = RepositoryName::parse("acme/renamed").unwrap();
    let found = tagged(&mapping.subject, &mapping.repository);
    assert!(is_ours(&found, &mapping.subject, &owner()));
    assert!(is_ours(
        &tagged(&mapping.subject, &renamed),
        &mapping.subject,
        &owner()
    ));
    assert!(!is_ours(&found, &other, &owner()));
    assert!(!is_ours(
        &found,
        &mapping.subject,
        &Owner::parse("another").unwrap()
    ));
    assert!(!is_ours(&Tags::new(), &mapping.subject, &owner()));
}

mod configuration;
mod dangers;
mod pipeline_types;
mod properties;
mod safety;
mod sources;
mod targets;
mod teardown;
mod variables;
