//! Adopts a clone whose mapping was lost.

use crate::domain::clone::execution::last_built;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::ids::ExecutionId;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::desired::{AbsenceReason, Spec};
use crate::domain::state::effect::{EffectResult, ExistingClone};
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Records the clone as it is. No call changes it: without a fingerprint, its next start brings
    /// it up to date with its template and rule.
    pub(in crate::reconcile) async fn adopt(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        if let Some(end) = self.repository_end(mapping).await? {
            let outcome = Outcome::Recorded(Some(end.reason));
            return Ok((EffectResult::Ended(end.reason), outcome));
        }
        let name = &spec.pipeline;
        let found = match self.pipelines.find(name, None).await? {
            None => return Ok((not_adopted(), Outcome::AlreadyDeleted)),
            Some(found) if self.owns(name, &found, &mapping.subject).await? => found,
            Some(_) => return Ok((not_adopted(), Outcome::SkippedForeign)),
        };
        let executions = self.pipelines.executions(name, None).await?;
        let newest = executions.first().map(|one| one.id.clone());
        let adopted = ExistingClone {
            name: name.clone(),
            arn: found.arn,
            version: None,
            template_version: None,
            fingerprint: CloneFingerprint::default(),
            projects: self.kept_projects(action),
            stacks: Vec::new(),
            slot: self
                .hold_slot(rule_of(mapping, spec, &self.rules), action)
                .await?,
            execution: newest.and_then(|id| ExecutionId::parse(id).ok()),
            built: last_built(&executions),
        };
        Ok((EffectResult::Present(Box::new(adopted)), Outcome::Adopted))
    }
}

/// Returns the end of an adoption whose clone is gone, or is not ours any more.
fn not_adopted() -> EffectResult {
    EffectResult::Ended(AbsenceReason::Orphan)
}
