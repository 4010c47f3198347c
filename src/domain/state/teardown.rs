//! How far the teardown of a subject's environment is, before the subject is gone.
//!
//! The clone becomes a pipeline that removes the environment (`clone/teardown.rs`), or the daemon
//! deletes the subject's stacks one after the other. Either may take hours. Meanwhile the subject
//! is [retiring](super::mapping::State::Retiring), which no worker waits for.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::clone::stacks::FoundStack;
use crate::domain::ids::{ExecutionId, StackId, Timestamp};

/// How long after a failed run the next one begins. A network interface of a Lambda function keeps
/// a stack for up to 40 minutes, for instance. After the last one the stacks are left behind.
const RETRIES: [Duration; 5] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(4),
];

/// How long a teardown waits for something else before it looks again.
const POSTPONED: Duration = Duration::from_mins(1);

/// How long a new execution may be missing in the list of executions.
const UNLISTED: Duration = Duration::from_mins(5);

/// A teardown that has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teardown {
    /// What removes the environment; `None` if the last attempt failed.
    pub run: Option<TeardownRun>,
    /// The number of attempts that failed.
    pub failures: u32,
    /// When the next attempt is due, after one that failed; `None` if there is none: a person has
    /// to look.
    pub retry_at: Option<Timestamp>,
    /// True once the environment is gone, and the pipeline is about to be deleted.
    pub is_finished: bool,
    /// True while a pipeline is made again after that. If there is one, it may have deployed the
    /// environment again; if there is none, nothing is left.
    pub is_remade: bool,
    /// When the clone had stopped deploying: it was changed into the pipeline that removes the
    /// environment, or deleted. `None` if it may still deploy.
    pub deployed_until: Option<Timestamp>,
}

/// What removes an environment, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeardownRun {
    /// This execution of the clone.
    Execution(ExecutionId),
    /// CloudFormation, which deletes this stack.
    Stack(StackId),
}

/// What is next for a teardown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeardownStep {
    /// To wait for its end, or for the time of the next attempt.
    Wait,
    /// The environment is gone.
    Finish,
    /// The attempt failed, in these words.
    Fail(String),
    /// Another attempt is due, or the next stack.
    Repeat,
    /// What is left of the environment is left behind.
    LeftBehind,
}

impl Teardown {
    /// Returns the teardown of which something runs, after this many failures.
    #[must_use]
    pub fn started(run: TeardownRun, failures: u32) -> Self {
        Self {
            run: Some(run),
            failures,
            ..Self::default()
        }
    }

    /// Returns the teardown that has to wait for something else, which counts as no failure.
    #[must_use]
    pub fn postponed(failures: u32, now: Timestamp) -> Self {
        Self {
            failures,
            retry_at: Some(now.plus(POSTPONED)),
            ..Self::default()
        }
    }

    /// Records that the clone deploys nothing any more, unless that is recorded already.
    #[must_use]
    pub fn deployed_by(mut self, now: Timestamp) -> Self {
        self.deployed_until.get_or_insert(now);
        self
    }

    /// Returns this teardown, which follows another one.
    #[must_use]
    pub fn after(self, last: &Self) -> Self {
        Self {
            deployed_until: last.deployed_until,
            ..self
        }
    }

    /// Returns the teardown that is to be looked at again at once.
    #[must_use]
    pub fn due(now: Timestamp) -> Self {
        Self {
            retry_at: Some(now),
            ..Self::default()
        }
    }

    /// Returns a teardown that cannot be run, and leaves the stacks to a person.
    #[must_use]
    pub fn impossible() -> Self {
        Self::default()
    }

    /// Returns this teardown once nothing is left but the pipeline. It still says whether the
    /// daemon has deleted stacks, and so the pipeline before them.
    #[must_use]
    pub fn ended(&self) -> Self {
        Self {
            run: self.run.clone(),
            failures: self.failures,
            ..Self::finished()
        }
    }

    /// Returns the teardown after which only the pipeline is left to delete.
    #[must_use]
    pub fn finished() -> Self {
        Self {
            is_finished: true,
            ..Self::default()
        }
    }

    /// Returns the teardown of a subject whose pipeline is made again, after this one.
    #[must_use]
    pub fn remade(&self) -> Self {
        Self {
            is_remade: self.is_finished || self.is_remade,
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
            deployed_until: self.deployed_until,
            ..Self::default()
        }
    }

