//! Takes a retiring subject further, when CodePipeline reports the end of the execution that
//! removes its environment, or when the job that looks after teardowns finds it.

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::execution::{ExecutionEvent, Progress};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::plan_teardown;
use crate::domain::state::teardown::{Teardown, TeardownStep};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Goes on with the teardown of a subject, if its row says that something is due: the pipeline
    /// is deleted once the stacks are, a failed execution is repeated later, and a subject that is
    /// open again gets its pipeline. Returns the outcome; `None` if nothing was due.
    ///
    /// # Errors
    /// The faults of any processing. The row then has the fault, and the next look tries again.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn continue_teardown(&self, row: &Mapping) -> Result<Option<Outcome>, Fault> {
        let mut journal = Journal::resume(row);
        let outcome = self.teardown(row, &mut journal).await?;
        let is_changed = !matches!(outcome, Outcome::Unchanged(_));
        Ok(is_changed.then_some(outcome))
    }

    /// Goes on with the teardown of a subject whose execution an event reports as ended. Returns
    /// `None` if the event is about no such execution.
    pub(super) async fn hear_teardown(
        &self,
        event: &ExecutionEvent,
        subject: &Subject,
        journal: &mut Journal,
    ) -> Result<Option<Outcome>, Fault> {
        if !is_end(event) {
            return Ok(None);
        }
        let row = self.store().mapping(subject).await?;
        let is_awaited = |row: &Mapping| {
            let teardown = row.resources.teardown.as_ref();
            let execution = teardown.and_then(|teardown| teardown.execution.as_ref());
            row.state == State::Retiring && execution == Some(&event.execution)
        };
        match row.filter(is_awaited) {
            Some(row) => self.teardown(&row, journal).await.map(Some),
            None => Ok(None),
        }
    }

    async fn teardown(&self, row: &Mapping, journal: &mut Journal) -> Result<Outcome, Fault> {
        let _lane = self.lanes.enter(&row.subject).await?;
        let read = row.resources.teardown.as_ref();
        let step = self.teardown_step(row).await?;
        let context = ActionContext {
            cause: Cause::Sweep(self.worker.clone()),
            time: row.order.event_time,
            lease: None,
        };
        let plan =
            |seen: Option<&Mapping>, claim, now, _| plan_teardown(&step, read, seen, claim, now);
        self.apply_plan(plan, Some(Box::new(row.clone())), &context, journal)
            .await
    }

    /// Finds out what is next. CodePipeline is asked only about an execution that is awaited.
    async fn teardown_step(&self, row: &Mapping) -> Result<TeardownStep, Fault> {
        let nothing = Teardown::impossible();
        let teardown = row.resources.teardown.as_ref().unwrap_or(&nothing);
        let awaited = row.pipeline_name().filter(|_| teardown.execution.is_some());
        let executions = match awaited {
            Some(name) => self.pipelines().executions(name, None).await?,
            None => Vec::new(),
        };
        let step = teardown.step(&executions, row.updated_at, self.clock().now());
        match (step, awaited) {
            // A rule of today says that what is left stays.
            (TeardownStep::Repeat, _) if self.executor.teardown_due(row).is_none() => {
                Ok(TeardownStep::Finish)
            }
            (TeardownStep::Fail(why), Some(name)) => {
                let actions = match &teardown.execution {
                    Some(execution) => self.pipelines().actions(name, execution).await?,
                    None => Vec::new(),
                };
                let errors = actions.into_iter().filter_map(|one| one.error);
                let said = errors.collect::<Vec<_>>().join("; ");
                Ok(TeardownStep::Fail(match said.is_empty() {
                    true => why,
                    false => format!("{why}: {said}"),
                }))
            }
            (step, _) => Ok(step),
        }
    }
}

/// Returns true if an event says that an execution has ended.
fn is_end(event: &ExecutionEvent) -> bool {
    match &event.progress {
        Progress::Pipeline { state, .. } => state.is_final(),
        Progress::Stage { .. } | Progress::Action(_) => false,
    }
}
