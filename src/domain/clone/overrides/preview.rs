//! The stacks of a clone's CloudFormation actions: each subject has its own.

use serde_json::{Map, Value};

use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::clone::limits::VALUE;
use crate::domain::clone::overrides::preview_url::PreviewUrl;
use crate::domain::clone::overrides::stack_values::{
    ACTION_MODE, CREATE_UPDATE, MODES_WITH_PARAMETERS, PARAMETERS, REPLACE_ON_FAILURE, STACK_NAME,
    STACK_NAME_LIMIT,
};
use crate::domain::clone::overrides::{CloneOverrides, ConfiguredValue, fault, stack_values};
use crate::domain::clone::references::has_variable;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::PipelineName;
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};
use crate::domain::rules::slug::slug_of;

/// The word of [`TeardownPolicy::Pipeline`], before the name of its template.
const PIPELINE: &str = "pipeline:";

/// What happens to a subject's environment before its clone is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TeardownPolicy {
    /// The clone becomes a pipeline that deletes the subject's own stacks, and runs once.
    #[default]
    Run,
    /// The daemon deletes the subject's own stacks.
    Stacks,
    /// The clone becomes a clone of this template, which an operator wrote, and runs once.
    Pipeline(PipelineName),
    /// Everything stays.
    None,
}

impl TeardownPolicy {
    /// Parses the text in a rule or in a row.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix(PIPELINE)) {
            ("run", _) => Ok(Self::Run),
            ("stacks", _) => Ok(Self::Stacks),
            ("none", _) => Ok(Self::None),
            (_, Some(name)) if name.contains(['{', '}']) => Err(
                "the name of a template has no placeholders: name one pipeline, of which each subject gets a clone with its own values, such as \"pipeline:api-teardown\"".to_owned(),
            ),
            (_, Some(name)) => match PipelineName::parse(name) {
                Ok(template) => Ok(Self::Pipeline(template)),
                Err(why) => Err(format!("'{name}' after \"{PIPELINE}\" is {why}")),
            },
            (_, None) => Err(
                "expected \"run\", \"stacks\", \"pipeline:NAME\" with the name of a template, or \"none\"".to_owned(),
            ),
        }
    }

    /// Returns the template that the clone becomes a clone of.
    #[must_use]
    pub fn template(&self) -> Option<&PipelineName> {
        match self {
            Self::Pipeline(template) => Some(template),
            Self::Run | Self::Stacks | Self::None => None,
        }
    }
}

/// Writes what [`TeardownPolicy::parse`] reads.
impl std::fmt::Display for TeardownPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Stacks => f.write_str("stacks"),
            Self::Pipeline(template) => write!(f, "{PIPELINE}{template}"),
            Self::None => f.write_str("none"),
        }
    }
}

/// What gives each subject stacks of its own. By default the template's are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewStacks {
    /// What is appended to the name of every stack.
    pub stack_suffix: Option<FormatString>,
    /// Parameters of every stack, in addition to the template's.
    pub parameters: Vec<(String, FormatString)>,
    /// What happens to its environment in the end.
    pub teardown: TeardownPolicy,
    /// Where its environment is found.
    pub url: Option<PreviewUrl>,
}

impl CloneOverrides {
    /// Returns true if a clone may have something of its subject that is to be deleted with it.
    #[must_use]
    pub fn tears_down(&self) -> bool {
        match self.preview.teardown {
            TeardownPolicy::Run | TeardownPolicy::Stacks => self.has_stacks(),
            TeardownPolicy::Pipeline(_) => true,
            TeardownPolicy::None => false,
        }
    }

    /// Returns true if a clone may have stacks of its subject.
    #[must_use]
    pub fn has_stacks(&self) -> bool {
        let names_stack = |one: &ConfiguredValue| one.key == STACK_NAME;
        self.preview.stack_suffix.is_some() || self.configuration.iter().any(names_stack)
    }

