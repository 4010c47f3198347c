//! The stacks of a subject, as CloudFormation has them: whether a clone may deploy them, and their
//! deletion by CloudFormation itself after the pipeline was deleted.
//!
//! One stack is deleted at a time, the one that was deployed last first. Which of them are left is
//! asked each time, so the row need not say it.

use crate::domain::clone::NewPipeline;
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::execution::Execution;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::{FoundStack, Stack, StackKey, add_stacks};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineName, Subject};
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::claim::Transition;
use crate::domain::state::effect::{Effect, EffectResult};
use crate::domain::state::mapping::Mapping;
use crate::domain::state::teardown::{Teardown, TeardownRun};
use crate::ports::{Clock, ExistingPipeline, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor, in_words};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Begins to delete the last stack that is left. Returns `None` if there is none, and the
    /// subject is gone.
    pub(in crate::reconcile) async fn delete_stack(
        &self,
        action: &ClaimedAction<'_>,
    ) -> Option<EffectOutcome> {
        let mapping = action.claim.mapping();
        let now = self.clock.now();
        let last = mapping.resources.teardown.clone().unwrap_or_default();
        // The clone is gone.
        let last = last.deployed_by(now);
        // It went well for the stack before.
        let failures = match last.run {
            Some(TeardownRun::Stack(_)) => 0,
            Some(TeardownRun::Execution(_)) | None => last.failures,
        };
        let (teardown, problem) = match self.begin_deletion(action).await {
            Ok(Deletion::Begun(run)) => (Teardown::started(run, failures), None),
            Ok(Deletion::Busy(why)) => (Teardown::postponed(failures, now), Some(why)),
            // What was stopped may still be about to create one.
            Ok(Deletion::Nothing) if mapping.resources.teardown.is_none() && has_run(mapping) => {
                let postponed = Teardown::postponed(failures, now).after(&last);
                let postponed = EffectResult::retiring(postponed);
                return Some(Ok((postponed, Outcome::TeardownStarted)));
            }
            Ok(Deletion::Nothing) => return None,
            Err(fault) => return Some(self.teardown_failed(&last, fault, mapping).await),
        };
        // Otherwise the claim has recorded them.
        let remaining = match has_run(mapping) {
            true => self.left_stacks(mapping).await,
            false => Ok(None),
        };
        let remaining = match remaining {
            Ok(remaining) => remaining,
            Err(fault) => return Some(Err(fault)),
        };
        let done = EffectResult::Retiring {
            teardown: teardown.after(&last),
            problem,
            remaining,
        };
        Some(Ok((done, Outcome::TeardownStarted)))
    }

    /// Returns the pipeline of a subject that is to be deleted; `None` if there is none. One that
    /// others have made of its name, after it was deleted before its stacks, is not looked at.
    pub(in crate::reconcile) async fn pipeline_to_delete(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        let mapping = action.claim.mapping();
        let teardown = mapping.resources.teardown.as_ref();
        let run = teardown.and_then(|last| last.run.as_ref());
        if let Some(TeardownRun::Stack(_)) = run {
            return Ok(None);
        }
        let found = self.pipelines.find(name, mapping.pipeline_arn()).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        // A failed attempt does not show it: it may have been one of another policy.
        let has_failed = teardown.is_some_and(|last| run.is_none() && last.failures > 0);
        let may_be_deleted = has_failed && self.teardown_policy(mapping) == TeardownPolicy::Stacks;
        let is_of_others = may_be_deleted && !self.owns(name, &found, &mapping.subject).await?;
        Ok(Some(found).filter(|_| !is_of_others))
    }

    /// Returns the stacks of a clone that are deleted with it. A rule whose stacks stay in the end
    /// has none. CodePipeline does not tag stacks, so a stack is the subject's if its row had it
    /// while there was a pipeline, if it does not exist yet, or if the pipeline that is there
    /// already deploys it. That pipeline may also have become one that deletes what the row has,
    /// before the attempt that created it was settled. What that pipeline deployed under a rule
    /// whose stacks stay is left out: it may have been there before. A stack of another account is
    /// not looked for.
    ///
    /// # Errors
    /// `stack-not-ours` if the clone would deploy over a stack of others.
    pub(in crate::reconcile) async fn own_stacks(
        &self,
        clone: &NewPipeline,
        rule: &Rule,
        row: &Mapping,
    ) -> Result<Vec<Stack>, Fault> {
        let mut existing = Vec::new();
        for stack in &clone.stacks {
            let is_known = row.resources.has_deployed(stack, &clone.arn)
                || stack.is_elsewhere(Some(&clone.arn));
            if !is_known && self.stacks.named(stack).await?.is_some() {
                existing.push(stack);
            }
        }
        if existing.is_empty() {
            return Ok(clone.stacks.clone());
        }
        let found = self.declaration(&clone.name).await?;
        // After a teardown, it is the pipeline that deleted the stack.
        let may_delete = !row.resources.is_remade();
        let is_own = |stack: &Stack| {
            let is_recorded = may_delete && row.resources.has_stack(&stack.key(&clone.arn));
            found.as_ref().is_some_and(|found| match is_recorded {
                true => stack.is_named_by(found, &clone.arn),
                false => stack.is_deployed_by(found, &clone.arn),
            })
        };
        if let Some(stack) = existing.iter().find(|stack| !is_own(stack)) {
            return Err(self.foreign(stack, clone, rule, row).await?);
        }
        let keeps = row.resources.keeps_stacks();
        let own = clone.stacks.iter();
        let own = own.filter(|stack| !(keeps && existing.contains(stack)));
        Ok(own.cloned().collect())
    }

    /// Writes into a claim what its clone deploys: the stacks with their names, which are reserved
    /// if they are new, and how the environment is removed. Those that it deploys no more get their
    /// ids.
    pub(in crate::reconcile) async fn record_stacks(
        &self,
        transition: &mut Transition,
        clone: &NewPipeline,
        own: &[Stack],
        policy: &TeardownPolicy,
    ) -> Result<(), Fault> {
        let resources = &mut transition.next.resources;
        let new = own
            .iter()
            .filter(|stack| !resources.has_deployed(stack, &clone.arn));
        transition.stacks = new.map(|stack| stack.key(&clone.arn)).collect();
        // As long as it deploys a stack that stays, it is not known which of them are to go.
        if own.len() == clone.stacks.len() {
            resources.record_policy(policy);
        }
        add_stacks(&mut resources.stacks, own, &clone.arn);
        // It was looked for, and does not exist.
        let is_own = |left: &Stack| {
            own.iter()
                .any(|own| own.key(&clone.arn) == left.key(&clone.arn))
        };
        resources.left.retain(|left| !is_own(left));
        let others = resources.stacks.iter_mut().filter(|stack| !is_own(stack));
        self.identify(others, Some(&clone.arn), |_| true).await
    }

    /// Returns the fault of a stack that another subject has reserved. If that subject does not
    /// have it any more, its name is released, and the next attempt gets it.
    pub(in crate::reconcile) async fn stack_taken(
        &self,
        effect: &Effect,
        stack: &StackKey,
    ) -> Fault {
        match self.holder_of(effect, stack).await {
            Ok(fault) | Err(fault) => fault,
        }
    }

    async fn holder_of(&self, effect: &Effect, stack: &StackKey) -> Result<Fault, Fault> {
        let name = &stack.name;
        let released = || {
            let detail = format!("the name of stack {name} was released at this moment");
            Fault::new(Reason::AwsConflict, detail)
        };
        let Some(holder) = self.store.stack_holder(stack).await? else {
            return Ok(released());
        };
        let Some(row) = self.row_with(stack, &holder.subject).await? else {
            self.store.release_stack(stack, &holder).await?;
            return Ok(released());
        };
        let rule = effect.spec().map_or("-", |spec| spec.rule.as_str());
        Ok(belongs_to(&row, name, rule))
    }

    /// Returns the mapping of a subject if it records a stack.
    async fn row_with(
        &self,
        stack: &StackKey,
        subject: &Subject,
    ) -> Result<Option<Mapping>, Fault> {
        let row = self.store.mapping(subject).await?;
        Ok(row.filter(|row| row.resources.has_stack(stack)))
    }

    /// Returns the fault of a stack that exists, and that is not known to be the subject's.
    async fn foreign(
        &self,
        stack: &Stack,
        clone: &NewPipeline,
        rule: &Rule,
        row: &Mapping,
    ) -> Result<Fault, Fault> {
        let key = stack.key(&clone.arn);
        let mut left = row.resources.left.iter();
        let left = left.find(|left| left.key(&clone.arn) == key);
        // It may have been deleted, and another one made of its name.
        if let Some(left) = left
            && self.stacks.recorded(left).await?.is_some()
        {
            return Ok(left_over(left));
        }
        let holder = self.store.stack_holder(&key).await?;
        let holder = holder.filter(|holder| holder.subject != row.subject);
        let other = match holder {
            Some(holder) => self.row_with(&key, &holder.subject).await?,
            None => None,
        };
        Ok(match other {
            Some(other) => belongs_to(&other, &stack.name, &rule.name),
            None => exists(stack, rule),
        })
    }

    /// Returns the stacks of a clone that its pipeline deploys as it is now, or deletes, if it has
    /// become one that removes the environment.
    pub(in crate::reconcile) async fn deployed_stacks(
        &self,
        clone: &NewPipeline,
    ) -> Result<Vec<Stack>, Fault> {
        if clone.stacks.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.declaration(&clone.name).await?;
        let is_named = |stack: &&Stack| {
            let found = found.as_ref();
            found.is_some_and(|found| stack.is_named_by(found, &clone.arn))
        };
        Ok(clone.stacks.iter().filter(is_named).cloned().collect())
    }

    /// Returns the declaration of the pipeline of this name; `None` if there is none. Whether it is
    /// ours is found out before it is changed.
    pub(super) async fn declaration(
        &self,
        name: &PipelineName,
    ) -> Result<Option<Declaration>, Fault> {
        match self.pipelines.template(name).await {
            Ok(found) => Ok(Some(found.declaration)),
            Err(fault) if fault.reason == Reason::TemplateMissing => Ok(None),
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
            if let Some(found) = self.own_stack(stack, mapping).await? {
                return Ok(Some((stack, found)));
            }
        }
        Ok(None)
    }
}

