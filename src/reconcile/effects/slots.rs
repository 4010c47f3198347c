//! The slots of a rule with `max_active`. A slot is acquired before a clone is created, and
//! released after it was deleted. Then the subject that waited longest is woken.

use std::time::Duration;

use crate::domain::fault::{Class, Fault, Reason, Scope};
use crate::domain::ids::Subject;
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::journal::Journal;
use crate::domain::rules::rule::Rule;
use crate::domain::state::claim::Claim;
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::State;
use crate::domain::state::plan::rule_of;
use crate::domain::state::slots::{Line, SlotUse, Waiter};
use crate::ports::{Clock, Pipelines, SLOT_CALLS, SlotResult, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::{CLAIM_SAFETY_MARGIN, ClaimedAction, Executor};

/// The minimum remaining time of a claim before a slot is acquired, which may take several calls.
const SLOT_MARGIN: Duration = CLAIM_SAFETY_MARGIN.saturating_add(SLOT_CALLS);

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Releases the slot that a subject was given for a clone, if the clone was deleted since its
    /// row was read. A later deletion releases it by itself.
    ///
    /// # Errors
    /// The table does not answer.
    ///
    /// If cancelled, it may be released.
    pub async fn release_if_deleted(&self, rule: &str, subject: &Subject) -> Result<(), Fault> {
        let row = match self.store().mapping(subject).await {
            Ok(row) => row,
            // It is the fault of this row alone.
            Err(fault) if fault.reason.scope() == Scope::Subject => return Ok(()),
            Err(fault) => return Err(fault),
        };
        if row.is_none_or(|row| !State::WITH_CLONE.contains(&row.state)) {
            self.store().release_slot(rule, subject).await?;
        }
        Ok(())
    }
}

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Acquires a slot. Returns the name of the rule, or `None` if the rule has no limit.
    pub(in crate::reconcile) async fn acquire_slot(
        &self,
        rule: &Rule,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> Result<Option<String>, Fault> {
        let Some(max) = rule.max_active else {
            return Ok(None);
        };
        let waiter = self.waiter(action);
        let fault = |reason, detail: String| Err(Fault::new(reason, detail));
        // A slot that is acquired after the claim would never be released.
        self.check_claim_for(SLOT_MARGIN, action)?;
        match self.store.acquire_slot(&rule.name, max, &waiter).await? {
            SlotResult::Acquired => Ok(Some(rule.name.clone())),
            SlotResult::Full { ahead } => {
                journal.ahead = Some(ahead);
                fault(Reason::RuleFull, full(rule, max, ahead))
            }
            SlotResult::Uncounted => fault(
                Reason::AwsConflict,
                format!("the clones of rule '{}' are being counted", rule.name),
            ),
        }
    }

    /// Gives a clone that exists a slot of its rule, even if all are taken, and releases the one
    /// that it has of another rule. Returns the name of the rule, or `None` if it has no limit, or
    /// if its clones are yet to be counted, which counts this one.
    pub(in crate::reconcile) async fn move_slot(
        &self,
        rule: Option<&Rule>,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> Result<Option<String>, Fault> {
        let mapping = action.claim.mapping();
        let limited = rule.filter(|rule| rule.max_active.is_some());
        let held = mapping.slot.as_ref();
        if held == limited.map(|rule| &rule.name) {
            return Ok(held.cloned());
        }
        let slot = self.hold_slot(limited, action).await?;
        if let Some(held) = held {
            self.check_claim(action)?;
            self.hand_on(held, &mapping.subject, journal).await?;
        }
        Ok(slot)
    }

    /// Gives a clone that exists a slot of its rule, even if all are taken. Returns the name of the
    /// rule, as [`Self::move_slot`] does.
    pub(in crate::reconcile) async fn hold_slot(
        &self,
        rule: Option<&Rule>,
        action: &ClaimedAction<'_>,
    ) -> Result<Option<String>, Fault> {
        let Some(rule) = rule.filter(|rule| rule.max_active.is_some()) else {
            return Ok(None);
        };
        self.check_claim_for(SLOT_MARGIN, action)?;
        let waiter = self.waiter(action);
        let acquired = self.store.acquire_slot(&rule.name, u32::MAX, &waiter);
        Ok(match acquired.await? {
            SlotResult::Acquired => Some(rule.name.clone()),
            SlotResult::Full { .. } | SlotResult::Uncounted => None,
        })
    }

    /// Returns the subject as one that waits from now on.
    pub(in crate::reconcile) fn waiter(&self, action: &ClaimedAction<'_>) -> Waiter {
        let mapping = action.claim.mapping();
        Waiter {
            subject: mapping.subject.clone(),
            repository: mapping.repository.clone(),
            since: self.clock.now(),
        }
    }

    /// Releases the slot of the clone, and one that was acquired for a clone that was not settled.
    pub(in crate::reconcile) async fn release_slot(
        &self,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
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
            // A slot that is released after the claim may be that of the next pipeline.
            self.check_claim(action)?;
            self.hand_on(rule, &mapping.subject, journal).await?;
        }
        Ok(())
    }

    /// Releases the slot of a clone that cannot be created, so that others can use it.
    pub(in crate::reconcile) async fn release_unused_slot(
        &self,
        effect: &Effect,
        claim: &Claim,
        fault: &Fault,
        journal: &mut Journal,
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
        let lasts = claim.lasts(CLAIM_SAFETY_MARGIN, self.clock.now());
        let is_final = matches!(fault.reason.class(), Class::Permanent | Class::Refused);
        if !is_final || !lasts {
            return;
        }
        let subject = &claim.mapping().subject;
        if let Err(second) = self.hand_on(&rule.name, subject, journal).await {
            tracing::warn!(fault = %second, "A slot could not be released; the deletion of its subject's pipeline releases it");
        }
    }

    /// Takes a subject that wants no slot of a rule any more from those who wait for one. A slot
    /// that it has stays.
    pub(in crate::reconcile) async fn leave_queue(
        &self,
        wake: &Wake,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let before = self.store.stop_waiting(&wake.line, &wake.waiter).await?;
        if let Line::Rule(rule) = &wake.line {
            self.note_turn(rule, &wake.waiter.subject, &before, journal);
        }
        Ok(())
    }

    /// Releases a slot or a turn, and notes whose turn it is then.
    async fn hand_on(
        &self,
        rule: &str,
        subject: &Subject,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let before = self.store.release_slot(rule, subject).await?;
        self.note_turn(rule, subject, &before, journal);
        Ok(())
    }

    fn note_turn(&self, rule: &str, leaving: &Subject, before: &SlotUse, journal: &mut Journal) {
        // Without a limit nobody waits.
        let Some(max) = self.rules.named(rule).and_then(|rule| rule.max_active) else {
            return;
        };
        let next = before.next_after(leaving, max).cloned();
        journal.wakes.extend(next.map(|waiter| Wake {
            line: Line::Rule(rule.to_owned()),
            waiter,
        }));
    }
}

fn full(rule: &Rule, max: u32, ahead: usize) -> String {
    let (name, turn) = (&rule.name, turn(ahead));
    format!(
        "rule '{name}' has its max_active = {max} clones, and {turn}: one must close before the next is made"
    )
}

fn turn(ahead: usize) -> String {
    match ahead {
        0 => "this subject is next in line".to_owned(),
        1 => "1 subject waits for longer".to_owned(),
        ahead => format!("{ahead} subjects wait for longer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_rule_says_how_many_wait_for_longer() {
        assert_eq!(turn(0), "this subject is next in line");
        assert_eq!(turn(1), "1 subject waits for longer");
        assert_eq!(turn(2), "2 subjects wait for longer");
    }
}
