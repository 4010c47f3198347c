//! Finds out whether an existing pipeline is the claimed subject's.

use std::time::Duration;

use crate::domain::clone::tags::{MANAGED_BY, is_ours};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::PipelineName;
use crate::ports::{Clock, ExistingPipeline, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, Executor};

/// The age up to which a pipeline without branchline's tags may be one whose tags CodePipeline does
/// not show yet. AWS states no time; tags usually appear within seconds.
const UNTAGGED_AGE: Duration = Duration::from_secs(300);

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns true if branchline made the pipeline for the claimed subject.
    ///
    /// # Errors
    /// `pipeline-untagged` while the pipeline is so new that its tags may be missing for a moment.
    /// A stranger's pipeline of that name is called one a few minutes later, and one of ours does
    /// not become an orphan.
    pub(in crate::reconcile) async fn owns(
        &self,
        name: &PipelineName,
        found: &ExistingPipeline,
        action: &ClaimedAction<'_>,
    ) -> Result<bool, Fault> {
        if is_ours(&found.tags, &action.claim.mapping().subject, &self.table) {
            return Ok(true);
        }
        if found.tags.contains_key(MANAGED_BY) {
            return Ok(false);
        }
        let now = self.clock.now();
        let created_at = self.pipelines.created_at(name).await?;
        if created_at.is_none_or(|created_at| now.since(created_at) >= UNTAGGED_AGE) {
            return Ok(false);
        }
        let detail = format!(
            "pipeline '{name}' is new and shows none of branchline's tags yet: they are read again until it is {} minutes old",
            UNTAGGED_AGE.as_secs() / 60
        );
        Err(Fault::new(Reason::PipelineUntagged, detail))
    }
}
