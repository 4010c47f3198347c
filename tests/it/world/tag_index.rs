//! The index over the tags of the pipelines. It shows what it was told, or what there is.

use branchline::domain::clone::tags::is_owned;
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{Owner, ProjectName};
use branchline::ports::{TagIndex, TaggedResources};

use super::pipelines::FakePipelines;
use super::rules::pipeline_name;

impl TagIndex for FakePipelines {
    async fn clones(&self, owner: &Owner) -> Result<TaggedResources, Fault> {
        let all = self.all().into_iter();
        let ours = all.filter(|(_, pipeline)| is_owned(&pipeline.tags, owner));
        let projects = self.all_projects().into_iter();
        let projects = projects.map(|(name, project)| (name, project.tags()));
        let projects = projects.filter(|(_, tags)| is_owned(tags, owner));
        Ok(TaggedResources {
            pipelines: ours
                .map(|(name, pipeline)| (pipeline_name(&name), pipeline.tags))
                .collect(),
            projects: projects
                .map(|(name, tags)| (ProjectName::parse(name).unwrap(), tags))
                .collect(),
        })
    }
}

/// An index as it was at an earlier moment.
pub(crate) struct Earlier(pub(crate) TaggedResources);

impl TagIndex for Earlier {
    async fn clones(&self, _owner: &Owner) -> Result<TaggedResources, Fault> {
        Ok(self.0.clone())
    }
}

/// An index that the permissions do not allow to be read.
pub(crate) struct Denied;

impl TagIndex for Denied {
    async fn clones(&self, _owner: &Owner) -> Result<TaggedResources, Fault> {
        Err(Fault::new(
            Reason::AwsDenied,
            "GetResources: as the test ordered",
        ))
    }
}
