//! A pipeline's declaration as `aws codepipeline get-pipeline` prints it. It is kept whole: fields
//! that branchline does not know stay in it.

use std::fmt;

use serde_json::{Map, Value};

/// The `pipeline` object of GetPipeline, CreatePipeline and UpdatePipeline, as JSON
/// (CodePipeline API reference, `PipelineDeclaration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration(pub(super) Map<String, Value>);

/// The keys of a stage's conditions (API reference, `StageDeclaration`).
const CONDITIONS: [&str; 3] = ["beforeEntry", "onSuccess", "onFailure"];
/// The key of a Commands action's environment variables (API reference, `ActionDeclaration`).
pub(super) const ENVIRONMENT: &str = "environmentVariables";
/// The provider of actions and rules that run a CodeBuild project.
const BUILD_PROJECT: &str = "CodeBuild";
/// The providers that run code on a machine of CodePipeline, with the role of the action or else of
/// the pipeline (user guide, "Commands action reference", "ECRBuildAndPublish build action
/// reference").
const PIPELINE_ROLE: [&str; 2] = [COMMANDS, "ECRBuildAndPublish"];
/// The provider of actions and rules whose commands are in the declaration.
const COMMANDS: &str = "Commands";

/// The location of an action in a pipeline: `Stage/Action`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionPath {
    /// The name of the stage.
    pub stage: String,
    /// The name of the action.
    pub action: String,
}

impl ActionPath {
    /// Parses `Stage/Action`. Names never contain a slash (CodePipeline API reference,
    /// `ActionDeclaration.name`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (stage, action) = text.split_once('/')?;
        let whole = !stage.is_empty() && !action.is_empty() && !action.contains('/');
        whole.then(|| Self {
            stage: stage.to_owned(),
            action: action.to_owned(),
        })
    }
}

impl fmt::Display for ActionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stage, self.action)
    }
}

/// One action of a declaration.
pub struct Action<'a> {
    /// The name of the action's stage.
    pub stage: &'a str,
    /// The name of the action.
    pub name: &'a str,
    /// The `category` of the action's type, for instance `Source`.
    pub category: &'a str,
    /// The `owner` of the action's type: `AWS`, `ThirdParty` or `Custom`.
    pub owner: &'a str,
    /// The `provider` of the action's type, for instance `CodeStarSourceConnection`.
    pub provider: &'a str,
    /// The configuration.
    pub configuration: Option<&'a Map<String, Value>>,
    /// The namespace in which later actions find this action's variables.
    pub namespace: Option<&'a str>,
    whole: &'a Value,
}

impl<'a> Action<'a> {
    /// Returns the location of the action.
    #[must_use]
    pub fn path(&self) -> ActionPath {
        ActionPath {
            stage: self.stage.to_owned(),
            action: self.name.to_owned(),
        }
    }

    /// Returns the ARN of the action's own role.
    #[must_use]
    pub fn role(&self) -> Option<&'a str> {
        self.whole.get("roleArn").and_then(Value::as_str)
    }

    /// Returns the Region in which the action runs; `None` for that of the pipeline.
    pub(super) fn region(&self) -> Option<&'a str> {
        self.whole.get("region").and_then(Value::as_str)
    }

    /// Returns its place in the order of the stage (API reference, `ActionDeclaration.runOrder`).
    pub(super) fn run_order(&self) -> u64 {
        let order = self.whole.get("runOrder").and_then(Value::as_u64);
        order.unwrap_or(1)
    }

    /// Returns a text of the configuration.
    pub(super) fn configured(&self, key: &str) -> Option<&'a str> {
        self.configuration?.get(key)?.as_str()
    }

    /// Returns true if the action runs a CodeBuild project, whose role runs the buildspec.
    pub(super) fn runs_build_project(&self) -> bool {
        self.provider == BUILD_PROJECT
    }

    /// Returns true if the action runs code with the role of the pipeline.
    pub(super) fn runs_code_as_pipeline(&self) -> bool {
        PIPELINE_ROLE.contains(&self.provider) && self.role().is_none()
    }

    /// Returns the whole declaration of the action.
    pub(super) fn whole(&self) -> &'a Value {
        self.whole
    }

    /// Returns the environment variables that are listed beside the configuration.
    pub(super) fn environment(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        list(self.whole.get(ENVIRONMENT))
    }

    /// Returns the names of the input artifacts.
    pub fn inputs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        inputs(self.whole)
    }

    /// Returns the names of the output artifacts.
    pub fn outputs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        list(self.whole.get("outputArtifacts")).map(|artifact| text(artifact.get("name")))
    }
}

