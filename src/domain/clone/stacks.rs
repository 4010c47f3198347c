//! The stacks of a clone that belong to its subject alone, and that are deleted with it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::{ACTION_MODE, DELETE_ONLY, STACK_NAME};
use crate::domain::clone::references::has_variable;
use crate::domain::clone::targets::has_own_stack;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineArn, StackId, Timestamp};
use crate::domain::rules::rule::Rule;

/// The configuration key of CloudFormation's role (user guide, "AWS CloudFormation deploy action
/// reference", as `DELETE_ONLY`, which succeeds without the stack as well).
pub(super) const ROLE: &str = "RoleArn";
/// The longest name of an action, in characters (API reference, `ActionDeclaration`).
const NAME_LIMIT: usize = 100;

/// A stack that a clone deploys, and that belongs to its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The name.
    pub name: String,
    /// The Region; `None` for that of the pipeline.
    pub region: Option<String>,
    /// The ARN of the role that CloudFormation takes.
    pub role: Option<String>,
    /// The ARN of the role that the action takes; `None` for that of the pipeline.
    pub action_role: Option<String>,
    /// The id that it had when its teardown began, or when the clone deployed it no more; `None` as
    /// long as the clone deploys it by its name. Another stack of this name has another id.
    pub id: Option<StackId>,
}

impl Stack {
    /// Returns true if an id is that of a stack of this name and Region.
    #[must_use]
    pub fn is(&self, id: &StackId) -> bool {
        let region = self.region.as_deref();
        self.name == id.name() && region.is_none_or(|region| region == id.region())
    }

    /// Returns the command that deletes the stack: by its id if that is known, because others may
    /// make one of the same name.
    #[must_use]
    pub fn deletion_command(&self) -> String {
        let id = self.id.as_ref().map_or(self.name.as_str(), StackId::as_str);
        let region = self.region.as_deref();
        let region = region.map(|region| format!(" --region {region}"));
        let region = region.unwrap_or_default();
        format!("aws cloudformation delete-stack --stack-name {id}{region}")
    }

    /// Returns true if CodePipeline makes the name from a variable while it runs.
    #[must_use]
    pub fn has_variable(&self) -> bool {
        has_variable(&self.name)
    }

    /// Returns the stack's place among all stacks that pipelines of this account deploy.
    #[must_use]
    pub fn key(&self, pipeline: &PipelineArn) -> StackKey {
        let pipeline = pipeline.as_str();
        let account = self.action_role.as_deref().and_then(account_of);
        let region = self.region.as_deref().or(pipeline.split(':').nth(3));
        StackKey {
            account: account
                .or(account_of(pipeline))
                .unwrap_or_default()
                .to_owned(),
            region: region.unwrap_or_default().to_owned(),
            name: self.name.clone(),
        }
    }

    /// Returns true if this may be the stack with a key.
    #[must_use]
    pub fn has_key(&self, key: &StackKey) -> bool {
        let region = self.region.as_ref();
        self.name == key.name && region.is_none_or(|region| *region == key.region)
    }

    /// Returns true if an action of this pipeline deploys the stack.
    #[must_use]
    pub fn is_deployed_by(&self, declaration: &Declaration, pipeline: &PipelineArn) -> bool {
        let mut actions = declaration.actions();
        let deletes = |action: &Action<'_>| action.configured(ACTION_MODE) == Some(DELETE_ONLY);
        actions.any(|action| !deletes(&action) && self.is_of(&action, pipeline))
    }

    /// Returns true if an action of this pipeline deploys or deletes the stack.
    #[must_use]
    pub fn is_named_by(&self, declaration: &Declaration, pipeline: &PipelineArn) -> bool {
        let mut actions = declaration.actions();
        actions.any(|action| self.is_of(&action, pipeline))
    }

    fn is_of(&self, action: &Action<'_>, pipeline: &PipelineArn) -> bool {
        let name = action.configured(STACK_NAME);
        let stack = name.map(|name| Self::of(action, name));
        stack.is_some_and(|stack| stack.key(pipeline) == self.key(pipeline))
    }

