//! Executions in the fake CodePipeline: how they go on, and the events about them.

use branchline::domain::clone::execution::FailedStage;
use branchline::domain::fault::Fault;
use branchline::domain::ids::{CommitId, PipelineName, Timestamp};
use branchline::domain::report::execution::ExecutionState;
use branchline::ports::RetryResult;

use super::account::{Account, execution};
use super::pipeline_event::PipelineEvent;
use super::stacks::{is_teardown, teardown_stage};

/// An execution of a pipeline with the stages Source and Build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    /// The commit that it was started with, or the branch's head when the pipeline was created.
    pub(crate) commit: Option<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) stopped: bool,
    /// True if its pipeline was updated since.
    pub(crate) outdated: bool,
    /// True if a person started it again.
    pub(crate) by_hand: bool,
    pub(crate) state: ExecutionState,
    pub(crate) attempt: u32,
    /// The stage in which it failed.
    pub(super) failed: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) changed_at: Timestamp,
    pub(super) next: Next,
}

/// What an execution does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Begin,
    Fetch,
    Build,
    /// It ended, and said so.
    Nothing,
}

impl Started {
    /// Starts an execution.
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            commit: None,
            variables: Vec::new(),
            token: None,
            stopped: false,
            outdated: false,
            by_hand: false,
            state: ExecutionState::Started,
            attempt: 1,
            failed: None,
            started_at: now,
            changed_at: now,
            next: Next::Begin,
        }
    }

    /// Cuts it off, unless it has ended.
    pub(super) fn cut_off(&mut self, state: ExecutionState, now: Timestamp) {
        if !self.state.is_final() {
            self.stopped = true;
            (self.state, self.changed_at) = (state, now);
        }
    }

    /// Lets it fail in a stage.
    pub(super) fn fail(&mut self, stage: &str, now: Timestamp) {
        self.failed = Some(stage.to_owned());
        self.next = Next::Nothing;
        (self.state, self.changed_at) = (ExecutionState::Failed, now);
    }

    fn failed_in(&self, stage: &str) -> bool {
        self.state == ExecutionState::Failed && self.failed.as_deref() == Some(stage)
    }

    /// Begins the next attempt.
    fn retry(&mut self, now: Timestamp) {
        self.failed = None;
        self.next = Next::Build;
        self.attempt += 1;
        (self.state, self.changed_at) = (ExecutionState::Resumed, now);
    }

    /// Returns the status as ListPipelineExecutions spells it.
    pub(super) fn status(&self) -> &'static str {
        match self.state {
            ExecutionState::Started | ExecutionState::Resumed => "InProgress",
            ExecutionState::Stopping => "Stopping",
            ExecutionState::Succeeded => "Succeeded",
            ExecutionState::Failed => "Failed",
            ExecutionState::Stopped => "Stopped",
            ExecutionState::Canceled => "Cancelled",
            ExecutionState::Superseded => "Superseded",
        }
    }

    /// Returns true if what it does last is under way.
    pub(super) fn is_in_last_step(&self) -> bool {
        self.next == Next::Build && !self.state.is_final()
    }

    /// Returns true if somebody knows of it: branchline started it, or there was an event about it.
    pub(super) fn is_known(&self) -> bool {
        !self.by_hand || self.next != Next::Begin
    }

    /// Returns true if it has ended and every event about it was sent, or if it has not found its
    /// branch.
    pub(super) fn is_over(&self) -> bool {
        self.next == Next::Nothing || self.commit.is_none()
    }
}

impl Account {
    pub(super) fn stop(&mut self, name: &PipelineName, id: &str, now: Timestamp) {
        let Some(pipeline) = self.pipelines.get_mut(name) else {
            return;
        };
        for (index, run) in pipeline.runs.iter_mut().enumerate() {
            if execution(name, pipeline.earlier + index) == id {
                run.cut_off(ExecutionState::Stopped, now);
            }
        }
    }

