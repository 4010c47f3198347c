//! A message walks through the seven rooms; what the plan says is done in `act.rs`, and what fails is judged in
//! `domain/outcome/disposition.rs`.
//!
//! Guarantees: what was done is settled with its audit entry, or the row says what is half done; every walk ends with
//! what is to become of its message.

mod effects;
pub mod execute;
pub mod lanes;
pub mod lease;
mod repository_removal;
pub mod template_cache;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::Instrument;

use crate::domain::fault::{Class, Fault, Reason, Step};
use crate::domain::ids::Timestamp;
use crate::domain::intake::authenticated::{AuthenticatedMessage, Secrets};
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::intake::event::{Decision, Event};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::outcome::disposition::{Burial, Grave, MaxAttempts, Verdict, judge};
use crate::domain::outcome::journal::{Cause, Journal, Outcome};
use crate::domain::rules::rule::Rules;
use crate::domain::state::intent::{Intent, Request};
use crate::domain::state::mapping::{ClaimInfo, Mapping};
use crate::domain::state::plan::{Plan, mend, plan};
use crate::ports::{Clock, Pipelines, RecordResult, Store};
use crate::telemetry::spans;

use crate::domain::outcome::backend_signal::BackendSignal;
use crate::reconcile::execute::{ActionContext, ActionResult};
use crate::reconcile::lanes::{DEPTH, Lanes};
use crate::reconcile::lease::Lease;
use crate::reconcile::template_cache::TemplateCache;

/// How long a claim counts: longer than the slowest walk under it, each of whose calls to AWS is bounded by
/// `aws::OPERATION_TIMEOUT` (`tests/it/stories/budget.rs` multiplies), and no longer, for that is how long the subject of a worker
/// that died has to wait.
pub const CLAIM: Duration = Duration::from_secs(90);

/// How often a walk plans again after somebody else wrote the row first. More would be a fight, not a race.
const RACES: usize = 4;

/// What a walk needs beside the message.
pub struct Reconciler<S, P, C> {
    store: S,
    pipelines: P,
    clock: C,
    templates: TemplateCache,
    lanes: Lanes,
    pub(crate) setup: ReconcilerConfig,
    walks: AtomicU64,
}

/// What the configuration says about a walk.
pub struct ReconcilerConfig {
    /// Which repositories get which pipelines.
    pub rules: Rules,
    /// What proves a body.
    pub secrets: Secrets,
    /// The table's name, which marks our pipelines.
    pub table: String,
    /// The name of this process in claims: unique among all workers.
    pub worker: String,
    /// How often a message may fail.
    pub max_attempts: MaxAttempts,
}

/// The end of a walk: what happened, and what is to become of the message.
#[derive(Debug)]
pub struct Processed {
    /// What happened.
    pub journal: Journal,
    /// The message's handle.
    pub receipt: Receipt,
    /// What is to become of it.
    pub ending: Ending,
    /// What the walk tells of AWS.
    pub heard: BackendSignal,
}

/// A verdict with all that its execution needs.
#[derive(Debug)]
pub enum Ending {
    /// Delete it.
    Ack,
    /// Hand it back for later.
    Retry {
        /// How the fault is answered.
        class: Class,
        /// How often the message was tried, this time included: the wait grows with it.
        tries: u32,
    },
    /// Send it to a grave, then delete it.
    Bury(Grave, Burial),
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// A walker over these ports.
    pub fn new(store: S, pipelines: P, clock: C, setup: ReconcilerConfig) -> Self {
        Self {
            store,
            pipelines,
            clock,
            templates: TemplateCache::default(),
            lanes: Lanes::default(),
            setup,
            walks: AtomicU64::new(0),
        }
    }

    /// The clock that its walks go by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// The table that its walks go by.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Walks one message through the line, as long as its lease holds.
    ///
    /// Cancelled: at most one call to AWS took effect unrecorded, and the mapping is half-way; the message comes back
    /// when its visibility ends and finishes it.
    pub async fn walk(&self, envelope: Envelope, lease: &Lease) -> Processed {
        let mut journal = Journal::open(&envelope);
        let verified = spans::room("delivery").in_scope(|| envelope.verify(&self.setup.secrets));
        match verified {
            Err(refused) => self.finish(journal, refused.envelope, Err(refused.fault)),
            Ok(delivery) => {
                journal.delivery(&delivery);
                let outcome = self.heed(&delivery, lease, &mut journal).await;
                self.finish(journal, delivery.into_envelope(), outcome)
            }
        }
    }

    async fn heed(
        &self,
        delivery: &AuthenticatedMessage,
        lease: &Lease,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let event = match spans::room("event").in_scope(|| Event::read(delivery))? {
            Decision::Handle(event) => event,
            Decision::Ignore(why) => return Ok(Outcome::Ignored(why)),
        };
        journal.event(&event);
        let received_at = delivery.received_at();
        let aim = spans::room("intent")
            .in_scope(|| Intent::read(event, &self.setup.rules, delivery.id(), received_at))?;
        // Here mappings are claimed, plans made and carried out, in turns.
        let plan = spans::room("plan");
        match aim {
            Decision::Handle(Request::Subject(intent)) => {
                let done = self.converge(&intent, None, lease, journal);
                done.instrument(plan).await
            }
            Decision::Handle(Request::Repository(leave)) => {
                let done = self.leave(&leave, lease, journal);
                done.instrument(plan).await
            }
            Decision::Handle(Request::Repair(asked)) => {
                let done = self.mend(&asked, lease, journal);
                done.instrument(plan).await
            }
            Decision::Ignore(why) => Ok(Outcome::Ignored(why)),
        }
    }

