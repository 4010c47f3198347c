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
use crate::domain::report::record::{Attempt, CommitKey, Phase};
use crate::domain::state::intent::RerunRequest;
use crate::domain::state::mapping::{ClaimInfo, Mapping};
use crate::domain::state::plan::{Plan, Unchanged, plan_rerun};
use crate::ports::{Clock, Pipelines, Store};

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
            match self
                .rerun_commit(request, key, secret, lease, journal)
                .await
            {
                Ok(Some(done)) => outcome = done,
                Ok(None) => {}
                Err(fault) => {
                    keep(&mut failed, fault);
                }
            }
        }
        failed.map_or(Ok(outcome), Err)
    }

    /// Runs the checks of one subject again. Returns `None` if its commit is not reported.
    async fn rerun_commit(
        &self,
        request: &RerunRequest,
        key: CommitKey,
        secret: Option<&SecretScope>,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Option<Outcome>, Fault> {
        let subject = &key.subject;
        journal.of_known(subject);
        let _lane = self.lanes.enter(subject).await?;
        // The record is read last, so that it is not older than the mapping.
        let seen = self.store().mapping(subject).await?;
        self.check_row(secret, subject, &request.repository, seen.as_ref())
            .await?;
        let Some(record) = self.store().commit(&key).await? else {
            return Ok(None);
        };
        let context = ActionContext {
            cause: Cause::Webhook(request.delivery.clone()),
            time: request.received_at,
            lease,
        };
        let rules = self.rules();
        let read = seen.as_ref().map(Mapping::as_seen);
        let plan = |row: Option<&Mapping>, claim: ClaimInfo, now, _| {
            // The record may be as new as the row that was written meanwhile.
            match row.map(Mapping::as_seen) == read {
                true => plan_rerun(request, &record, row, rules, claim, now),
                false => Plan::Busy { until: now },
            }
        };
        let acted = self.apply_plan(plan, seen.map(Box::new), &context, journal);
        let outcome = match acted.await {
            Ok(outcome) => outcome,
            Err(fault) => {
                if request.is_about(&record) {
                    journal.reruns.push(key);
                }
                return Err(fault);
            }
        };
        if let Outcome::Unchanged(Unchanged::NotHead | Unchanged::NoPipeline) = outcome {
            self.report_again(&key, None, journal).await?;
        }
        Ok(Some(outcome))
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
            next.is_unreported = true;
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
            if self.store().replace(&next).await? {
                journal.commits.push(next.key);
                return Ok(());
            }
        }
        Ok(())
    }
}
