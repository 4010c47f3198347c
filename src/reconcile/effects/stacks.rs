//! The stacks of a subject, as CloudFormation has them: whether a clone may deploy them, and their
//! deletion by CloudFormation itself after the pipeline was deleted.
//!
//! One stack is deleted at a time, the one that was deployed last first. Which of them are left is
//! asked each time, so the row need not say it.

use crate::domain::clone::NewPipeline;
use crate::domain::clone::execution::Execution;
use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::PipelineName;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::effect::EffectResult;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::teardown::{Teardown, TeardownRun};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Begins to delete the last stack that is left. Returns `None` if there is none, and the
    /// subject is gone.
    pub(in crate::reconcile) async fn delete_stack(
        &self,
        action: &ClaimedAction<'_>,
    ) -> Option<EffectOutcome> {
        let mapping = action.claim.mapping();
        let last = mapping.resources.teardown.clone().unwrap_or_default();
        // It went well for the stack before.
        let failures = match last.run {
            Some(TeardownRun::Stack(_)) => 0,
            Some(TeardownRun::Execution(_)) | None => last.failures,
        };
        let now = self.clock.now();
        let (teardown, problem) = match self.begin_deletion(action).await {
            Ok(Deletion::Begun(run)) => (Teardown::started(run, failures), None),
            Ok(Deletion::Busy(why)) => (Teardown::postponed(failures, now), Some(why)),
            // What was stopped may still be about to create one.
            Ok(Deletion::Nothing) if mapping.resources.teardown.is_none() && has_run(mapping) => {
                (Teardown::postponed(failures, now), None)
            }
            Ok(Deletion::Nothing) => return None,
            Err(fault) => return Some(self.teardown_failed(&last, fault, mapping)),
        };
        let done = EffectResult::Retiring { teardown, problem };
        Some(Ok((done, Outcome::TeardownStarted)))
    }

    /// Refuses a clone that would deploy over a stack of others, which would then be deleted with
    /// the clone. A rule whose stacks stay in the end records none, so none is looked for.
    /// CodePipeline does not tag stacks, so a stack is the subject's if its row has it, or if the
    /// pipeline that is there already deploys it. A stack of another account is not looked for.
    pub(in crate::reconcile) async fn refuse_stacks_of_others(
        &self,
        clone: &NewPipeline,
        rule: &Rule,
        row: &Mapping,
    ) -> Result<(), Fault> {
        let recorded = &row.resources.stacks;
        let is_new = |stack: &&Stack| !recorded.iter().any(|known| known.is_same(stack));
        for stack in clone.stacks.iter().filter(is_new) {
            if stack.role_of_other_account(&clone.arn).is_some()
                || self.stacks.named(stack).await?.is_none()
                || self.deploys(&clone.name, stack).await?
            {
                continue;
            }
            let (name, rule) = (&stack.name, &rule.name);
            let detail = format!(
                "stack {name} exists, and no pipeline of this subject has deployed it: change stack_suffix in preview of rule '{rule}', or delete the stack if nobody needs it, then replay"
            );
            return Err(Fault::new(Reason::StackNotOurs, detail));
        }
        Ok(())
    }

    /// Returns the stacks of a clone that its pipeline deploys as it is now.
    pub(in crate::reconcile) async fn deployed_stacks(
        &self,
        clone: &NewPipeline,
    ) -> Result<Vec<Stack>, Fault> {
        let mut deployed = Vec::new();
        for stack in &clone.stacks {
            if self.deploys(&clone.name, stack).await? {
                deployed.push(stack.clone());
            }
        }
        Ok(deployed)
    }

    /// Returns true if there is a pipeline of this name that deploys the stack. Whether it is ours
    /// is found out before it is changed.
    async fn deploys(&self, name: &PipelineName, stack: &Stack) -> Result<bool, Fault> {
        match self.pipelines.template(name).await {
            Ok(pipeline) => Ok(stack.is_of(&pipeline.declaration)),
            Err(fault) if fault.reason == Reason::TemplateMissing => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    async fn begin_deletion(&self, action: &ClaimedAction<'_>) -> Result<Deletion, Fault> {
        let mapping = action.claim.mapping();
        let Some((stack, found)) = self.last_stack(mapping).await? else {
            return Ok(Deletion::Nothing);
        };
        if let Some(arn) = mapping.pipeline_arn() {
            stack.refuse_other_account(arn)?;
        }
        if found.is_busy() {
            let why = format!("stack {} is {}", stack.name, found.status);
            return Ok(Deletion::Busy(why));
        }
        if found.status != FoundStack::DELETING {
            self.check_claim(action)?;
            self.stacks.delete(&found.id, action.claim).await?;
        }
        Ok(Deletion::Begun(TeardownRun::Stack(found.id)))
    }

    /// Returns the stack that was deployed last, of those that exist.
    pub(in crate::reconcile) async fn last_stack<'a>(
        &self,
        mapping: &'a Mapping,
    ) -> Result<Option<(&'a Stack, FoundStack)>, Fault> {
        for stack in mapping.resources.stacks.iter().rev() {
            if let Some(found) = self.stacks.named(stack).await? {
                return Ok(Some((stack, found)));
            }
        }
        Ok(None)
    }
}

/// Returns true if an execution was running when the deletion of the pipeline was claimed.
fn has_run(mapping: &Mapping) -> bool {
    let mut executions = mapping.observed.executions.iter();
    executions.any(Execution::is_running)
}

/// What came of the attempt to delete a stack.
enum Deletion {
    /// CloudFormation deletes it.
    Begun(TeardownRun),
    /// CloudFormation has to end something else first, in these words.
    Busy(String),
    /// There is none.
    Nothing,
}
