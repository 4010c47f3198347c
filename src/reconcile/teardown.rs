//! Takes a retiring subject further, when CodePipeline reports the end of the execution that
//! removes its environment, or when the job that looks after teardowns finds it.

use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::Stack;
use crate::domain::fault::Fault;
use crate::domain::ids::{ExecutionId, PipelineName, StackId, Subject};
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::execution::{ExecutionEvent, Progress};
use crate::domain::report::record::CommitKey;
use crate::domain::report::updates::wanted_head;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{TeardownLook, plan_teardown};
use crate::domain::state::teardown::{Teardown, TeardownRun, TeardownStep, step_of_stack};
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::telemetry::metrics;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Goes on with the teardown of a subject, if its row says that something is due: the pipeline
    /// is deleted once the stacks are, a failed execution is repeated later, and a subject that is
    /// open again gets its pipeline. Returns the outcome and the commits that have to be reported;
    /// `None` if nothing was due.
    ///
    /// # Errors
    /// The faults of any processing. The row then has the fault, and the next look tries again.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn continue_teardown(
        &self,
        row: &Mapping,
    ) -> Result<Option<(Outcome, Vec<CommitKey>)>, Fault> {
        let mut journal = Journal::resume(row);
        let outcome = self.teardown(row, &mut journal).await?;
        let is_changed = !matches!(outcome, Outcome::Unchanged(_));
        Ok(is_changed.then_some((outcome, journal.commits)))
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
        // If it is open again and gets no pipeline, its commit shows why.
        journal.head = row.as_ref().and_then(wanted_head);
        let is_awaited = |row: &Mapping| {
            let teardown = row.resources.teardown.as_ref();
            let run = teardown.and_then(|teardown| teardown.run.as_ref());
            let awaited = TeardownRun::Execution(event.execution.clone());
            row.state == State::Retiring && run == Some(&awaited)
        };
        match row {
            Some(row) if is_awaited(&row) => self.teardown(&row, journal).await.map(Some),
            Some(row) if self.is_cut_off(&row) => {
                let _lane = self.lanes.enter(subject).await?;
                self.finish_row(&row, journal).await
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Returns true if only the pipeline is left to delete, and an earlier attempt has failed to:
    /// the event that began it is here again.
    fn is_cut_off(&self, row: &Mapping) -> bool {
        let teardown = row.resources.teardown.as_ref();
        let is_finished = teardown.is_some_and(|teardown| teardown.is_finished);
        row.state == State::Deleting && is_finished && row.claim_at(self.clock().now()).is_none()
    }

    /// Goes on with a teardown. If its subject is open again, and a person has to correct something
    /// before it gets its pipeline, its commit shows that.
    async fn teardown(&self, row: &Mapping, journal: &mut Journal) -> Result<Outcome, Fault> {
        let done = self.go_on(row, journal).await;
        // It may have been opened since the row was read.
        if let Err(fault) = &done
            && let Ok(Some(row)) = self.store().mapping(&row.subject).await
        {
            self.note_refusal(&row, fault, journal).await;
        }
        done
    }

    async fn go_on(&self, row: &Mapping, journal: &mut Journal) -> Result<Outcome, Fault> {
        let _lane = self.lanes.enter(&row.subject).await?;
        let read = row.resources.teardown.as_ref();
        let mut step = self.teardown_step(row).await?;
        let context = ActionContext {
            cause: Cause::Sweep(self.worker.clone()),
            time: row.order.event_time,
            lease: None,
        };
        let remaining = match matches!(step, TeardownStep::Fail(_)) {
            true => self.executor.left_stacks(row).await?,
            false => None,
        };
        if self.executor.is_gone(remaining.as_ref(), row) {
            step = TeardownStep::Finish;
        }
        let look = TeardownLook {
            step,
            has_rule: self.executor.rule_today(row).is_some(),
            remaining,
        };
        let plan =
            |seen: Option<&Mapping>, claim, now, _| plan_teardown(&look, read, seen, claim, now);
        let outcome = self
            .apply_plan(plan, Some(Box::new(row.clone())), &context, journal)
            .await?;
        let failed = read.map(|teardown| teardown.failed(context.time));
        let is_given_up = failed.is_some_and(|teardown| teardown.is_left_behind());
        if is_given_up && matches!(outcome, Outcome::TeardownFailed(_)) {
            metrics::left_behind();
        }
        Ok(outcome)
    }

    /// Finds out what is next. AWS is asked only about what is awaited, and about the stacks that
    /// are left.
    async fn teardown_step(&self, row: &Mapping) -> Result<TeardownStep, Fault> {
        let nothing = Teardown::impossible();
        let teardown = row.resources.teardown.as_ref().unwrap_or(&nothing);
        let step = match (&teardown.run, row.pipeline_name()) {
            (Some(TeardownRun::Stack(id)), _) => self.step_of_stack(id).await?,
            (Some(TeardownRun::Execution(execution)), Some(name)) => {
                self.step_of_execution(name, execution, teardown, row)
                    .await?
            }
            (Some(TeardownRun::Execution(_)), None) | (None, _) => {
                teardown.step(&[], row.updated_at, self.clock().now())
            }
        };
        let executor = &self.executor;
        // The claim of the attempt has recorded it. The rule of today may say something else.
        let ran = row.resources.teardown_policy.as_ref();
        let by_template = ran.is_some_and(|policy| policy.template().is_some());
        if step == TeardownStep::Finish && by_template {
            // What it deletes is up to its author.
            let remaining = executor.remaining_stacks(row).await?;
            let mut remaining = remaining
                .iter()
                .filter(|stack| !stack.is_elsewhere(row.pipeline_arn()));
            let failed = |stack: &Stack| {
                let name = &stack.name;
                let why = format!("its execution succeeded, and stack {name} still exists");
                TeardownStep::Fail(why)
            };
            return Ok(remaining.next().map_or(step, failed));
        }
        if step != TeardownStep::Repeat {
            return Ok(step);
        }
        match executor.teardown_due(row) {
            // A rule of today says that what is left stays.
            None => Ok(TeardownStep::Finish),
            Some(TeardownPolicy::Stacks) if executor.last_stack(row).await?.is_none() => {
                Ok(TeardownStep::Finish)
            }
            Some(_) => Ok(step),
        }
    }

    async fn step_of_stack(&self, id: &StackId) -> Result<TeardownStep, Fault> {
        let stacks = &self.executor.stacks;
        let found = stacks.stack(id).await?;
        match step_of_stack(found.as_ref()) {
            TeardownStep::Fail(why) => {
                let kept = stacks.kept(id).await?;
                Ok(failed(why, &kept))
            }
            step @ (TeardownStep::Wait
            | TeardownStep::Finish
            | TeardownStep::Repeat
            | TeardownStep::LeftBehind) => Ok(step),
        }
    }

    async fn step_of_execution(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
        teardown: &Teardown,
        row: &Mapping,
    ) -> Result<TeardownStep, Fault> {
        let executions = self.pipelines().executions(name, None).await?;
        match teardown.step(&executions, row.updated_at, self.clock().now()) {
            TeardownStep::Fail(why) => {
                let actions = self.pipelines().actions(name, execution).await?;
                let errors = actions.into_iter().filter_map(|one| one.error);
                Ok(failed(why, &errors.collect::<Vec<_>>()))
            }
            step @ (TeardownStep::Wait
            | TeardownStep::Finish
            | TeardownStep::Repeat
            | TeardownStep::LeftBehind) => Ok(step),
        }
    }
}

/// Returns a failure with what AWS reports about it.
fn failed(why: String, said: &[String]) -> TeardownStep {
    TeardownStep::Fail(match said {
        [] => why,
        said => format!("{why}: {}", said.join("; ")),
    })
}

/// Returns true if an event says that an execution has ended.
fn is_end(event: &ExecutionEvent) -> bool {
    match &event.progress {
        Progress::Pipeline { state, .. } => state.is_final(),
        Progress::Stage { .. } | Progress::Action(_) => false,
    }
}
