//! The overrides of a rule: what a clone changes beside its name and branch, such as stages and
//! actions that a pull request must not run, its role, and more tags. The result must be a valid
//! pipeline, which is checked before any request to AWS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration, inputs, mentions};
use crate::domain::clone::overrides::stages::leave_out_side_effects;
use crate::domain::clone::projects::BuildOverrides;
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};
use crate::domain::secret::Secret;

mod configuration;
mod preview;
mod preview_url;
mod roles;
mod stack_values;
mod stages;

pub(crate) use configuration::BUILDSPEC;
pub use configuration::{ConfiguredValue, buildspec_path};
pub use preview::{PreviewStacks, TeardownPolicy};
pub use preview_url::PreviewUrl;
pub(crate) use roles::BUILD_ROLE;
pub use roles::{CloneRoles, RoleChoice};
pub(crate) use stack_values::{ACTION_MODE, DELETE_ONLY, STACK_NAME};
pub(crate) use stages::MIN_STAGES;
pub use stages::StageSelection;

/// The text that GetPipeline returns instead of a secret.
pub const MASK: &str = "****";

/// The overrides of a rule. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneOverrides {
    /// Stages to leave out of the clone.
    pub drop_stages: Vec<String>,
    /// The stages to keep in the clone.
    pub stages: StageSelection,
    /// Actions to leave out of the clone.
    pub drop_actions: Vec<ActionPath>,
    /// The roles of the clone.
    pub roles: CloneRoles,
    /// Tags in addition to branchline's own.
    pub tags: BTreeMap<String, String>,
    /// The source action that gets the branch, if the template has several candidates.
    pub source_action: Option<ActionPath>,
    /// Values for configuration keys that GetPipeline masks.
    pub secrets: Vec<(ActionPath, String, Secret)>,
    /// Variables of the pipeline (V2).
    pub variables: Vec<(String, VariableFormat)>,
    /// Environment variables of every CodeBuild action and every Commands action.
    pub environment: Vec<(String, FormatString)>,
    /// The path of the buildspec of every CodeBuild action; `None` keeps the projects'.
    pub buildspec: Option<String>,
    /// Values of single configuration keys. They win over `buildspec`.
    pub configuration: Vec<ConfiguredValue>,
    /// The settings of the CodeBuild projects that differ from the template's.
    pub build: BuildOverrides,
    /// The handling of concurrent executions; `None` keeps the template's.
    pub execution_mode: Option<ExecutionMode>,
    /// What gives each subject stacks of its own. Values of `configuration` win over it.
    pub preview: PreviewStacks,
    /// True if clones may deploy to the template's own targets, or to those of other clones.
    pub shared_targets: bool,
}

/// The format of a pipeline variable. CodePipeline puts its value into commands and JSON without
/// escaping it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableFormat {
    /// The format string.
    pub format: FormatString,
    /// True if text that people write is taken as it is.
    pub raw: bool,
}

impl VariableFormat {
    /// Returns the text for one subject.
    ///
    /// # Errors
    /// The value that is missing or not allowed, and what to write instead.
    pub(super) fn text(&self, values: &PlaceholderValues<'_>) -> Result<String, String> {
        match self.raw {
            true => self.format.text(values),
            false => self.format.plain_text(values),
        }
    }

    /// Returns true if text that people write is taken as it is.
    pub(super) fn has_raw_text(&self) -> bool {
        self.raw && self.format.has_free_text()
    }
}

impl From<FormatString> for VariableFormat {
    fn from(format: FormatString) -> Self {
        Self { format, raw: false }
    }
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
    /// Returns every format string.
    pub fn formats(&self) -> impl Iterator<Item = &FormatString> {
        let variables = self.variables.iter().map(|(_, one)| &one.format);
        let environment = self.environment.iter().map(|(_, format)| format);
        let configuration = self.configuration.iter().map(|one| &one.value.format);
        let parameters = self.preview.parameters.iter().map(|(_, format)| format);
        let url = match &self.preview.url {
            Some(PreviewUrl::Format(format)) => Some(format),
            Some(PreviewUrl::Output { .. }) | None => None,
        };
        let stacks = self
            .preview
            .stack_suffix
            .iter()
            .chain(parameters)
            .chain(url);
        variables
            .chain(environment)
            .chain(configuration)
            .chain(stacks)
    }

    /// Returns the template without the stages and actions that the clone does not have, with the
    /// clone's roles, and the names of the stages that were left out.
    ///
    /// # Errors
    /// A permanent fault when the template has no stage or action that the rule names, when the
    /// remaining stages are not a valid pipeline, or when a stage must be named to be kept. A stage
    /// that was renamed in the template, but not in the rule, must not run in a clone.
    pub fn apply(&self, template: &Declaration) -> Result<(Declaration, Vec<String>), Fault> {
        let mut clone = self.select(template)?;
        self.roles.apply(&mut clone)?;
        let is_left = |stage: &&str| clone.stages().any(|left| left == *stage);
        let left_out = template.stages().filter(|stage| !is_left(stage));
        let left_out = left_out.map(str::to_owned).collect();
        Ok((clone, left_out))
    }

