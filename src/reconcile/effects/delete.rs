//! Deletes a clone.

use crate::domain::clone::execution::Execution;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::fault::Fault;
use crate::domain::ids::PipelineName;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::claim::Transition;
use crate::domain::state::effect::{Effect, EffectResult};
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
use crate::domain::state::teardown::Teardown;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};
use crate::telemetry::metrics;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Writes the last executions of a clone into the claim before it is deleted. CodePipeline
    /// deletes them with the pipeline, and another worker may have to finish the deletion.
    pub(in crate::reconcile) async fn remember_executions(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        let next = &mut claim.next;
        match effect {
            Effect::Delete(name)
                if next.observed.executions.is_empty() && next.pipeline_arn().is_some() =>
            {
                let source = next.fingerprint().and_then(|found| found.source.as_deref());
                next.observed.executions = self.pipelines.executions(name, source).await?;
            }
            Effect::Delete(_) | Effect::Create(_) | Effect::Start(_) | Effect::Adopt(_) => {}
        }
        Ok(())
    }

    /// Writes into the claim how the environment is removed before the clone is deleted. The worker
    /// that takes over has to know that the clone may have been changed for that.
    pub(in crate::reconcile) fn remember_policy(&self, claim: &mut Transition, effect: &Effect) {
        match effect {
            Effect::Delete(_) => {
                let policy = self.teardown_policy(&claim.next);
                claim.next.resources.record_policy(&policy);
            }
            Effect::Create(_) | Effect::Start(_) | Effect::Adopt(_) => {}
        }
    }

    pub(in crate::reconcile) async fn delete(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        self.is_no_template(name, mapping.spec())?;
        let policy = self.teardown_due(mapping);
        let outcome = match self.pipelines.find(name, mapping.pipeline_arn()).await? {
            // Without an ARN it was never settled as created.
            None if policy == Some(TeardownPolicy::Stacks) && mapping.pipeline_arn().is_some() => {
                if let Some(done) = self.delete_stack(action).await {
                    return done;
                }
                Outcome::AlreadyDeleted
            }
            None if policy.is_some() && mapping.pipeline_arn().is_some() => {
                let left = EffectResult::Retiring {
                    teardown: Teardown::impossible(),
                    problem: None,
                };
                metrics::left_behind();
                return Ok((left, Outcome::LeftBehind));
            }
            None => Outcome::AlreadyDeleted,
            Some(found) if self.owns(name, &found, action).await? => {
                let torn_down = self.torn_down(name, policy.as_ref(), action, journal);
                if let Some(done) = torn_down.await {
                    return done;
                }
                self.stop_running(name, action).await?;
                self.check_claim(action)?;
                self.pipelines.delete(name, action.claim).await?;
                self.deleted(journal).await;
                Outcome::Deleted
            }
            // It was never settled as created, so it is not ours.
            Some(_) if mapping.pipeline_arn().is_none() => Outcome::SkippedForeign,
            Some(found) => return Err(self.not_ours(name, &found)),
        };
        self.delete_projects(&[], action).await?;
        self.release_slot(action, journal).await?;
        Ok((EffectResult::Absent, outcome))
    }

    /// Stops running executions if the rule says so. The effect of DeletePipeline on them is not
    /// documented.
    async fn stop_running(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        let rule = self.rule_today(action.claim.mapping());
        match rule.is_some_and(|rule| rule.stop_on_close) {
            true => self.stop_all(name, action).await,
            false => Ok(()),
        }
    }

    /// Returns the rule of a row by today's rules.
    pub(in crate::reconcile) fn rule_today<'a>(&'a self, row: &'a Mapping) -> Option<&'a Rule> {
        rule_of(row, row.spec()?, &self.rules)
    }

    /// Stops the running executions.
    pub(in crate::reconcile) async fn stop_all(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        let mapping = action.claim.mapping();
        let executions = mapping.observed.executions.iter();
        for Execution { id, .. } in executions.filter(|execution| execution.is_running()) {
            self.check_claim(action)?;
            self.pipelines.stop(name, id, action.claim).await?;
        }
        Ok(())
    }
}