    /// Returns the role of another account with which an action of this pipeline deploys the stack:
    /// the stack is in that account, and the daemon does not see it.
    #[must_use]
    pub fn role_of_other_account(&self, pipeline: &PipelineArn) -> Option<&str> {
        let home = account_of(pipeline.as_str());
        let role = self.action_role.as_deref();
        role.filter(|role| role.starts_with("arn:") && account_of(role) != home)
    }

    /// Returns true if the stack is in another account than the pipeline, so that the daemon does
    /// not see it.
    #[must_use]
    pub fn is_elsewhere(&self, pipeline: Option<&PipelineArn>) -> bool {
        pipeline.is_some_and(|pipeline| self.role_of_other_account(pipeline).is_some())
    }

    /// Refuses a stack that an action deploys with a role of another account: the daemon deletes
    /// stacks of its own account.
    ///
    /// # Errors
    /// A permanent fault.
    pub fn refuse_other_account(&self, pipeline: &PipelineArn) -> Result<(), Fault> {
        let Some(role) = self.role_of_other_account(pipeline) else {
            return Ok(());
        };
        let detail = format!(
            "stack {} is deployed with the role {role} of another account, in which branchline deletes nothing: set teardown = \"run\" or \"pipeline:NAME\" in preview of the rule",
            self.name
        );
        Err(Fault::new(Reason::StackNotDeleted, detail))
    }

    /// Takes what the stack of another action says and this one does not: of the two actions that
    /// create and execute a change set, one names the role.
    fn merge(&mut self, other: Self) {
        self.role = self.role.take().or(other.role);
        self.action_role = self.action_role.take().or(other.action_role);
    }

    fn of(action: &Action<'_>, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            region: action.region().map(str::to_owned),
            role: action.configured(ROLE).map(str::to_owned),
            action_role: action.role().map(str::to_owned),
            id: None,
        }
    }

    /// Returns the action that deletes the stack.
    pub(super) fn deletion(&self, order: usize) -> Value {
        let mut name = format!("{order}-{}", self.name);
        name.truncate(NAME_LIMIT);
        let mut configuration = Map::from_iter([
            (ACTION_MODE.to_owned(), json!(DELETE_ONLY)),
            (STACK_NAME.to_owned(), json!(self.name)),
        ]);
        configuration.extend(
            self.role
                .as_ref()
                .map(|role| (ROLE.to_owned(), json!(role))),
        );
        let mut action = Map::from_iter([
            ("name".to_owned(), json!(name)),
            (
                "actionTypeId".to_owned(),
                json!({"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"}),
            ),
            ("runOrder".to_owned(), json!(order)),
            ("configuration".to_owned(), Value::Object(configuration)),
        ]);
        let texts = [("region", &self.region), ("roleArn", &self.action_role)];
        let texts = texts.into_iter().filter_map(|(key, text)| {
            let text = text.as_ref()?;
            Some((key.to_owned(), json!(text)))
        });
        action.extend(texts);
        Value::Object(action)
    }
}

/// A stack among those of all accounts and Regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackKey {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The name.
    pub name: String,
}

/// Writes the key of its item in the table: `123456789012/eu-west-1/api-pr-7`.
impl std::fmt::Display for StackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.name)
    }
}

/// Returns the account of an ARN; `None` for another text, such as a variable.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
}

/// A stack that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundStack {
    /// Its id.
    pub id: StackId,
    /// Its status, such as `UPDATE_COMPLETE` (CloudFormation API reference, `Stack.StackStatus`).
    pub status: String,
    /// When it was created (`Stack.CreationTime`).
    pub created_at: Timestamp,
}

/// How long after a clone has stopped deploying a stack may appear that it deploys: CloudFormation
/// may be about to create one for an execution that was stopped, and clocks differ.
const LATE: Duration = Duration::from_mins(2);

impl FoundStack {
    /// The status while it is being deleted.
    pub const DELETING: &str = "DELETE_IN_PROGRESS";
    /// The status after a deletion that failed.
    pub const DELETE_FAILED: &str = "DELETE_FAILED";

