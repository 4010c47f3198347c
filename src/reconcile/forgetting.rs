//! Forgets a mapping that can never settle, at an operator's request.

use crate::domain::clone::tags::is_ours;
use crate::domain::fault::Fault;
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Plan, Unchanged, plan_forgetting};
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Makes a tombstone of the mapping, unless it has changed since the operator read it, or a
    /// pipeline of ours exists. The stacks of a retiring subject stay, and its pipeline, which
    /// deletes them, is deleted.
    pub(super) async fn forget(
        &self,
        request: &RepairRequest,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repair(request);
        let subject = &request.repair.subject;
        let _lane = self.lanes.enter(subject).await?;
        let context = ActionContext::of_repair(request, lease);
        let seen = self.store().mapping(subject).await?;
        if let Some(seen) = &seen
            && seen.state != State::Retiring
            && self.has_pipeline_of_ours(seen).await?
        {
            return Ok(Outcome::Unchanged(Unchanged::PipelineExists));
        }
        // The check holds for the row as it was read.
        let checked = seen.as_ref().map(Mapping::as_seen);
        let plan = |row: Option<&Mapping>, claim, now, _| match row.map(Mapping::as_seen) == checked
        {
            true => plan_forgetting(request, row, claim, now),
            false => Plan::Nothing(Unchanged::Stale),
        };
        self.apply_plan(plan, seen.map(Box::new), &context, journal)
            .await
    }

    async fn has_pipeline_of_ours(&self, mapping: &Mapping) -> Result<bool, Fault> {
        let Some(name) = mapping.pipeline_name() else {
            return Ok(false);
        };
        let found = self.pipelines().find(name, mapping.pipeline_arn()).await?;
        let owner = &self.executor.owner;
        Ok(found.is_some_and(|found| is_ours(&found.tags, &mapping.subject, owner)))
    }
}
