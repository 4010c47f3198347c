//! Executions of a pipeline: those that branchline starts, and those that CodePipeline lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::variables::Variable;
use crate::domain::ids::{CommitId, DeliveryId, ExecutionId, Timestamp};

/// An execution to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The source action and the commit that it fetches; `None` builds the head of the branch.
    pub revision: Option<(String, CommitId)>,
    /// The variables whose values differ from their defaults.
    pub variables: Vec<Variable>,
    /// A token that makes a repeated start have no effect.
    pub token: Option<DeliveryId>,
}

/// A failed stage of an execution, to be retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStage {
    /// The execution.
    pub execution: ExecutionId,
    /// The attempt in which the stage failed.
    pub attempt: u32,
    /// The name of the stage.
    pub stage: String,
}

/// An execution as CodePipeline lists it, until its pipeline is deleted (API reference,
/// `PipelineExecutionSummary`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// CodePipeline's id.
    pub id: String,
    /// The status as AWS spells it: `InProgress`, `Succeeded`, `Failed` and so on.
    pub state: String,
    /// When it began, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it last changed, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// The commit, if CodePipeline lists one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The URL of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Returns true if `head` still has to be started in a pipeline that an earlier attempt created.
/// `executions` are the pipeline's latest, newest first; `first` is the head for which the pipeline
/// was to be created.
///
/// Only the newest execution counts: a push back to a commit that was built before needs another
/// execution, and so does a commit whose execution was stopped. CodePipeline lists the commit of an
/// execution once it was fetched. For the pipeline's first execution, `first` stands in for that
/// commit; every other execution is started with a token, so starting it again is safe.
#[must_use]
pub fn owes(executions: &[Execution], head: &CommitId, first: Option<&CommitId>) -> bool {
    match executions {
        [newest, ..] if newest.was_stopped() => true,
        [] | [Execution { commit: None, .. }] => first != Some(head),
        [newest, ..] => newest.commit.as_deref() != Some(head.as_str()),
    }
}

/// Returns when the last of these executions ended; `None` if one is still running, or if they do
/// not say it.
#[must_use]
pub fn last_end(executions: &[Execution]) -> Option<Timestamp> {
    let ended = executions.iter().map(|one| {
        let updated = one.updated.as_deref().filter(|_| one.has_ended())?;
        Timestamp::from_rfc3339(updated)
    });
    ended.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Returns the last commit that CodePipeline lists as built.
#[must_use]
pub fn last_built(executions: &[Execution]) -> Option<CommitId> {
    let mut commits = executions.iter().filter_map(|run| run.commit.as_ref());
    commits.find_map(|commit| CommitId::parse(commit.clone()).ok())
}

/// A stage in its current state (API reference, `StageState`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The name.
    pub name: String,
    /// The status as AWS spells it: `InProgress`, `Succeeded`, `Failed` and so on; `None` if
    /// nothing has run in the stage yet.
    pub state: Option<String>,
    /// The execution that ran last in the stage.
    pub execution: Option<String>,
    /// The error messages of its failed actions.
    pub failure: Option<String>,
}

/// What became of an action in an execution (API reference, `ActionExecutionDetail`). The texts are
/// those of the service that ran it: the error is one clean line, the outputs are as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResult {
    /// The action.
    pub action: ActionPath,
    /// The message of its error.
    pub error: Option<String>,
    /// Its output variables, such as the outputs of a stack.
    pub outputs: BTreeMap<String, String>,
}

