//! Creates a clone.

use crate::domain::clone::CloneRequest;
use crate::domain::clone::execution::{Execution, last_built, owes};
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::ExecutionId;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::{EffectResult, ExistingClone};
use crate::domain::state::mapping::Mapping;
use crate::domain::state::repository::RepositoryTombstone;
use crate::ports::{Clock, CreateResult, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};
use crate::reconcile::prepared::BuiltClone;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Creates the clone. The tags show whether an earlier attempt created it. In that case the
    /// head is started if it has changed since and has no execution.
    pub(in crate::reconcile) async fn create(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let mapping = action.claim.mapping();
        let rule = self.rule(spec, action);
        let build = async { self.build_clone(spec, action, rule.clone()?).await };
        let end = async {
            match &action.look {
                Some(look) => Ok(look.end_after(mapping.order.event_time)),
                None => self.repository_end(mapping).await,
            }
        };
        // At the same time: the claim does not last for one call more.
        let (end, built) = tokio::join!(end, build);
        if let Some(end) = end? {
            return self.remove_ended(spec, end, action, journal).await;
        }
        let (rule, (pipeline, template_version)) = (rule?, built?);
        let slot = self.acquire_slot(rule, action, journal).await?;
        self.check_quota(action, journal).await?;
        let projects = self.ensure_projects(&pipeline, action).await?;
        let stacks = pipeline.stack_keys();
        self.check_claim(action)?;
        let created = self.pipelines.create(&pipeline, action.claim).await;
        let created = created.map_err(|fault| action.repository.blamed(fault));
        if self.created(created, action, journal).await? == CreateResult::Made {
            self.delete_unused_projects(&projects, action).await?;
            let made = ExistingClone {
                name: spec.pipeline.clone(),
                arn: pipeline.arn,
                version: Some(ExistingClone::FIRST_VERSION),
                template_version,
                fingerprint: pipeline.fingerprint,
                projects,
                stacks,
                slot,
                execution: None,
                built: None,
            };
            return Ok((EffectResult::Present(Box::new(made)), Outcome::Created));
        }
        let name = &spec.pipeline;
        let Some(found) = self.pipelines.find(name, Some(&pipeline.arn)).await? else {
            let detail = format!("the name '{name}' is in use, yet no such pipeline is there");
            return Err(Fault::new(Reason::AwsConflict, detail));
        };
        if !self.owns(name, &found, &mapping.subject).await? {
            // The name is released with the fault, and the row forgets what was made under it.
            self.delete_projects(&projects, action).await?;
            return Err(self.taken_by(spec, &found));
        }
        let fingerprint = CloneFingerprint {
            digest: None,
            ..pipeline.fingerprint
        };
        let source = fingerprint.source.as_deref();
        let executions = self.pipelines.executions(name, source).await?;
        let head = mapping.order.head.as_ref();
        // The newest one is that of the head, unless another one is started.
        let newest = executions.first().map(|one| one.id.clone());
        let mut execution = newest.and_then(|id| ExecutionId::parse(id).ok());
        if head.is_some_and(|head| owes(&executions, head, mapping.observed.built.as_ref())) {
            let stopped = executions.first().is_some_and(Execution::was_stopped);
            let token = mapping.token(stopped);
            let id = self.run(spec, &fingerprint, token, action).await?;
            execution = ExecutionId::parse(id).ok();
        }
        let made = ExistingClone {
            name: spec.pipeline.clone(),
            arn: found.arn,
            version: None,
            template_version: None,
            fingerprint,
            projects: self.with_earlier_projects(projects, action),
            stacks,
            slot,
            execution,
            built: last_built(&executions),
        };
        Ok((
            EffectResult::Present(Box::new(made)),
            Outcome::AlreadyCreated,
        ))
    }

    /// Reads the end of the repository, and returns it if it was after the event of the row. The
    /// end is remembered before the claims of the repository are listed, and read after this claim
    /// was written: so one of the two sees the other.
    pub(in crate::reconcile) async fn repository_end(
        &self,
        mapping: &Mapping,
    ) -> Result<Option<RepositoryTombstone>, Fault> {
        let repository = mapping.subject.repository;
        let record = self.store.repository_record(repository).await?;
        Ok(record.and_then(|record| record.end_after(mapping.order.event_time)))
    }

    /// Deletes what an earlier attempt may have created before the repository ended.
    async fn remove_ended(
        &self,
        spec: &Spec,
        RepositoryTombstone { reason, .. }: RepositoryTombstone,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        let outcome = match self.delete(&spec.pipeline, action, journal).await? {
            (_, Outcome::Deleted) => Outcome::Deleted,
            _ => Outcome::Recorded(Some(reason)),
        };
        Ok((EffectResult::Ended(reason), outcome))
    }

    /// Returns the clone by today's template and rule, and the template's version.
    pub(in crate::reconcile) async fn build_clone(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
        rule: &Rule,
    ) -> Result<BuiltClone, Fault> {
        match self.prepared_clone(action) {
            Some(built) => built,
            None => {
                let row = action.claim.mapping();
                self.clone_of(spec, row, rule, &action.repository).await
            }
        }
    }

    /// Builds the clone of a row.
    pub(in crate::reconcile) async fn clone_of(
        &self,
        spec: &Spec,
        row: &Mapping,
        rule: &Rule,
        files: &CloneFiles,
    ) -> Result<BuiltClone, Fault> {
        let template = self
            .templates
            .get(&spec.template, &self.pipelines, &self.clock)
            .await?;
        let request = CloneRequest {
            with_notes: self.pipelines.shows_notes(),
            ..row.clone_request(spec, rule, &self.owner)
        };
        let clone = files.clone_for(&template, &request)?;
        Ok((clone, template.version))
    }

    /// Returns the rule of a claimed spec. The rule may have been removed since, and another one
    /// may have its name: `rule 1` is the first rule of the file.
    pub(in crate::reconcile) fn rule<'a>(
        &'a self,
        spec: &Spec,
        action: &'a ClaimedAction<'_>,
    ) -> Result<&'a Rule, Fault> {
        let rule = self.rule_of_template(spec, action.claim.mapping());
        rule.ok_or_else(|| {
            let detail = format!(
                "no rule '{}' clones '{}' any more: the next event of this subject asks the rules again",
                spec.rule, spec.template
            );
            Fault::new(Reason::RuleMissing, detail)
        })
    }
}
