//! The index over the tags of the pipelines. It shows what it was told, or what there is.

use std::collections::BTreeMap;

use branchline::domain::clone::tags::{Tags, is_owned};
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{Owner, PipelineName};
use branchline::ports::TagIndex;

use super::pipelines::FakePipelines;
use super::rules::pipeline_name;

impl TagIndex for FakePipelines {
    async fn clones(&self, owner: &Owner) -> Result<BTreeMap<PipelineName, Tags>, Fault> {
        let all = self.all().into_iter();
        let ours = all.filter(|(_, pipeline)| is_owned(&pipeline.tags, owner));
        Ok(ours
            .map(|(name, pipeline)| (pipeline_name(&name), pipeline.tags))
            .collect())
    }
}

/// An index as it was at an earlier moment.
pub(crate) struct Earlier(pub(crate) BTreeMap<PipelineName, Tags>);

impl TagIndex for Earlier {
    async fn clones(&self, _owner: &Owner) -> Result<BTreeMap<PipelineName, Tags>, Fault> {
        Ok(self.0.clone())
    }
}

/// An index that the permissions do not allow to be read.
pub(crate) struct Denied;

impl TagIndex for Denied {
    async fn clones(&self, _owner: &Owner) -> Result<BTreeMap<PipelineName, Tags>, Fault> {
        Err(Fault::new(
            Reason::AwsDenied,
            "GetResources: as the test ordered",
        ))
    }
}