impl Execution {
    /// Returns true if the execution is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "InProgress"
    }

    /// Returns true if the execution was stopped, or is being stopped.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        matches!(self.state.as_str(), "Stopped" | "Stopping")
    }

    /// Returns true if this execution is the same run as one that is listed later, which may have
    /// ended meanwhile. A stage that is tried again keeps the id, and changes the time.
    #[must_use]
    pub fn is_same_run(&self, later: &Self) -> bool {
        let is_unchanged = self.state == later.state && self.updated == later.updated;
        self.id == later.id && (is_unchanged || !self.has_ended())
    }

    fn has_ended(&self) -> bool {
        !self.is_running() && self.state != "Stopping"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_that_was_tried_again_is_another_run() {
        let listed = |state: &str, updated: &str| Execution {
            id: "e-1".to_owned(),
            state: state.to_owned(),
            updated: Some(updated.to_owned()),
            ..Execution::default()
        };
        let failed = listed("Failed", "10:00");
        let named = Execution {
            commit: Some("c".repeat(40)),
            ..failed.clone()
        };
        assert!(failed.is_same_run(&named), "its source is known by now");
        let other = Execution {
            id: "e-2".to_owned(),
            ..failed.clone()
        };
        assert!(!failed.is_same_run(&other));
        assert!(!failed.is_same_run(&listed("Failed", "10:05")));
        assert!(!failed.is_same_run(&listed("InProgress", "10:05")));
        assert!(!listed("Stopped", "10:00").is_same_run(&listed("InProgress", "10:05")));
        let ended = listed("Stopped", "10:05");
        assert!(listed("InProgress", "10:00").is_same_run(&ended));
        assert!(listed("Stopping", "10:00").is_same_run(&ended));
    }

    #[test]
    fn executions_end_with_the_last_of_them() {
        let ended = |state: &str, updated: Option<&str>| Execution {
            state: state.to_owned(),
            updated: updated.map(str::to_owned),
            ..Execution::default()
        };
        let (early, late) = ("2026-01-01T10:00:00Z", "2026-01-01T10:05:00Z");
        let both = [ended("Failed", Some(late)), ended("Stopped", Some(early))];
        assert_eq!(last_end(&both), Timestamp::from_rfc3339(late));
        assert_eq!(last_end(&[]), None);
        for unknown in [
            ended("InProgress", Some(late)),
            ended("Stopping", Some(late)),
            ended("Succeeded", None),
        ] {
            assert_eq!(last_end(&[both[0].clone(), unknown]), None);
        }
    }

    #[test]
    fn the_newest_execution_says_whether_the_head_is_owed() {
        let commit = |c: &str| CommitId::parse(c.repeat(40)).unwrap();
        let (a, b) = (commit("a"), commit("b"));
        let run = |commit: Option<&CommitId>| Execution {
            commit: commit.map(ToString::to_string),
            ..Execution::default()
        };
        let cases = [
            ("not listed yet", vec![], &a, false),
            ("not listed yet, and moved", vec![], &b, true),
            ("the first, not fetched", vec![run(None)], &a, false),
            (
                "the first, not fetched, and moved",
                vec![run(None)],
                &b,
                true,
            ),
            ("built", vec![run(Some(&b)), run(Some(&a))], &b, false),
            ("pushed back", vec![run(Some(&b)), run(Some(&a))], &a, true),
            ("made for another", vec![run(Some(&b))], &a, true),
            ("not fetched", vec![run(None), run(Some(&a))], &a, true),
        ];
        for (case, executions, head, owed) in cases {
            assert_eq!(owes(&executions, head, Some(&a)), owed, "{case}");
        }
        for state in ["Stopping", "Stopped"] {
            let stopped = |commit: Option<&CommitId>| Execution {
                state: state.into(),
                ..run(commit)
            };
            assert!(owes(&[stopped(None)], &a, Some(&a)), "{state}, not fetched");
            let executions = [stopped(Some(&a)), run(Some(&a))];
            assert!(owes(&executions, &a, Some(&a)), "{state}");
            let executions = [run(Some(&a)), stopped(Some(&a))];
            assert!(
                !owes(&executions, &a, Some(&a)),
                "{state}, and started again"
            );
        }
        assert_eq!(
            last_built(&[run(None), run(Some(&b)), run(Some(&a))]),
            Some(b)
        );
    }
}
