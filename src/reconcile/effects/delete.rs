//! Removing a clone.

use crate::domain::clone::execution::Execution;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::Fault;
use crate::domain::outcome::journal::Outcome;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{EffectResult, Transition};
use crate::domain::state::plan::Effect;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::effects::start::not_ours;
use crate::reconcile::execute::{ClaimedAction, EffectOutcome};

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Before a clone is removed its last executions are written into the claim: CodePipeline forgets them with the
    /// pipeline, and whoever finishes a removal that was cut off finds them there.
    pub(in crate::reconcile) async fn remember_executions(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        let next = &mut claim.next;
        match effect {
            Effect::Delete(spec) if next.executions.is_empty() && next.arn.is_some() => {
                next.executions = self.pipelines.executions(&spec.pipeline).await?;
            }
            Effect::Delete(_) | Effect::Create(_) | Effect::Start(_) => {}
        }
        Ok(())
    }

    pub(in crate::reconcile) async fn delete(
        &self,
        spec: &Spec,
        work: &ClaimedAction<'_>,
    ) -> EffectOutcome {
        let (mapping, name) = (work.claim.mapping(), &spec.pipeline);
        self.is_no_template(spec)?;
        let outcome = match self.pipelines.find(name, mapping.arn.as_ref()).await? {
            None => Outcome::AlreadyDeleted,
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.setup.table) => {
                self.stop_running(spec, work).await?;
                self.may_touch(work)?;
                self.pipelines.delete(name, work.claim).await?;
                Outcome::Deleted
            }
            // Never settled as made, so never ours.
            Some(_) if mapping.arn.is_none() => Outcome::LeftAlone,
            Some(_) => return Err(not_ours(name.as_str())),
        };
        self.release_slot(spec, work).await?;
        Ok((EffectResult::Absent, outcome))
    }

    /// What a delete does to an execution that runs is not documented, so a rule may have it stopped before.
    async fn stop_running(&self, spec: &Spec, work: &ClaimedAction<'_>) -> Result<(), Fault> {
        let rule = self.setup.rules.named(&spec.rule);
        if !rule.is_some_and(|rule| rule.stop_on_close) {
            return Ok(());
        }
        let running = work
            .claim
            .mapping()
            .executions
            .iter()
            .filter(|e| e.is_running());
        for Execution { id, .. } in running {
            self.may_touch(work)?;
            self.pipelines.stop(&spec.pipeline, id, work.claim).await?;
        }
        Ok(())
    }
}
