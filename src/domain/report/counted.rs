//! Which execution of a commit counts, and what its events say.

use crate::domain::clone::execution::FailedStage;
use crate::domain::ids::{ExecutionId, Timestamp};
use crate::domain::report::execution::{ExecutionEvent, ExecutionState};
use crate::domain::report::record::{Attempt, CommitRecord, Phase};
use crate::domain::report::run::Run;

impl CommitRecord {
    /// Returns the execution that counts for the present phase.
    #[must_use]
    pub fn counted_run(&self) -> Option<&Run> {
        let run = self.own_run()?;
        // The result of a subject that has ended stays until it is opened again.
        let stays = matches!(self.phase, Phase::Absent(_) | Phase::PipelineLost(_));
        let is_ended = !stays && self.ended_execution.as_ref() == Some(&run.execution);
        let is = |last: &Attempt| last.execution == run.execution && run.attempt <= last.attempt;
        let is_outdated = self.outdated.as_ref().is_some_and(is);
        (!is_ended && !is_outdated).then_some(run)
    }

    /// Returns what is known of the execution that counts.
    fn own_run(&self) -> Option<&Run> {
        let run = self.run.as_ref()?;
        (self.execution.as_ref() == Some(&run.execution)).then_some(run)
    }

    /// Returns the failed stage, if a retry of it may succeed: a source needs a new execution.
    #[must_use]
    pub fn failed_stage(&self) -> Option<FailedStage> {
        let run = self.counted_run()?;
        let has_failed = run.state == ExecutionState::Failed;
        let failure = run.current_failure().filter(|_| has_failed)?;
        (failure.category != "Source").then(|| FailedStage {
            execution: run.execution.clone(),
            attempt: run.attempt,
            stage: failure.stage.clone(),
        })
    }

    /// Returns true if an execution that began at `started_at` counts no more, because its pipeline
    /// was deleted. One whose start is unknown may be of that pipeline.
    #[must_use]
    pub fn has_ended(&self, execution: &ExecutionId, started_at: Option<Timestamp>) -> bool {
        let is = |id: &Option<ExecutionId>| id.as_ref() == Some(execution);
        let is_earlier = |end| started_at.is_none_or(|start| start < end);
        let ended_before = !is(&self.execution) && self.ended_at.is_some_and(is_earlier);
        is(&self.ended_execution) || ended_before
    }

    /// Returns true if an execution that began at `started_at` takes the place of the one that
    /// counted so far.
    #[must_use]
    pub fn accepts(&self, execution: &ExecutionId, started_at: Option<Timestamp>) -> bool {
        if self.has_ended(execution, started_at) {
            return false;
        }
        match (&self.execution, self.own_run()) {
            (None, _) => true,
            (Some(counted), _) if counted == execution => true,
            // A person released the commit again, or its pipeline was deleted and created again. An
            // event of an earlier execution may still arrive.
            (Some(_), Some(run)) => {
                let begins = started_at.zip(run.started_at);
                begins.is_some_and(|(other, own)| other > own)
            }
            (Some(counted), None) => self.ended_execution.as_ref() == Some(counted),
        }
    }

    /// Takes in an event of an execution that this record accepts. Returns false if it says nothing
    /// new.
    #[must_use]
    pub fn hear(&mut self, event: &ExecutionEvent) -> bool {
        let before = (self.execution.clone(), self.run.clone());
        self.execution = Some(event.execution.clone());
        match &mut self.run {
            Some(run) if run.execution == event.execution => run.hear(event),
            Some(_) | None => self.run = Some(Run::new(event)),
        }
        before != (self.execution.clone(), self.run.clone())
    }

    /// Returns true if an execution of the commit may be running.
    #[must_use]
    pub fn may_be_running(&self) -> bool {
        let builds = matches!(self.phase, Phase::Building { .. }) && self.asleep().is_none();
        builds && self.counted_run().is_none_or(|run| !run.is_final())
    }
}
