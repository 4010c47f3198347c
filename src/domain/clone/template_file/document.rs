//! The form of the file: what `aws codepipeline get-pipeline` prints (API reference,
//! `PipelineDeclaration`).

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::clone::file::words;

/// The output of GetPipeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    pipeline: Pipeline,
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
}

/// A declaration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Pipeline {
    pub(super) stages: Vec<Stage>,
    #[serde(default)]
    pub(super) variables: Vec<Variable>,
    pub(super) pipeline_type: Option<String>,
    // A clone has these of the template, and a name and a version of its own.
    pub(super) role_arn: Option<Value>,
    pub(super) artifact_store: Option<Value>,
    pub(super) artifact_stores: Option<Value>,
    pub(super) execution_mode: Option<Value>,
    pub(super) triggers: Option<Value>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
}

/// A variable of the pipeline.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

/// A stage.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blockers: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before_entry: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_success: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_failure: Option<OnFailure>,
}

/// The way in which a stage fails.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OnFailure {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_configuration: Option<Retry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Value>,
}

/// The way in which a failed stage is retried.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_mode: Option<String>,
}

/// An action.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) action_type_id: ActionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_order: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) configuration: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) commands: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) environment_variables: Vec<EnvironmentVariable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) output_artifacts: Vec<Artifact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) input_artifacts: Vec<Artifact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) output_variables: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_in_minutes: Option<u32>,
}

/// The type of an action.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionType {
    pub(super) category: String,
    pub(super) owner: String,
    pub(super) provider: String,
    pub(super) version: String,
}

/// An environment variable of an action.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentVariable {
    pub(super) name: String,
    pub(super) value: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
}

/// An artifact that an action takes or makes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Artifact {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<String>,
}

/// Reads a text. Returns the declaration, and true if it is within `pipeline`.
///
/// # Errors
/// The line, the column, and the path in the file if it has one.
pub(super) fn read(text: &str) -> Result<(Pipeline, bool), String> {
    if !text.trim_start().starts_with('{') {
        return Err(
            "not a JSON object: expected what `aws codepipeline get-pipeline` prints".to_owned(),
        );
    }
    let json: Value = serde_json::from_str(text).map_err(|error| mistake("", &error))?;
    if json.get("pipeline").is_some() {
        let output: Output = typed(text)?;
        return Ok((output.pipeline, true));
    }
    Ok((typed(text)?, false))
}

/// Reads the text again, for the line of what has not the form.
fn typed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // The whole text has the path `.`.
        let path = format!("{}: ", error.path());
        mistake(path.trim_start_matches(".: "), error.inner())
    })
}

fn mistake(path: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let text = text.trim_end_matches(&format!(" at line {line} column {column}"));
    let what = words::of_form(text, "an object").unwrap_or_else(|| {
        let cut_off = text.strip_prefix("EOF while parsing ");
        cut_off.map_or_else(
            || format!("not JSON: {text}"),
            |within| format!("not JSON: the text ends within {within}"),
        )
    });
    format!("line {line}, column {column}: {path}{what}")
}
