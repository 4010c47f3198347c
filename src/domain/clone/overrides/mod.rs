//! The overrides of a rule: what a clone changes beside its name and branch, such as stages and
//! actions that a pull request must not run, its role, and more tags. The result must be a valid
//! pipeline, which is checked before any request to AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::secret::Secret;

/// The text that GetPipeline returns instead of a secret.
pub const MASK: &str = "****";

/// The overrides of a rule. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneOverrides {
    /// Stages to leave out of the clone.
    pub drop_stages: Vec<String>,
    /// The only stages to keep in the clone; empty keeps all.
    pub keep_stages: Vec<String>,
    /// Actions to leave out of the clone.
    pub drop_actions: Vec<ActionPath>,
    /// The pipeline's role, instead of the template's.
    pub role_arn: Option<String>,
    /// Tags in addition to branchline's own.
    pub tags: BTreeMap<String, String>,
    /// The source action that gets the branch, if the template has several candidates.
    pub source_action: Option<ActionPath>,
    /// Values for configuration keys that GetPipeline masks.
    pub secrets: Vec<(ActionPath, String, Secret)>,
    /// Variables of the pipeline (V2).
    pub variables: Vec<(String, FormatString)>,
    /// Environment variables of every CodeBuild action.
    pub environment: Vec<(String, FormatString)>,
    /// The handling of concurrent executions; `None` keeps the template's.
    pub execution_mode: Option<ExecutionMode>,
}

/// `executionMode` (user guide, "Set or change the pipeline execution mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionMode {
    /// A newer execution overtakes an older one that is waiting.
    Superseded,
    /// Executions run one after the other.
    Queued,
    /// Executions run concurrently.
    Parallel,
}

impl ExecutionMode {
    /// Every mode, to parse them.
    pub const ALL: [Self; 3] = [Self::Superseded, Self::Queued, Self::Parallel];

    /// Returns the name that CodePipeline uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "SUPERSEDED",
            Self::Queued => "QUEUED",
            Self::Parallel => "PARALLEL",
        }
    }
}

impl CloneOverrides {
    /// Drops stages and actions, and sets the role.
    ///
    /// # Errors
    /// A permanent fault when the template has no such stage or action, or when the remaining
    /// stages are not a valid pipeline. A stage that was renamed in the template, but not in the
    /// rule, must not run in a clone.
    pub fn apply(&self, declaration: &mut Declaration) -> Result<(), Fault> {
        self.named_exist(declaration)?;
        if self.keeps_all() && self.role_arn.is_none() {
            return Ok(());
        }
        let before = declaration.clone();
        declaration.retain_stages(|stage| self.keeps_stage(stage));
        declaration.retain_actions(|stage, action| self.keeps_action(stage, action));
        if let Some(role) = &self.role_arn {
            declaration
                .0
                .insert("roleArn".to_owned(), Value::from(role.as_str()));
        }
        if *declaration == before {
            return Ok(());
        }
        validate_structure(declaration)?;
        validate_references(&before, declaration)
    }

    /// Returns true if the rule drops nothing, as most rules do.
    fn keeps_all(&self) -> bool {
        self.drop_stages.is_empty() && self.keep_stages.is_empty() && self.drop_actions.is_empty()
    }

    /// Puts secrets in place of GetPipeline's masks.
    ///
    /// # Errors
    /// A permanent fault when the clone has no such action, or when a value is still masked.
    pub(super) fn fill_masked_secrets(
        &self,
        clone: &mut Declaration,
        template: &str,
    ) -> Result<(), Fault> {
        for (path, key, secret) in &self.secrets {
            if !clone.actions().any(|action| action.path() == *path) {
                return Err(fault(format!(
                    "the clone of template '{template}' has no action '{path}' for the secret '{key}': correct the rule"
                )));
            }
            if let Some(configuration) = clone.configuration_mut(path) {
                configuration.insert(key.clone(), Value::from(secret.reveal()));
            }
        }
        let masked = clone.actions().find_map(|action| {
            let mut configuration = action.configuration.into_iter().flatten();
            let (key, _) = configuration.find(|(_, value)| value.as_str() == Some(MASK))?;
            Some((action.path(), key.clone()))
        });
        let Some((path, key)) = masked else {
            return Ok(());
        };
        let detail = format!(
            "{key} of {path} in template '{template}' is a secret that GetPipeline masks, so a clone would not have it: give the rule secrets = {{ \"{path}/{key}\" = \"env:NAME\" }}, or use a CodeStarSourceConnection"
        );
        Err(Fault::new(Reason::TemplateMasked, detail))
    }

