//! Implements the projects port with CodeBuild.
//!
//! Its calls have no limiter of their own: an action makes them beside its calls to CodePipeline,
//! which are limited, and as many at most.

use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codebuild::operation::RequestId;
use serde_json::Value;

use crate::domain::clone::projects::NewProject;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::ProjectName;
use crate::domain::state::claim::Claim;
use crate::ports::{CreateResult, ProjectAnswer, ProjectReader, ProjectWriter, Projects};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault, fault_without};
use crate::aws::project;

/// CreateProject's error for a name in use.
const NAME_IN_USE: &str = "ResourceAlreadyExistsException";

/// The client of CodeBuild.
pub struct CodeBuildProjects(Client);

impl Aws {
    /// Creates the client of CodeBuild.
    #[must_use]
    pub fn projects(&self) -> CodeBuildProjects {
        CodeBuildProjects::new(Client::new(&self.0))
    }
}

impl CodeBuildProjects {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    async fn read(&self, names: &[ProjectName]) -> Result<Projects, Fault> {
        let call = "BatchGetProjects";
        let names = names.iter().map(ToString::to_string).collect();
        let request = self.0.batch_get_projects().set_names(Some(names));
        let answer = measured(Service::CodeBuild, call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::CodeBuild, call, error))?;
        let mut found = Projects::new();
        for project in answer.projects() {
            let unreadable = |why: &str| Fault::new(Reason::AwsUnknown, format!("{call}: {why}"));
            let project = project::from_sdk(project).map_err(|why| unreadable(&why))?;
            let name = project.name();
            let name = name.ok_or_else(|| unreadable("an answer without a name"))?;
            found.insert(name, project);
        }
        Ok(found)
    }

    async fn make(&self, new: &NewProject) -> Result<CreateResult, Fault> {
        let call = format!("CreateProject {}", new.name);
        let request = project::create(&self.0, new).map_err(|why| refused_here(new, &why))?;
        match measured(Service::CodeBuild, &call, request.send()).await {
            Ok(_) => Ok(CreateResult::Made),
            Err(error) if error.code() == Some(NAME_IN_USE) => Ok(CreateResult::NameInUse),
            Err(error) => Err(refused(&call, error, new)),
        }
    }

    async fn replace(&self, new: &NewProject) -> Result<(), Fault> {
        let call = format!("UpdateProject {}", new.name);
        let request = project::update(&self.0, new).map_err(|why| refused_here(new, &why))?;
        let answer = measured(Service::CodeBuild, &call, request.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| refused(&call, error, new))
    }

    async fn remove(&self, name: &ProjectName) -> Result<(), Fault> {
        let call = format!("DeleteProject {name}");
        let request = self.0.delete_project().name(name.as_str());
        let answer = measured(Service::CodeBuild, &call, request.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| fault(Service::CodeBuild, &call, error))
    }
}

impl ProjectReader for CodeBuildProjects {
    fn projects<'a>(&'a self, names: &'a [ProjectName]) -> ProjectAnswer<'a, Projects> {
        Box::pin(self.read(names))
    }
}

impl ProjectWriter for CodeBuildProjects {
    fn create<'a>(
        &'a self,
        project: &'a NewProject,
        _claim: &'a Claim,
    ) -> ProjectAnswer<'a, CreateResult> {
        Box::pin(self.make(project))
    }

    fn update<'a>(&'a self, project: &'a NewProject, _claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        Box::pin(self.replace(project))
    }

    fn delete<'a>(&'a self, name: &'a ProjectName, _claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        Box::pin(self.remove(name))
    }
}

fn refused_here(project: &NewProject, why: &str) -> Fault {
    let detail = format!(
        "the CodeBuild project '{}' cannot be written as a request: {why}",
        project.name
    );
    Fault::new(Reason::DeclarationRefused, detail)
}

/// Creates the fault of a call that sent a project, whose environment variables AWS may quote.
fn refused<E>(call: &str, error: SdkError<E>, project: &NewProject) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let variables = project.request.get("environment");
    let variables = variables.and_then(|environment| environment.get("environmentVariables"));
    let variables = variables.and_then(Value::as_array).into_iter().flatten();
    let values = variables.filter_map(|one| one.get("value")?.as_str());
    let values: Vec<String> = values.map(str::to_owned).collect();
    fault_without(Service::CodeBuild, call, error, &values)
}
