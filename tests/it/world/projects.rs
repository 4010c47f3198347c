//! A fake CodeBuild in the account of the fake CodePipeline: projects by name.

use std::collections::BTreeMap;

use branchline::domain::clone::projects::{NewProject, Project};
use branchline::domain::clone::tags::{PIPELINE, PROJECT, is_owned};
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::ProjectName;
use branchline::domain::state::claim::Claim;
use branchline::ports::{CreateResult, ProjectAnswer, ProjectReader, ProjectWriter, Projects};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::fault_injection::Op;
use super::lock;
use super::pipelines::FakePipelines;
use super::story::owner;

/// What CreateProject requires (API reference).
const REQUIRED: [&str; 5] = ["name", "source", "artifacts", "environment", "serviceRole"];
/// What CreateProject and UpdateProject take (API reference).
const ACCEPTED: [&str; 21] = [
    "artifacts",
    "autoRetryLimit",
    "buildBatchConfig",
    "cache",
    "concurrentBuildLimit",
    "description",
    "encryptionKey",
    "environment",
    "fileSystemLocations",
    "logsConfig",
    "name",
    "queuedTimeoutInMinutes",
    "secondaryArtifacts",
    "secondarySourceVersions",
    "secondarySources",
    "serviceRole",
    "source",
    "sourceVersion",
    "tags",
    "timeoutInMinutes",
    "vpcConfig",
];

/// Returns a project that a template may use, as BatchGetProjects returns it.
pub(crate) fn project(name: &str) -> Value {
    json!({
        "name": name,
        "arn": format!("arn:aws:codebuild:eu-west-1:123456789012:project/{name}"),
        "source": {"type": "CODEPIPELINE", "location": "ignored", "buildspec": "", "insecureSsl": false},
        "artifacts": {"type": "CODEPIPELINE", "location": "ignored", "name": name, "packaging": "NONE", "encryptionDisabled": false},
        "cache": {"type": "S3", "location": "cache/main"},
        "environment": {
            "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": false,
            "imagePullCredentialsType": "CODEBUILD",
            "environmentVariables": [{"name": "REGISTRY", "value": "npm.example.com", "type": "PLAINTEXT"}],
        },
        "serviceRole": "arn:aws:iam::123456789012:role/build",
        "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480,
        "encryptionKey": "arn:aws:kms:eu-west-1:123456789012:alias/aws/s3",
        "tags": [{"key": "team", "value": "api"}],
        "created": 1_700_000_000.5, "lastModified": 1_700_000_000.5,
        "badge": {"badgeEnabled": false}, "projectVisibility": "PRIVATE",
    })
}

impl FakePipelines {
    /// Makes or replaces a project as another user of the account.
    pub(crate) fn add_project(&self, project: Value) {
        let project = Project::new(project).expect("an object");
        let name = project.name().expect("a name");
        lock(&self.account()).projects.insert(name, project);
    }

    /// Deletes a project as another user of the account. Returns true if it existed.
    pub(crate) fn remove_project(&self, name: &str) -> bool {
        let name = ProjectName::parse(name).expect("a valid name");
        lock(&self.account()).projects.remove(&name).is_some()
    }

    /// Limits the number of projects in the account.
    pub(crate) fn limit_projects(&self, projects: usize) {
        lock(&self.account()).project_limit = Some(projects);
    }

    /// Returns every project, by name.
    pub(crate) fn all_projects(&self) -> BTreeMap<String, Project> {
        let account = self.account();
        let account = lock(&account);
        let projects = account.projects.iter();
        projects
            .map(|(name, project)| (name.to_string(), project.clone()))
            .collect()
    }

    /// Returns the names of the projects that branchline made.
    pub(crate) fn own_projects(&self) -> Vec<String> {
        let all = self.all_projects().into_iter();
        all.filter(|(_, project)| is_ours(project))
            .map(|(name, _)| name)
            .collect()
    }

    /// Returns the projects of clones, each as the clone, the copied project and the image.
    pub(crate) fn project_lines(&self) -> Vec<String> {
        let all = self.all_projects();
        let ours = all.values().filter(|project| is_ours(project));
        let line = |project: &Project| {
            let tags = project.tags();
            let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
            let image = setting(project, "/environment/image");
            format!(
                "project of {} from {}: {image}",
                tag(PIPELINE),
                tag(PROJECT)
            )
        };
        ours.map(line).collect()
    }
}

/// Returns a value of a project as JSON.
pub(crate) fn setting(project: &Project, pointer: &str) -> Value {
    let json = Value::Object(project.as_json().clone());
    json.pointer(pointer).cloned().unwrap_or_default()
}

fn is_ours(project: &Project) -> bool {
    is_owned(&project.tags(), &owner())
}

impl Account {
    fn create_project(&mut self, new: &NewProject) -> Result<CreateResult, Fault> {
        if self.projects.contains_key(&new.name) {
            return Ok(CreateResult::NameInUse);
        }
        let limit = self.project_limit.unwrap_or(usize::MAX);
        if self.projects.len() >= limit {
            let detail = "AccountLimitExceededException";
            return Err(Fault::new(Reason::ProjectQuota, detail));
        }
        let missing = REQUIRED.iter().find(|key| !new.request.contains_key(**key));
        if let Some(missing) = missing {
            return refused(&format!("no {missing}"));
        }
        check(&new.request)?;
        let project = described(new.request.clone());
        self.projects.insert(new.name.clone(), project);
        Ok(CreateResult::Made)
    }

