//! The one place that acts: it brings a subject's pipeline to the desired state.
//!
//! Start reading at [`Reconciler::process`] (`process.rs`), which takes a message through the seven
//! steps. For one subject it reads the mapping, asks the pure plan what to do, and lets the
//! executor (`execute.rs`) claim the row, act under the claim and settle the outcome. `effects/`
//! has one file for each thing that can happen to a pipeline; a pushed commit becomes an execution
//! in `effects/start.rs`.
//!
//! Guarantees: a change is settled together with its audit entry, or the row is half-way and has
//! what is left to do. Every message ends with a disposition.

mod abandoned;
mod account;
mod adoption;
mod commit_look;
mod commits;
mod effects;
pub mod execute;
mod failing;
mod failure_trail;
mod forgetting;
mod known;
pub mod lanes;
pub mod lease;
mod prepared;
mod preview_url;
mod probe;
mod process;
mod repeated_write;
mod repository_files;
mod repository_look;
mod repository_removal;
mod repository_renaming;
mod rerun;
mod secret_scope;
mod shortage;
mod skipped_commits;
mod sleep;
mod teardown;
pub mod template_cache;
mod unknown_messages;
mod wake;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{CommitId, Owner, Timestamp};
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::intake::repair_request::{FindingKind, RepairRequest};
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::disposition::MaxAttempts;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::record::CommitKey;
use crate::domain::rules::rule::Rules;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::{ClaimInfo, Mapping};
use crate::domain::state::plan::{Plan, Unchanged, plan, plan_repair, unfinished};
use crate::domain::state::slots::PipelineQuota;
use crate::ports::{Clock, Pipelines, ProjectWriter, RepositoryFiles, StackWriter, Store};
use crate::reconcile::account::AccountGuard;
use crate::reconcile::commit_look::CommitLook;
use crate::reconcile::execute::{ActionContext, ActionResult, Executor};
use crate::reconcile::failing::FailingParties;
use crate::reconcile::lanes::Lanes;
use crate::reconcile::lease::Lease;
use crate::reconcile::template_cache::TemplateCache;
use crate::reconcile::unknown_messages::UnknownMessages;

pub use execute::CLAIM;
pub use prepared::PROJECT_CALL;
pub use process::Processed;
pub use shortage::Shortage;
pub use unknown_messages::UNKNOWN_PER_MINUTE;

/// What is known of a subject's row before its first plan.
enum KnownRow {
    /// This row, or that there is none.
    Read(Option<Box<Mapping>>),
    /// Nothing.
    Unread,
    /// Nothing. Whether this commit asks for no build is read with the row.
    UnreadWith(CommitId),
}

/// How often a message is planned again after another worker wrote the row first. More conflicts
/// than this mean that another writer is active.
const RACES: usize = 4;

/// Brings subjects' pipelines to their desired state.
pub struct Reconciler<S, P, C> {
    executor: Executor<S, P, C>,
    lanes: Lanes,
    event_lanes: Lanes,
    failing: FailingParties,
    /// Where the next probe begins among the templates.
    probes: AtomicUsize,
    authenticator: Authenticator,
    worker: String,
    max_attempts: MaxAttempts,
    region: String,
    claims: AtomicU64,
    unknown_messages: UnknownMessages,
    /// When the webhook queue last answered again after an outage, as this process saw it.
    resumed_at: Mutex<Option<Timestamp>>,
}