    /// Says at which commit the first execution of a pipeline found its branch, if the pipeline was
    /// created before an event named one.
    pub(super) fn found(&mut self, name: &str, head: &CommitId) {
        let mut pipelines = self.pipelines.iter_mut();
        let found = pipelines.find(|(one, _)| one.as_str() == name);
        if let Some([only]) = found.map(|(_, pipeline)| pipeline.runs.as_mut_slice()) {
            only.commit.get_or_insert_with(|| head.to_string());
        }
    }

    /// Lets the executions of branchline's pipelines go on, and returns the events about them.
    pub(super) fn go_on(&mut self, fate: &mut Fate, now: Timestamp) -> Vec<PipelineEvent> {
        let mut events = Vec::new();
        let stacks = &mut self.stacks;
        let by_hand = !self.left_alone;
        for (name, pipeline) in self.pipelines.iter_mut().filter(|(_, one)| !one.given) {
            let last = pipeline.runs.len().saturating_sub(1);
            for (index, run) in pipeline.runs.iter_mut().enumerate() {
                let before = (run.next, run.state);
                // What they have to delete, and whether that fails, is decided by the stacks.
                let mut good = Fate::Good;
                let fate = match is_teardown(&pipeline.declaration) {
                    true => &mut good,
                    false => &mut *fate,
                };
                let mut progress = Progress {
                    pipeline: name.as_str(),
                    id: &execution(name, pipeline.earlier + index),
                    run,
                    now,
                    by_hand,
                };
                if before.0 == Next::Build && stacks.refuse(&pipeline.declaration) {
                    let stage = teardown_stage(&pipeline.declaration).unwrap_or_default();
                    events.extend(progress.fail_in(&stage));
                    continue;
                }
                events.extend(progress.go_on(index < last, fate));
                match (before, run.next, run.state) {
                    // A person may also retry it.
                    ((Next::Fetch | Next::Nothing, _), Next::Build, _) => {
                        stacks.deploy(&pipeline.declaration, now);
                    }
                    ((_, before), _, ExecutionState::Succeeded) if !before.is_final() => {
                        stacks.delete(&pipeline.declaration);
                    }
                    _ => {}
                }
            }
            if by_hand {
                pipeline.release(fate, now);
            }
        }
        events
    }

    /// Retries the failed stage of the latest execution, the only one that can be retried.
    pub(super) fn retry(
        &mut self,
        name: &PipelineName,
        failed: &FailedStage,
        now: Timestamp,
    ) -> Result<RetryResult, Fault> {
        let pipeline = self.ours(name)?;
        let latest = execution(name, pipeline.earlier + pipeline.runs.len() - 1);
        let run = pipeline.runs.last_mut();
        let run =
            run.filter(|run| latest == failed.execution.as_str() && run.failed_in(&failed.stage));
        let Some(run) = run else {
            return Ok(RetryResult::NotRetryable);
        };
        run.retry(now);
        let declaration = pipeline.declaration.clone();
        self.stacks.deploy(&declaration, now);
        Ok(match std::mem::take(&mut self.repeats_retry) {
            true => RetryResult::NotRetryable,
            false => RetryResult::Begun,
        })
    }
}

/// What decides how executions go on.
pub(crate) enum Fate {
    /// They succeed.
    Good,
    /// They also fail, are retried, and are overtaken.
    Random(fastrand::Rng),
}

impl Fate {
    /// Returns true with a probability of one in `sides`; never if the fate is good.
    pub(super) fn rolls(&mut self, sides: u8) -> bool {
        match self {
            Self::Good => false,
            Self::Random(rng) => rng.u8(0..sides) == 0,
        }
    }
}

/// One execution, as its events name it.
pub(super) struct Progress<'a> {
    pub(super) pipeline: &'a str,
    pub(super) id: &'a str,
    pub(super) run: &'a mut Started,
    pub(super) now: Timestamp,
    /// True if a person may retry it.
    pub(super) by_hand: bool,
}

