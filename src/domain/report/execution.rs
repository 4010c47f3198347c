//! The progress of an execution, as CodePipeline reports it: the states of the execution, of its
//! stages and of its actions.

pub use crate::domain::ids::ExecutionId;
use crate::domain::ids::{PipelineName, Timestamp};

/// Declares states, each with its word in logs and in the table.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $($(#[$state_doc:meta])* $state:ident = $word:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$state_doc])* $state,)* }

        impl $name {
            /// All states.
            pub const ALL: &'static [Self] = &[$(Self::$state,)*];

            /// Returns the word in logs and in the table.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$state => $word,)* }
            }

            /// Parses the word, in lower case or in the upper case of events.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let mut all = Self::ALL.iter().copied();
                all.find(|state| state.as_str().eq_ignore_ascii_case(text))
            }
        }
    };
}

states! {
    /// The state of an execution (CodePipeline user guide, "Monitoring CodePipeline events",
    /// "Detail types").
    ExecutionState,
    /// It runs.
    Started = "started";
    /// A failed stage is retried.
    Resumed = "resumed";
    /// A person or another process asked to stop it.
    Stopping = "stopping";
    /// It succeeded.
    Succeeded = "succeeded";
    /// It failed. A retry of the failed stage resumes it as the next attempt.
    Failed = "failed";
    /// It was stopped.
    Stopped = "stopped";
    /// It was canceled, because the pipeline was updated.
    Canceled = "canceled";
    /// A newer execution overtook it.
    Superseded = "superseded";
}

states! {
    /// The state of a stage or of an action. CodePipeline reports [`StepState::Abandoned`] of
    /// actions only, and [`StepState::Resumed`], [`StepState::Stopping`] and [`StepState::Stopped`]
    /// of stages only.
    StepState,
    /// It runs.
    Started = "started";
    /// The failed stage is retried.
    Resumed = "resumed";
    /// It succeeded.
    Succeeded = "succeeded";
    /// It failed. Of an approval: it was rejected.
    Failed = "failed";
    /// The execution is stopping in this stage.
    Stopping = "stopping";
    /// The execution was stopped in this stage.
    Stopped = "stopped";
    /// It was canceled, because the pipeline was updated.
    Canceled = "canceled";
    /// The action was abandoned, because its execution was stopped without waiting for it.
    Abandoned = "abandoned";
}

impl ExecutionState {
    /// Returns true if this attempt of the execution has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Started | Self::Resumed | Self::Stopping => false,
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Canceled | Self::Superseded => {
                true
            }
        }
    }

    /// Returns the position of the state within one attempt. Events arrive in any order, and their
    /// times are whole seconds: of two events of one attempt, the one with the higher rank is the
    /// later one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Started => 0,
            Self::Resumed => 1,
            Self::Stopping => 2,
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Canceled | Self::Superseded => 3,
        }
    }
}

impl StepState {
    /// Returns true if this attempt of the stage or of the action has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Started | Self::Resumed | Self::Stopping => false,
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Canceled | Self::Abandoned => {
                true
            }
        }
    }
}

/// One event of CodePipeline about an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionEvent {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The execution.
    pub execution: ExecutionId,
    /// The number of the attempt. The first is 1, and each retry of a stage begins the next one.
    pub attempt: u32,
    /// When the state changed, in whole seconds.
    pub time: Timestamp,
    /// When the execution began, the same in all its events; in an event of an action, when the
    /// action began. Some events have none.
    pub started_at: Option<Timestamp>,
    /// What changed its state.
    pub progress: Progress,
}

impl ExecutionEvent {
    /// Returns true if it says that the execution as a whole has succeeded.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        match self.progress {
            Progress::Pipeline { state, .. } => state == ExecutionState::Succeeded,
            Progress::Stage { .. } | Progress::Action(_) => false,
        }
    }
}

/// What changed its state: the execution as a whole, one of its stages, or one of its actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The execution as a whole.
    Pipeline {
        /// Its state.
        state: ExecutionState,
        /// What started it, as AWS spells it: `StartPipelineExecution`, for instance. Only the
        /// first event of an execution has it.
        trigger: Option<String>,
    },
    /// A stage.
    Stage {
        /// Its name.
        stage: String,
        /// Its state.
        state: StepState,
    },
    /// An action.
    Action(ActionProgress),
}

/// The state of an action, and its result once it has one. The texts are those of CodePipeline and
/// of the action's service, cleaned: each is one bounded line without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionProgress {
    /// The name of its stage.
    pub stage: String,
    /// Its name.
    pub action: String,
    /// Its category: `Source`, `Build`, `Test`, `Deploy`, `Approval`, `Invoke` or `Compute`; empty
    /// if the event has none.
    pub category: String,
    /// Its state.
    pub state: StepState,
    /// The page of its result; always `http` or `https`.
    pub url: Option<String>,
    /// The summary of its result.
    pub summary: Option<String>,
    /// AWS's word for the error, for instance `JobFailed`.
    pub error_code: Option<String>,
    /// The id of its result in the service that ran it: of a build, or of the commit that a source
    /// action fetched.
    pub external_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back_in_upper_and_lower_case() {
        for state in ExecutionState::ALL {
            let upper = state.as_str().to_ascii_uppercase();
            assert_eq!(ExecutionState::parse(&upper), Some(*state));
            assert_eq!(ExecutionState::parse(state.as_str()), Some(*state));
        }
        for state in StepState::ALL {
            let upper = state.as_str().to_ascii_uppercase();
            assert_eq!(StepState::parse(&upper), Some(*state));
            assert_eq!(StepState::parse(state.as_str()), Some(*state));
        }
        assert_eq!(ExecutionState::parse("ABANDONED"), None);
        assert_eq!(StepState::parse("SUPERSEDED"), None);
    }

    #[test]
    fn only_final_states_have_the_highest_rank_and_no_running_ones_share_theirs() {
        let running = ExecutionState::ALL.iter().filter(|state| !state.is_final());
        let ranks: Vec<u8> = running.map(|state| state.rank()).collect();
        assert_eq!(ranks, [0, 1, 2]);
        let mut ended = ExecutionState::ALL.iter().filter(|state| state.is_final());
        assert!(ended.all(|state| state.rank() == 3));
    }
}
