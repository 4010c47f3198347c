//! What a rule tells the clone about its subject: variables of the pipeline, and variables of its CodeBuild actions.

use serde_json::{Map, Value, json};

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};

/// A variable with its value.
pub type Variable = (String, String);

impl CloneOverrides {
    /// The pipeline variables with their values for one subject.
    ///
    /// # Errors
    /// A permanent fault when a value cannot be filled in, or is none that CodePipeline takes.
    pub fn variables(&self, fill: &PlaceholderValues<'_>) -> Result<Vec<Variable>, Fault> {
        let variables = filled("variables", &self.variables, fill)?;
        for (name, value) in &variables {
            // API reference, `PipelineVariable.value`.
            if !(1..=1_000).contains(&value.chars().count()) {
                return Err(over(format!(
                    "variables.{name} has {} characters here, and AWS takes 1 to 1000",
                    value.chars().count()
                )));
            }
        }
        Ok(variables)
    }

    /// Writes them as defaults: the execution that CreatePipeline starts by itself passes none.
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

    /// Merges the rule's environment into every CodeBuild action.
    ///
    /// # Errors
    /// A permanent fault when a value cannot be filled in, or the template's own is none that CodeBuild reads.
    pub(super) fn set_environment(
        &self,
        clone: &mut Declaration,
        fill: &PlaceholderValues<'_>,
    ) -> Result<(), Fault> {
        if self.environment.is_empty() {
            return Ok(());
        }
        let environment = filled("environment", &self.environment, fill)?;
        let builds: Vec<_> = clone
            .actions()
            .filter(|action| action.provider == "CodeBuild")
            .map(|action| action.path())
            .collect();
        for path in builds {
            let name = clone.name().to_owned();
            let Some(words) = clone.configuration_mut(&path) else {
                continue;
            };
            let there = words.get("EnvironmentVariables").and_then(Value::as_str);
            let there: Result<Vec<Value>, _> = there.map_or(Ok(Vec::new()), serde_json::from_str);
            let mut variables = there.map_err(|_| {
                let detail = format!("EnvironmentVariables of {path} in template '{name}' are no JSON list: correct the template");
                Fault::new(Step::Plan, Reason::RuleUnfit, detail)
            })?;
            for (name, value) in &environment {
                merge(
                    &mut variables,
                    name,
                    &[("value", value), ("type", "PLAINTEXT")],
                );
            }
            let text = Value::Array(variables).to_string();
            words.insert("EnvironmentVariables".to_owned(), Value::from(text));
        }
        Ok(())
    }
}

/// Sets words of the entry of this name, at its place; a new one stands at the end.
fn merge(list: &mut Vec<Value>, name: &str, words: &[(&str, &str)]) {
    let is = |entry: &Map<String, Value>| entry.get("name").and_then(Value::as_str) == Some(name);
    if !list.iter().filter_map(Value::as_object).any(is) {
        list.push(json!({"name": name}));
    }
    let entries = list.iter_mut().filter_map(Value::as_object_mut);
    for entry in entries.filter(|entry| is(entry)) {
        for (key, value) in words {
            entry.insert((*key).to_owned(), Value::from(*value));
        }
    }
}

fn filled(
    key: &str,
    patterns: &[(String, FormatString)],
    fill: &PlaceholderValues<'_>,
) -> Result<Vec<Variable>, Fault> {
    let values = patterns.iter().map(|(name, pattern)| {
        let value = pattern.text(fill);
        let value = value.map_err(|why| over(format!("{key}.{name}: {why}")))?;
        Ok((name.clone(), value))
    });
    values.collect()
}

fn over(detail: String) -> Fault {
    Fault::new(Step::Plan, Reason::ValueUnfit, detail)
}