    /// Returns true if CloudFormation works on it in a way that a deletion has to wait for. It
    /// accepts the deletion of a stack that is being created.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let (status, begins) = (self.status.as_str(), ["CREATE_", "REVIEW_", "DELETE_"]);
        let may_be_deleted = begins.iter().any(|begin| status.starts_with(begin));
        status.ends_with("_IN_PROGRESS") && !may_be_deleted
    }

    /// Returns true if a clone that has stopped deploying at this time has not made it. `None` if
    /// the clone may still deploy.
    #[must_use]
    pub fn is_newer_than(&self, deployed_until: Option<Timestamp>) -> bool {
        deployed_until.is_some_and(|until| self.created_at > until.plus(LATE))
    }

    /// Returns true if an execution that runs may replace it with another stack of its name, as the
    /// action mode `REPLACE_ON_FAILURE` does after a failure (CodePipeline User Guide,
    /// "CloudFormation deploy action reference"). What is in progress may fail.
    #[must_use]
    pub fn may_be_replaced(&self) -> bool {
        let has_failed = |word| ["DELETE", "ROLLBACK"].contains(&word);
        !self.status.ends_with("_COMPLETE") || self.status.split('_').any(has_failed)
    }
}

/// Returns the stacks of a clone that belong to its subject alone, in the order in which they are
/// deployed. A stack whose name CodePipeline makes while it runs is not among them, because that
/// name is not known.
pub(super) fn own_stacks(clone: &Declaration, rule: &Rule) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    for path in clone.stacks_in_order() {
        let mut actions = clone.actions();
        let Some(action) = actions.find(|action| action.path() == path) else {
            continue;
        };
        let name = action.configured(STACK_NAME).unwrap_or_default();
        let stack = Stack::of(&action, name);
        if name.is_empty() || stack.has_variable() || !has_own_stack(&path, clone, rule) {
            continue;
        }
        let is_same =
            |known: &&mut Stack| (&known.name, &known.region) == (&stack.name, &stack.region);
        match stacks.iter_mut().find(is_same) {
            Some(known) => known.merge(stack),
            None => stacks.push(stack),
        }
    }
    stacks
}

/// Returns the names of the stacks that a pipeline's actions configure.
#[must_use]
pub fn named_stacks(pipeline: &Declaration) -> Vec<String> {
    let named = |action: Action<'_>| action.configured(STACK_NAME).map(str::to_owned);
    pipeline.actions().filter_map(named).collect()
}

/// Adds the stacks that a clone is about to deploy to those that are known, in the order of the
/// clone.
pub fn add_stacks(known: &mut Vec<Stack>, deployed: &[Stack], pipeline: &PipelineArn) {
    let keys: BTreeSet<StackKey> = deployed.iter().map(|one| one.key(pipeline)).collect();
    // A stack that is deployed no more may depend on the others, so it is deleted first.
    let (again, earlier): (Vec<Stack>, Vec<Stack>) = std::mem::take(known)
        .into_iter()
        .partition(|one| keys.contains(&one.key(pipeline)));
    known.extend(deployed.iter().map(|one| {
        let key = one.key(pipeline);
        let before = again.iter().find(|before| before.key(pipeline) == key);
        Stack {
            id: before.and_then(|before| before.id.clone()),
            ..one.clone()
        }
    }));
    known.extend(earlier);
}

/// Returns the stacks that a pipeline's actions are about, and that are none of these. A name with
/// a variable of CodePipeline is not known before the pipeline runs.
#[must_use]
pub fn other_stacks(
    pipeline: &Declaration,
    arn: &PipelineArn,
    own: &BTreeSet<StackKey>,
) -> Vec<Stack> {
    let stacks = pipeline.stacks();
    let actions = pipeline.actions();
    let named = actions
        .filter(|action| stacks.contains(&action.path()))
        .filter_map(|action| Some(Stack::of(&action, action.configured(STACK_NAME)?)));
    let is_other = |stack: &Stack| stack.has_variable() || !own.contains(&stack.key(arn));
    named.filter(is_other).collect()
}
