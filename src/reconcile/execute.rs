//! Claims a subject, runs the effect through the ports, and settles the outcome.
//!
//! Guarantees: a pipeline is changed only while the claim outlasts the call and the message is
//! still ours. Assumes: the process does not pause between that check and the moment the request
//! leaves ([`CLAIM_SAFETY_MARGIN`]).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clone::files::CloneFiles;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Owner, Subject, SubjectKind, Timestamp};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::rules::rule::Rules;
use crate::domain::state::claim::{Claim, Transition};
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::{Effect, EffectResult};
use crate::domain::state::mapping::Mapping;
use crate::domain::text::one_line;
use crate::ports::{
    ClaimResult, Clock, Pipelines, ProjectWriter, RecordResult, RepositoryFiles, StackWriter, Store,
};
use crate::reconcile::account::AccountGuard;
use crate::reconcile::commit_look::CommitLook;
use crate::reconcile::lease::Lease;
use crate::reconcile::prepared::{Prepared, PreparedProjects, stack_time};
use crate::reconcile::repeated_write::repeat_write;
use crate::reconcile::repository_look::RepositoryLook;
use crate::reconcile::template_cache::TemplateCache;
use crate::telemetry::metrics;

/// How long a claim lasts: longer than the slowest processing under it, in which each call to AWS
/// is bounded by `aws::OPERATION_TIMEOUT` (computed in `tests/it/stories/budget.rs`), and no
/// longer, because the subject of a worker that ended waits for it.
pub const CLAIM: Duration = Duration::from_secs(90);

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

impl<'a> ActionContext<'a> {
    /// Returns the context of an operator's request.
    pub(super) fn of_repair(request: &RepairRequest, lease: Option<&'a Lease>) -> Self {
        Self {
            cause: Cause::Repair(request.delivery.clone()),
            time: request.received_at,
            lease,
        }
    }

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
    /// The files of the repository that the rule reads.
    pub(super) repository: CloneFiles,
    /// The CodeBuild projects, if the subject has or needs some.
    pub(super) projects: Option<PreparedProjects>,
    /// What was read of the repository beside the claim, if a clone is to be created.
    pub(super) look: Option<RepositoryLook>,
}

/// The result of an effect, for the table and for the journal.
pub(super) type EffectOutcome = Result<(EffectResult, Outcome), Fault>;

