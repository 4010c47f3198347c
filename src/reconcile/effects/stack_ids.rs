//! Whether a recorded stack is still the one that the subject had. CodePipeline deploys and deletes
//! stacks by their names, so only CloudFormation's ids tell a stack from another one that was made
//! under its name later.

use crate::domain::clone::stacks::Stack;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineArn, PipelineName};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::effects::stacks::has_run;
use crate::reconcile::execute::Executor;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Removes from a claim the stacks that are not the subject's any more: those that do not exist
    /// any more, if their ids are known, and all that are recorded for a pipeline that is made
    /// again after a teardown. One that the pipeline deploys by its name stays, if the pipeline may
    /// have deployed it again.
    pub(super) async fn drop_lost_stacks(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        let next = &claim.next;
        let deleted = effect.deleted();
        let is_remade = deleted.is_some() && next.resources.is_remade();
        let mut is_lost = Vec::new();
        for stack in &next.resources.stacks {
            let is_deleted = match &stack.id {
                Some(id) => self.stacks.stack(id).await?.is_none(),
                None => false,
            };
            is_lost.push(is_remade || is_deleted);
        }
        let found = match deleted.filter(|_| is_lost.contains(&true)) {
            Some(name) if self.may_have_run(name, claim).await? => self.declaration(name).await?,
            Some(_) | None => None,
        };
        let pipeline = found.as_ref().zip(next.pipeline_arn());
        let is_deployed =
            |stack: &Stack| pipeline.is_some_and(|(found, arn)| stack.is_deployed_by(found, arn));
        let stacks = next.resources.stacks.iter().zip(is_lost);
        let own = stacks.filter_map(|(stack, is_lost)| match is_lost {
            false => Some(stack.clone()),
            true => is_deployed(stack).then(|| Stack {
                id: None,
                ..stack.clone()
            }),
        });
        let own: Vec<Stack> = own.collect();
        // From now on the pipeline may be changed into one that deletes them.
        let resources = &mut claim.next.resources;
        if let Some(teardown) = resources.teardown.as_mut().filter(|_| !own.is_empty()) {
            teardown.is_remade &= !is_remade;
        }
        resources.stacks = own;
        Ok(())
    }

    /// Returns true if the clone may have run since a claim recorded the ids of its stacks. The
    /// first claim of a deletion finds them as the last settled attempt left them. It records the
    /// executions with the ids, so that a later claim finds out what has run since.
    async fn may_have_run(&self, name: &PipelineName, claim: &Transition) -> Result<bool, Fault> {
        let next = &claim.next;
        let teardown = next.resources.teardown.as_ref();
        if teardown.is_some_and(|teardown| teardown.failures > 0) {
            return Ok(false);
        }
        if !claim.repeats_deletion() || has_run(next) {
            return Ok(true);
        }
        let executions = self.last_executions(name, next).await?;
        let known = &next.observed.executions;
        // A stage that is tried again keeps the id of its execution.
        Ok(!executions.iter().all(|execution| known.contains(execution)))
    }

    /// Writes the ids of the stacks into the claim of a deletion. What others make under their
    /// names from then on is not deleted. If an execution may be replacing one, the end of the
    /// attempt records them.
    pub(in crate::reconcile) async fn identify_stacks(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        let next = &mut claim.next;
        if effect.deleted().is_none() || has_run(next) {
            return Ok(());
        }
        let is_forgotten = next.absence() == Some(AbsenceReason::Forgotten);
        if self.teardown_due(next).is_none() && !is_forgotten {
            return Ok(());
        }
        let pipeline = next.pipeline_arn().cloned();
        self.identify(next.resources.stacks.iter_mut(), pipeline.as_ref())
            .await
    }

    /// Returns the stacks with the ids that the claim did not record, because an execution was
    /// running; `None` if none was. One that does not exist may still be created by it.
    pub(in crate::reconcile) async fn late_ids(
        &self,
        mapping: &Mapping,
    ) -> Result<Option<Vec<Stack>>, Fault> {
        if !has_run(mapping) {
            return Ok(None);
        }
        let mut stacks = mapping.resources.stacks.clone();
        self.identify(stacks.iter_mut(), mapping.pipeline_arn())
            .await?;
        Ok(Some(stacks))
    }

    /// Writes the ids of stacks that exist, and whose ids are not known. One of another account is
    /// not looked for.
    pub(in crate::reconcile) async fn identify(
        &self,
        stacks: impl Iterator<Item = &mut Stack>,
        pipeline: Option<&PipelineArn>,
    ) -> Result<(), Fault> {
        for stack in stacks.filter(|stack| stack.id.is_none() && !stack.is_elsewhere(pipeline)) {
            match self.stacks.named(stack).await {
                Ok(found) => stack.id = found.map(|found| found.id),
                // A pipeline can delete what the daemon may not see.
                Err(fault) if fault.reason == Reason::AwsDenied => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Returns the stacks that exist, with their ids; `None` if CloudFormation must not be asked.
    /// Nothing deploys them any more, so one that does not exist was deleted: others may make one
    /// of its name before the next attempt.
    pub(in crate::reconcile) async fn left_stacks(
        &self,
        mapping: &Mapping,
    ) -> Result<Option<Vec<Stack>>, Fault> {
        match self.remaining_stacks(mapping).await {
            Ok(remaining) => Ok(Some(remaining)),
            Err(fault) if fault.reason == Reason::AwsDenied => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Returns true if nothing is left of an environment although its teardown has failed. What a
    /// teardown template removes is not known.
    pub(in crate::reconcile) fn is_gone(
        &self,
        remaining: Option<&Vec<Stack>>,
        mapping: &Mapping,
    ) -> bool {
        let by_template = self.teardown_policy(mapping).template().is_some();
        remaining.is_some_and(Vec::is_empty) && !by_template
    }

    /// Returns the recorded stacks that exist, with their ids. One of another account is not looked
    /// for.
    pub(in crate::reconcile) async fn remaining_stacks(
        &self,
        mapping: &Mapping,
    ) -> Result<Vec<Stack>, Fault> {
        let mut remaining = Vec::new();
        for stack in &mapping.resources.stacks {
            if stack.is_elsewhere(mapping.pipeline_arn()) {
                remaining.push(stack.clone());
            } else if let Some(found) = self.stacks.recorded(stack).await? {
                remaining.push(Stack {
                    id: Some(found.id),
                    ..stack.clone()
                });
            }
        }
        Ok(remaining)
    }
}