/// Returns the fault of a stack of another subject.
fn belongs_to(other: &Mapping, name: &str, rule: &str) -> Fault {
    let owner = in_words(&other.subject, other.repository.as_str());
    let detail = format!(
        "stack {name} belongs to {owner}: change stack_suffix in preview of rule '{rule}', or of the other's, so that their stacks differ, then replay"
    );
    Fault::new(Reason::StackNotOurs, detail)
}

/// Returns the fault of a stack that an operator left when the subject was given up.
fn left_over(stack: &Stack) -> Fault {
    let detail = format!(
        "stack {} is left of an earlier environment of this subject: delete it ({}), then replay",
        stack.name,
        stack.deletion_command()
    );
    Fault::new(Reason::StackNotOurs, detail)
}

/// Returns the fault of a stack that others may have made.
pub(super) fn exists(stack: &Stack, rule: &Rule) -> Fault {
    let (name, rule) = (&stack.name, &rule.name);
    let detail = format!(
        "stack {name} exists, and it is not known that this subject made it: change stack_suffix in preview of rule '{rule}', or delete the stack if nobody needs it, then replay"
    );
    Fault::new(Reason::StackNotOurs, detail)
}

/// Returns true if an execution was running when the deletion of the pipeline was claimed.
pub(super) fn has_run(mapping: &Mapping) -> bool {
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
