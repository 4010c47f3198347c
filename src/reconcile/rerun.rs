//! Runs the checks of a commit again, because a person pressed "Re-run" on GitHub.
//!
//! GitHub waits for a new report of the commit then. If nothing is built again, the report that it
//! shows already is sent again.

use crate::domain::fault::Fault;
use crate::domain::intake::authenticated::SecretScope;
use crate::domain::intake::decision::Ignored;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::record::{Attempt, CommitKey, CommitRecord, Phase};
use crate::domain::state::intent::RerunRequest;
use crate::domain::state::plan::{Unchanged, plan_rerun};
use crate::ports::{Clock, CommitList, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::commits::RACES;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;
use crate::reconcile::repository_removal::keep;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Runs the checks of each subject again. If one fails, the others are still handled; the
    /// message returns, and changes nothing for those that are done.
    pub(super) async fn rerun(
        &self,
        request: &RerunRequest,
        secret: Option<&SecretScope>,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let mut outcome = Outcome::Ignored(Ignored::NotReported);
        let mut failed = None;
        for subject in request.rerun.subjects() {
            let key = CommitKey {
                subject: subject.clone(),
                commit: request.rerun.commit.clone(),
            };
            let Some(record) = self.store().commit(&key).await? else {
                continue;
            };
            let handling = self.rerun_commit(request, &record, secret, lease, journal);
            match handling.await {
                Ok(done) => outcome = done,
                Err(fault) => {
                    journal.rerun = Some(key);
                    keep(&mut failed, fault);
                }
            }
        }
        failed.map_or(Ok(outcome), Err)
    }

    async fn rerun_commit(
        &self,
        request: &RerunRequest,
        record: &CommitRecord,
        secret: Option<&SecretScope>,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let subject = &record.key.subject;
        journal.rerun(subject);
        let _lane = self.lanes.enter(subject).await?;
        let seen = self.store().mapping(subject).await?;
        self.check_row(secret, subject, &request.repository, seen.as_ref())
            .await?;
        let context = ActionContext {
            cause: Cause::Webhook(request.delivery.clone()),
            time: request.received_at,
            lease,
        };
        let rules = self.rules();
        let plan =
            |seen: Option<&_>, claim, now, _| plan_rerun(request, record, seen, rules, claim, now);
        let outcome = self
            .apply_plan(plan, seen.map(Box::new), &context, journal)
            .await?;
        if let Outcome::Unchanged(Unchanged::NotHead | Unchanged::NoPipeline) = outcome {
            self.report_again(&record.key, None, journal).await?;
        }
        Ok(outcome)
    }

    /// Lets a report be sent again. With a phase, the execution so far counts no more.
    pub(super) async fn report_again(
        &self,
        key: &CommitKey,
        phase: Option<&Phase>,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        for _ in 0..RACES {
            let Some(record) = self.store().commit(key).await? else {
                return Ok(());
            };
            let now = self.clock().now();
            let mut next = record.next(now);
            match phase {
                None => next.reported = None,
                Some(phase) => {
                    next.phase = phase.clone();
                    next.outdated = next.run.as_ref().map(|run| Attempt {
                        execution: run.execution.clone(),
                        attempt: run.attempt,
                    });
                }
            }
            let list = Some(CommitList::Unreported);
            if self.store().replace(&next, list).await? {
                journal.commits.push(next.key);
                return Ok(());
            }
        }
        Ok(())
    }
}
