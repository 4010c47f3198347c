//! The stacks of the fake CloudFormation: executions deploy them, and teardowns delete them. Builds
//! of the projects `cdk-deploy` and `cdk-destroy` do the same with the environment that their
//! variable `STAGE` names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::execution::ActionResult;
use branchline::domain::clone::stacks::FoundStack;
use branchline::domain::ids::{ExecutionId, PipelineName, Timestamp};
use branchline::domain::report::execution::ExecutionState;

use super::account::{Account, execution};
use super::lock;
use super::pipelines::FakePipelines;

/// The CodeBuild project that deploys an environment.
pub(crate) const DEPLOY: &str = "cdk-deploy";
/// The one that deletes it.
pub(crate) const DESTROY: &str = "cdk-destroy";

/// The stacks of the account, and how often CloudFormation refuses to delete each of them.
#[derive(Default)]
pub(super) struct Stacks {
    /// The stacks that exist, each with its creation.
    present: BTreeMap<String, Timestamp>,
    /// Those of other users of the account, which no pipeline may deploy.
    others: BTreeSet<String>,
    refused: BTreeMap<String, u32>,
    /// How many stacks had each name before the one that is there.
    earlier: BTreeMap<String, u32>,
    /// When the deletion of a stack by its id ends.
    deleted: BTreeMap<String, Timestamp>,
    /// What CloudFormation says about other stacks, if that is not the usual.
    statuses: BTreeMap<String, &'static str>,
}

/// How long CloudFormation takes to delete a stack.
const DELETION: Duration = Duration::from_secs(45);

impl Stacks {
    /// Lets an execution deploy what its pipeline declares, as soon as it has fetched its source.
    pub(super) fn deploy(&mut self, declaration: &Map<String, Value>, now: Timestamp) {
        self.end_deletions(now);
        let deployed = actions(declaration).filter(|action| !deletes(action));
        let deployed: Vec<String> = deployed.filter_map(stack).collect();
        // CloudFormation refuses to update a stack that is being deleted.
        let possible = deployed
            .into_iter()
            .filter(|name| !self.deleted.contains_key(name));
        for name in possible {
            assert!(!self.others.contains(&name), "{name} belongs to others");
            self.present.entry(name).or_insert(now);
        }
    }

    /// Begins to delete a stack, or to fail to.
    pub(super) fn begin_deletion(&mut self, name: &str, now: Timestamp) {
        self.statuses.remove(name);
        match self.refused.get_mut(name).filter(|times| **times > 0) {
            Some(times) => {
                *times -= 1;
                self.set_status(name, Some(FoundStack::DELETE_FAILED));
            }
            None => {
                let until = now.plus(DELETION);
                self.deleted.entry(name.to_owned()).or_insert(until);
            }
        }
    }

    /// Ends the deletions that have taken their time.
    pub(super) fn end_deletions(&mut self, now: Timestamp) {
        let ended: Vec<String> = self
            .deleted
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in ended {
            self.deleted.remove(&name);
            self.remove(&name);
        }
    }

    /// Ends a stack.
    pub(super) fn remove(&mut self, name: &str) {
        self.others.remove(name);
        if self.present.remove(name).is_some() {
            *self.earlier.entry(name.to_owned()).or_default() += 1;
        }
        self.statuses.remove(name);
    }

    /// Returns when a stack was created; `None` if there is no such stack.
    pub(super) fn created_at(&self, name: &str) -> Option<Timestamp> {
        self.present.get(name).copied()
    }

    /// Returns what a stack is doing, if that is not the usual.
    pub(super) fn status(&self, name: &str) -> Option<&'static str> {
        let deleting = self.deleted.get(name).map(|_| FoundStack::DELETING);
        deleting.or(self.statuses.get(name).copied())
    }

    /// Returns how many stacks had this name before.
    pub(super) fn number(&self, name: &str) -> u32 {
        self.earlier.get(name).copied().unwrap_or_default()
    }

    /// Returns the names of all stacks.
    pub(super) fn names(&self) -> Vec<String> {
        self.present.keys().cloned().collect()
    }

    /// Makes a stack as another user of the account.
    pub(super) fn give(&mut self, name: &str, now: Timestamp) {
        self.present.insert(name.to_owned(), now);
        self.others.insert(name.to_owned());
    }

    /// Lets every pipeline deploy a stack.
    pub(super) fn share(&mut self, name: &str) {
        self.others.remove(name);
    }

    /// Lets CloudFormation say this about a stack.
    pub(super) fn set_status(&mut self, name: &str, status: Option<&'static str>) {
        match status {
            Some(status) => self.statuses.insert(name.to_owned(), status),
            None => self.statuses.remove(name),
        };
    }

    /// Returns true if CloudFormation refuses this time to delete what a pipeline declares.
    pub(super) fn refuse(&mut self, declaration: &Map<String, Value>) -> bool {
        let deleted = actions(declaration)
            .filter(|action| deletes(action))
            .filter_map(stack);
        let refused: Vec<String> = deleted
            .filter(|name| self.refused.get(name).is_some_and(|times| *times > 0))
            .collect();
        for name in &refused {
            if let Some(times) = self.refused.get_mut(name) {
                *times -= 1;
            }
        }
        !refused.is_empty()
    }

    /// Lets an execution that succeeded delete what its pipeline declares.
    pub(super) fn delete(&mut self, declaration: &Map<String, Value>) {
        let deleted = actions(declaration)
            .filter(|action| deletes(action))
            .filter_map(stack);
        for name in deleted.collect::<Vec<_>>() {
            self.remove(&name);
        }
    }
}

