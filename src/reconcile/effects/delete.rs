//! Removing a clone.

use crate::domain::clone::execution::Execution;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::Fault;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{EffectResult, Transition};
use crate::domain::state::plan::Effect;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::effects::start::not_ours;
use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
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
        action: &ClaimedAction<'_>,
    ) -> EffectOutcome {
        let (mapping, name) = (action.claim.mapping(), &spec.pipeline);
        self.is_no_template(spec)?;
        let outcome = match self.pipelines.find(name, mapping.arn.as_ref()).await? {
            None => Outcome::AlreadyDeleted,
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.table) => {
                self.stop_running(spec, action).await?;
                self.check_claim(action)?;
                self.pipelines.delete(name, action.claim).await?;
                Outcome::Deleted
            }
            // Never settled as made, so never ours.
            Some(_) if mapping.arn.is_none() => Outcome::SkippedForeign,
            Some(_) => return Err(not_ours(name.as_str())),
        };
        self.release_slot(spec, action).await?;
        Ok((EffectResult::Absent, outcome))
    }

    /// What a delete does to an execution that runs is not documented, so a rule may have it stopped before.
    async fn stop_running(&self, spec: &Spec, action: &ClaimedAction<'_>) -> Result<(), Fault> {
        let rule = self.rules.named(&spec.rule);
        if !rule.is_some_and(|rule| rule.stop_on_close) {
            return Ok(());
        }
        let running = action
            .claim
            .mapping()
            .executions
            .iter()
            .filter(|e| e.is_running());
        for Execution { id, .. } in running {
            self.check_claim(action)?;
            self.pipelines
                .stop(&spec.pipeline, id, action.claim)
                .await?;
        }
        Ok(())
    }
}