    /// Returns true if nothing more is tried: the stacks are left to a person.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        self.run.is_none() && self.retry_at.is_none() && !self.is_finished
    }

    /// Returns what is next. `executions` are the last ones of the pipeline, which are read only
    /// while an execution is awaited. The row was last written at `since`.
    #[must_use]
    pub fn step(&self, executions: &[Execution], since: Timestamp, now: Timestamp) -> TeardownStep {
        let execution = match (&self.run, self.retry_at) {
            (Some(TeardownRun::Execution(execution)), _) => execution,
            // CloudFormation says what has become of it.
            (Some(TeardownRun::Stack(_)), _) => return TeardownStep::Wait,
            (None, None) => return TeardownStep::LeftBehind,
            (None, Some(at)) if at <= now => return TeardownStep::Repeat,
            (None, Some(_)) => return TeardownStep::Wait,
        };
        let found = executions.iter().find(|one| one.id == execution.as_str());
        match found.map(|one| one.state.as_str()) {
            Some("Succeeded") => TeardownStep::Finish,
            // `Stopping` ends by itself.
            Some("InProgress" | "Stopping") => TeardownStep::Wait,
            Some(state) => TeardownStep::Fail(match state {
                "Failed" => format!("its execution {execution} failed"),
                "Stopped" | "Superseded" | "Cancelled" => {
                    format!("its execution {execution} was {}", state.to_lowercase())
                }
                _ => format!("its execution {execution} ended as {state}"),
            }),
            None if since.plus(UNLISTED) > now => TeardownStep::Wait,
            None => TeardownStep::Fail(format!("its execution {execution} is not there any more")),
        }
    }
}

/// Returns what is next after a look at the stack that is being deleted; `None` if it is gone.
#[must_use]
pub fn step_of_stack(found: Option<&FoundStack>) -> TeardownStep {
    match found {
        None => TeardownStep::Repeat,
        Some(stack) if stack.status == FoundStack::DELETING => TeardownStep::Wait,
        Some(stack) => {
            let name = stack.id.name();
            TeardownStep::Fail(format!("stack {name} is {}", stack.status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str) -> TeardownRun {
        TeardownRun::Execution(ExecutionId::parse(id).unwrap())
    }

    fn execution(id: &str, state: &str) -> Execution {
        Execution {
            id: id.to_owned(),
            state: state.to_owned(),
            ..Execution::default()
        }
    }

    #[test]
    fn the_state_of_its_execution_says_what_is_next() {
        let teardown = Teardown::started(run("e-1"), 0);
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
        let (mut teardown, mut now) = (Teardown::started(run("e"), 0), Timestamp(0));
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

    fn stack(status: &str) -> FoundStack {
        let id = "arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-7/1";
        FoundStack {
            id: StackId::parse(id).unwrap(),
            status: status.to_owned(),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn a_stack_is_waited_for_while_it_is_being_deleted() {
        let step = |status| step_of_stack(Some(&stack(status)));
        assert_eq!(step_of_stack(None), TeardownStep::Repeat);
        assert_eq!(step("DELETE_IN_PROGRESS"), TeardownStep::Wait);
        let failed = "stack api-pr-7 is DELETE_FAILED".to_owned();
        assert_eq!(step("DELETE_FAILED"), TeardownStep::Fail(failed));
        let deleted = stack("DELETE_IN_PROGRESS").id;
        let awaited = Teardown::started(TeardownRun::Stack(deleted), 0);
        assert_eq!(
            awaited.step(&[], Timestamp(0), Timestamp(0).plus(UNLISTED)),
            TeardownStep::Wait
        );
    }

    #[test]
    fn a_deletion_waits_for_an_update_and_for_nothing_else() {
        let busy = |status| stack(status).is_busy();
        assert!(busy("UPDATE_IN_PROGRESS") && busy("UPDATE_ROLLBACK_IN_PROGRESS"));
        assert!(!busy("CREATE_IN_PROGRESS") && !busy("UPDATE_COMPLETE"));
        assert!(!busy("DELETE_IN_PROGRESS"));
    }

    #[test]
    fn what_is_not_complete_may_be_replaced() {
        for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"] {
            assert!(!stack(status).may_be_replaced(), "{status}");
        }
        for status in [
            "CREATE_IN_PROGRESS",
            "CREATE_FAILED",
            "ROLLBACK_COMPLETE",
            "UPDATE_IN_PROGRESS",
            "UPDATE_ROLLBACK_FAILED",
            "DELETE_FAILED",
        ] {
            assert!(stack(status).may_be_replaced(), "{status}");
        }
    }
}
