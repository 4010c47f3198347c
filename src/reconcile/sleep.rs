//! Removes the pipeline of an open subject that is idle, after a request of the job that looks for
//! such subjects.

use crate::domain::clone::execution::Execution;
use crate::domain::fault::Fault;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::idle::{self, Due};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Plan, Unchanged, plan_sleep};
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Announces that the subject's pipeline is removed, or removes it, if the row and the rules
    /// still say so and no execution is running.
    pub(super) async fn sleep(
        &self,
        request: &SleepRequest,
        cause: Cause,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let subject = &request.subject;
        journal.of_known(subject);
        let _lane = self.lanes.enter(subject).await?;
        let seen = self.store().mapping(subject).await?;
        // A removal that has begun is finished, even if nobody waits any more.
        let is_active = seen.as_ref().is_some_and(|row| row.state == State::Active);
        if let Some(line) = request.line.as_ref().filter(|_| is_active)
            && self.shortage(line).await? == 0
        {
            return Ok(Outcome::Unchanged(Unchanged::NobodyWaits));
        }
        let executions = match &seen {
            Some(row) => self.executions_of_idle(request, row).await?,
            None => Vec::new(),
        };
        let context = ActionContext {
            cause,
            time: self.clock().now(),
            lease,
        };
        let rules = self.rules();
        // The executions are those of the row as it was read. If it changed since, the next run of
        // the job decides; but a removal that another message of this request began is finished.
        let read = seen.as_ref().map(Mapping::as_seen);
        let plan = |row: Option<&Mapping>, claim, now, _| {
            let is_active = row.is_some_and(|row| row.state == State::Active);
            match is_active && row.map(Mapping::as_seen) != read {
                true => Plan::Nothing(Unchanged::NotIdle),
                false => plan_sleep(request, row, &executions, rules, claim, now),
            }
        };
        self.apply_plan(plan, seen.map(Box::new), &context, journal)
            .await
    }

    /// Returns the last executions of a pipeline that is to be removed.
    async fn executions_of_idle(
        &self,
        request: &SleepRequest,
        row: &Mapping,
    ) -> Result<Vec<Execution>, Fault> {
        let (rules, now) = (self.rules(), self.clock().now());
        let is_due = match request.line {
            Some(_) => idle::may_be_evicted(row, rules, now),
            None => matches!(idle::due(row, rules, now), Due::Sleep(_)),
        };
        let Some(name) = row.pipeline_name().filter(|_| is_due) else {
            return Ok(Vec::new());
        };
        self.pipelines().executions(name, row.source_action()).await
    }
}
