//! The one place that acts: it makes a subject's pipeline what it should be, whoever asks.
//!
//! Start reading at [`Reconciler::process`] (`process.rs`), which takes a message through the seven steps. For one subject it
//! reads the mapping, asks the pure plan what to do, and lets the [`Executor`] claim the row, act under the claim and settle
//! the outcome. `effects/` has one file for each thing that can happen to a pipeline; a pushed commit becomes an execution in
//! `effects/start.rs`.
//!
//! Guarantees: what was done is settled with its audit entry, or the row says what is half done; every message ends with a
//! disposition.

mod effects;
pub mod execute;
pub mod lanes;
pub mod lease;
mod process;
mod repository_removal;
pub mod template_cache;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::Timestamp;
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::disposition::MaxAttempts;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rules;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::{ClaimInfo, Mapping};
use crate::domain::state::plan::{Plan, plan, plan_repair, unfinished};
use crate::ports::{Clock, Pipelines, RecordResult, Store};
use crate::reconcile::execute::{ActionContext, ActionResult, Executor};
use crate::reconcile::lanes::Lanes;
use crate::reconcile::lease::Lease;

pub use process::Processed;

/// How long a claim lasts: longer than the slowest processing under it, in which each call to AWS is bounded by
/// `aws::OPERATION_TIMEOUT` (`tests/it/stories/budget.rs` multiplies), and no longer, since the subject of a worker that died
/// waits for as long.
pub const CLAIM: Duration = Duration::from_secs(90);

/// How often a message is planned again after another worker wrote the row first. More conflicts than this mean that
/// another writer is active.
const RACES: usize = 4;

/// Makes subjects' pipelines what they should be.
pub struct Reconciler<S, P, C> {
    executor: Executor<S, P, C>,
    lanes: Lanes,
    authenticator: Authenticator,
    worker: String,
    max_attempts: MaxAttempts,
    claims: AtomicU64,
}

/// How a reconciler is configured.
pub struct ReconcilerConfig {
    /// Which repositories get which pipelines.
    pub rules: Rules,
    /// What proves a message.
    pub authenticator: Authenticator,
    /// The table's name, which marks our pipelines.
    pub table: String,
    /// The name of this process in claims: unique among all workers.
    pub worker: String,
    /// How often a message may fail.
    pub max_attempts: MaxAttempts,
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Makes a reconciler over these ports.
    pub fn new(store: S, pipelines: P, clock: C, config: ReconcilerConfig) -> Self {
        Self {
            executor: Executor::new(store, pipelines, clock, config.rules, config.table),
            lanes: Lanes::default(),
            authenticator: config.authenticator,
            worker: config.worker,
            max_attempts: config.max_attempts,
            claims: AtomicU64::new(0),
        }
    }

    /// Returns the clock that it goes by.
    pub fn clock(&self) -> &C {
        &self.executor.clock
    }

    /// Returns the table that it works on.
    pub fn store(&self) -> &S {
        &self.executor.store
    }

    /// Returns the rules that it goes by.
    pub fn rules(&self) -> &Rules {
        &self.executor.rules
    }

    /// Returns CodePipeline as it acts on it.
    pub fn pipelines(&self) -> &P {
        &self.executor.pipelines
    }

    /// Makes an intent true. Where no row was `seen`, the first plan assumes that the subject is new: for a new one that
    /// saves a read, and for any other the refused write returns the row.
    async fn reconcile(
        &self,
        intent: &Intent,
        seen: Option<Box<Mapping>>,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.intent(intent);
        let _lane = self.lanes.enter(&intent.subject).await?;
        let context = ActionContext {
            cause: Cause::Webhook(intent.delivery.clone()),
            time: intent.order.event_time,
            lease,
        };
        let plan = |seen: Option<&Mapping>, claim, now| plan(intent, seen, claim, now);
        self.apply_plan(plan, seen, &context, journal).await
    }

    /// Repairs what an operator's audit found, if it still is as it was found.
    async fn repair(
        &self,
        request: &RepairRequest,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repair(request);
        let subject = &request.repair.subject;
        let _lane = self.lanes.enter(subject).await?;
        let context = ActionContext {
            cause: Cause::Repair(request.delivery.clone()),
            time: request.received_at,
            lease,
        };
        let seen = self.executor.store.mapping(subject).await?;
        let rules = self.rules();
        let plan =
            |seen: Option<&Mapping>, claim, now| plan_repair(request, seen, rules, claim, now);
        self.apply_plan(plan, seen.map(Box::new), &context, journal)
            .await
    }

    /// Finishes what an abandoned mapping records, as the next event of its subject would. Returns `None` when there was
    /// nothing left to do, since another worker was faster.
    ///
    /// # Errors
    /// Those of any processing. The row then says so, and waits for the next event of its subject.
    ///
    /// Cancelled: as [`Reconciler::process`].
    pub async fn resume(&self, abandoned: &Mapping) -> Result<Option<Outcome>, Fault> {
        let _lane = self.lanes.enter(&abandoned.subject).await?;
        let now = self.clock().now();
        let claim = self.new_claim(now);
        let context = ActionContext {
            cause: Cause::Sweep(claim.owner.clone()),
            time: abandoned.order.event_time,
            lease: None,
        };
        let planned = unfinished(abandoned, claim, now).filter(|_| abandoned.is_abandoned(now));
        let Some(Plan::Act { transition, effect }) = planned else {
            return Ok(None);
        };
        let mut journal = Journal::resume(abandoned);
        let acted = self
            .executor
            .act(transition, &effect, &context, &mut journal);
        match acted.await? {
            ActionResult::Done(outcome) => Ok(Some(outcome)),
            ActionResult::Lost(_) => Ok(None),
        }
    }

    /// Plans and acts until the table agrees.
    async fn apply_plan(
        &self,
        plan: impl Fn(Option<&Mapping>, ClaimInfo, Timestamp) -> Plan,
        mut seen: Option<Box<Mapping>>,
        context: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let executor = &self.executor;
        for _ in 0..RACES {
            context.check_lease()?;
            let now = self.clock().now();
            journal.found(seen.as_deref());
            seen = match plan(seen.as_deref(), self.new_claim(now), now) {
                Plan::Nothing(why) => return Ok(Outcome::Unchanged(why)),
                Plan::Busy { until } => return Err(busy(until)),
                Plan::Record(transition) => {
                    let outcome = Outcome::Recorded(transition.next.absence());
                    let recorded = executor.record(&transition, context, &outcome, journal);
                    match recorded.await? {
                        RecordResult::Done => return Ok(outcome),
                        RecordResult::Lost(row) => row,
                    }
                }
                Plan::Act { transition, effect } => {
                    let acted = executor.act(transition, &effect, context, journal);
                    match acted.await? {
                        ActionResult::Done(outcome) => return Ok(outcome),
                        ActionResult::Lost(row) => row,
                    }
                }
            };
        }
        let detail = format!("the mapping changed {RACES} times while this message was planned");
        Err(Fault::new(Reason::ClaimLost, detail))
    }

    fn new_claim(&self, now: Timestamp) -> ClaimInfo {
        let number = self.claims.fetch_add(1, Ordering::Relaxed);
        ClaimInfo {
            owner: format!("{}/{number}", self.worker),
            until: now.plus(CLAIM),
        }
    }
}

fn busy(until: Timestamp) -> Fault {
    Fault::new(
        Reason::SubjectBusy,
        format!("another worker holds this subject until {until} at the latest"),
    )
}
