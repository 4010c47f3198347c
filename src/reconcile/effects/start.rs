//! Starting a head commit, in a clone that is up to date.

use crate::domain::clone::execution::Run;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::journal::{Journal, Outcome};
use crate::domain::rules::rule::Update;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{EffectResult, ExistingClone};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::{ClaimedAction, EffectOutcome};

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Brings the clone up to date where its rule says so, then starts the head commit: UpdatePipeline stops what runs
    /// and starts nothing, so the two belong together. A clone that somebody deleted is made anew.
    pub(in crate::reconcile) async fn start(
        &self,
        spec: &Spec,
        work: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        self.is_no_template(spec)?;
        let mapping = work.claim.mapping();
        let named = self.setup.rules.named(&spec.rule);
        let cast = match named.map(|rule| rule.update) {
            Some(Update::Never) => None,
            Some(Update::NextStart) | None => {
                Some(self.build_clone(spec, work, self.rule(spec)?).await?)
            }
        };
        let name = &spec.pipeline;
        let arn = match self.pipelines.find(name, mapping.arn.as_ref()).await? {
            None => return self.create(spec, work).await,
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.setup.table) => found.arn,
            Some(_) => return Err(not_ours(name.as_str())),
        };
        let old = mapping.fingerprint.clone();
        let (fingerprint, template_version, outcome) = match cast {
            Some((clone, version)) if old.as_ref() != Some(&clone.fingerprint) => {
                self.may_touch(work)?;
                self.pipelines.update(&clone, work.claim).await?;
                (clone.fingerprint, version, Outcome::Updated)
            }
            Some((clone, version)) => (clone.fingerprint, version, Outcome::Started),
            None => (old.unwrap_or_default(), None, Outcome::Started),
        };
        let token = if outcome == Outcome::Updated {
            mapping.token_after_update()
        } else {
            mapping.start_token.clone()
        };
        journal.execution = Some(self.run(spec, &fingerprint, token, work).await?);
        let made = ExistingClone {
            arn,
            template_version,
            fingerprint,
            place: None,
            built: None,
        };
        Ok((EffectResult::Present(made), outcome))
    }

    /// A clone that somebody made a template of since is not ours to change any more.
    pub(in crate::reconcile) fn is_no_template(&self, spec: &Spec) -> Result<(), Fault> {
        let name = &spec.pipeline;
        if !self.setup.rules.has_template(name) && *name != spec.template {
            return Ok(());
        }
        let detail =
            format!("'{name}' is a template now: branchline never changes or deletes a template");
        Err(Fault::new(Step::Plan, Reason::PipelineIsTemplate, detail))
    }

    /// Starts the head commit of the claimed mapping, under a token.
    pub(in crate::reconcile) async fn run(
        &self,
        spec: &Spec,
        fingerprint: &CloneFingerprint,
        token: Option<DeliveryId>,
        work: &ClaimedAction<'_>,
    ) -> Result<String, Fault> {
        let mapping = work.claim.mapping();
        let told = match self.setup.rules.named(&spec.rule) {
            Some(rule) if !fingerprint.variables.is_empty() => rule
                .overrides
                .variables(&mapping.placeholder_values(spec))?,
            Some(_) | None => Vec::new(),
        };
        let known = |(name, _): &(String, String)| fingerprint.variables.contains(name);
        let run = Run {
            revision: fingerprint
                .pinned_source
                .clone()
                .zip(mapping.order.head.clone()),
            variables: told.into_iter().filter(known).collect(),
            token,
        };
        self.may_touch(work)?;
        self.pipelines.start(&spec.pipeline, &run, work.claim).await
    }
}

/// Somebody took our tags off, or made a pipeline of this name after deleting ours.
pub(in crate::reconcile) fn not_ours(name: &str) -> Fault {
    let detail = format!(
        "pipeline '{name}' no longer carries this subject's branchline tags: delete it by hand, or put them back and replay"
    );
    Fault::new(Step::Plan, Reason::PipelineNotOurs, detail)
}
