//! Claims a subject, runs the effect through the ports, and settles the outcome.
//!
//! Guarantees: a pipeline is changed only while the claim outlasts the call and the message is
//! still ours. Assumes: the process does not pause between that check and the moment the request
//! leaves ([`CLAIM_SAFETY_MARGIN`]).

use std::time::Duration;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rules;
use crate::domain::state::claim::{Claim, Transition};
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::{Effect, EffectResult};
use crate::domain::state::mapping::Mapping;
use crate::ports::{ClaimResult, Clock, Pipelines, RecordResult, Store};
use crate::reconcile::lease::Lease;
use crate::reconcile::template_cache::TemplateCache;
use crate::telemetry::metrics;

/// The minimum remaining time of a claim before a call that changes a pipeline: the call's timeout,
/// its late effects at AWS, and the difference between two workers' clocks.
/// `tests/it/stories/budget.rs` compares it with the AWS client's timeouts.
pub const CLAIM_SAFETY_MARGIN: Duration = Duration::from_secs(30);

/// The context of an action.
pub(super) struct ActionContext<'a> {
    /// The cause, for the audit trail.
    pub(super) cause: Cause,
    /// The event's own time.
    pub(super) time: Timestamp,
    /// The message's lease. A sweep has none.
    pub(super) lease: Option<&'a Lease>,
}

impl ActionContext<'_> {
    /// Fails once the message may have been received by another worker.
    pub(super) fn check_lease(&self) -> Result<(), Fault> {
        if self.lease.is_none_or(Lease::holds) {
            return Ok(());
        }
        let detail = "the message's visibility timeout ended before it was processed, and could not be renewed";
        Err(Fault::new(Reason::LeaseLost, detail))
    }
}

/// A claim and the context of its action.
pub(super) struct ClaimedAction<'a> {
    pub(super) claim: &'a Claim,
    pub(super) context: &'a ActionContext<'a>,
}

/// The result of an effect, for the table and for the journal.
pub(super) type EffectOutcome = Result<(EffectResult, Outcome), Fault>;

/// The result of an attempt to act.
pub(super) enum ActionResult {
    /// The effect is done and settled.
    Done(Outcome),
    /// The row was not as planned, and nothing was done. This is the row.
    Lost(Option<Box<Mapping>>),
    /// The head commit asks for no build, and nothing was done.
    Skipped,
}

