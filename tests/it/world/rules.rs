//! Rules and templates for the tests, to be changed with `..pull_request_rule()`.

use branchline::domain::clone::overrides::{
    CloneOverrides, CloneRoles, PreviewStacks, RoleChoice, StageSelection, TeardownPolicy,
};
use branchline::domain::clone::projects::{BuildOverrides, BuildSettings};
use branchline::domain::ids::PipelineName;
use branchline::domain::report::ReportForm;
use branchline::domain::report::target::CommentPolicy;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::pipeline_name::NamePattern;
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::rules::retention::Retention;
use branchline::domain::rules::rule::{On, Rule, Start, Update};
use serde_json::{Value, json};

/// The template that every rule here clones.
pub(crate) const TEMPLATE: &str = "api-template";

/// The template of teardowns.
pub(crate) const TEARDOWN: &str = "api-teardown";

/// Returns a rule that gives every pull request of `acme/*` the pipeline `REPO-pr-NUMBER`.
pub(crate) fn pull_request_rule() -> Rule {
    Rule {
        name: "pull requests".to_owned(),
        digest: "digest of pull requests".to_owned(),
        repository: patterns(["acme/*"]),
        on: On::PullRequest,
        base: patterns([]),
        branches: patterns([]),
        drafts: true,
        template: pipeline_name(TEMPLATE),
        template_file: None,
        pipeline_name: name_pattern("{repo}-pr-{number}"),
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

/// Returns overrides that build in another image.
pub(crate) fn with_image(image: &str) -> CloneOverrides {
    let all = BuildSettings {
        image: Some(image.to_owned()),
        ..BuildSettings::default()
    };
    CloneOverrides {
        build: BuildOverrides {
            all,
            actions: Vec::new(),
        },
        ..CloneOverrides::default()
    }
}

/// Returns a rule that gives every branch of `acme/*` except `main` the pipeline `REPO-BRANCH`.
pub(crate) fn branch_rule() -> Rule {
    Rule {
        name: "branches".to_owned(),
        digest: "digest of branches".to_owned(),
        on: On::Branch,
        branches: patterns(["!main"]),
        pipeline_name: name_pattern("{repo}-{branch}"),
        ..pull_request_rule()
    }
}

/// Returns a rule that gives every merge group of `acme/*` the pipeline `REPO-BRANCH`.
pub(crate) fn merge_group_rule() -> Rule {
    Rule {
        name: "merge groups".to_owned(),
        digest: "digest of merge groups".to_owned(),
        on: On::MergeGroup,
        pipeline_name: name_pattern("{repo}-{branch}"),
        ..pull_request_rule()
    }
}

/// Parses globs.
pub(crate) fn patterns<const N: usize>(globs: [&str; N]) -> GlobFilter {
    GlobFilter::parse(globs).expect("valid globs")
}

/// Parses globs over names of repositories, which are compared without case.
pub(crate) fn repositories<const N: usize>(globs: [&str; N]) -> GlobFilter {
    GlobFilter::parse_repositories(globs).expect("valid globs")
}

/// Parses a pattern for the names of clones.
pub(crate) fn name_pattern(text: &str) -> NamePattern {
    NamePattern::parse(text).expect("a valid pattern")
}

/// Parses the name of a pipeline.
pub(crate) fn pipeline_name(text: &str) -> PipelineName {
    PipelineName::parse(text).expect("a valid name")
}

/// Returns a pipeline that fetches `repository` through a connection and builds it. Every field
/// that CodePipeline would add is there, so it reads back as it was written.
pub(crate) fn declaration(name: &str, repository: &str, role: &str) -> Value {
    json!({
        "name": name,
        "roleArn": role,
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "pipelineType": "V2",
        "executionMode": "SUPERSEDED",
        "stages": [
            {"name": "Source", "actions": [{
                "name": "GitHub",
                "actionTypeId": {
                    "category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection", "version": "1",
                },
                "runOrder": 1,
                "configuration": {
                    "ConnectionArn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
                    "FullRepositoryId": repository, "BranchName": "main",
                    "OutputArtifactFormat": "CODE_ZIP", "DetectChanges": "false",
                },
                "outputArtifacts": [{"name": "App"}],
                "inputArtifacts": [],
                "region": "eu-west-1",
                "namespace": "Source",
            }]},
            {"name": "Build", "actions": [{
                "name": "Build",
                "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                "runOrder": 2,
                "configuration": {"ProjectName": "api", "EnvironmentVariables": "[{\"name\":\"ü\",\"value\":\"1\"}]"},
                "outputArtifacts": [],
                "inputArtifacts": [{"name": "App"}],
                "region": "eu-west-1",
            }]},
        ],
    })
}

/// The role of the fake's templates.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/pipeline";

/// Returns a template in the fake account.
pub(crate) fn template(name: &str, repository: &str) -> Value {
    declaration(name, repository, ROLE)
}

/// Returns the same pipeline with a third stage that deploys the stack `api`.
pub(crate) fn deploying_template(name: &str, repository: &str) -> Value {
    with_stage(template(name, repository), stack_stage("Deploy", "api"))
}

/// Returns the same pipeline with a fourth stage that deploys the stack `web`.
pub(crate) fn template_of_two_stacks(name: &str, repository: &str) -> Value {
    let first = deploying_template(name, repository);
    with_stage(first, stack_stage("More", "web"))
}

fn with_stage(mut template: Value, stage: Value) -> Value {
    if let Some(stages) = template.get_mut("stages").and_then(Value::as_array_mut) {
        stages.push(stage);
    }
    template
}

fn stack_stage(stage: &str, stack: &str) -> Value {
    json!({"name": stage, "actions": [{
        "name": "Stack",
        "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
        "runOrder": 1,
        "configuration": {"ActionMode": "CREATE_UPDATE", "StackName": stack, "RoleArn": ROLE, "TemplatePath": "App::template.yaml"},
        "outputArtifacts": [],
        "inputArtifacts": [{"name": "App"}],
        "region": "eu-west-1",
    }]})
}

/// Returns the same pipeline with a third stage that builds this project in the environment of the
/// subject.
pub(crate) fn building_template(name: &str, repository: &str, project: &str) -> Value {
    let build = json!({"name": "Environment", "actions": [{
        "name": "Cdk",
        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
        "runOrder": 1,
        "configuration": {"ProjectName": project},
        "outputArtifacts": [],
        "inputArtifacts": [{"name": "App"}],
    }]});
    with_stage(template(name, repository), build)
}

/// Returns a rule whose clones' stacks are deleted by the daemon itself.
pub(crate) fn stacks_rule() -> Rule {
    let mut rule = preview_rule();
    rule.overrides.preview.teardown = TeardownPolicy::Stacks;
    rule
}

/// Returns a rule whose clones deploy an environment without a stack, and become clones of
/// [`TEARDOWN`] to remove it.
pub(crate) fn environment_rule() -> Rule {
    Rule {
        overrides: CloneOverrides {
            environment: vec![(
                "STAGE".to_owned(),
                FormatString::parse("pr-{number}").expect("a valid format"),
            )],
            preview: PreviewStacks {
                teardown: TeardownPolicy::Pipeline(pipeline_name(TEARDOWN)),
                ..PreviewStacks::default()
            },
            ..preview_rule().overrides
        },
        ..pull_request_rule()
    }
}

/// Returns the name of the environments of subjects: of `acme/api#7` it is `preview/pr-7`, and of
/// `acme/web@x` it is `preview/x`.
pub(crate) fn environment_format(on: On) -> FormatString {
    let format = match on {
        On::PullRequest => "preview/pr-{number}",
        On::Branch | On::MergeGroup => "preview/{branch}",
    };
    FormatString::parse(format).expect("a valid format")
}

/// Returns a rule that gives every pull request a stack of its own.
pub(crate) fn preview_rule() -> Rule {
    Rule {
        overrides: CloneOverrides {
            stages: StageSelection::All,
            roles: CloneRoles {
                pipeline: Some(RoleChoice::Arn(ROLE.to_owned())),
                ..CloneRoles::default()
            },
            preview: PreviewStacks {
                stack_suffix: Some(FormatString::parse("-pr-{number}").expect("a valid format")),
                ..PreviewStacks::default()
            },
            ..CloneOverrides::default()
        },
        ..pull_request_rule()
    }
}

/// Returns the rule with check runs.
pub(crate) fn reported(rule: Rule) -> Rule {
    Rule {
        report: Some(ReportForm::Check),
        ..rule
    }
}
