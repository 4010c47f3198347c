//! Executions of a pipeline: those that we start, and those that we remember.

use serde::{Deserialize, Serialize};

use crate::domain::clone::variables::Variable;
use crate::domain::ids::{CommitId, DeliveryId};

/// An execution to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The source action and the commit that it fetches; `None` is the head of its branch.
    pub revision: Option<(String, CommitId)>,
    /// Variables, where they differ from their defaults.
    pub variables: Vec<Variable>,
    /// A second start under this token starts nothing.
    pub token: Option<DeliveryId>,
}

/// An execution as CodePipeline remembers it, until its pipeline is deleted
/// (API reference, `PipelineExecutionSummary`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// CodePipeline's id.
    pub id: String,
    /// `InProgress`, `Succeeded`, `Failed` and so on, as AWS spells it.
    pub state: String,
    /// When it began, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it last changed, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// The commit, where CodePipeline tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The commit's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Whether `head` still has to be started in a pipeline that an attempt before made; `executions` are its last, the newest
/// first, and `first` is the head for which it was about to be made.
///
/// The newest counts and no other: a push back to a commit that was built wants it again. CodePipeline tells a commit once
/// it was fetched. Of the first execution `first` stands in for it; any other is under a token, so starting it again is safe.
#[must_use]
pub fn owes(executions: &[Execution], head: &CommitId, first: Option<&CommitId>) -> bool {
    match executions {
        [] | [Execution { commit: None, .. }] => first != Some(head),
        [newest, ..] => newest.commit.as_deref() != Some(head.as_str()),
    }
}

/// The commit that was built last, as far as CodePipeline tells.
#[must_use]
pub fn last_built(executions: &[Execution]) -> Option<CommitId> {
    let mut commits = executions.iter().filter_map(|run| run.commit.as_ref());
    commits.find_map(|commit| CommitId::parse(commit.clone()).ok())
}

/// A stage as it stands (API reference, `StageState`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// `InProgress`, `Succeeded`, `Failed` and so on, as AWS spells it; `None` where nothing has run in it yet.
    pub state: Option<String>,
    /// The execution that ran in it last.
    pub execution: Option<String>,
    /// What its actions say went wrong.
    pub failure: Option<String>,
}

impl Execution {
    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "InProgress"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            last_built(&[run(None), run(Some(&b)), run(Some(&a))]),
            Some(b)
        );
    }
}
