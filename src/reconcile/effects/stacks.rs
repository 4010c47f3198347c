//! Deletes the stacks of a subject by CloudFormation itself, after its pipeline was deleted.
//!
//! One stack is deleted at a time, the one that was deployed last first. Which of them are left is
//! asked each time, so the row need not say it.

use crate::domain::clone::execution::Execution;
use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::fault::Fault;
use crate::domain::outcome::result::Outcome;
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