    /// Plans and acts until the table agrees. Where nothing was `seen`, the first plan assumes that the subject never was:
    /// for a new one that saves a read, for any other the refused write brings the row.
    pub(crate) async fn converge(
        &self,
        intent: &Intent,
        seen: Option<Box<Mapping>>,
        lease: &Lease,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.intent(intent);
        let Some(_turn) = self.lanes.enter(&intent.subject).await else {
            return Err(lane_full());
        };
        let errand = ActionContext {
            cause: Cause::Webhook(intent.delivery.clone()),
            time: intent.order.event_time,
            lease: Some(lease),
        };
        let plan = |seen: Option<&Mapping>, claim, now| plan(intent, seen, claim, now);
        self.agree(plan, seen, &errand, journal).await
    }

    /// Finishes what an operator's audit found, if it still is as it was found.
    async fn mend(
        &self,
        asked: &RepairRequest,
        lease: &Lease,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.mend(asked);
        let Some(_turn) = self.lanes.enter(&asked.repair.subject).await else {
            return Err(lane_full());
        };
        let errand = ActionContext {
            cause: Cause::Webhook(asked.delivery.clone()),
            time: asked.received_at,
            lease: Some(lease),
        };
        let seen = self.store.mapping(&asked.repair.subject).await?;
        let plan =
            |seen: Option<&Mapping>, claim, now| mend(asked, seen, &self.setup.rules, claim, now);
        self.agree(plan, seen.map(Box::new), &errand, journal).await
    }

    /// Plans and acts until the table agrees.
    async fn agree(
        &self,
        plan: impl Fn(Option<&Mapping>, ClaimInfo, Timestamp) -> Plan,
        mut seen: Option<Box<Mapping>>,
        errand: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        for _ in 0..RACES {
            errand.goes_on()?;
            let now = self.clock.now();
            journal.found(seen.as_deref());
            let lost = match plan(seen.as_deref(), self.claim(now), now) {
                Plan::Nothing(why) => return Ok(Outcome::Unchanged(why)),
                Plan::Busy { until } => return Err(busy(until)),
                Plan::Record(transition) => {
                    let outcome = Outcome::Recorded(transition.next.absence);
                    match self.record(&transition, errand, &outcome, journal).await? {
                        RecordResult::Done => return Ok(outcome),
                        RecordResult::Lost(row) => row,
                    }
                }
                Plan::Act { transition, effect } => {
                    match self.act(transition, &effect, errand, journal).await? {
                        ActionResult::Done(outcome) => return Ok(outcome),
                        ActionResult::Lost(row) => row,
                    }
                }
            };
            seen = lost;
        }
        let detail = format!("the mapping changed {RACES} times while this message was planned");
        Err(Fault::new(Step::Mapping, Reason::ClaimLost, detail))
    }

    pub(crate) fn claim(&self, now: Timestamp) -> ClaimInfo {
        let walk = self.walks.fetch_add(1, Ordering::Relaxed);
        ClaimInfo {
            owner: format!("{}/{walk}", self.setup.worker),
            until: now.plus(CLAIM),
        }
    }

    fn finish(
        &self,
        mut journal: Journal,
        envelope: Envelope,
        outcome: Result<Outcome, Fault>,
    ) -> Processed {
        let receipt = envelope.receipt.clone();
        let heard = BackendSignal::of(&outcome);
        let ending = match outcome {
            Ok(outcome) => {
                journal.close(&outcome);
                Ending::Ack
            }
            Err(fault) => {
                journal.fail(&fault);
                let failures = journal.failures();
                match judge(&fault, failures, &self.setup.max_attempts) {
                    Verdict::Ack => Ending::Ack,
                    Verdict::Retry(class) => Ending::Retry {
                        class,
                        tries: match class {
                            Class::Busy => journal.receives,
                            Class::Transient
                            | Class::Throttled
                            | Class::Quota
                            | Class::Unknown
                            | Class::Permanent
                            | Class::Unverified => failures,
                        },
                    },
                    Verdict::Bury(grave) => Ending::Bury(grave, Burial::of(envelope, &fault)),
                }
            }
        };
        Processed {
            journal,
            receipt,
            ending,
            heard,
        }
    }
}

fn busy(until: Timestamp) -> Fault {
    Fault::new(
        Step::Mapping,
        Reason::SubjectBusy,
        format!("another worker holds this subject until {until} at the latest"),
    )
}

pub(super) fn lane_full() -> Fault {
    let detail = format!("{DEPTH} messages of this subject are in work already");
    Fault::new(Step::Mapping, Reason::SubjectBusy, detail)
}
