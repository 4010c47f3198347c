//! Finds out whether an existing pipeline is the claimed subject's.

use std::time::Duration;

use crate::domain::clone::tags::{MANAGED_BY, REPOSITORY, is_ours, other_owner, subject_of};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineName, Subject};
use crate::domain::state::desired::Spec;
use crate::ports::{Clock, ExistingPipeline, Pipelines, Store};

use crate::reconcile::execute::{Executor, in_words};

/// The age up to which a pipeline without branchline's tags may be one whose tags CodePipeline does
/// not show yet. AWS states no time; tags usually appear within seconds.
const UNTAGGED_AGE: Duration = Duration::from_secs(300);

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns the fault of a name that an existing pipeline has, with the owner that its tags
    /// name.
    pub(in crate::reconcile) fn taken_by(&self, spec: &Spec, found: &ExistingPipeline) -> Fault {
        let Spec { pipeline, rule, .. } = spec;
        let other = subject_of(&found.tags, &self.owner);
        let detail = match (other, other_owner(&found.tags, &self.owner)) {
            (Some(other), _) => {
                let repository = found.tags.get(REPOSITORY).map_or("-", String::as_str);
                let owner = in_words(&other, repository);
                format!(
                    "the pipeline '{pipeline}' has the tags of {owner}: change pipeline_name of rule '{rule}', or of the other's, so that their names differ"
                )
            }
            (None, Some(owner)) => format!(
                "the pipeline '{pipeline}' belongs to the branchline with the owner '{owner}': change pipeline_name of rule '{rule}'"
            ),
            (None, None) => format!(
                "a pipeline '{pipeline}' exists that branchline did not create for this subject: rename it, or change pipeline_name of rule '{rule}'"
            ),
        };
        Fault::new(Reason::PipelineNameTaken, detail)
    }

    /// Returns true if branchline made the pipeline for the subject.
    ///
    /// # Errors
    /// `pipeline-untagged` while the pipeline is so new that its tags may be missing for a moment.
    /// A stranger's pipeline of that name is called one a few minutes later, and one of ours does
    /// not become an orphan.
    pub(in crate::reconcile) async fn owns(
        &self,
        name: &PipelineName,
        found: &ExistingPipeline,
        subject: &Subject,
    ) -> Result<bool, Fault> {
        if is_ours(&found.tags, subject, &self.owner) {
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

    /// Returns the fault of a pipeline that is not this subject's: its tags were removed, it was
    /// replaced by another one of that name, or it belongs to another installation.
    pub(in crate::reconcile) fn not_ours(
        &self,
        name: &PipelineName,
        found: &ExistingPipeline,
    ) -> Fault {
        let detail = match other_owner(&found.tags, &self.owner) {
            Some(other) => format!(
                "pipeline '{name}' has the tag {MANAGED_BY} = '{other}', and this installation is '{}': if it is the same one, set owner = \"{other}\" in [store] and replay; otherwise change the rule's pipeline_name",
                self.owner.as_str()
            ),
            None => format!(
                "pipeline '{name}' no longer carries this subject's branchline tags: delete it by hand, or put them back and replay"
            ),
        };
        Fault::new(Reason::PipelineNotOurs, detail)
    }
}