/// Returns true if a pipeline deletes stacks.
pub(super) fn is_teardown(declaration: &Map<String, Value>) -> bool {
    actions(declaration).any(deletes)
}

/// Returns the stacks that a pipeline deploys.
pub(super) fn deployed(declaration: &Map<String, Value>) -> Vec<String> {
    let deployed = actions(declaration).filter(|action| !deletes(action));
    deployed.filter_map(stack).collect()
}

fn actions(declaration: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    placed(declaration).map(|(_, action)| action)
}

/// Returns the environments without a stack that a pipeline deploys or deletes.
pub(super) fn environments(declaration: &Map<String, Value>) -> Vec<String> {
    actions(declaration).filter_map(environment).collect()
}

/// Returns the stage of a pipeline that deletes something.
pub(super) fn teardown_stage(declaration: &Map<String, Value>) -> Option<String> {
    let mut placed = placed(declaration);
    let (place, _) = placed.find(|(_, action)| deletes(action))?;
    Some(place.split('/').next()?.to_owned())
}

fn configured<'a>(action: &'a Value, key: &str) -> Option<&'a str> {
    action.get("configuration")?.get(key)?.as_str()
}

fn deletes(action: &Value) -> bool {
    configured(action, "ActionMode") == Some("DELETE_ONLY")
        || configured(action, "ProjectName") == Some(DESTROY)
}

fn stack(action: &Value) -> Option<String> {
    let name = configured(action, "StackName").map(str::to_owned);
    name.or_else(|| environment(action))
}

fn environment(action: &Value) -> Option<String> {
    configured(action, "ProjectName").filter(|name| [DEPLOY, DESTROY].contains(name))?;
    let variables = configured(action, "EnvironmentVariables")?;
    let variables: Vec<BTreeMap<String, String>> = serde_json::from_str(variables).ok()?;
    let mut stages = variables.into_iter();
    let stage = stages.find(|one| one.get("name").is_some_and(|name| name == "STAGE"))?;
    stage.get("value").cloned()
}

impl FakePipelines {
    /// Returns the stacks that exist.
    pub(crate) fn stacks(&self) -> BTreeSet<String> {
        let account = self.account();
        let mut account = lock(&account);
        account.stacks.end_deletions(self.now());
        account.stacks.names().into_iter().collect()
    }

    /// Lets CloudFormation refuse to delete a stack, this often.
    pub(crate) fn refuse_deletion(&self, stack: &str, times: u32) {
        let account = self.account();
        lock(&account)
            .stacks
            .refused
            .insert(stack.to_owned(), times);
    }
}

impl Account {
    /// Returns what became of the actions with a stack in an execution: each stack has an output
    /// `Url`, and one that could not be deleted is not empty.
    pub(super) fn actions(&self, name: &PipelineName, id: &ExecutionId) -> Vec<ActionResult> {
        let Some(pipeline) = self.pipelines.get(name) else {
            return Vec::new();
        };
        let mut runs = (pipeline.earlier..).zip(&pipeline.runs);
        let run = runs.find(|(index, _)| execution(name, *index) == id.as_str());
        let has_failed = run.is_some_and(|(_, run)| run.state == ExecutionState::Failed);
        let with_stack = placed(&pipeline.declaration).filter_map(|(place, action)| {
            let stack = stack(action)?;
            let error = has_failed.then(|| format!("the bucket of {stack} is not empty"));
            let url = format!("https://{stack}.example.com");
            Some(ActionResult {
                action: ActionPath::parse(&place)?,
                error: error.filter(|_| deletes(action)),
                outputs: BTreeMap::from([("Url".to_owned(), url)]),
            })
        });
        with_stack.collect()
    }
}

/// Returns the actions of a declaration, each with its place.
fn placed(declaration: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let stages = declaration.get("stages").and_then(Value::as_array);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    stages.into_iter().flatten().flat_map(move |stage| {
        let name = stage.get("name").map(text).unwrap_or_default();
        let actions = stage.get("actions").and_then(Value::as_array);
        let placed = move |action: &'_ Value| {
            let action = action.get("name").map(text).unwrap_or_default();
            format!("{name}/{action}")
        };
        actions
            .into_iter()
            .flatten()
            .map(move |action| (placed(action), action))
    })
}