/// One rule of a stage's conditions (API reference, `RuleDeclaration`).
pub struct ConditionRule<'a> {
    /// The name of the rule's stage.
    pub stage: &'a str,
    /// The `provider` of the rule's type, for instance `LambdaInvoke`.
    pub provider: &'a str,
    /// The ARN of the rule's own role.
    pub role: Option<&'a str>,
    /// The whole declaration of the rule.
    pub(super) whole: &'a Value,
}

impl<'a> ConditionRule<'a> {
    /// Returns the configuration.
    pub(super) fn configuration(&self) -> Option<&'a Map<String, Value>> {
        self.whole.get("configuration").and_then(Value::as_object)
    }

    /// Returns the location of the rule, in words.
    pub(super) fn place(&self) -> String {
        format!("a condition of stage '{}'", self.stage)
    }

    /// Returns true if the rule runs a CodeBuild project, whose role runs the buildspec.
    pub(super) fn runs_build_project(&self) -> bool {
        self.provider == BUILD_PROJECT
    }

    /// Returns true if the rule runs code with the role of the pipeline.
    pub(super) fn runs_code_as_pipeline(&self) -> bool {
        PIPELINE_ROLE.contains(&self.provider) && self.role.is_none()
    }
}

/// Returns the names of the input artifacts of an action or of a rule in a condition.
pub(super) fn inputs(whole: &Value) -> impl Iterator<Item = &str> {
    list(whole.get("inputArtifacts")).map(|artifact| text(artifact.get("name")))
}

