//! The one place that acts: claims a subject, runs the effect through the ports, settles what came of it.
//!
//! Guarantees: a pipeline is touched only while the claim outlasts the call and the message is still ours. Assumes: the
//! process is not paused between that look at the clock and the call's way out ([`CLAIM_SAFETY_MARGIN`] is the margin).

use std::time::Duration;

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::Timestamp;
use crate::domain::outcome::journal::{Cause, Journal, NewAuditEntry, Outcome};
use crate::domain::state::mapping::{Claim, EffectResult, Mapping, Transition};
use crate::domain::state::plan::{Effect, Plan, unfinished};
use crate::ports::{ClaimResult, Clock, Pipelines, RecordResult, Store};
use crate::telemetry::metrics;

use crate::reconcile::lease::Lease;
use crate::reconcile::{Reconciler, lane_full};

/// How long one call that changes a pipeline may last, with its echo at AWS and on the clock of another worker: a claim
/// that ends sooner is not used any more. `tests/it/stories/budget.rs` holds it against the AWS client's time limits.
pub const CLAIM_SAFETY_MARGIN: Duration = Duration::from_secs(30);

/// Why a walk works on a subject.
pub(super) struct ActionContext<'a> {
    /// What made it.
    pub(super) cause: Cause,
    /// The event's own time.
    pub(super) time: Timestamp,
    /// The message's lease; a sweep has none.
    pub(super) lease: Option<&'a Lease>,
}

impl ActionContext<'_> {
    /// A walk whose message may be somebody else's by now stops here.
    pub(super) fn goes_on(&self) -> Result<(), Fault> {
        if self.lease.is_none_or(Lease::holds) {
            return Ok(());
        }
        let detail = "the message's visibility ended before its walk did, and could not be renewed";
        Err(Fault::new(Step::Mapping, Reason::LeaseLost, detail))
    }
}

/// A claim, and what it was won for.
pub(super) struct ClaimedAction<'a> {
    pub(super) claim: &'a Claim,
    pub(super) errand: &'a ActionContext<'a>,
}

/// What an effect came to, for the table and for the journal.
pub(super) type EffectOutcome = Result<(EffectResult, Outcome), Fault>;

/// What came of an attempt to act.
pub(super) enum ActionResult {
    /// EffectResult and settled.
    Done(Outcome),
    /// The row was not as planned, and nothing was done. This is what it is.
    Lost(Option<Box<Mapping>>),
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Finishes what an abandoned mapping records, as the next event of its subject would.
    ///
    /// `None` when there was nothing to do any more: somebody else was faster.
    ///
    /// # Errors
    /// As of any walk. The row then says so, and waits for the next event of its subject.
    ///
    /// Cancelled: as [`Reconciler::walk`].
    pub async fn heal(&self, abandoned: &Mapping) -> Result<Option<Outcome>, Fault> {
        let Some(_turn) = self.lanes.enter(&abandoned.subject).await else {
            return Err(lane_full());
        };
        let now = self.clock.now();
        let claim = self.claim(now);
        let errand = ActionContext {
            cause: Cause::Sweep(claim.owner.clone()),
            time: abandoned.order.event_time,
            lease: None,
        };
        let planned = unfinished(abandoned, claim, now).filter(|_| abandoned.is_abandoned(now));
        let Some(Plan::Act { transition, effect }) = planned else {
            return Ok(None);
        };
        let mut journal = Journal::resume(abandoned);
        match self.act(transition, &effect, &errand, &mut journal).await? {
            ActionResult::Done(outcome) => Ok(Some(outcome)),
            ActionResult::Lost(_) => Ok(None),
        }
    }

    /// Claims, runs the effect, settles.
    pub(super) async fn act(
        &self,
        mut transition: Transition,
        effect: &Effect,
        errand: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<ActionResult, Fault> {
        let remembered = self.remember_executions(&mut transition, effect).await;
        let takes_over = transition.takes_over();
        let claim = match self.store.claim(transition).await? {
            ClaimResult::Won(claim) => *claim,
            ClaimResult::Lost(row) => return Ok(ActionResult::Lost(row)),
            ClaimResult::NameTaken(other) => return Err(name_taken(effect, &other)),
        };
        if takes_over {
            metrics::claim_taken_over();
        }
        let work = ClaimedAction {
            claim: &claim,
            errand,
        };
        let applied = match (remembered, effect) {
            // Failed under the claim, it is counted like any other failure of this subject.
            (Err(fault), _) => Err(fault),
            (Ok(()), Effect::Create(spec)) => self.create(spec, &work).await,
            (Ok(()), Effect::Start(spec)) => self.start(spec, &work, journal).await,
            (Ok(()), Effect::Delete(spec)) => self.delete(spec, &work).await,
        };
        let (done, outcome) = match applied {
            Ok(done) => done,
            Err(fault) => {
                self.release_unused_slot(effect, &claim, &fault).await;
                let given_up = claim.give_up(&fault, self.clock.now());
                journal.attempts = Some(given_up.next.attempts);
                if let Err(second) = self.store.give_up(&given_up).await {
                    tracing::warn!(fault = %second, "A claim could not be given up; it expires by itself");
                }
                return Err(fault);
            }
        };
        journal.executions.clone_from(&claim.mapping().executions);
        // The write is conditional on the claim, so a late one harms nobody, and spares the next worker the work.
        let transition = claim.settle(done, self.clock.now());
        match self.record(&transition, errand, &outcome, journal).await? {
            RecordResult::Done => Ok(ActionResult::Done(outcome)),
            RecordResult::Lost(_) => {
                let detail = "the claim expired and was taken over before the outcome was recorded";
                Err(Fault::new(Step::Mapping, Reason::ClaimLost, detail))
            }
        }
    }

    /// Looked at before every call that changes a pipeline.
    pub(super) fn may_touch(&self, work: &ClaimedAction<'_>) -> Result<(), Fault> {
        work.errand.goes_on()?;
        if work.claim.lasts(CLAIM_SAFETY_MARGIN, self.clock.now()) {
            return Ok(());
        }
        let detail = "the claim is about to expire, and another worker may take the subject over";
        Err(Fault::new(Step::Mapping, Reason::ClaimLost, detail))
    }

    pub(super) async fn record(
        &self,
        transition: &Transition,
        errand: &ActionContext<'_>,
        outcome: &Outcome,
        journal: &mut Journal,
    ) -> Result<RecordResult, Fault> {
        journal.left(&transition.next);
        journal.close(outcome);
        let entry = NewAuditEntry::of(journal, &errand.cause, errand.time, &transition.next);
        self.store.record(transition, &entry).await
    }
}

fn name_taken(effect: &Effect, other: &str) -> Fault {
    let (Effect::Create(spec) | Effect::Start(spec) | Effect::Delete(spec)) = effect;
    let detail = format!(
        "'{}' is the pipeline of {other}: make pipeline_name of rule '{}' tell them apart, for instance with {{owner}}",
        spec.pipeline, spec.rule
    );
    Fault::new(Step::Mapping, Reason::PipelineNameTaken, detail)
}