    /// Gives the CloudFormation actions of the clone the subject's own stacks and parameters. A
    /// stack of a subject whose creation failed is replaced, because it cannot be updated.
    ///
    /// # Errors
    /// A permanent fault when a value cannot be filled in, or when the template's parameters are
    /// not a JSON object.
    pub(crate) fn set_stacks(
        &self,
        clone: &mut Declaration,
        values: &PlaceholderValues<'_>,
    ) -> Result<(), Fault> {
        if self.preview.stack_suffix.is_none() && self.preview.parameters.is_empty() {
            return Ok(());
        }
        for path in clone.stacks() {
            if let Some(configuration) = clone.configuration_mut(&path) {
                self.preview.set_stack(&path, configuration, values)?;
            }
        }
        Ok(())
    }

    /// Refuses a clone whose stacks CloudFormation would not accept, or that lacks the output of
    /// its URL.
    ///
    /// # Errors
    /// A permanent fault.
    pub(crate) fn check_stacks(&self, clone: &Declaration) -> Result<(), Fault> {
        if let Some(url) = &self.preview.url {
            url.check(clone)?;
        }
        stack_values::check(self, clone)
    }
}

impl PreviewStacks {
    /// Refuses parameters that do not fit into the value of a configuration key, whatever their
    /// placeholders stand for.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_parameters(parameters: &[(String, FormatString)]) -> Result<(), String> {
        let values = parameters.iter();
        let values = values.map(|(name, value)| (name.clone(), Value::from(value.example())));
        let length = Value::Object(values.collect()).to_string().chars().count();
        match length <= VALUE {
            true => Ok(()),
            false => Err(format!(
                "too long: CodePipeline accepts {VALUE} characters for the parameters of a stack, as JSON with those of the template, and these have {length} or more"
            )),
        }
    }

    fn set_stack(
        &self,
        path: &ActionPath,
        configuration: &mut Map<String, Value>,
        values: &PlaceholderValues<'_>,
    ) -> Result<(), Fault> {
        let text = |configuration: &Map<String, Value>, key: &str| {
            let value = configuration.get(key).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        if let Some(suffix) = &self.stack_suffix {
            let suffix = suffix.unslugged_text(values);
            let suffix = suffix.map_err(|why| invalid("stack_suffix", &why))?;
            let name = stack_name(&text(configuration, STACK_NAME), &suffix);
            configuration.insert(STACK_NAME.to_owned(), Value::from(name));
            if text(configuration, ACTION_MODE) == CREATE_UPDATE {
                configuration.insert(ACTION_MODE.to_owned(), Value::from(REPLACE_ON_FAILURE));
            }
        }
        let mode = text(configuration, ACTION_MODE);
        if !self.parameters.is_empty() && MODES_WITH_PARAMETERS.contains(&mode.as_str()) {
            let merged = self.parameters(path, configuration, values)?;
            configuration.insert(PARAMETERS.to_owned(), Value::from(merged));
        }
        Ok(())
    }

    /// Returns the parameters of the template with those of the rule, as JSON.
    fn parameters(
        &self,
        path: &ActionPath,
        configuration: &Map<String, Value>,
        values: &PlaceholderValues<'_>,
    ) -> Result<String, Fault> {
        let given = configuration.get(PARAMETERS).and_then(Value::as_str);
        let parsed = serde_json::from_str(given.unwrap_or("{}"));
        let Ok(Value::Object(mut merged)) = parsed else {
            return Err(fault(format!(
                "{PARAMETERS} of action '{path}' in the template is not a JSON object, so the parameters of preview cannot be added: set \"{path}/{PARAMETERS}\" in configuration instead"
            )));
        };
        for (name, format) in &self.parameters {
            let value = format.text(values);
            let value = value.map_err(|why| invalid(&format!("parameters.{name}"), &why))?;
            merged.insert(name.clone(), Value::from(value));
        }
        Ok(Value::Object(merged).to_string())
    }
}

fn invalid(key: &str, why: &str) -> Fault {
    Fault::new(Reason::InvalidValue, format!("preview.{key}: {why}"))
}

/// Returns the name of a subject's stack. Illegal characters of a branch's name are replaced, and a
/// hash keeps such names apart. A name with a variable of CodePipeline keeps it.
fn stack_name(template: &str, suffix: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match has_variable(template) {
        true => format!("{template}{}", slug_of(suffix, STACK_NAME_LIMIT / 2, legal)),
        false => slug_of(&format!("{template}{suffix}"), STACK_NAME_LIMIT, legal),
    }
}