/// The result of an attempt to act.
pub(super) enum ActionResult {
    /// The effect is done and settled, or there was none, and the row is written.
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
    pub(super) owner: Owner,
    pub(super) account: AccountGuard,
    pub(super) files: Option<Arc<dyn RepositoryFiles>>,
    pub(super) projects: Arc<dyn ProjectWriter>,
    pub(super) stacks: Arc<dyn StackWriter>,
}

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Claims the row, runs the effect, and settles the row. `look` is what was read of the head
    /// commit with the row.
    pub(super) async fn act(
        &self,
        transition: Transition,
        effect: &Effect,
        context: &ActionContext<'_>,
        look: Option<&CommitLook>,
        journal: &mut Journal,
    ) -> Result<ActionResult, Fault> {
        let files = self.repository_files(&transition.next, effect).await;
        let repository = transition.next.subject.repository;
        let action = self.act_admitted(transition, files, effect, context, look, journal);
        self.pipelines.admitted(repository, action).await
    }

    async fn act_admitted(
        &self,
        mut transition: Transition,
        files: Result<CloneFiles, Fault>,
        effect: &Effect,
        context: &ActionContext<'_>,
        look: Option<&CommitLook>,
        journal: &mut Journal,
    ) -> Result<ActionResult, Fault> {
        context.check_lease()?;
        let prepared = match self.look_before(&mut transition, effect, &files).await {
            Ok(()) => self.prepare(&mut transition, effect, files).await,
            Err(fault) => Err(fault),
        };
        if let Some(claim) = &mut transition.next.claim {
            // The claim begins after the wait.
            let more = prepared.as_ref().map_or(Duration::ZERO, Prepared::time);
            let stacks = stack_time(effect, transition.next.resources.stacks.len());
            claim.until = self.clock.now().plus(CLAIM + more + stacks);
        }
        self.remember_policy(&mut transition, effect);
        let identified = self.identify_stacks(&mut transition, effect).await;
        if look.is_some_and(|look| look.admits(&transition, self.clock.now())) {
            transition.unless_skipped = None;
        }
        let takes_over = transition.taken_over().is_some();
        let subject = transition.next.subject.clone();
        let commits = transition.commits.clone();
        let (claimed, repository_look) = self.claim(transition, effect).await;
        let claim = match claimed? {
            ClaimResult::Won(claim) => *claim,
            ClaimResult::Lost(row) => return Ok(ActionResult::Lost(row)),
            ClaimResult::NameTaken(other) => {
                return Err(self.name_taken(effect, &subject, &other).await);
            }
            ClaimResult::StackTaken(stack) => {
                return Err(self.stack_taken(effect, &stack).await);
            }
            ClaimResult::Skipped => return Ok(ActionResult::Skipped),
        };
        if takes_over {
            metrics::claim_taken_over();
        }
        journal.changed(&commits);
        journal.acting();
        // A failure before the claim is recorded under it, like any other failure of this subject.
        let applied = match identified.and(prepared) {
            Err(fault) => Err(fault),
            Ok(Prepared {
                repository,
                projects,
            }) => {
                let action = ClaimedAction {
                    claim: &claim,
                    context,
                    repository,
                    projects,
                    look: repository_look,
                };
                self.apply(effect, &action, journal).await
            }
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
        match self.record(&settled, context, outcome, journal).await {
            Ok(done @ (ActionResult::Done(_) | ActionResult::Skipped)) => Ok(done),
            Ok(ActionResult::Lost(_)) => {
                let detail = "the claim expired and was taken over before the outcome was recorded";
                Err(Fault::new(Reason::ClaimLost, detail))
            }
            Err(fault) => {
                // The effect is done, and the next attempt finds it.
                self.end_claim(claim, &fault, journal).await;
                Err(fault)
            }
        }
    }

    /// Claims the row. If a clone is to be created, the record of its repository is read at the
    /// same time.
    async fn claim(
        &self,
        transition: Transition,
        effect: &Effect,
    ) -> (Result<ClaimResult, Fault>, Option<RepositoryLook>) {
        let repository = transition.next.subject.repository;
        let claim = self.store.claim(transition);
        match effect {
            Effect::Create(_) => {
                RepositoryLook::beside(&self.store, &self.clock, repository, claim).await
            }
            Effect::Start(_) | Effect::Adopt(_) | Effect::Delete(_) => (claim.await, None),
        }
    }

    async fn prepare(
        &self,
        transition: &mut Transition,
        effect: &Effect,
        repository: Result<CloneFiles, Fault>,
    ) -> Result<Prepared, Fault> {
        let repository = repository?;
        let projects = self.prepare_projects(transition, effect, &repository);
        Ok(Prepared {
            projects: projects.await?,
            repository,
        })
    }

    async fn apply(
        &self,
        effect: &Effect,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> EffectOutcome {
        match effect {
            Effect::Create(spec) => self.create(spec, action, journal).await,
            Effect::Start(spec) => self.start(spec, action, journal).await,
            Effect::Adopt(spec) => self.adopt(spec, action).await,
            Effect::Delete(name) => self.delete(name, action, journal).await,
        }
    }

    async fn give_up(&self, claim: Claim, effect: &Effect, fault: &Fault, journal: &mut Journal) {
        self.release_unused_slot(effect, &claim, fault, journal)
            .await;
        self.end_claim(claim, fault, journal).await;
    }

    /// Frees the subject for the next attempt.
    async fn end_claim(&self, claim: Claim, fault: &Fault, journal: &mut Journal) {
        let given_up = claim.give_up(fault, self.clock.now());
        let attempts = given_up.next.attempts;
        journal.attempts = Some(attempts);
        // Once is enough: the record is kept for 30 days.
        let is_first = attempts <= 1 || journal.receives <= 1;
        let delivery = journal.delivery.as_ref().filter(|_| is_first);
        let ended = repeat_write(|| self.store.give_up(&given_up, delivery));
        if let Err(second) = ended.await {
            tracing::warn!(fault = %second, "A claim could not be given up; it expires by itself");
        }
    }

    /// Checks, before every call that changes a pipeline, that the message and the claim are still
    /// ours.
    pub(super) fn check_claim(&self, action: &ClaimedAction<'_>) -> Result<(), Fault> {
        self.check_claim_for(CLAIM_SAFETY_MARGIN, action)
    }

    /// Checks the same before calls that take effect within this time.
    pub(super) fn check_claim_for(
        &self,
        margin: Duration,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        action.context.check_lease()?;
        if action.claim.lasts(margin, self.clock.now()) {
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
        outcome: Outcome,
        journal: &mut Journal,
    ) -> Result<ActionResult, Fault> {
        journal.settling();
        journal.left(&transition.next);
        journal.close(&outcome);
        let entry = NewAuditEntry::new(journal, &context.cause, context.time, &transition.next);
        match repeat_write(|| self.store.record(transition, &entry)).await? {
            RecordResult::Done => {
                journal.changed(&transition.commits);
                Ok(ActionResult::Done(outcome))
            }
            RecordResult::Lost(row) => Ok(ActionResult::Lost(row)),
        }
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
            (Some(other), Some(name)) => in_words(other, name.as_str()),
            (Some(other), None) => in_words(other, &format!("repository {}", other.repository)),
            (None, _) => "another subject".to_owned(),
        };
        let is_same_repository = other.is_some_and(|other| other.repository == subject.repository);
        let detail = match effect {
            Effect::Create(Spec { pipeline, rule, .. })
            | Effect::Start(Spec { pipeline, rule, .. })
            | Effect::Adopt(Spec { pipeline, rule, .. }) => {
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

/// Returns a subject in words: `pull request 7 of acme/api` or `branch feature/x of acme/api`.
pub(super) fn in_words(subject: &Subject, repository: &str) -> String {
    match &subject.kind {
        SubjectKind::PullRequest(number) => format!("pull request {number} of {repository}"),
        SubjectKind::Branch(branch) => {
            let branch = one_line(branch.as_str(), usize::MAX);
            format!("branch {branch} of {repository}")
        }
    }
}