/// The configuration of a reconciler.
pub struct ReconcilerConfig {
    /// The rules.
    pub rules: Rules,
    /// The authenticator of messages.
    pub authenticator: Authenticator,
    /// The name of this installation, which is a tag of its clones.
    pub owner: Owner,
    /// The name of this process in claims. It is unique among all workers.
    pub worker: String,
    /// The number of attempts of a message, by class of fault.
    pub max_attempts: MaxAttempts,
    /// The Region of the pipelines, for links in reports.
    pub region: String,
    /// The account's quota of pipelines.
    pub quota: PipelineQuota,
    /// The files of repositories, which some rules read.
    pub files: Option<Arc<dyn RepositoryFiles>>,
    /// CodeBuild, in which some rules' clones have projects.
    pub projects: Arc<dyn ProjectWriter>,
    /// CloudFormation, in which some rules' clones have stacks that the daemon deletes.
    pub stacks: Arc<dyn StackWriter>,
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Creates a reconciler over these ports.
    pub fn new(store: S, pipelines: P, clock: C, config: ReconcilerConfig) -> Self {
        Self {
            executor: Executor {
                store,
                pipelines,
                clock,
                templates: TemplateCache::default(),
                rules: config.rules,
                owner: config.owner,
                account: AccountGuard::new(config.quota),
                files: config.files,
                projects: config.projects,
                stacks: config.stacks,
            },
            lanes: Lanes::with_depth(lanes::DEPTH),
            event_lanes: Lanes::with_depth(lanes::EVENT_DEPTH),
            failing: FailingParties::default(),
            probes: AtomicUsize::new(0),
            authenticator: config.authenticator,
            worker: config.worker,
            max_attempts: config.max_attempts,
            region: config.region,
            claims: AtomicU64::new(0),
            unknown_messages: UnknownMessages::default(),
            resumed_at: Mutex::default(),
        }
    }

    /// Notes that the webhook queue answers again after an outage.
    pub fn note_resumption(&self) {
        let mut resumed_at = self
            .resumed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *resumed_at = Some(self.clock().now());
    }

    /// Returns when the webhook queue last answered again after an outage; `None` if there was none
    /// since the start of this process.
    pub fn resumed_at(&self) -> Option<Timestamp> {
        *self
            .resumed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the clock.
    pub fn clock(&self) -> &C {
        &self.executor.clock
    }

    /// Returns the table.
    pub fn store(&self) -> &S {
        &self.executor.store
    }

    /// Returns the rules.
    pub fn rules(&self) -> &Rules {
        &self.executor.rules
    }

    /// Returns the port to CodePipeline.
    pub fn pipelines(&self) -> &P {
        &self.executor.pipelines
    }

    /// Returns the name of the installation, which marks its pipelines.
    pub fn owner(&self) -> &Owner {
        &self.executor.owner
    }

    /// Brings a subject to the state of an intent.
    async fn reconcile(
        &self,
        intent: &Intent,
        known: KnownRow,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.intent(intent);
        let _lane = self.lanes.enter(&intent.subject).await?;
        let (seen, look) = match known {
            KnownRow::Read(row) => (row.map(|row| *row), None),
            KnownRow::Unread => (self.store().mapping(&intent.subject).await?, None),
            KnownRow::UnreadWith(commit) => self.look(&intent.subject, commit).await?,
        };
        let context = ActionContext {
            cause: intent.cause.clone(),
            time: intent.order.event_time,
            lease,
        };
        let skipped = intent.without_build();
        let plan = |seen: Option<&Mapping>, claim, now, is_skipped| {
            let skipped = skipped.as_ref().filter(|_| is_skipped);
            plan(skipped.unwrap_or(intent), seen, claim, now)
        };
        let seen = seen.map(Box::new);
        self.apply_plan_after(look.as_ref(), plan, seen, &context, journal)
            .await
    }

    /// Repairs a finding of an operator's audit, if the mapping has not changed since.
    async fn repair(
        &self,
        request: &RepairRequest,
        kind: FindingKind,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repair(request);
        if kind == FindingKind::Orphan {
            // Without this, a claim would be left that no later message finishes.
            self.executor
                .is_no_template(&request.repair.pipeline, None)?;
        }
        let subject = &request.repair.subject;
        let _lane = self.lanes.enter(subject).await?;
        let context = ActionContext::of_repair(request, lease);
        let seen = self.executor.store.mapping(subject).await?;
        let rules = self.rules();
        let plan = |seen: Option<&Mapping>, claim, now, _| {
            plan_repair(request, kind, seen, rules, claim, now)
        };
        self.apply_plan(plan, seen.map(Box::new), &context, journal)
            .await
    }

    /// Finishes an abandoned mapping as the next event of its subject would. Returns the outcome,
    /// and the commits whose records changed; `None` if another worker has finished it.
    ///
    /// # Errors
    /// The faults of any processing. The row then has the fault, and waits for the next event of
    /// its subject.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn resume(
        &self,
        abandoned: &Mapping,
    ) -> Result<Option<(Outcome, Vec<CommitKey>)>, Fault> {
        let _lane = self.lanes.enter(&abandoned.subject).await?;
        if !abandoned.is_abandoned(self.clock().now()) {
            return Ok(None);
        }
        let mut journal = Journal::resume(abandoned);
        let finished = self.finish_row(abandoned, &mut journal).await;
        if let Err(fault) = &finished {
            self.note_refusal(abandoned, fault, &mut journal).await;
        }
        Ok(finished?.map(|outcome| (outcome, journal.commits)))
    }

