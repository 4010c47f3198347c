//! An execution of a commit, as its events describe it.
//!
//! Events arrive in any order, and more than once. What is kept is the same whatever their order:
//! of two states, the one of the later attempt counts, and within an attempt the one of the higher
//! rank.

use crate::domain::ids::{ExecutionId, Timestamp};
use crate::domain::report::execution::{
    ActionProgress, ExecutionEvent, ExecutionState, Progress, StepState,
};

/// The most stages that are kept. A pipeline has at most 50 (CodePipeline user guide, "Quotas").
const STAGES: usize = 50;
/// The category of an action that waits for a person.
const APPROVAL: &str = "Approval";

/// An execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// CodePipeline's id.
    pub execution: ExecutionId,
    /// The latest attempt that was heard of.
    pub attempt: u32,
    /// Its state in that attempt.
    pub state: ExecutionState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When the state was reached.
    pub changed_at: Timestamp,
    /// Its stages, in the order in which they began.
    pub stages: Vec<StageRun>,
    /// The action that failed first in the latest attempt with a failed action.
    pub failure: Option<ActionFailure>,
    /// The approval that was asked for last, and is not answered.
    pub approval: Option<Approval>,
    /// The page of the environment that it deployed; always `http` or `https`.
    pub environment: Option<String>,
}

/// A stage of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRun {
    /// The name.
    pub name: String,
    /// The attempt of the state.
    pub attempt: u32,
    /// The state.
    pub state: StepState,
    /// When the stage began in this attempt.
    pub started_at: Option<Timestamp>,
    /// When it ended in this attempt.
    pub ended_at: Option<Timestamp>,
}

/// An action that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionFailure {
    /// The attempt.
    pub attempt: u32,
    /// When it failed.
    pub at: Timestamp,
    /// Its stage.
    pub stage: String,
    /// Its name.
    pub action: String,
    /// Its category.
    pub category: String,
    /// What its service says about it.
    pub summary: Option<String>,
    /// AWS's word for the error.
    pub error_code: Option<String>,
    /// The page with its log.
    pub url: Option<String>,
}

/// An approval that an execution asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The attempt.
    pub attempt: u32,
    /// When it was asked for, or answered.
    pub at: Timestamp,
    /// Its stage.
    pub stage: String,
    /// Its action.
    pub action: String,
    /// True once it is answered.
    pub is_answered: bool,
}

impl Run {
    /// Begins with an event, whatever it is.
    #[must_use]
    pub fn new(event: &ExecutionEvent) -> Self {
        let mut run = Self {
            execution: event.execution.clone(),
            attempt: event.attempt,
            state: ExecutionState::Started,
            started_at: None,
            changed_at: event.time,
            stages: Vec::new(),
            failure: None,
            approval: None,
            environment: None,
        };
        run.hear(event);
        run
    }

