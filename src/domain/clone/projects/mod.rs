//! The CodeBuild projects of a clone. An action of a pipeline can replace the buildspec, the role
//! and the environment variables of its project, and nothing else: for another image, compute type,
//! privileged mode, timeout or cache, the clone needs a project of its own.

pub(crate) mod project;
mod settings;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::clone::side_effects::PROJECT;
use crate::domain::clone::tags::Tags;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineArn, PipelineName, ProjectName};

pub use project::{NewProject, Project};
pub use settings::{
    BuildCache, BuildOverrides, BuildSettings, build_compute, build_image, build_timeout,
};

/// The most projects of a clone. One read returns them, those that they are copied from and those
/// that the clone had before: 100 names (CodeBuild API reference, BatchGetProjects).
const MAX_PROJECTS: usize = 30;

/// A project that a clone needs: a copy of one of the template's, with other settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectClone {
    /// The name.
    pub name: ProjectName,
    /// The project that is copied.
    pub template: ProjectName,
    /// What differs.
    pub settings: BuildSettings,
    /// branchline's tags and the rule's.
    pub tags: Tags,
}

impl BuildOverrides {
    /// Lets the CodeBuild actions of the clone use projects of its own, and returns these. Actions
    /// that use the same project with the same settings share one. An action without settings keeps
    /// the template's project.
    ///
    /// # Errors
    /// A permanent fault when an action that has settings does not exist, when the name of a
    /// project is not in the declaration as such, or when it is in another account or Region.
    pub(super) fn set_projects(
        &self,
        clone: &mut Declaration,
        pipeline: &PipelineName,
        template: &PipelineArn,
    ) -> Result<Vec<ProjectClone>, Fault> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let builds = clone.builds();
        if let Some((missing, _)) = self.actions.iter().find(|(path, _)| !builds.contains(path)) {
            let paths: Vec<String> = builds.iter().map(ToString::to_string).collect();
            return Err(fault(format!(
                "the clone of template '{}' has no CodeBuild action '{missing}' for build of the rule (it has {}): correct the rule, or keep the action's stage",
                clone.name(),
                paths.join(", ")
            )));
        }
        let mut projects: Vec<ProjectClone> = Vec::new();
        for path in builds {
            let settings = self.of(&path);
            if settings.is_empty() {
                continue;
            }
            let copied = clone.actions().find(|action| action.path() == path);
            let copied = copied.map(|action| project_of(&action, template));
            let Some(copied) = copied.transpose()? else {
                continue;
            };
            let same = |one: &&ProjectClone| one.template == copied && one.settings == settings;
            let name = match projects.iter().find(same) {
                Some(shared) => shared.name.clone(),
                None => {
                    let part = self.part(&path, &settings);
                    let name = ProjectName::of_clone(pipeline, &copied, &part);
                    projects.push(ProjectClone {
                        name: name.clone(),
                        template: copied,
                        settings,
                        tags: Tags::new(),
                    });
                    name
                }
            };
            if let Some(configuration) = clone.configuration_mut(&path) {
                configuration.insert(PROJECT.to_owned(), Value::from(name.as_str()));
            }
        }
        match projects.len() <= MAX_PROJECTS {
            true => Ok(projects),
            false => Err(fault(format!(
                "the clone would have {} CodeBuild projects of its own, and branchline makes at most {MAX_PROJECTS}",
                projects.len()
            ))),
        }
    }

    /// Returns what tells the project of an action apart from others of the same template: nothing
    /// as long as it has the settings of all actions. So its name stays when they change.
    fn part(&self, action: &ActionPath, settings: &BuildSettings) -> String {
        match *settings == self.all {
            true => String::new(),
            false => action.to_string(),
        }
    }
}

/// Returns the project of a CodeBuild action.
fn project_of(action: &Action<'_>, template: &PipelineArn) -> Result<ProjectName, Fault> {
    let path = action.path();
    let name = action.configured(PROJECT).unwrap_or_default();
    let project = ProjectName::parse(name).map_err(|_| {
        fault(format!(
            "{PROJECT} of '{path}' is not the name of a CodeBuild project, so it cannot be copied: write the name in the template, or remove the action from build of the rule"
        ))
    })?;
    let elsewhere = |what: &str| {
        fault(format!(
            "'{path}' runs in another {what}, where branchline makes no CodeBuild projects: give it no settings in build of the rule"
        ))
    };
    let text = template.as_str();
    let (region, account) = (text.split(':').nth(3), text.split(':').nth(4));
    if action.region().is_some_and(|other| Some(other) != region) {
        return Err(elsewhere("Region"));
    }
    let other = action.role().and_then(|role| role.split(':').nth(4));
    if other.is_some_and(|other| Some(other) != account) {
        return Err(elsewhere("account"));
    }
    Ok(project)
}

fn fault(detail: String) -> Fault {
    Fault::new(Reason::RuleTemplateMismatch, detail)
}

#[cfg(test)]
mod tests;