    /// Finishes a half-way row as it is recorded, without a message. Returns `None` if it is
    /// settled, or if another worker was faster.
    async fn finish_row(
        &self,
        row: &Mapping,
        journal: &mut Journal,
    ) -> Result<Option<Outcome>, Fault> {
        let now = self.clock().now();
        let claim = self.new_claim(now);
        let context = ActionContext {
            cause: Cause::Sweep(claim.owner.clone()),
            time: row.order.event_time,
            lease: None,
        };
        journal.found(Some(row));
        let Some(Plan::Act { transition, effect }) = unfinished(row, claim, now) else {
            return Ok(None);
        };
        let acted = self
            .executor
            .act(transition, &effect, &context, None, journal);
        match acted.await? {
            ActionResult::Done(outcome) => Ok(Some(outcome)),
            ActionResult::Lost(_) | ActionResult::Skipped => Ok(None),
        }
    }

    /// Plans and acts until a write to the table succeeds. The last argument of `plan` is true if
    /// the head commit is remembered as one that asks for no build.
    async fn apply_plan(
        &self,
        plan: impl Fn(Option<&Mapping>, ClaimInfo, Timestamp, bool) -> Plan,
        seen: Option<Box<Mapping>>,
        context: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        self.apply_plan_after(None, plan, seen, context, journal)
            .await
    }

    /// Does the same after a look at a commit.
    async fn apply_plan_after(
        &self,
        look: Option<&CommitLook>,
        plan: impl Fn(Option<&Mapping>, ClaimInfo, Timestamp, bool) -> Plan,
        mut seen: Option<Box<Mapping>>,
        context: &ActionContext<'_>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let executor = &self.executor;
        let mut is_skipped = false;
        for _ in 0..RACES {
            context.check_lease()?;
            let now = self.clock().now();
            journal.found(seen.as_deref());
            let planned = plan(seen.as_deref(), self.new_claim(now), now, is_skipped);
            let result = match planned {
                Plan::Nothing(why) => return Ok(Outcome::Unchanged(why)),
                Plan::Busy { until } => return Err(busy(until)),
                Plan::Record(transition) => {
                    let outcome = Outcome::of_record(seen.as_deref(), &transition.next);
                    let recorded = executor.record(&transition, context, outcome, journal);
                    recorded.await?
                }
                Plan::Remember(transition) => {
                    let outcome = Outcome::Unchanged(Unchanged::Stale);
                    let recorded = executor.record(&transition, context, outcome, journal);
                    recorded.await?
                }
                Plan::Act { transition, .. }
                    if look.is_some_and(|look| look.refuses(&transition)) =>
                {
                    ActionResult::Skipped
                }
                Plan::Act { transition, effect } => {
                    let acted = executor.act(transition, &effect, context, look, journal);
                    acted.await?
                }
            };
            match result {
                ActionResult::Done(outcome) => return Ok(outcome),
                ActionResult::Lost(row) => seen = row,
                ActionResult::Skipped => is_skipped = true,
            }
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
