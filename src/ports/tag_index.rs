//! The tag index port: the tags of many pipelines at once, a moment late.

use std::collections::BTreeMap;
use std::future::Future;

use crate::domain::clone::tags::Tags;
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineName, ProjectName};

/// The clones of an installation as the index has them.
#[derive(Clone, Debug, Default)]
pub struct TaggedResources {
    /// The pipelines.
    pub pipelines: BTreeMap<PipelineName, Tags>,
    /// The CodeBuild projects.
    pub projects: BTreeMap<ProjectName, Tags>,
}

/// An index over the tags of all pipelines and CodeBuild projects of the account in this Region.
///
/// It is brought up to date a while after one of them changes: a new clone may be missing, a
/// deleted one may still be there, and tags may be old. Whatever it shows is read again before
/// anything is done about it.
pub trait TagIndex: Send + Sync + 'static {
    /// Returns the tags of the clones of an installation, and of their projects.
    fn clones(&self, owner: &Owner) -> impl Future<Output = Result<TaggedResources, Fault>> + Send;
}
