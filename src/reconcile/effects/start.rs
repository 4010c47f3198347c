//! Updates a clone if needed, and starts its head commit.

use crate::domain::clone::execution::Run;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{DeliveryId, ExecutionId, PipelineName};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Update;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::{EffectResult, ExistingClone};
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Updates the clone if its rule requires that, then starts the head commit. UpdatePipeline
    /// stops running executions and starts none, so the two belong together. A clone that does not
    /// exist any more is created again.
    pub(in crate::reconcile) async fn start(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        self.is_no_template(&spec.pipeline, Some(spec))?;
        let mapping = action.claim.mapping();
        let named = rule_of(mapping, spec, &self.rules);
        let up_to_date = match named.map(|rule| rule.update) {
            // Without a fingerprint it may be the pipeline that deleted the subject's stacks.
            Some(Update::Never) if mapping.fingerprint().is_some() => None,
            Some(Update::Never | Update::NextStart) | None => Some(
                self.build_clone(spec, action, self.rule(spec, action)?)
                    .await?,
            ),
        };
        let name = &spec.pipeline;
        let arn = match self.pipelines.find(name, mapping.pipeline_arn()).await? {
            None => return self.create(spec, action, journal).await,
            Some(found) if self.owns(name, &found, &mapping.subject).await? => found.arn,
            Some(found) => return Err(self.not_ours(name, &found)),
        };
        let slot = self.move_slot(named, action, journal).await?;
        let projects = match &up_to_date {
            Some((clone, _)) => self.ensure_projects(clone, action).await?,
            None => self.kept_projects(action),
        };
        let stacks = up_to_date
            .as_ref()
            .map_or_else(Vec::new, |(clone, _)| clone.stack_keys());
        let old = mapping.fingerprint().cloned();
        let (mut written, mut outcome) = (None, Outcome::Started);
        let (fingerprint, template_version) = match up_to_date {
            Some((clone, version)) => {
                let matches = |old: &CloneFingerprint| old.matches(&clone.fingerprint);
                if !old.as_ref().is_some_and(matches) {
                    self.check_claim(action)?;
                    let updated = self.pipelines.update(&clone, action.claim).await;
                    written = updated.map_err(|fault| action.repository.blamed(fault))?;
                    outcome = Outcome::Updated;
                }
                (clone.fingerprint, version)
            }
            None => (old.unwrap_or_default(), None),
        };
        self.delete_unused_projects(&projects, action).await?;
        let retried = match (&mapping.retry, &outcome) {
            (Some(failed), Outcome::Started) => self.retry(name, failed, action).await?,
            (Some(_) | None, _) => None,
        };
        let (execution, outcome) = match retried {
            Some(execution) => (execution, Outcome::Retried),
            None => {
                let token = mapping.token(outcome == Outcome::Updated);
                (self.run(spec, &fingerprint, token, action).await?, outcome)
            }
        };
        journal.execution = Some(execution.clone());
        let made = ExistingClone {
            name: name.clone(),
            arn,
            version: written,
            template_version,
            fingerprint,
            projects,
            stacks,
            slot,
            execution: ExecutionId::parse(execution).ok(),
            built: None,
        };
        Ok((EffectResult::Present(Box::new(made)), outcome))
    }

    /// Fails if the pipeline is a template, or has become one: branchline changes no template.
    pub(in crate::reconcile) fn is_no_template(
        &self,
        name: &PipelineName,
        spec: Option<&Spec>,
    ) -> Result<(), Fault> {
        let its_own = spec.is_some_and(|spec| *name == spec.template);
        if !self.rules.has_template(name) && !its_own {
            return Ok(());
        }
        let detail =
            format!("'{name}' is a template: branchline never changes or deletes a template");
        Err(Fault::new(Reason::PipelineIsTemplate, detail))
    }

    /// Starts the head commit of the claimed mapping under a token.
    pub(in crate::reconcile) async fn run(
        &self,
        spec: &Spec,
        fingerprint: &CloneFingerprint,
        token: Option<DeliveryId>,
        action: &ClaimedAction<'_>,
    ) -> Result<String, Fault> {
        let mapping = action.claim.mapping();
        let variables = match rule_of(mapping, spec, &self.rules) {
            Some(rule) if !fingerprint.variables.is_empty() => {
                let values = mapping.placeholder_values(spec);
                action.repository.variables(rule, &values)?
            }
            Some(_) | None => Vec::new(),
        };
        let known = |(name, _): &(String, String)| fingerprint.variables.contains(name);
        let run = Run {
            revision: fingerprint
                .pinned_source
                .clone()
                .zip(mapping.order.head.clone()),
            variables: variables.into_iter().filter(known).collect(),
            token,
        };
        self.check_claim(action)?;
        self.pipelines
            .start(&spec.pipeline, &run, action.claim)
            .await
    }
}
