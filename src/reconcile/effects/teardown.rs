//! Lets a clone delete the stacks of its subject, before it is deleted itself.

use crate::domain::clone::execution::Run;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Branch, ExecutionId, PipelineName};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::effect::EffectResult;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::teardown::Teardown;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns true if stacks of the subject are to be deleted before its pipeline. A rule of today
    /// may say that they stay.
    pub(in crate::reconcile) fn tears_down(&self, mapping: &Mapping) -> bool {
        let rule = self.rule_today(mapping);
        let stay = rule.is_some_and(|rule| rule.overrides.preview.teardown == TeardownPolicy::None);
        !mapping.resources.stacks.is_empty() && !stay
    }

    /// Changes the pipeline into one that deletes the stacks, and starts it. What it runs is
    /// stopped first, so that nothing is deployed again. An attempt that was cut off is made again:
    /// to delete a stack twice does no harm.
    pub(in crate::reconcile) async fn tear_down(
        &self,
        name: &PipelineName,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        let last = mapping.resources.teardown.as_ref();
        let failures = last.map_or(0, |teardown| teardown.failures);
        let clone = self.pipelines.template(name).await?;
        let branch = self.teardown_branch(name, failures, mapping).await?;
        let rule = self.rule_today(mapping);
        let stacks = &mapping.resources.stacks;
        let pipeline = clone.teardown(stacks, mapping.source_action(), &branch, rule)?;
        self.stop_all(name, action).await?;
        self.check_claim(action)?;
        self.pipelines.update(&pipeline, action.claim).await?;
        self.check_claim(action)?;
        let run = Run {
            revision: None,
            variables: Vec::new(),
            token: mapping.token(true),
        };
        let execution = self.pipelines.start(name, &run, action.claim).await?;
        journal.execution = Some(execution.clone());
        let execution = ExecutionId::parse(execution).map_err(|why| {
            Fault::new(
                Reason::AwsUnknown,
                format!("StartPipelineExecution {name}: {why}"),
            )
        })?;
        let teardown = Teardown::started(execution, failures);
        Ok((EffectResult::Retiring(teardown), Outcome::TeardownStarted))
    }

    /// Returns the branch that the teardown fetches: the base of the pull request, and the one that
    /// the template fetches. After a failure it takes the other one, because a base may be deleted
    /// together with the head.
    async fn teardown_branch(
        &self,
        name: &PipelineName,
        failures: u32,
        mapping: &Mapping,
    ) -> Result<Branch, Fault> {
        let spec = mapping.spec();
        let base = spec.and_then(|spec| spec.base.clone());
        if let Some(base) = base.clone().filter(|_| failures.is_multiple_of(2)) {
            return Ok(base);
        }
        let of_template = match spec {
            Some(spec) => {
                let template = self
                    .templates
                    .get(&spec.template, &self.pipelines, &self.clock);
                template.await.map(|template| template.branch())
            }
            None => Ok(None),
        };
        match (of_template, base) {
            (Ok(Some(branch)), _) | (_, Some(branch)) => Ok(branch),
            (Err(fault), None) => Err(fault),
            (Ok(None), None) => {
                let detail = format!(
                    "no branch is known from which pipeline '{name}' could delete its stacks: delete them by hand, then the pipeline, then use `branchline mappings forget`"
                );
                Err(Fault::new(Reason::TemplateSource, detail))
            }
        }
    }
}