    fn keeps_stage(&self, stage: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == stage);
        (self.keep_stages.is_empty() || named(&self.keep_stages)) && !named(&self.drop_stages)
    }

    fn keeps_action(&self, stage: &str, action: &str) -> bool {
        let is = |path: &ActionPath| path.stage == stage && path.action == action;
        !self.drop_actions.iter().any(is)
    }

    fn named_exist(&self, template: &Declaration) -> Result<(), Fault> {
        let stages: Vec<&str> = template.stages().collect();
        let named = self.drop_stages.iter().chain(&self.keep_stages);
        for name in named {
            if !stages.contains(&name.as_str()) {
                let there = stages.join(", ");
                return Err(fault(format!(
                    "template '{}' has no stage '{name}' (it has {there}): correct the rule",
                    template.name()
                )));
            }
        }
        for path in &self.drop_actions {
            if !template.actions().any(|action| action.path() == *path) {
                return Err(fault(format!(
                    "template '{}' has no action '{path}': correct the rule",
                    template.name()
                )));
            }
        }
        Ok(())
    }
}

/// Requires at least two stages, an action in each, and only source actions in the first (user
/// guide, "CodePipeline pipeline structure reference").
fn validate_structure(clone: &Declaration) -> Result<(), Fault> {
    let stages: Vec<&str> = clone.stages().collect();
    if stages.len() < 2 {
        let left = stages.first().copied().unwrap_or("no stage");
        return Err(fault(format!(
            "the rule leaves only {left}, and a pipeline needs two stages"
        )));
    }
    let is_empty = |stage: &&&str| !clone.actions().any(|action| action.stage == **stage);
    if let Some(stage) = stages.iter().find(is_empty) {
        return Err(fault(format!(
            "the rule leaves stage '{stage}' without an action: drop the stage"
        )));
    }
    let first = stages.first().copied().unwrap_or_default();
    let fetches = |action: Action<'_>| action.stage != first || action.category == "Source";
    if !clone.actions().all(fetches) {
        return Err(fault(format!(
            "the rule leaves '{first}' as the first stage, which must hold the source actions"
        )));
    }
    Ok(())
}

/// Requires that no remaining action needs an artifact or a variable of an action that was dropped.
fn validate_references(template: &Declaration, clone: &Declaration) -> Result<(), Fault> {
    let is_left = |gone: &Action<'_>| {
        let same = |left: Action<'_>| left.stage == gone.stage && left.name == gone.name;
        clone.actions().any(same)
    };
    let kept: BTreeSet<&str> = clone
        .actions()
        .flat_map(|action| action.outputs())
        .collect();
    for gone in template.actions().filter(|action| !is_left(action)) {
        for left in clone.actions() {
            let lost = left.inputs().find(|input| {
                gone.outputs().any(|output| output == *input) && !kept.contains(input)
            });
            if let Some(artifact) = lost {
                return Err(needs(&left, &format!("artifact '{artifact}'"), &gone));
            }
            if let Some(namespace) = gone.namespace
                && left.mentions(&format!("#{{{namespace}."))
            {
                return Err(needs(&left, &format!("variables '{namespace}'"), &gone));
            }
        }
    }
    Ok(())
}

fn needs(left: &Action<'_>, what: &str, gone: &Action<'_>) -> Fault {
    fault(format!(
        "'{}/{}' needs the {what} of '{}/{}', which the rule drops",
        left.stage, left.name, gone.stage, gone.name
    ))
}

fn fault(detail: String) -> Fault {
    Fault::new(Reason::RuleTemplateMismatch, detail)
}

#[cfg(test)]
mod tests;