/// Acts under claims. Its effects are in `effects/`.
pub(super) struct Executor<S, P, C> {
    pub(super) store: S,
    pub(super) pipelines: P,
    pub(super) clock: C,
    pub(super) templates: TemplateCache,
    pub(super) rules: Rules,
    pub(super) table: String,
}

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Creates an executor over these ports.
    pub(super) fn new(store: S, pipelines: P, clock: C, rules: Rules, table: String) -> Self {
        Self {
            store,
            pipelines,
            clock,
            templates: TemplateCache::default(),
            rules,
            table,
        }
    }

    /// Claims the row, runs the effect, and settles the row.
    pub(super) async fn act(
        &self,
        mut transition: Transition,
        effect: &Effect,
        context: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<ActionResult, Fault> {
        let remembered = self.remember_executions(&mut transition, effect).await;
        let takes_over = transition.takes_over();
        let subject = transition.next.subject.clone();
        let claim = match self.store.claim(transition).await? {
            ClaimResult::Won(claim) => *claim,
            ClaimResult::Lost(row) => return Ok(ActionResult::Lost(row)),
            ClaimResult::NameTaken(other) => {
                return Err(self.name_taken(effect, &subject, &other).await);
            }
            ClaimResult::Skipped => return Ok(ActionResult::Skipped),
        };
        if takes_over {
            metrics::claim_taken_over();
        }
        journal.acting();
        let action = ClaimedAction {
            claim: &claim,
            context,
        };
        // A failure before the claim is recorded under it, like any other failure of this subject.
        let applied = match remembered {
            Err(fault) => Err(fault),
            Ok(()) => self.apply(effect, &action, journal).await,
        };
        let (done, outcome) = match applied {
            Ok(done) => done,
            Err(fault) => {
                self.give_up(claim, effect, &fault, journal).await;
                return Err(fault);
            }
        };
        journal
            .executions
            .clone_from(&claim.mapping().observed.executions);
        // The write is conditional on the claim. If it comes late it does no harm, and if it
        // succeeds the next worker has nothing left to do.
        let settled = claim.settle(done, self.clock.now());
        match self.record(&settled, context, &outcome, journal).await? {
            RecordResult::Done => Ok(ActionResult::Done(outcome)),
            RecordResult::Lost(_) => {
                let detail = "the claim expired and was taken over before the outcome was recorded";
                Err(Fault::new(Reason::ClaimLost, detail))
            }
        }
    }

    async fn apply(
        &self,
        effect: &Effect,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        match effect {
            Effect::Create(spec) => self.create(spec, action).await,
            Effect::Start(spec) => self.start(spec, action, journal).await,
            Effect::Delete(name) => self.delete(name, action).await,
        }
    }

    async fn give_up(&self, claim: Claim, effect: &Effect, fault: &Fault, journal: &mut Journal) {
        self.release_unused_slot(effect, &claim, fault).await;
        let given_up = claim.give_up(fault, self.clock.now());
        journal.attempts = Some(given_up.next.attempts);
        if let Err(second) = self.store.give_up(&given_up).await {
            tracing::warn!(fault = %second, "A claim could not be given up; it expires by itself");
        }
    }

    /// Checks, before every call that changes a pipeline, that the message and the claim are still
    /// ours.
    pub(super) fn check_claim(&self, action: &ClaimedAction<'_>) -> Result<(), Fault> {
        action.context.check_lease()?;
        if action.claim.lasts(CLAIM_SAFETY_MARGIN, self.clock.now()) {
            return Ok(());
        }
        let detail = "the claim is about to expire, and another worker may take the subject over";
        Err(Fault::new(Reason::ClaimLost, detail))
    }

    /// Writes a settled row with its audit entry.
    pub(super) async fn record(
        &self,
        transition: &Transition,
        context: &ActionContext<'_>,
        outcome: &Outcome,
        journal: &mut Journal,
    ) -> Result<RecordResult, Fault> {
        journal.settling();
        journal.left(&transition.next);
        journal.close(outcome);
        let entry = NewAuditEntry::new(journal, &context.cause, context.time, &transition.next);
        self.store.record(transition, &entry).await
    }

    /// Returns the fault of a pipeline's name that another subject has. `key` is the subject's key
    /// in the table.
    async fn name_taken(&self, effect: &Effect, subject: &Subject, key: &str) -> Fault {
        let other = Subject::from_table_key(key);
        let repository = match &other {
            Some(other) => self.store.mapping(other).await.ok().flatten(),
            None => None,
        };
        let repository = repository.map(|mapping| mapping.repository);
        let owner = match (&other, &repository) {
            (Some(other), Some(name)) => other.describe(name.as_str()),
            (Some(other), None) => other.describe(&format!("repository {}", other.repository)),
            (None, _) => "another subject".to_owned(),
        };
        let is_same_repository = other.is_some_and(|other| other.repository == subject.repository);
        let detail = match effect {
            Effect::Create(Spec { pipeline, rule, .. })
            | Effect::Start(Spec { pipeline, rule, .. }) => {
                let advice = if is_same_repository {
                    "so that their names differ, or remove it: the default names of branches and pull requests do"
                } else {
                    "so that it contains {owner} and {repo}"
                };
                format!(
                    "the name '{pipeline}' belongs to the pipeline of {owner}: change pipeline_name of rule '{rule}', or of the other's, {advice}"
                )
            }
            Effect::Delete(name) => format!("the name '{name}' belongs to the pipeline of {owner}"),
        };
        Fault::new(Reason::PipelineNameTaken, detail)
    }
}
