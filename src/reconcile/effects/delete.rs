//! Deletes a clone.

use crate::domain::clone::execution::Execution;
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::Stack;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::PipelineName;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::claim::Transition;
use crate::domain::state::effect::{Effect, EffectResult};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::rule_of;
use crate::domain::state::teardown::Teardown;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};
use crate::telemetry::metrics;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Writes into a claim which of the recorded stacks are still the subject's, and the ARN and
    /// the last executions of a clone that is deleted.
    pub(in crate::reconcile) async fn look_before(
        &self,
        claim: &mut Transition,
        effect: &Effect,
        files: &Result<CloneFiles, Fault>,
    ) -> Result<(), Fault> {
        self.recognize(claim, effect).await?;
        self.drop_lost_stacks(claim, effect, files).await?;
        self.remember_executions(claim, effect).await
    }

    /// Writes the ARN of a clone into the claim of its deletion, if the attempt that created it was
    /// not settled: what it runs is stopped, and what it deploys is deleted with it.
    async fn recognize(&self, claim: &mut Transition, effect: &Effect) -> Result<(), Fault> {
        let next = &mut claim.next;
        let Some(name) = effect.deleted() else {
            return Ok(());
        };
        if next.pipeline_arn().is_some() || !self.is_stopped_first(next) {
            return Ok(());
        }
        if let Some(found) = self.pipelines.find(name, None).await?
            && self.owns(name, &found, &next.subject).await?
            && let Some(pipeline) = &mut next.resources.pipeline
        {
            pipeline.arn = Some(found.arn);
        }
        Ok(())
    }

    /// Writes the last executions of a clone into the claim before it is deleted. CodePipeline
    /// deletes them with the pipeline, and another worker may have to finish the deletion.
    async fn remember_executions(
        &self,
        claim: &mut Transition,
        effect: &Effect,
    ) -> Result<(), Fault> {
        // Since an earlier deletion that was cut off, the clone may have run.
        let is_old = matches!(claim.seen_state(), Some(State::Starting | State::Deleting));
        let next = &mut claim.next;
        if let Some(name) = effect.deleted()
            && (is_old || next.observed.executions.is_empty())
            && next.pipeline_arn().is_some()
        {
            let executions = self.last_executions(name, next).await?;
            // They are deleted with the pipeline.
            if !executions.is_empty() {
                next.observed.executions = executions;
            }
        }
        Ok(())
    }

    /// Returns the last executions of a clone, as its claim remembers them.
    pub(in crate::reconcile) async fn last_executions(
        &self,
        name: &PipelineName,
        mapping: &Mapping,
    ) -> Result<Vec<Execution>, Fault> {
        let fingerprint = mapping.fingerprint();
        let source = fingerprint.and_then(|found| found.source.as_deref());
        self.pipelines.executions(name, source).await
    }

    /// Writes into the claim how the environment is removed when the clone is deleted. The worker
    /// that takes over has to know that the clone may have been changed for that.
    pub(in crate::reconcile) fn remember_policy(&self, claim: &mut Transition, effect: &Effect) {
        if effect.deleted().is_some() {
            let policy = self.teardown_policy(&claim.next);
            claim.next.resources.record_policy(&policy);
        }
    }

    /// Deletes the clone of a subject. If the clone removes the environment itself, it is changed
    /// for that instead, and deleted once that is done. Stacks that the daemon deletes come after
    /// the clone: as long as there is one, a person or CodePipeline can start it, and deploy them
    /// again.
    pub(in crate::reconcile) async fn delete(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        self.is_no_template(name, mapping.spec())?;
        let teardown = mapping.resources.teardown.as_ref();
        let last = teardown.cloned().unwrap_or_default();
        let found = self.pipeline_to_delete(name, action).await?;
        // Without an ARN there was none when the deletion was claimed.
        let was_there = mapping.pipeline_arn().is_some() || teardown.is_some();
        let was_made = found.is_some() || was_there;
        let policy = self.teardown_due(mapping).filter(|_| was_made);
        let by_clone = policy
            .as_ref()
            .filter(|policy| **policy != TeardownPolicy::Stacks);
        let outcome = match (found, by_clone) {
            (None, Some(_)) if !last.is_remade => {
                return self.left_behind(mapping).await;
            }
            // An attempt before this one has deleted it.
            (None, _) if teardown.is_some() => Outcome::Deleted,
            (None, _) => Outcome::AlreadyDeleted,
            (Some(found), by_clone) if self.owns(name, &found, &mapping.subject).await? => {
                if policy.is_some() && !was_there {
                    // The row has to say that there was a pipeline before it is deleted.
                    return Err(appeared(name));
                }
                if let Some(policy) = by_clone {
                    return self.tear_down(name, policy, action, journal).await;
                }
                self.delete_pipeline(name, action, journal).await?;
                Outcome::Deleted
            }
            (Some(_), _) if mapping.pipeline_arn().is_none() => Outcome::SkippedForeign,
            (Some(found), _) => return Err(self.not_ours(name, &found)),
        };
        let is_ours = was_there || outcome != Outcome::SkippedForeign;
        if policy == Some(TeardownPolicy::Stacks)
            && is_ours
            && let Some(begun) = self.delete_stack(action).await
        {
            return begun;
        }
        if mapping.wants_pipeline().is_some() {
            // It is open again, and gets its pipeline again.
            let now = self.clock.now();
            let due = Teardown::due(now).after(&last).deployed_by(now);
            return Ok((EffectResult::retiring(due), outcome));
        }
        self.delete_projects(&[], action).await?;
        self.release_slot(action, journal).await?;
        Ok((EffectResult::Absent, outcome))
    }

    /// Returns the result after which the job of the teardowns goes on, with the stacks that are
    /// left if they are known.
    pub(in crate::reconcile) fn to_go_on(&self, remaining: Option<Vec<Stack>>) -> EffectResult {
        EffectResult::Retiring {
            teardown: Teardown::due(self.clock.now()),
            problem: None,
            remaining,
        }
    }

    /// Returns the end of a teardown whose pipeline is gone.
    async fn left_behind(&self, mapping: &Mapping) -> EffectOutcome {
        let teardown = Teardown::impossible();
        let remaining = self.left_stacks(mapping).await?;
        if self.is_gone(remaining.as_ref(), mapping) {
            return Ok((self.to_go_on(remaining), Outcome::TeardownStarted));
        }
        metrics::left_behind();
        let left = EffectResult::Retiring {
            teardown,
            problem: Some("the pipeline that would remove its environment is gone".to_owned()),
            remaining,
        };
        Ok((left, Outcome::LeftBehind))
    }

    /// Deletes the pipeline.
    async fn delete_pipeline(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        if self.is_stopped_first(action.claim.mapping()) {
            self.stop_all(name, action).await?;
        }
        self.check_claim(action)?;
        self.pipelines.delete(name, action.claim).await?;
        self.deleted(journal).await;
        Ok(())
    }

    /// Returns true if what a clone runs is stopped before it is deleted: it would deploy stacks
    /// that are deleted next, or the rule says so. The effect of DeletePipeline on it is not
    /// documented.
    fn is_stopped_first(&self, mapping: &Mapping) -> bool {
        let rule = self.rule_today(mapping);
        self.teardown_due(mapping).is_some() || rule.is_some_and(|rule| rule.stop_on_close)
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

/// Returns the fault of a pipeline that was not there when its deletion was claimed: the call that
/// created it took effect late. The next attempt finds it.
fn appeared(name: &PipelineName) -> Fault {
    let detail = format!("pipeline '{name}' appeared while it was about to be deleted");
    Fault::new(Reason::AwsConflict, detail)
}
