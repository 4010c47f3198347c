//! Whether a recorded stack is still the one that the subject had. CodePipeline deploys and deletes
//! stacks by their names, so only CloudFormation's ids tell a stack from another one that was made
//! under its name later.

use crate::domain::clone::execution::{Execution, last_end};
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineArn, PipelineName, Timestamp};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{AbsenceReason, Spec};
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::effects::stacks::{exists, has_run};
use crate::reconcile::execute::Executor;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Removes from a claim the stacks that are not the subject's any more: those that do not exist
    /// any more, if their ids are known; those that others made after the clone had stopped
    /// deploying, if not; and all that are recorded for a pipeline that is deleted after it was
    /// made again. One that the pipeline deploys by its name stays, if the pipeline may have
    /// deployed it again.
    ///
    /// # Errors
    /// `stack-not-ours` if the pipeline would be started, and it is certain that others have made a
    /// stack since.
    pub(super) async fn drop_lost_stacks(
        &self,
        claim: &mut Transition,
        effect: &Effect,
        files: &Result<CloneFiles, Fault>,
    ) -> Result<(), Fault> {
        let next = &claim.next;
        let is_remade = effect.deleted().is_some() && next.resources.is_remade();
        let mut is_lost = Vec::new();
        for stack in &next.resources.stacks {
            is_lost.push(match &stack.id {
                _ if is_remade => true,
                Some(id) => self.stacks.stack(id).await?.is_none(),
                None => self.is_made_by_others(stack, claim, effect).await?,
            });
        }
        if !is_lost.contains(&true) {
            return Ok(());
        }
        let stacks = next.resources.stacks.iter().zip(is_lost);
        let found = match effect {
            Effect::Create(spec) | Effect::Start(spec) | Effect::Adopt(spec) => {
                let lost = stacks.clone();
                let lost = lost.filter_map(|(stack, is_lost)| is_lost.then_some(stack));
                self.refuse_made_again(lost.collect(), spec, claim, files)
                    .await?;
                None
            }
            Effect::Delete(name) if self.may_have_run(name, claim).await? => {
                self.declaration(name).await?
            }
            Effect::Delete(_) => None,
        };
        let pipeline = found.as_ref().zip(next.pipeline_arn());
        let is_deployed = |stack: &Stack| {
            let is_of_others = stack.id.is_none() && !is_remade;
            !is_of_others && pipeline.is_some_and(|(found, arn)| stack.is_deployed_by(found, arn))
        };
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

    /// Refuses to deploy over a stack that others have made since a deletion was cut off: the clone
    /// still deploys its name. One whose id is gone may have been deployed again.
    async fn refuse_made_again(
        &self,
        mut lost: Vec<&Stack>,
        spec: &Spec,
        claim: &Transition,
        files: &Result<CloneFiles, Fault>,
    ) -> Result<(), Fault> {
        let next = &claim.next;
        let Some(rule) = rule_of(next, spec, &self.rules) else {
            return Ok(());
        };
        let is_known = !next.observed.executions.is_empty();
        let has_id = lost.iter().any(|stack| stack.id.is_some());
        if has_id && (!is_known || self.may_have_run(&spec.pipeline, claim).await?) {
            lost.retain(|stack| stack.id.is_none());
        }
        if lost.is_empty() {
            return Ok(());
        }
        // A clone that cannot be built deploys nothing. Preparing it reports why.
        let Ok(files) = files else {
            return Ok(());
        };
        let Ok((clone, _)) = self.clone_of(spec, next, rule, files).await else {
            return Ok(());
        };
        let deployed = clone.stack_keys();
        lost.retain(|stack| deployed.contains(&stack.key(&clone.arn)));
        for stack in lost {
            if self.stacks.named(stack).await?.is_some() {
                return Err(exists(stack, rule));
            }
        }
        Ok(())
    }

    /// Returns true if others have made a stack under a name whose id is not recorded: it was
    /// created after the clone had stopped deploying, for a deletion that an earlier attempt has
    /// begun.
    async fn is_made_by_others(
        &self,
        stack: &Stack,
        claim: &Transition,
        effect: &Effect,
    ) -> Result<bool, Fault> {
        let next = &claim.next;
        let name = match effect {
            Effect::Create(spec) | Effect::Start(spec) | Effect::Adopt(spec) => &spec.pipeline,
            Effect::Delete(name) => name,
        };
        if !claim.follows_deletion() || stack.is_elsewhere(next.pipeline_arn()) {
            return Ok(false);
        }
        let found = match self.stacks.named(stack).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(false),
            // A pipeline can delete what the daemon may not see.
            Err(fault) if fault.reason == Reason::AwsDenied => return Ok(false),
            Err(fault) => return Err(fault),
        };
        let until = self.deployed_until(name, stack, claim).await?;
        Ok(found.is_newer_than(until))
    }

    /// Returns when a clone had stopped deploying a stack, after an earlier attempt has begun to
    /// delete the clone; `None` if it may still deploy the stack. An attempt that was settled has
    /// recorded it.
    async fn deployed_until(
        &self,
        name: &PipelineName,
        stack: &Stack,
        claim: &Transition,
    ) -> Result<Option<Timestamp>, Fault> {
        let next = &claim.next;
        if let Some(until) = next.resources.deployed_until() {
            return Ok(Some(until));
        }
        match self.pipelines.template(name).await {
            Ok(found) if stack.is_deployed_by(&found.declaration, &found.arn) => {
                Ok(last_end(&self.last_executions(name, next).await?))
            }
            // It was changed into the one that removes the environment.
            Ok(found) => Ok(found.updated_at),
            // The worker before this one has deleted it, while its claim lasted.
            Err(fault) if fault.reason == Reason::TemplateMissing => {
                let ended = last_end(&next.observed.executions);
                Ok(ended.or(claim.taken_over().map(|last| last.until)))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Returns true if the clone may have run since a claim recorded the ids of its stacks. The
    /// first claim of a deletion records them with the executions, so that a later claim finds out
    /// what has run since.
    async fn may_have_run(&self, name: &PipelineName, claim: &Transition) -> Result<bool, Fault> {
        let next = &claim.next;
        let teardown = next.resources.teardown.as_ref();
        if teardown.is_some_and(|teardown| teardown.failures > 0) {
            return Ok(false);
        }
        let known = &next.observed.executions;
        if known.is_empty() && !claim.repeats_deletion() {
            return Ok(true);
        }
        let executions = self.last_executions(name, next).await?;
        // One that was running did not replace a stack whose id was recorded: that was complete.
        let is_known = |one: &Execution| known.iter().any(|known| known.is_same_run(one));
        Ok(!executions.iter().all(is_known))
    }

    /// Writes the ids of the stacks into the claim of a deletion. What others make under their
    /// names from then on is not deleted. If an execution may create or replace one, the end of the
    /// attempt records its id.
    pub(in crate::reconcile) async fn identify_stacks(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        let next = &mut claim.next;
        if effect.deleted().is_none() {
            return Ok(());
        }
        let is_forgotten = next.absence() == Some(AbsenceReason::Forgotten);
        if self.teardown_due(next).is_none() && !is_forgotten {
            return Ok(());
        }
        let pipeline = next.pipeline_arn().cloned();
        let (may_replace, until) = (has_run(next), next.resources.deployed_until());
        let stacks = next.resources.stacks.iter_mut();
        let is_own = |found: &FoundStack| {
            let stays = !may_replace || !found.may_be_replaced();
            stays && !found.is_newer_than(until)
        };
        self.identify(stacks, pipeline.as_ref(), is_own).await
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
        let until = mapping.resources.deployed_until();
        let is_own = |found: &FoundStack| !found.is_newer_than(until);
        self.identify(stacks.iter_mut(), mapping.pipeline_arn(), is_own)
            .await?;
        Ok(Some(stacks))
    }

    /// Writes the ids of stacks that exist and are the subject's own, and whose ids are not known.
    /// One of another account is not looked for.
    pub(in crate::reconcile) async fn identify(
        &self,
        stacks: impl Iterator<Item = &mut Stack>,
        pipeline: Option<&PipelineArn>,
        is_own: impl Fn(&FoundStack) -> bool,
    ) -> Result<(), Fault> {
        for stack in stacks.filter(|stack| stack.id.is_none() && !stack.is_elsewhere(pipeline)) {
            match self.stacks.named(stack).await {
                Ok(found) => stack.id = found.filter(&is_own).map(|found| found.id),
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

    /// Returns a recorded stack as CloudFormation has it; `None` if it was deleted, also if others
    /// have made another one of its name since.
    pub(in crate::reconcile) async fn own_stack(
        &self,
        stack: &Stack,
        mapping: &Mapping,
    ) -> Result<Option<FoundStack>, Fault> {
        let found = self.stacks.recorded(stack).await?;
        let until = mapping.resources.deployed_until();
        Ok(found.filter(|found| stack.id.is_some() || !found.is_newer_than(until)))
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
            } else if let Some(found) = self.own_stack(stack, mapping).await? {
                remaining.push(Stack {
                    id: Some(found.id),
                    ..stack.clone()
                });
            }
        }
        Ok(remaining)
    }
}
