//! The variables that a rule gives its clones: variables of the pipeline, and environment variables
//! of the CodeBuild actions and the Commands actions.

use serde_json::{Map, Value, json};

use crate::domain::clone::declaration::{Declaration, ENVIRONMENT};
use crate::domain::clone::overrides::{CloneOverrides, VariableFormat};
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};

/// A variable with its value.
pub type Variable = (String, String);

impl CloneOverrides {
    /// Returns the pipeline variables with their values for one subject.
    ///
    /// # Errors
    /// A permanent fault when a value cannot be filled in, or CodePipeline would refuse it.
    pub fn variables(&self, values: &PlaceholderValues<'_>) -> Result<Vec<Variable>, Fault> {
        let text = |variable: &VariableFormat| variable.text(values);
        let variables = filled("variables", &self.variables, text)?;
        for (name, value) in &variables {
            let length = variable_length(value);
            length.map_err(|why| invalid(format!("variables.{name} {why}")))?;
        }
        Ok(variables)
    }

    /// Sets the variables' default values, because the execution that CreatePipeline starts by
    /// itself has no other values.
    pub(super) fn declare(&self, clone: &mut Declaration, variables: &[Variable]) {
        if variables.is_empty() {
            return;
        }
        let declared = clone.0.entry("variables").or_insert_with(|| json!([]));
        let Some(declared) = declared.as_array_mut() else {
            return;
        };
        for (name, value) in variables {
            merge(declared, name, &[("defaultValue", value)]);
        }
    }

    /// Merges the rule's environment into every CodeBuild action and every Commands action.
    ///
    /// # Errors
    /// A permanent fault when a value cannot be filled in, or the template's own environment is not
    /// JSON as CodeBuild reads it.
    pub(super) fn set_environment(
        &self,
        clone: &mut Declaration,
        values: &PlaceholderValues<'_>,
    ) -> Result<(), Fault> {
        if self.environment.is_empty() {
            return Ok(());
        }
        // Both pass an environment variable on as it is, and JSON is escaped here.
        let text = |format: &FormatString| format.text(values);
        let environment = filled("environment", &self.environment, text)?;
        for path in clone.builds() {
            let name = clone.name().to_owned();
            if let Some(configuration) = clone.configuration_mut(&path) {
                add_to_build(configuration, &environment).map_err(|_| {
                    let detail = format!("EnvironmentVariables of {path} in template '{name}' are not a JSON list: correct the template");
                    Fault::new(Reason::RuleTemplateMismatch, detail)
                })?;
            }
        }
        for path in clone.commands() {
            let action = clone.action_mut(&path);
            let listed =
                action.map(|action| action.entry(ENVIRONMENT).or_insert_with(|| json!([])));
            if let Some(listed) = listed.and_then(Value::as_array_mut) {
                merge_environment(listed, &environment);
            }
        }
        Ok(())
    }
}

/// Accepts the value of a pipeline variable (CodePipeline API reference, `PipelineVariable.value`).
///
/// # Errors
/// Its length, and what is allowed.
pub(super) fn variable_length(value: &str) -> Result<(), String> {
    let length = value.chars().count();
    match (1..=1_000).contains(&length) {
        true => Ok(()),
        false => Err(format!(
            "has {length} characters here, but AWS accepts 1 to 1000"
        )),
    }
}

/// Accepts the name of a pipeline variable (CodePipeline API reference,
/// `PipelineVariableDeclaration.name`).
///
/// # Errors
/// What is allowed.
pub fn check_variable(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "@-_".contains(c);
    match (1..=128).contains(&name.len()) && name.chars().all(legal) {
        true => Ok(()),
        false => Err("not a pipeline variable name: expected 1 to 128 of A-Z a-z 0-9 @ - _"),
    }
}

/// Accepts the name of an environment variable that a shell can read.
///
/// # Errors
/// What is allowed.
pub fn check_environment(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = !name.starts_with(|c: char| c.is_ascii_digit());
    match !name.is_empty() && begins && name.chars().all(legal) {
        true => Ok(()),
        false => Err(
            "not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit",
        ),
    }
}

/// Adds variables to the configuration of a CodeBuild action, which has them as JSON.
fn add_to_build(
    configuration: &mut Map<String, Value>,
    environment: &[Variable],
) -> Result<(), serde_json::Error> {
    let present = configuration
        .get("EnvironmentVariables")
        .and_then(Value::as_str);
    let mut variables: Vec<Value> = present.map_or(Ok(Vec::new()), serde_json::from_str)?;
    merge_environment(&mut variables, environment);
    let text = Value::Array(variables).to_string();
    configuration.insert("EnvironmentVariables".to_owned(), Value::from(text));
    Ok(())
}

fn merge_environment(list: &mut Vec<Value>, environment: &[Variable]) {
    for (name, value) in environment {
        merge(list, name, &[("value", value), ("type", "PLAINTEXT")]);
    }
}

/// Sets fields of the entry of this name, which keeps its position. A new entry is added at the
/// end.
fn merge(list: &mut Vec<Value>, name: &str, fields: &[(&str, &str)]) {
    let is = |entry: &Map<String, Value>| entry.get("name").and_then(Value::as_str) == Some(name);
    if !list.iter().filter_map(Value::as_object).any(is) {
        list.push(json!({"name": name}));
    }
    let entries = list.iter_mut().filter_map(Value::as_object_mut);
    for entry in entries.filter(|entry| is(entry)) {
        for (key, value) in fields {
            entry.insert((*key).to_owned(), Value::from(*value));
        }
    }
}

/// Fills in the values of all variables under one configuration key.
fn filled<T>(
    key: &str,
    formats: &[(String, T)],
    text: impl Fn(&T) -> Result<String, String>,
) -> Result<Vec<Variable>, Fault> {
    let variables = formats.iter().map(|(name, format)| {
        let value = text(format).map_err(|why| invalid(format!("{key}.{name}: {why}")))?;
        Ok((name.clone(), value))
    });
    variables.collect()
}

fn invalid(detail: String) -> Fault {
    Fault::new(Reason::InvalidValue, detail)
}