impl Progress<'_> {
    /// Goes one step on, and returns the events about it.
    pub(super) fn go_on(&mut self, is_overtaken: bool, fate: &mut Fate) -> Vec<PipelineEvent> {
        if self.run.commit.is_none() {
            return Vec::new();
        }
        match self.run.next {
            Next::Nothing if self.run.state == ExecutionState::Failed => {
                let is_retryable = self.by_hand && !is_overtaken && self.run.attempt == 1;
                if !is_retryable || !fate.rolls(4) {
                    return Vec::new();
                }
                self.run.retry(self.now);
                let stage = self.stage("Build", "RESUMED");
                vec![self.execution(), stage]
            }
            Next::Nothing => Vec::new(),
            Next::Begin | Next::Fetch | Next::Build if self.run.state.is_final() => {
                self.run.next = Next::Nothing;
                vec![self.execution()]
            }
            Next::Begin => {
                self.run.next = Next::Fetch;
                self.run.changed_at = self.now;
                vec![self.execution(), self.stage("Source", "STARTED")]
            }
            Next::Fetch if is_overtaken && fate.rolls(2) => {
                self.end(ExecutionState::Superseded, Vec::new())
            }
            Next::Fetch if fate.rolls(16) => {
                self.run.failed = Some("Source".to_owned());
                let action = self.action("Source/GitHub", "Source", "FAILED");
                let events = vec![action, self.stage("Source", "FAILED")];
                self.end(ExecutionState::Failed, events)
            }
            Next::Fetch => {
                self.run.next = Next::Build;
                let fetched = self.action("Source/GitHub", "Source", "SUCCEEDED");
                let commit = self.run.commit.as_deref();
                let fetched = commit.map(|commit| fetched.fetched(commit));
                let stages = [
                    self.stage("Source", "SUCCEEDED"),
                    self.stage("Build", "STARTED"),
                ];
                fetched.into_iter().chain(stages).collect()
            }
            Next::Build if fate.rolls(2) => Vec::new(),
            Next::Build if fate.rolls(4) => {
                self.run.failed = Some("Build".to_owned());
                let action = self.action("Build/Build", "Build", "FAILED");
                let events = vec![action, self.stage("Build", "FAILED")];
                self.end(ExecutionState::Failed, events)
            }
            Next::Build => {
                let events = vec![self.stage("Build", "SUCCEEDED")];
                self.end(ExecutionState::Succeeded, events)
            }
        }
    }

    fn fail_in(&mut self, stage: &str) -> Vec<PipelineEvent> {
        self.run.failed = Some(stage.to_owned());
        let events = vec![self.stage(stage, "FAILED")];
        self.end(ExecutionState::Failed, events)
    }

    fn enter(&mut self, state: ExecutionState) {
        (self.run.state, self.run.changed_at) = (state, self.now);
    }

    fn end(&mut self, state: ExecutionState, mut events: Vec<PipelineEvent>) -> Vec<PipelineEvent> {
        self.enter(state);
        self.run.next = Next::Nothing;
        events.push(self.execution());
        events
    }

    fn execution(&self) -> PipelineEvent {
        let state = self.run.state.as_str().to_ascii_uppercase();
        self.stamped(PipelineEvent::execution(self.pipeline, self.id, &state))
    }

    fn stage(&self, stage: &str, state: &str) -> PipelineEvent {
        self.stamped(PipelineEvent::stage(self.pipeline, self.id, stage, state))
    }

    fn action(&self, place: &str, category: &str, state: &str) -> PipelineEvent {
        let event = PipelineEvent::action(self.pipeline, self.id, place, category, state);
        self.stamped(event)
    }

    fn stamped(&self, event: PipelineEvent) -> PipelineEvent {
        event
            .attempt(self.run.attempt)
            .begun(self.run.started_at)
            .at(self.run.changed_at.max(self.now))
    }
}
