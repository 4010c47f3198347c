//! Starting a head commit, in a clone that is up to date.

use crate::domain::clone::execution::Run;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{DeliveryId, PipelineName};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Update;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{EffectResult, ExistingClone};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, EffectOutcome, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Brings the clone up to date where its rule says so, then starts the head commit: UpdatePipeline stops what runs
    /// and starts nothing, so the two belong together. A clone that somebody deleted is made anew.
    pub(in crate::reconcile) async fn start(
        &self,
        spec: &Spec,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        self.is_no_template(&spec.pipeline, Some(spec))?;
        let mapping = action.claim.mapping();
        let named = self.rules.named(&spec.rule);
        let cast = match named.map(|rule| rule.update) {
            Some(Update::Never) => None,
            Some(Update::NextStart) | None => {
                Some(self.build_clone(spec, action, self.rule(spec)?).await?)
            }
        };
        let name = &spec.pipeline;
        let arn = match self.pipelines.find(name, mapping.pipeline_arn()).await? {
            None => return self.create(spec, action).await,
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.table) => found.arn,
            Some(_) => return Err(not_ours(name.as_str())),
        };
        let old = mapping.fingerprint().cloned();
        let (fingerprint, template_version, outcome) = match cast {
            Some((clone, version)) if !is_up_to_date(old.as_ref(), &clone.fingerprint) => {
                self.check_claim(action)?;
                self.pipelines.update(&clone, action.claim).await?;
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
        journal.execution = Some(self.run(spec, &fingerprint, token, action).await?);
        let made = ExistingClone {
            name: name.clone(),
            arn,
            template_version,
            fingerprint,
            slot: None,
            built: None,
        };
        Ok((EffectResult::Present(made), outcome))
    }

    /// A clone that somebody made a template of since is not ours to change any more.
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
            format!("'{name}' is a template now: branchline never changes or deletes a template");
        Err(Fault::new(Reason::PipelineIsTemplate, detail))
    }

    /// Starts the head commit of the claimed mapping, under a token.
    pub(in crate::reconcile) async fn run(
        &self,
        spec: &Spec,
        fingerprint: &CloneFingerprint,
        token: Option<DeliveryId>,
        action: &ClaimedAction<'_>,
    ) -> Result<String, Fault> {
        let mapping = action.claim.mapping();
        let told = match self.rules.named(&spec.rule) {
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
        self.check_claim(action)?;
        self.pipelines
            .start(&spec.pipeline, &run, action.claim)
            .await
    }
}

/// Returns true if CodePipeline holds this declaration already. Which commit an execution fetches is not part of it.
fn is_up_to_date(written: Option<&CloneFingerprint>, wanted: &CloneFingerprint) -> bool {
    written.is_some_and(|written| written.digest.is_some() && written.digest == wanted.digest)
}

/// Somebody took our tags off, or made a pipeline of this name after deleting ours.
pub(in crate::reconcile) fn not_ours(name: &str) -> Fault {
    let detail = format!(
        "pipeline '{name}' no longer carries this subject's branchline tags: delete it by hand, or put them back and replay"
    );
    Fault::new(Reason::PipelineNotOurs, detail)
}
