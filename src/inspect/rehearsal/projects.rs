//! The CodeBuild port of a rehearsal, and the effects that it records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::domain::clone::projects::{NewProject, Project};
use crate::domain::fault::Fault;
use crate::domain::ids::ProjectName;
use crate::domain::state::claim::Claim;
use crate::ports::{CreateResult, ProjectAnswer, ProjectReader, ProjectWriter, Projects};

/// A call to CodeBuild that the daemon would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProjectCall {
    /// CreateProject.
    Create,
    /// UpdateProject.
    Update,
    /// DeleteProject.
    Delete,
}

impl ProjectCall {
    /// Returns the word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A call that the daemon would make, and its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PredictedProject {
    /// The call.
    pub kind: ProjectCall,
    /// The name of the project.
    pub project: String,
}

/// CodeBuild, with the rehearsed calls on top.
pub struct RehearsalProjects {
    inner: Arc<dyn ProjectReader>,
    called: Mutex<Called>,
}

#[derive(Default)]
struct Called {
    calls: Vec<PredictedProject>,
    /// What became of projects; `None` of those that were deleted.
    changed: BTreeMap<ProjectName, Option<Project>>,
}

impl RehearsalProjects {
    /// Rehearses over this CodeBuild.
    pub fn new(inner: Arc<dyn ProjectReader>) -> Self {
        Self {
            inner,
            called: Mutex::default(),
        }
    }

    /// Takes the calls since the last time.
    pub fn take(&self) -> Vec<PredictedProject> {
        std::mem::take(&mut self.lock().calls)
    }

    fn note(&self, kind: ProjectCall, name: &ProjectName, now: Option<Project>) {
        let mut called = self.lock();
        called.calls.push(PredictedProject {
            kind,
            project: name.to_string(),
        });
        called.changed.insert(name.clone(), now);
    }

    /// Locks the calls. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, names: &[ProjectName]) -> Result<Projects, Fault> {
        let mut found = self.inner.projects(names).await?;
        for (name, project) in &self.lock().changed {
            match project {
                Some(project) if names.contains(name) => {
                    found.insert(name.clone(), project.clone());
                }
                Some(_) => {}
                None => {
                    found.remove(name);
                }
            }
        }
        Ok(found)
    }
}

impl ProjectReader for RehearsalProjects {
    fn projects<'a>(&'a self, names: &'a [ProjectName]) -> ProjectAnswer<'a, Projects> {
        Box::pin(self.read(names))
    }
}

impl ProjectWriter for RehearsalProjects {
    fn create<'a>(
        &'a self,
        project: &'a NewProject,
        _claim: &'a Claim,
    ) -> ProjectAnswer<'a, CreateResult> {
        self.note(ProjectCall::Create, &project.name, Some(project.as_made()));
        Box::pin(async { Ok(CreateResult::Made) })
    }

    fn update<'a>(&'a self, project: &'a NewProject, _claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        self.note(ProjectCall::Update, &project.name, Some(project.as_made()));
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, name: &'a ProjectName, _claim: &'a Claim) -> ProjectAnswer<'a, ()> {
        self.note(ProjectCall::Delete, name, None);
        Box::pin(async { Ok(()) })
    }
}
