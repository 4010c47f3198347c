//! A pipeline's declaration as `aws codepipeline get-pipeline` prints it, kept whole: what we do not know, we keep.

use serde_json::{Map, Value};

/// The `pipeline` object of GetPipeline, CreatePipeline and UpdatePipeline, as JSON
/// (CodePipeline API reference, `PipelineDeclaration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration(pub(super) Map<String, Value>);

/// One action of a declaration, where it stands and what it says.
pub struct Action<'a> {
    /// The stage it stands in.
    pub stage: &'a str,
    /// Its name.
    pub name: &'a str,
    /// `category` of its type, for instance `Source`.
    pub category: &'a str,
    /// `provider` of its type, for instance `CodeStarSourceConnection`.
    pub provider: &'a str,
    /// Its configuration.
    pub configuration: Option<&'a Map<String, Value>>,
}

impl Declaration {
    /// Takes the JSON object. `None` when it is no object.
    #[must_use]
    pub fn new(json: Value) -> Option<Self> {
        match json {
            Value::Object(fields) => Some(Self(fields)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        }
    }

    /// The JSON object.
    #[must_use]
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Its name; empty when it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        text(self.0.get("name"))
    }

    /// Every action, in order.
    pub fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        list(self.0.get("stages")).flat_map(|stage| {
            list(stage.get("actions")).map(move |action| {
                let kind = action.get("actionTypeId");
                Action {
                    stage: text(stage.get("name")),
                    name: text(action.get("name")),
                    category: text(kind.and_then(|kind| kind.get("category"))),
                    provider: text(kind.and_then(|kind| kind.get("provider"))),
                    configuration: action.get("configuration").and_then(Value::as_object),
                }
            })
        })
    }

    /// The configuration of the action at `stage`/`name`, to change.
    pub(super) fn configuration_mut(
        &mut self,
        stage: &str,
        name: &str,
    ) -> Option<&mut Map<String, Value>> {
        let named = |value: &&mut Value, name: &str| text(value.get("name")) == name;
        let stages = self.0.get_mut("stages")?.as_array_mut()?;
        let stage = stages
            .iter_mut()
            .find(|candidate| named(candidate, stage))?;
        let actions = stage.get_mut("actions")?.as_array_mut()?;
        let action = actions
            .iter_mut()
            .find(|candidate| named(candidate, name))?;
        action.get_mut("configuration")?.as_object_mut()
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