    /// Returns the template without the stages and actions that the clone does not have.
    ///
    /// # Errors
    /// Those of [`CloneOverrides::apply`], except those about roles.
    pub(super) fn select(&self, template: &Declaration) -> Result<Declaration, Fault> {
        self.named_exist(template)?;
        let mut clone = template.clone();
        // By the whole template: an action that the rule drops still marks where it deploys.
        if self.stages == StageSelection::Safe {
            leave_out_side_effects(&mut clone)?;
        }
        clone.retain_stages(|stage| self.keeps_stage(stage));
        clone.retain_actions(|stage, action| self.keeps_action(stage, action));
        self.stages.refuse_self_mutation(&clone, template)?;
        if clone != *template {
            validate_structure(&clone)?;
            validate_references(template, &clone)?;
        }
        Ok(clone)
    }

    /// Forgets the stages and actions that a template does not have, and that therefore need not be
    /// left out or kept.
    pub(super) fn forget_absent(&mut self, template: &Declaration) {
        let has_stage = |name: &String| template.stages().any(|stage| stage == name);
        self.drop_stages.retain(has_stage);
        if let StageSelection::Named(stages) = &mut self.stages {
            stages.retain(has_stage);
        }
        self.drop_actions
            .retain(|path| template.actions().any(|action| action.path() == *path));
    }

    /// Puts secrets in place of GetPipeline's masks.
    ///
    /// # Errors
    /// A permanent fault when the clone has no such action, when GetPipeline does not mask the
    /// value, or when a value is still masked.
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
            let Some(configuration) = clone.configuration_mut(path) else {
                continue;
            };
            if configuration.get(key).and_then(Value::as_str) != Some(MASK) {
                return Err(fault(format!(
                    "'{key}' of '{path}' in template '{template}' is not a secret that GetPipeline masks, and the rule's secrets fill only those: remove it from secrets"
                )));
            }
            configuration.insert(key.clone(), Value::from(secret.reveal()));
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
        let kept = match &self.stages {
            StageSelection::Safe | StageSelection::All => true,
            StageSelection::Named(stages) => named(stages),
        };
        kept && !named(&self.drop_stages)
    }

    fn keeps_action(&self, stage: &str, action: &str) -> bool {
        let is = |path: &ActionPath| path.stage == stage && path.action == action;
        !self.drop_actions.iter().any(is)
    }

    fn named_exist(&self, template: &Declaration) -> Result<(), Fault> {
        let stages: Vec<&str> = template.stages().collect();
        let named = self.drop_stages.iter().chain(self.stages.names());
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
    if stages.len() < MIN_STAGES {
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

/// Requires that no remaining action and no rule of a remaining condition needs an artifact or a
/// variable of an action that was dropped.
fn validate_references(template: &Declaration, clone: &Declaration) -> Result<(), Fault> {
    let is_left = |gone: &Action<'_>| clone.actions().any(|left| left.path() == gone.path());
    let gone = template.actions().filter(|action| !is_left(action));
    for gone in gone {
        let actions = clone.actions();
        let actions = actions.map(|left| (format!("'{}'", left.path()), left.whole()));
        let rules = clone.rules().map(|rule| (rule.place(), rule.whole));
        for (left, whole) in actions.chain(rules) {
            if let Some(lost) = lost(clone, whole, &gone) {
                return Err(fault(format!(
                    "{left} needs the {lost} of '{}', which the rule drops",
                    gone.path()
                )));
            }
        }
    }
    Ok(())
}

/// Returns what an action or a rule of a condition needs of an action that was dropped.
fn lost(clone: &Declaration, whole: &Value, gone: &Action<'_>) -> Option<String> {
    let is_kept = |artifact: &str| {
        let mut outputs = clone.actions().flat_map(|action| action.outputs());
        outputs.any(|output| output == artifact)
    };
    let mut needed = inputs(whole).filter(|input| gone.outputs().any(|output| output == *input));
    if let Some(artifact) = needed.find(|artifact| !is_kept(artifact)) {
        return Some(format!("artifact '{artifact}'"));
    }
    let namespace = gone.namespace?;
    mentions(whole, &format!("#{{{namespace}.")).then(|| format!("variables '{namespace}'"))
}

fn fault(detail: String) -> Fault {
    Fault::new(Reason::RuleTemplateMismatch, detail)
}

#[cfg(test)]
mod tests;