    /// Returns true if the latest attempt has ended.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.state.is_final()
    }

    /// Returns true if it ended without a result of its own.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        match self.state {
            ExecutionState::Stopped | ExecutionState::Canceled | ExecutionState::Superseded => true,
            ExecutionState::Started
            | ExecutionState::Resumed
            | ExecutionState::Stopping
            | ExecutionState::Succeeded
            | ExecutionState::Failed => false,
        }
    }

    /// Returns the failed action of the latest attempt.
    #[must_use]
    pub fn current_failure(&self) -> Option<&ActionFailure> {
        let current = |failure: &&ActionFailure| failure.attempt == self.attempt;
        self.failure.as_ref().filter(current)
    }

    /// Notes the page of the environment, if this execution deployed it.
    pub fn deployed(&mut self, execution: &ExecutionId, page: Option<&String>) {
        if self.execution == *execution {
            self.environment = page.cloned().or(self.environment.take());
        }
    }

    /// Returns the page of the environment, once it was deployed.
    #[must_use]
    pub fn deployed_environment(&self) -> Option<&str> {
        let has_succeeded = self.state == ExecutionState::Succeeded;
        self.environment.as_deref().filter(|_| has_succeeded)
    }

    /// Returns the approval for which the execution waits.
    #[must_use]
    pub fn awaited_approval(&self) -> Option<&Approval> {
        let awaited = |one: &&Approval| !one.is_answered && one.attempt == self.attempt;
        self.approval.as_ref().filter(awaited)
    }

    /// Takes an event of this execution in.
    pub fn hear(&mut self, event: &ExecutionEvent) {
        match &event.progress {
            Progress::Pipeline { state, .. } => {
                self.started_at = self.started_at.or(event.started_at);
                self.hear_pipeline(*state, event);
            }
            Progress::Stage { stage, state } => {
                self.started_at = self.started_at.or(event.started_at);
                self.hear_stage(stage, *state, event);
            }
            Progress::Action(action) => self.hear_action(action, event),
        }
    }

    fn hear_pipeline(&mut self, state: ExecutionState, event: &ExecutionEvent) {
        let said = (event.attempt, state.rank());
        let known = (self.attempt, self.state.rank());
        let is_same_rank = said == known && state.as_str() > self.state.as_str();
        if said > known || is_same_rank {
            self.attempt = event.attempt;
            self.state = state;
            self.changed_at = event.time;
        } else if state == self.state && event.attempt == self.attempt {
            self.changed_at = self.changed_at.min(event.time);
        }
    }

    fn hear_stage(&mut self, stage: &str, state: StepState, event: &ExecutionEvent) {
        self.hear_attempt(event);
        let index = self.stages.iter().position(|one| one.name == stage);
        let index = index.unwrap_or_else(|| {
            self.stages.push(StageRun::new(stage, state, event.attempt));
            self.stages.len() - 1
        });
        if let Some(known) = self.stages.get_mut(index) {
            known.hear(state, event);
        }
        self.stages
            .sort_by(|a, b| (a.begins(), &a.name).cmp(&(b.begins(), &b.name)));
        self.stages.truncate(STAGES);
    }

    fn hear_action(&mut self, action: &ActionProgress, event: &ExecutionEvent) {
        self.hear_attempt(event);
        if action.state == StepState::Failed {
            let failure = ActionFailure {
                attempt: event.attempt,
                at: event.time,
                stage: action.stage.clone(),
                action: action.action.clone(),
                category: action.category.clone(),
                summary: action.summary.clone(),
                error_code: action.error_code.clone(),
                url: action.url.clone(),
            };
            if self
                .failure
                .as_ref()
                .is_none_or(|known| failure.replaces(known))
            {
                self.failure = Some(failure);
            }
        }
        if action.category == APPROVAL {
            let approval = Approval {
                attempt: event.attempt,
                at: event.time,
                stage: action.stage.clone(),
                action: action.action.clone(),
                is_answered: action.state.is_final(),
            };
            if self
                .approval
                .as_ref()
                .is_none_or(|known| approval.order() > known.order())
            {
                self.approval = Some(approval);
            }
        }
    }

    /// An event of a stage or an action may be the first one of an attempt.
    fn hear_attempt(&mut self, event: &ExecutionEvent) {
        if event.attempt > self.attempt {
            self.attempt = event.attempt;
            self.state = ExecutionState::Started;
            self.changed_at = event.time;
        }
    }
}

impl StageRun {
    fn new(name: &str, state: StepState, attempt: u32) -> Self {
        Self {
            name: name.to_owned(),
            attempt,
            state,
            started_at: None,
            ended_at: None,
        }
    }

    fn hear(&mut self, state: StepState, event: &ExecutionEvent) {
        if event.attempt < self.attempt {
            return;
        }
        if event.attempt > self.attempt {
            self.attempt = event.attempt;
            self.state = state;
            (self.started_at, self.ended_at) = (None, None);
        }
        let order = |state: StepState| (state.is_final(), state.as_str());
        if order(state) > order(self.state) {
            self.state = state;
        }
        let time = match state.is_final() {
            true => &mut self.ended_at,
            false => &mut self.started_at,
        };
        *time = Some(time.map_or(event.time, |known| known.min(event.time)));
    }

    fn begins(&self) -> Timestamp {
        self.started_at.or(self.ended_at).unwrap_or(Timestamp(0))
    }
}

impl ActionFailure {
    /// Returns true if this failure explains the end of the execution better: it is of a later
    /// attempt, or earlier in the same one.
    fn replaces(&self, known: &Self) -> bool {
        let order = |one: &Self| (one.at, one.stage.clone(), one.action.clone());
        self.attempt > known.attempt
            || (self.attempt == known.attempt && order(self) < order(known))
    }
}

impl Approval {
    fn order(&self) -> (u32, Timestamp, bool, &str, &str) {
        (
            self.attempt,
            self.at,
            self.is_answered,
            &self.stage,
            &self.action,
        )
    }
}
