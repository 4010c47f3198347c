//! Creates a clone.

use crate::domain::clone::NewPipeline;
use crate::domain::clone::execution::{Execution, last_built, owes};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Fault, Reason};
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::{EffectResult, ExistingClone};
use crate::ports::{Clock, CreateResult, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Creates the clone. The tags show whether an earlier attempt created it. In that case the
    /// head is started if it has changed since and has no execution.
    pub(in crate::reconcile) async fn create(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        let rule = self.rule(spec)?;
        let (pipeline, template_version) = self.build_clone(spec, action, rule).await?;
        let slot = self.acquire_slot(rule, action).await?;
        self.check_claim(action)?;
        if self.pipelines.create(&pipeline, action.claim).await? == CreateResult::Made {
            let made = ExistingClone {
                name: spec.pipeline.clone(),
                arn: pipeline.arn,
                template_version,
                fingerprint: pipeline.fingerprint,
                slot,
                built: None,
            };
            return Ok((EffectResult::Present(Box::new(made)), Outcome::Created));
        }
        let name = &spec.pipeline;
        let Some(found) = self.pipelines.find(name, Some(&pipeline.arn)).await? else {
            let detail = format!("the name '{name}' is in use, yet no such pipeline is there");
            return Err(Fault::new(Reason::AwsConflict, detail));
        };
        if !self.owns(name, &found, action).await? {
            let detail = format!(
                "a pipeline '{name}' exists that branchline did not make for this subject: rename it, or change pipeline_name of rule '{}'",
                spec.rule
            );
            return Err(Fault::new(Reason::PipelineNameTaken, detail));
        }
        let fingerprint = CloneFingerprint {
            digest: None,
            ..pipeline.fingerprint
        };
        let executions = self.pipelines.executions(name).await?;
        let head = mapping.order.head.as_ref();
        if head.is_some_and(|head| owes(&executions, head, mapping.observed.built.as_ref())) {
            let stopped = executions.first().is_some_and(Execution::was_stopped);
            let token = mapping.token(stopped);
            self.run(spec, &fingerprint, token, action).await?;
        }
        let made = ExistingClone {
            name: spec.pipeline.clone(),
            arn: found.arn,
            template_version: None,
            fingerprint,
            slot,
            built: last_built(&executions),
        };
        Ok((
            EffectResult::Present(Box::new(made)),
            Outcome::AlreadyCreated,
        ))
    }

    /// Returns the clone by today's template and rule, and the template's version.
    pub(in crate::reconcile) async fn build_clone(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
        rule: &Rule,
    ) -> Result<(NewPipeline, Option<i32>), Fault> {
        let template = self
            .templates
            .get(&spec.template, &self.pipelines, &self.clock)
            .await?;
        let clone = template.clone_for(&action.claim.mapping().clone_request(
            spec,
            rule,
            &self.table,
        ))?;
        Ok((clone, template.version))
    }

    /// Returns the rule of a spec. The rule may have been removed since, and another one may have
    /// its name: `rule 1` is the first rule of the file.
    pub(in crate::reconcile) fn rule(&self, spec: &Spec) -> Result<&Rule, Fault> {
        let named = self.rules.named(&spec.rule);
        let same = named.filter(|rule| rule.template == spec.template);
        same.ok_or_else(|| {
            let detail = format!(
                "no rule '{}' clones '{}' any more: the next event of this subject asks the rules again",
                spec.rule, spec.template
            );
            Fault::new(Reason::RuleMissing, detail)
        })
    }
}
