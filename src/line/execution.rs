//! Executions of a pipeline: those that we start, and those that we remember.

use serde::{Deserialize, Serialize};

use super::ids::{CommitId, DeliveryId};
use super::variables::Variable;

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
