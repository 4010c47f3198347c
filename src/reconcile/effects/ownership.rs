//! Finds out whether an existing pipeline is the claimed subject's.

use std::time::Duration;

use crate::domain::clone::tags::{MANAGED_BY, REPOSITORY, is_ours, subject_of};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::PipelineName;
use crate::domain::state::desired::Spec;
use crate::ports::{Clock, ExistingPipeline, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, Executor, in_words};

/// The age up to which a pipeline without branchline's tags may be one whose tags CodePipeline does
/// not show yet. AWS states no time; tags usually appear within seconds.
const UNTAGGED_AGE: Duration = Duration::from_secs(300);

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns the fault of a name that an existing pipeline has, with the owner that its tags
    /// name.
    pub(in crate::reconcile) fn taken_by(&self, spec: &Spec, found: &ExistingPipeline) -> Fault {
        let Spec { pipeline, rule, .. } = spec;
        let managed_by = found.tags.get(MANAGED_BY);
        let other = subject_of(&found.tags, &self.owner);
        let detail = match (other, managed_by) {
            (Some(other), _) => {
                let repository = found.tags.get(REPOSITORY).map_or("-", String::as_str);
                let owner = in_words(&other, repository);
                format!(
                    "the pipeline '{pipeline}' has the tags of {owner}: change pipeline_name of rule '{rule}', or of the other's, so that their names differ"
                )
            }
            (None, Some(owner)) if owner != self.owner.as_str() => format!(
                "the pipeline '{pipeline}' belongs to the branchline with the owner '{owner}': change pipeline_name of rule '{rule}'"
            ),
            (None, Some(_) | None) => format!(
                "a pipeline '{pipeline}' exists that branchline did not create for this subject: rename it, or change pipeline_name of rule '{rule}'"
            ),
        };
        Fault::new(Reason::PipelineNameTaken, detail)
    }

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
        if is_ours(&found.tags, &action.claim.mapping().subject, &self.owner) {
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
