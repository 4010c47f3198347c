//! The CodeBuild port: the projects of templates, and those of clones.

use std::collections::BTreeMap;
use std::pin::Pin;

use crate::domain::clone::projects::{NewProject, Project};
use crate::domain::fault::Fault;
use crate::domain::ids::ProjectName;
use crate::domain::state::claim::Claim;
use crate::ports::pipelines::CreateResult;

/// An answer of CodeBuild.
pub type ProjectAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Projects, by name.
pub type Projects = BTreeMap<ProjectName, Project>;

/// Read access to CodeBuild. It is used as an object, because few rules need it.
pub trait ProjectReader: Send + Sync + 'static {
    /// Returns those of these projects that exist, with their tags. At most 100 names.
    fn projects<'a>(&'a self, names: &'a [ProjectName]) -> ProjectAnswer<'a, Projects>;
}

/// Write access to CodeBuild, for the one place that acts. Every change needs a claim on the
/// subject whose row has the project.
pub trait ProjectWriter: ProjectReader {
    /// Creates a project with its tags. It builds nothing.
    ///
    /// If cancelled or failed: it may exist; a second call then returns
    /// [`CreateResult::NameInUse`].
    fn create<'a>(
        &'a self,
        project: &'a NewProject,
        claim: &'a Claim,
    ) -> ProjectAnswer<'a, CreateResult>;

    /// Replaces the settings of a project that [`Project::can_become`] the new one. Running builds
    /// go on as they began.
    ///
    /// If cancelled or failed: they may be replaced; a second call replaces them again.
    fn update<'a>(&'a self, project: &'a NewProject, claim: &'a Claim) -> ProjectAnswer<'a, ()>;

    /// Deletes a project. Deleting one that does not exist succeeds.
    fn delete<'a>(&'a self, name: &'a ProjectName, claim: &'a Claim) -> ProjectAnswer<'a, ()>;
}