    fn update_project(&mut self, new: &NewProject) -> Result<(), Fault> {
        let Some(project) = self.projects.get(&new.name) else {
            return Err(Fault::new(Reason::AwsConflict, "ResourceNotFoundException"));
        };
        assert!(
            is_ours(project),
            "'{}' was not branchline's to change",
            new.name
        );
        check(&new.request)?;
        let mut fields = project.as_json().clone();
        fields.extend(new.request.clone());
        self.projects.insert(new.name.clone(), described(fields));
        Ok(())
    }

    fn delete_project(&mut self, name: &ProjectName) {
        let gone = self.projects.remove(name);
        let ours = gone.as_ref().is_none_or(is_ours);
        assert!(ours, "'{name}' was not branchline's to delete");
    }
}

/// Adds what BatchGetProjects returns.
fn described(mut fields: Map<String, Value>) -> Project {
    let name = fields
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let arn = format!("arn:aws:codebuild:eu-west-1:123456789012:project/{name}");
    for (key, value) in [
        ("arn", Value::from(arn)),
        ("created", json!(1_767_225_600.25)),
        ("lastModified", json!(1_767_225_600.25)),
        ("badge", json!({"badgeEnabled": false})),
    ] {
        fields.insert(key.to_owned(), value);
    }
    Project::new(Value::Object(fields)).expect("an object")
}

/// Refuses what CodeBuild refuses.
fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    let unknown = request.keys().find(|key| !ACCEPTED.contains(&key.as_str()));
    if let Some(unknown) = unknown {
        return refused(&format!("unknown member {unknown}"));
    }
    let request = Value::Object(request.clone());
    let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str);
    let environment = |key: &str| text(&format!("/environment/{key}")).unwrap_or_default();
    if ["type", "image", "computeType"]
        .iter()
        .any(|key| environment(key).is_empty())
    {
        return refused("an incomplete environment");
    }
    let is_curated = environment("image").starts_with("aws/codebuild/");
    if is_curated && environment("imagePullCredentialsType") != "CODEBUILD" {
        return refused("the credentials of a curated image");
    }
    let has_encryption = request.pointer("/artifacts/encryptionDisabled").is_some();
    if text("/artifacts/type") != Some("S3") && has_encryption {
        return refused("encryptionDisabled");
    }
    let minutes = request.get("timeoutInMinutes").and_then(Value::as_i64);
    if minutes.is_some_and(|minutes| !(5..=2_160).contains(&minutes)) {
        return refused("timeoutInMinutes");
    }
    let tags = request.get("tags").and_then(Value::as_array);
    let tags = tags.map_or(0, Vec::len);
    match tags > 50 {
        true => refused("too many tags"),
        false => Ok(()),
    }
}

fn refused<T>(why: &str) -> Result<T, Fault> {
    let detail = format!("InvalidInputException: {why}");
    Err(Fault::new(Reason::DeclarationRefused, detail))
}

/// Checks the port's precondition: the claim is on the subject whose row has the project.
fn under(name: &ProjectName, claim: &Claim) {
    let mut recorded = claim.mapping().resources.projects.iter();
    let is_recorded = recorded.any(|project| project.name == *name);
    assert!(is_recorded, "the row of the claim has no '{name}'");
}

impl ProjectReader for FakePipelines {
    fn projects<'a>(&'a self, names: &'a [ProjectName]) -> ProjectAnswer<'a, Projects> {
        assert!((1..=100).contains(&names.len()), "{} names", names.len());
        let read = move || {
            let account = self.account();
            let account = lock(&account);
            let of = |name: &ProjectName| Some((name.clone(), account.projects.get(name)?.clone()));
            Ok(names.iter().filter_map(of).collect())
        };
        Box::pin(async move { self.pass(Op::ReadProjects, read).await })
    }
}

impl ProjectWriter for FakePipelines {
    fn create<'a>(
        &'a self,
        project: &'a NewProject,
        claim: &'a Claim,
    ) -> ProjectAnswer<'a, CreateResult> {
        under(&project.name, claim);
        let new = project.clone();
        let effect = move |account: &mut Account| account.create_project(&new);
        Box::pin(self.change_named(Op::CreateProject, project.name.as_str(), effect))
    }

    fn update<'a>(&'a self, project: &'a NewProject, claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        under(&project.name, claim);
        let new = project.clone();
        let effect = move |account: &mut Account| account.update_project(&new);
        Box::pin(self.change_named(Op::UpdateProject, project.name.as_str(), effect))
    }

    fn delete<'a>(&'a self, name: &'a ProjectName, claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        under(name, claim);
        let own = name.clone();
        let effect = move |account: &mut Account| {
            account.delete_project(&own);
            Ok(())
        };
        Box::pin(self.change_named(Op::DeleteProject, name.as_str(), effect))
    }
}
