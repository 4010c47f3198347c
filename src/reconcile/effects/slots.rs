//! The slots of a rule with `max_active`. A slot is acquired before a clone is created, and
//! released after it was deleted.

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::rules::rule::Rule;
use crate::domain::state::claim::Claim;
use crate::domain::state::effect::Effect;
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, SlotResult, Store};

use crate::reconcile::execute::{ClaimedAction, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Acquires a slot. Returns the name of the rule, or `None` if the rule has no limit.
    pub(in crate::reconcile) async fn acquire_slot(
        &self,
        rule: &Rule,
        action: &ClaimedAction<'_>,
    ) -> Result<Option<String>, Fault> {
        let Some(max) = rule.max_active else {
            return Ok(None);
        };
        let subject = &action.claim.mapping().subject;
        let fault = |reason, detail: String| Err(Fault::new(reason, detail));
        match self.store.acquire_slot(&rule.name, max, subject).await? {
            SlotResult::Acquired => Ok(Some(rule.name.clone())),
            SlotResult::Full => fault(
                Reason::RuleFull,
                format!(
                    "rule '{}' has its max_active = {max} clones: one must close before the next is made",
                    rule.name
                ),
            ),
            SlotResult::Uncounted => fault(
                Reason::AwsConflict,
                format!("the clones of rule '{}' are being counted", rule.name),
            ),
        }
    }

    /// Releases the slot of the clone, and one that was acquired for a clone that was not settled.
    pub(in crate::reconcile) async fn release_slot(
        &self,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        let mapping = action.claim.mapping();
        let spec = mapping.spec();
        let today = spec.and_then(|spec| rule_of(mapping, spec, &self.rules));
        let today = today.filter(|rule| rule.max_active.is_some());
        let today = today.map(|rule| rule.name.as_str());
        let counted = mapping.slot.as_deref();
        for rule in counted
            .into_iter()
            .chain(today.filter(|rule| counted != Some(rule)))
        {
            self.store.release_slot(rule, &mapping.subject).await?;
        }
        Ok(())
    }

    /// Releases the slot of a clone that cannot be created, so that others can use it.
    pub(in crate::reconcile) async fn release_unused_slot(
        &self,
        effect: &Effect,
        claim: &Claim,
        fault: &Fault,
    ) {
        let spec = match effect {
            Effect::Create(spec) => spec,
            // The pipeline did not exist any more, and its name belongs to another one.
            Effect::Start(spec) if fault.reason == Reason::PipelineNameTaken => spec,
            Effect::Start(_) | Effect::Adopt(_) | Effect::Delete(_) => return,
        };
        let rule = rule_of(claim.mapping(), spec, &self.rules);
        let Some(rule) = rule.filter(|rule| rule.max_active.is_some()) else {
            return;
        };
        if fault.reason.class() != Class::Permanent {
            return;
        }
        if let Err(second) = self
            .store
            .release_slot(&rule.name, &claim.mapping().subject)
            .await
        {
            tracing::warn!(fault = %second, "A slot could not be released; the deletion of its subject's pipeline releases it");
        }
    }
}
