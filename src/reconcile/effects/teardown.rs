//! Lets a clone remove the environment of its subject, before it is deleted itself.

use crate::domain::clone::NewPipeline;
use crate::domain::clone::execution::Run;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::{Stack, other_stacks};
use crate::domain::clone::variables::Variable;
use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{Branch, ExecutionId, PipelineName};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::effect::EffectResult;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::teardown::{Teardown, TeardownRun};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};
use crate::telemetry::metrics;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns how the environment of a subject is to be removed when its pipeline is deleted;
    /// `None` if there is nothing to remove, or if it is removed already. The rule of today says
    /// it, or the row if there is none any more.
    pub(in crate::reconcile) fn teardown_due(&self, mapping: &Mapping) -> Option<TeardownPolicy> {
        let teardown = mapping.resources.teardown.as_ref();
        if teardown.is_some_and(|teardown| teardown.is_finished) {
            return None;
        }
        let has_stacks = !mapping.resources.stacks.is_empty();
        match self.teardown_policy(mapping) {
            policy @ (TeardownPolicy::Run | TeardownPolicy::Stacks) => has_stacks.then_some(policy),
            policy @ TeardownPolicy::Pipeline(_) => Some(policy),
            TeardownPolicy::None => None,
        }
    }

    /// Returns how the environment of a subject is removed in the end.
    pub(in crate::reconcile) fn teardown_policy(&self, mapping: &Mapping) -> TeardownPolicy {
        let recorded = mapping.resources.teardown_policy.as_ref();
        let rule = self.rule_today(mapping);
        let today = rule.map(|rule| &rule.overrides.preview.teardown);
        // The pipeline is deleted already.
        let is_begun = mapping.resources.teardown.is_some();
        let goes_on = is_begun && recorded == Some(&TeardownPolicy::Stacks);
        let today = today.filter(|today| **today == TeardownPolicy::None || !goes_on);
        today.or(recorded).cloned().unwrap_or_default()
    }

    /// Changes the pipeline into one that removes the environment, and starts it. What it runs is
    /// stopped first, so that nothing is deployed again. An attempt that was cut off is made again:
    /// to remove a thing twice does no harm.
    pub(in crate::reconcile) async fn tear_down(
        &self,
        name: &PipelineName,
        policy: &TeardownPolicy,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        let last = mapping.resources.teardown.clone().unwrap_or_default();
        let started = self.start_teardown(name, policy, last.failures, action);
        match started.await {
            Ok((execution, remaining)) => {
                journal.execution = Some(execution.to_string());
                let run = TeardownRun::Execution(execution);
                let started = Teardown::started(run, last.failures).after(&last);
                let begun = EffectResult::Retiring {
                    teardown: started.deployed_by(self.clock.now()),
                    problem: None,
                    remaining,
                };
                Ok((begun, Outcome::TeardownStarted))
            }
            Err(fault) => self.teardown_failed(&last, fault, mapping).await,
        }
    }

    /// Settles an attempt that could not be made. If a person has to correct a rule, a template or
    /// a permission, it counts as failed, and is repeated as late as one that ran.
    pub(in crate::reconcile) async fn teardown_failed(
        &self,
        last: &Teardown,
        fault: Fault,
        mapping: &Mapping,
    ) -> EffectOutcome {
        let is_for_a_person =
            fault.reason.class() == Class::Permanent || fault.reason == Reason::AwsDenied;
        if !is_for_a_person {
            return Err(fault);
        }
        let teardown = last.failed(self.clock.now());
        let remaining = match teardown.is_left_behind() {
            true => self.left_stacks(mapping).await?,
            false => self.late_ids(mapping).await?,
        };
        if self.is_gone(remaining.as_ref(), mapping) {
            return Ok((self.to_go_on(remaining), Outcome::TeardownStarted));
        }
        if teardown.is_left_behind() {
            metrics::left_behind();
        }
        let failed = EffectResult::Retiring {
            teardown,
            problem: Some(format!("{}: {fault}", mapping.resources.teardown_failure())),
            remaining,
        };
        Ok((failed, Outcome::TeardownFailed(fault.to_string())))
    }

    /// Returns the execution, and the recorded stacks with the ids that the claim did not record.
    async fn start_teardown(
        &self,
        name: &PipelineName,
        policy: &TeardownPolicy,
        failures: u32,
        action: &ClaimedAction<'_>,
    ) -> Result<(ExecutionId, Option<Vec<Stack>>), Fault> {
        let mapping = action.claim.mapping();
        let made = match policy.template() {
            Some(template) => self.clone_of_teardown(template, failures, mapping).await,
            None => self.deletion_of_stacks(name, failures, mapping).await,
        };
        // What runs may deploy, whether the teardown can be made or not.
        self.stop_all(name, action).await?;
        let (pipeline, variables) = made?;
        let remaining = self.late_ids(mapping).await?;
        self.check_claim(action)?;
        self.pipelines.update(&pipeline, action.claim).await?;
        self.check_claim(action)?;
        let run = Run {
            revision: None,
            variables,
            token: mapping.token(true),
        };
        let execution = self.pipelines.start(name, &run, action.claim).await?;
        match ExecutionId::parse(execution) {
            Ok(execution) => Ok((execution, remaining)),
            Err(why) => {
                let detail = format!("StartPipelineExecution {name}: {why}");
                Err(Fault::new(Reason::AwsUnknown, detail))
            }
        }
    }

    /// Returns the pipeline that deletes the recorded stacks. It has no variables.
    async fn deletion_of_stacks(
        &self,
        name: &PipelineName,
        failures: u32,
        mapping: &Mapping,
    ) -> Result<(NewPipeline, Vec<Variable>), Fault> {
        let clone = self.pipelines.template(name).await?;
        let template = mapping.spec().map(|spec| &spec.template);
        let branch = self.teardown_branch(name, template, failures, mapping);
        let branch = branch.await?;
        let rule = self.rule_today(mapping);
        let stacks = &mapping.resources.stacks;
        let pipeline = clone.teardown(stacks, mapping.source_action(), &branch, rule)?;
        Ok((pipeline, Vec::new()))
    }

    /// Returns the clone of the teardown template, and the values of its variables.
    async fn clone_of_teardown(
        &self,
        template: &PipelineName,
        failures: u32,
        mapping: &Mapping,
    ) -> Result<(NewPipeline, Vec<Variable>), Fault> {
        let (Some(spec), Some(rule)) = (mapping.spec(), self.rule_today(mapping)) else {
            let detail = format!(
                "the rule that names the teardown '{template}' is not in the configuration any more, and its clone needs what the rule says: add the rule again until its subjects are gone, or remove the environment by hand, and then use `branchline mappings forget`"
            );
            return Err(Fault::new(Reason::RuleMissing, detail));
        };
        let branch = self.teardown_branch(&spec.pipeline, Some(template), failures, mapping);
        let branch = branch.await?;
        let declared = self.templates.get(template, &self.pipelines, &self.clock);
        let declared = declared.await?;
        let request = mapping.clone_request(spec, rule, &self.owner);
        let (clone, variables) = declared.teardown_clone(&request, &branch)?;
        let stacks = mapping.resources.stacks.iter();
        let recorded = stacks.map(|stack| stack.key(&clone.arn)).collect();
        for stack in other_stacks(&clone.declaration, &clone.arn, &recorded) {
            // One that does not exist can be deleted without harm.
            if stack.has_variable() || self.stacks.named(&stack).await?.is_some() {
                let detail = format!(
                    "the teardown '{template}' is about stack {}, which is not known to be this subject's: if stack_suffix in preview of rule '{}' was changed since the subject was deployed, change it back; otherwise leave that stack alone, remove by hand what else is left of the environment, and then use `branchline mappings forget`",
                    stack.name, rule.name
                );
                return Err(Fault::new(Reason::StackNotOurs, detail));
            }
        }
        Ok((clone, variables))
    }

    /// Returns the branch that the teardown fetches: the base of the pull request, or the one that
    /// this template fetches. After a failure it takes the other one, because a base may be deleted
    /// together with the head.
    async fn teardown_branch(
        &self,
        name: &PipelineName,
        template: Option<&PipelineName>,
        failures: u32,
        mapping: &Mapping,
    ) -> Result<Branch, Fault> {
        let base = mapping.spec().and_then(|spec| spec.base.clone());
        if let Some(base) = base.clone().filter(|_| failures.is_multiple_of(2)) {
            return Ok(base);
        }
        let of_template = match template {
            Some(template) => {
                let template = self.templates.get(template, &self.pipelines, &self.clock);
                template.await.map(|template| template.branch())
            }
            None => Ok(None),
        };
        match (of_template, base) {
            (Ok(Some(branch)), _) | (_, Some(branch)) => Ok(branch),
            (Err(fault), None) => Err(fault),
            (Ok(None), None) => {
                let detail = format!(
                    "no branch is known that pipeline '{name}' could fetch to remove its environment: remove it by hand, then use `branchline mappings forget`"
                );
                Err(Fault::new(Reason::TemplateSource, detail))
            }
        }
    }
}
