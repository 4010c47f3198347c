//! What two lists tell about the pipelines of the account, instead of two calls for each clone.
//!
//! Both lists may be a moment old. They can show that a clone is in order, and never that it is
//! not: whatever they leave open is read from CodePipeline itself.

use std::collections::BTreeMap;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineName, ProjectName, Subject};
use crate::domain::state::mapping::Mapping;
use crate::ports::{PipelineReader, TagIndex, TaggedResources};

/// The pipelines of the account as two lists show them.
pub(super) struct Overview {
    /// Every pipeline, with its version.
    versions: BTreeMap<PipelineName, Option<i32>>,
    /// The tags of the clones of this installation; `None` if the index did not answer.
    clones: Option<TaggedResources>,
}

impl Overview {
    /// Reads both lists. Without the index of tags, returns its fault beside the overview.
    ///
    /// # Errors
    /// CodePipeline did not answer.
    pub(super) async fn read(
        pipelines: &impl PipelineReader,
        index: &impl TagIndex,
        owner: &Owner,
    ) -> Result<(Self, Option<Fault>), Fault> {
        let (listed, clones) = tokio::join!(pipelines.list(), index.clones(owner));
        let versions = listed?.into_iter().map(|one| (one.name, one.version));
        let versions = versions.collect();
        let (clones, fault) = match clones {
            Ok(clones) => (Some(clones), None),
            Err(fault) => (None, Some(fault)),
        };
        Ok((Self { versions, clones }, fault))
    }

    /// Returns the pipelines that may be clones of this installation.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &PipelineName> {
        let is_candidate = |name: &PipelineName| {
            let clones = self.clones.as_ref();
            clones.is_none_or(|clones| clones.pipelines.contains_key(name))
        };
        self.versions.keys().filter(move |name| is_candidate(name))
    }

    /// Returns the pipelines that carry the tags of a subject. Without the index, none is known.
    pub(super) fn clones_of(&self, subject: &Subject, owner: &Owner) -> Vec<&PipelineName> {
        let clones = self.clones.iter().flat_map(|clones| &clones.pipelines);
        let is_its_own = |name: &PipelineName, tags| {
            self.versions.contains_key(name) && is_ours(tags, subject, owner)
        };
        let own = clones.filter(|(name, tags)| is_its_own(name, tags));
        own.map(|(name, _)| name).collect()
    }

    /// Returns the CodeBuild projects that carry this installation's tag. Without the index, none
    /// is known.
    pub(super) fn projects(&self) -> impl Iterator<Item = &ProjectName> {
        let clones = self.clones.iter();
        clones.flat_map(|clones| clones.projects.keys())
    }

    /// Returns true if the pipeline of a row exists, and carries the tags of its subject.
    pub(super) fn shows(&self, row: &Mapping, owner: &Owner) -> bool {
        let tags = |name| self.clones.as_ref()?.pipelines.get(name);
        row.pipeline_name().is_some_and(|name| {
            let is_ours = |tags| is_ours(tags, &row.subject, owner);
            self.versions.contains_key(name) && tags(name).is_some_and(is_ours)
        })
    }

    /// Returns true if the pipeline of a row is the wanted clone: branchline wrote that one, and
    /// nobody has written another one since.
    pub(super) fn is_as_written(&self, row: &Mapping, wanted: &NewPipeline) -> bool {
        let listed = row.pipeline_name().and_then(|name| self.versions.get(name));
        let written = row.pipeline_version();
        let fingerprint = row.fingerprint();
        written.is_some()
            && listed == Some(&written)
            && fingerprint.is_some_and(|written| written.matches(&wanted.fingerprint))
    }
}