/// Returns true if any text in the JSON contains `part`.
pub(super) fn mentions(json: &Value, part: &str) -> bool {
    match json {
        Value::String(text) => text.contains(part),
        Value::Array(items) => items.iter().any(|item| mentions(item, part)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, part)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Declaration {
    /// Wraps a JSON object. Returns `None` for any other JSON.
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

    /// Returns the JSON object.
    #[must_use]
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the name; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        text(self.0.get("name"))
    }

    /// Returns true for type V2. A declaration without a type is V1 (API reference,
    /// `PipelineDeclaration.pipelineType`).
    #[must_use]
    pub fn is_v2(&self) -> bool {
        text(self.0.get("pipelineType")) == "V2"
    }

    /// Returns the names of the stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        list(self.0.get("stages")).map(|stage| text(stage.get("name")))
    }

    /// Returns the whole declaration of a stage.
    pub(super) fn stage(&self, name: &str) -> Option<&Map<String, Value>> {
        let mut stages = list(self.0.get("stages"));
        stages
            .find(|stage| text(stage.get("name")) == name)?
            .as_object()
    }

    /// Keeps only the stages whose names satisfy `keep`.
    pub(super) fn retain_stages(&mut self, keep: impl Fn(&str) -> bool) {
        if let Some(stages) = self.0.get_mut("stages").and_then(Value::as_array_mut) {
            stages.retain(|stage| keep(text(stage.get("name"))));
        }
    }

    /// Keeps only the actions whose stage and name satisfy `keep`.
    pub(super) fn retain_actions(&mut self, keep: impl Fn(&str, &str) -> bool) {
        let stages = self.0.get_mut("stages").and_then(Value::as_array_mut);
        for stage in stages.into_iter().flatten() {
            let name = text(stage.get("name")).to_owned();
            if let Some(actions) = stage.get_mut("actions").and_then(Value::as_array_mut) {
                actions.retain(|action| keep(&name, text(action.get("name"))));
            }
        }
    }

    /// Returns every action, in order.
    pub fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        list(self.0.get("stages")).flat_map(|stage| {
            list(stage.get("actions")).map(move |action| {
                let kind = action.get("actionTypeId");
                Action {
                    stage: text(stage.get("name")),
                    name: text(action.get("name")),
                    category: text(kind.and_then(|kind| kind.get("category"))),
                    owner: text(kind.and_then(|kind| kind.get("owner"))),
                    provider: text(kind.and_then(|kind| kind.get("provider"))),
                    configuration: action.get("configuration").and_then(Value::as_object),
                    namespace: action.get("namespace").and_then(Value::as_str),
                    whole: action,
                }
            })
        })
    }

    /// Returns the ARN of the pipeline's role.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.0.get("roleArn").and_then(Value::as_str)
    }

    /// Returns every rule of the stages' conditions.
    pub fn rules(&self) -> impl Iterator<Item = ConditionRule<'_>> {
        self.conditions().flat_map(|(stage, condition)| {
            list(condition.get("rules")).map(move |rule| ConditionRule {
                stage,
                provider: text(rule.pointer("/ruleTypeId/provider")),
                role: rule.get("roleArn").and_then(Value::as_str),
                whole: rule,
            })
        })
    }

    /// Returns true if a stage rolls back when it fails, or when a condition is not met.
    pub(super) fn rolls_back(&self) -> bool {
        let rolls_back = |json: &Value| text(json.get("result")) == "ROLLBACK";
        let stages = list(self.0.get("stages"));
        let mut failures = stages.filter_map(|stage| stage.get("onFailure"));
        failures.any(rolls_back) || self.conditions().any(|(_, one)| rolls_back(one))
    }

    /// Returns the conditions of the stages, each with the name of its stage.
    fn conditions(&self) -> impl Iterator<Item = (&str, &Value)> {
        list(self.0.get("stages")).flat_map(|stage| {
            let name = text(stage.get("name"));
            let kinds = CONDITIONS.iter().filter_map(|key| stage.get(*key));
            let conditions = kinds.flat_map(|kind| list(kind.get("conditions")));
            conditions.map(move |condition| (name, condition))
        })
    }

    /// Returns an action for changes.
    pub(super) fn action_mut(&mut self, path: &ActionPath) -> Option<&mut Map<String, Value>> {
        let stage = self.stage_mut(&path.stage)?;
        named(stage.get_mut("actions")?, &path.action)
    }

    /// Returns a stage.
    pub(super) fn stage_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        named(self.0.get_mut("stages")?, name)
    }

    /// Calls `change` with every rule of the stages' conditions.
    pub(super) fn change_rules(&mut self, mut change: impl FnMut(&mut Map<String, Value>)) {
        let stages = self.0.get_mut("stages").and_then(Value::as_array_mut);
        for stage in stages.into_iter().flatten() {
            for key in CONDITIONS {
                let conditions = stage
                    .get_mut(key)
                    .and_then(|kind| kind.get_mut("conditions"));
                let conditions = conditions.and_then(Value::as_array_mut);
                for condition in conditions.into_iter().flatten() {
                    let rules = condition.get_mut("rules").and_then(Value::as_array_mut);
                    let rules = rules.into_iter().flatten();
                    rules.filter_map(Value::as_object_mut).for_each(&mut change);
                }
            }
        }
    }

    /// Returns the configuration of an action for changes. An action without one gets an empty one.
    pub(super) fn configuration_mut(
        &mut self,
        path: &ActionPath,
    ) -> Option<&mut Map<String, Value>> {
        let configuration = self.action_mut(path)?.entry("configuration");
        configuration
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
    }

    /// Returns the locations of the actions that run a CodeBuild project.
    pub(super) fn builds(&self) -> Vec<ActionPath> {
        let builds = self.actions().filter(Action::runs_build_project);
        builds.map(|action| action.path()).collect()
    }

    /// Returns the locations of the Commands actions.
    pub(super) fn commands(&self) -> Vec<ActionPath> {
        let commands = self.actions().filter(|action| action.provider == COMMANDS);
        commands.map(|action| action.path()).collect()
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// Returns the stage or action of this name in a list.
fn named<'a>(list: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let mut all = list.as_array_mut()?.iter_mut();
    all.find(|one| text(one.get("name")) == name)?
        .as_object_mut()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
