//! How the teardown of a subject's environment stands, before its pipeline is deleted.
//!
//! The clone becomes a pipeline that removes the environment (`clone/teardown.rs`). Its run may
//! take hours. Meanwhile the subject is [retiring](super::mapping::State::Retiring), which no
//! worker waits for.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::ids::{ExecutionId, Timestamp};

/// How long after a failed run the next one begins. A network interface of a Lambda function keeps
/// a stack for up to 40 minutes, for instance. After the last one the stacks are left behind.
const RETRIES: [Duration; 5] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(4),
];

/// How long a new execution may be missing in the list of executions.
const UNLISTED: Duration = Duration::from_mins(5);

/// A teardown that has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teardown {
    /// The execution that deletes the stacks; `None` if the last one failed.
    pub execution: Option<ExecutionId>,
    /// The number of executions that failed.
    pub failures: u32,
    /// When the next execution is due, after one that failed; `None` if there is none: a person has
    /// to look.
    pub retry_at: Option<Timestamp>,
    /// True once the environment is gone, and the pipeline is about to be deleted.
    pub is_finished: bool,
}

/// What is next for a teardown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeardownStep {
    /// To wait for its execution, or for the time of the next one.
    Wait,
    /// The environment is gone.
    Finish,
    /// The execution failed, in these words.
    Fail(String),
    /// Another execution is due.
    Repeat,
    /// What is left of the environment is left behind.
    LeftBehind,
}

impl Teardown {
    /// Returns the teardown whose execution has started, after this many failures.
    #[must_use]
    pub fn started(execution: ExecutionId, failures: u32) -> Self {
        Self {
            execution: Some(execution),
            failures,
            ..Self::default()
        }
    }

    /// Returns a teardown that cannot be run, and leaves the stacks to a person.
    #[must_use]
    pub fn impossible() -> Self {
        Self::default()
    }

    /// Returns the teardown after which only the pipeline is left to delete.
    #[must_use]
    pub fn finished() -> Self {
        Self {
            is_finished: true,
            ..Self::default()
        }
    }

    /// Returns the teardown after its execution failed.
    #[must_use]
    pub fn failed(&self, now: Timestamp) -> Self {
        let retries = usize::try_from(self.failures).unwrap_or(usize::MAX);
        Self {
            failures: self.failures.saturating_add(1),
            retry_at: RETRIES.get(retries).map(|after| now.plus(*after)),
            ..Self::default()
        }
    }

    /// Returns true if nothing more is tried: the stacks are left to a person.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        self.execution.is_none() && self.retry_at.is_none()
    }

    /// Returns what is next. `executions` are the last ones of the pipeline, which are read only
    /// while an execution is awaited ([`Teardown::execution`]). The row was last written at
    /// `since`.
    #[must_use]
    pub fn step(&self, executions: &[Execution], since: Timestamp, now: Timestamp) -> TeardownStep {
        let Some(execution) = &self.execution else {
            return match self.retry_at {
                None => TeardownStep::LeftBehind,
                Some(at) if at <= now => TeardownStep::Repeat,
                Some(_) => TeardownStep::Wait,
            };
        };
        let found = executions.iter().find(|one| one.id == execution.as_str());
        match found.map(|one| one.state.as_str()) {
            Some("Succeeded") => TeardownStep::Finish,
            // `Stopping` ends by itself.
            Some("InProgress" | "Stopping") => TeardownStep::Wait,
            Some(state) => {
                TeardownStep::Fail(format!("its execution {execution} ended as {state}"))
            }
            None if since.plus(UNLISTED) > now => TeardownStep::Wait,
            None => TeardownStep::Fail(format!("its execution {execution} is not there any more")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(id: &str, state: &str) -> Execution {
        Execution {
            id: id.to_owned(),
            state: state.to_owned(),
            ..Execution::default()
        }
    }

    #[test]
    fn the_state_of_its_execution_says_what_is_next() {
        let teardown = Teardown::started(ExecutionId::parse("e-1").unwrap(), 0);
        let step = |state| {
            teardown.step(
                &[execution("e-2", "Failed"), execution("e-1", state)],
                Timestamp(0),
                Timestamp(0),
            )
        };
        assert_eq!(step("Succeeded"), TeardownStep::Finish);
        assert_eq!(step("InProgress"), TeardownStep::Wait);
        assert_eq!(step("Stopping"), TeardownStep::Wait);
        for state in ["Failed", "Stopped", "Superseded", "Cancelled", "New"] {
            assert!(matches!(step(state), TeardownStep::Fail(_)), "{state}");
        }
        let gone = teardown.step(&[], Timestamp(0), Timestamp(0).plus(UNLISTED));
        assert!(matches!(gone, TeardownStep::Fail(_)), "{gone:?}");
        let unlisted = teardown.step(&[], Timestamp(1), Timestamp(0).plus(UNLISTED));
        assert_eq!(unlisted, TeardownStep::Wait);
    }

    #[test]
    fn a_failed_one_is_repeated_ever_later_and_then_left_behind() {
        let (mut teardown, mut now) = (
            Teardown::started(ExecutionId::parse("e").unwrap(), 0),
            Timestamp(0),
        );
        for retry in RETRIES {
            teardown = teardown.failed(now);
            assert_eq!(teardown.retry_at, Some(now.plus(retry)));
            assert_eq!(teardown.step(&[], now, now), TeardownStep::Wait);
            now = now.plus(retry);
            assert_eq!(teardown.step(&[], now, now), TeardownStep::Repeat);
        }
        teardown = teardown.failed(now);
        assert!(teardown.is_left_behind());
        assert_eq!(teardown.step(&[], now, now), TeardownStep::LeftBehind);
    }
}
