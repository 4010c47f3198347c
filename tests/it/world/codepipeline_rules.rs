//! The rules by which CodePipeline accepts declarations and tags (service model and quotas; "What
//! AWS really does" in `ARCHITECTURE.md` names the pages).

use std::collections::BTreeSet;

use branchline::domain::clone::execution::Run;
use branchline::domain::clone::tags::Tags;
use serde_json::{Map, Value};

/// Refuses what CreatePipeline refuses, with the name of its error.
pub(crate) fn check(declaration: &Map<String, Value>, tags: &Tags) -> Result<(), String> {
    name("pipeline", declaration.get("name"))?;
    if text(declaration.get("roleArn")).is_empty() {
        return Err("ValidationException: no roleArn".to_owned());
    }
    let stores = ["artifactStore", "artifactStores"];
    let stores = stores.iter().filter(|key| declaration.contains_key(**key));
    if stores.count() != 1 {
        return Err("InvalidStructureException: want one of artifactStore(s)".to_owned());
    }
    check_stages(list(declaration.get("stages")))?;
    check_type(declaration)?;
    check_tags(tags)
}

/// Refuses what StartPipelineExecution refuses.
pub(crate) fn check_run(declaration: &Map<String, Value>, run: &Run) -> Result<(), String> {
    let v2 = text(declaration.get("pipelineType")) == "V2";
    if !v2 && (run.revision.is_some() || !run.variables.is_empty()) {
        return Err("ValidationException: a V1 pipeline".to_owned());
    }
    let declared: Vec<&str> = list(declaration.get("variables"))
        .iter()
        .map(|variable| text(variable.get("name")))
        .collect();
    for (name, value) in &run.variables {
        if !declared.contains(&name.as_str()) || !(1..=1_000).contains(&value.chars().count()) {
            return Err(format!("ValidationException: variable '{name}'"));
        }
    }
    let actions = list(declaration.get("stages")).first();
    let actions = list(actions.and_then(|stage| stage.get("actions")));
    match &run.revision {
        Some((action, _))
            if !actions
                .iter()
                .any(|there| text(there.get("name")) == action) =>
        {
            Err(format!("ValidationException: no source action '{action}'"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the fields that only a V2 pipeline has, and its variables.
fn check_type(declaration: &Map<String, Value>) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("InvalidStructureException: {why}"));
    let v2 = text(declaration.get("pipelineType")) == "V2";
    let mode = text(declaration.get("executionMode"));
    let only_v2 = ["variables", "triggers"]
        .iter()
        .any(|key| declaration.contains_key(*key));
    if !v2 && (only_v2 || matches!(mode, "QUEUED" | "PARALLEL")) {
        return refuse("what only V2 knows");
    }
    let variables = list(declaration.get("variables"));
    if variables.len() > 50 {
        return refuse("too many variables");
    }
    let long = |variable: &Value| text(variable.get("defaultValue")).chars().count() > 1_000;
    if variables.iter().any(long) {
        return refuse("a variable's default");
    }
    Ok(())
}

fn check_stages(stages: &[Value]) -> Result<(), String> {
    if !(2..=50).contains(&stages.len()) {
        let count = stages.len();
        return Err(format!("InvalidStructureException: {count} stages"));
    }
    let mut names = BTreeSet::new();
    for (index, stage) in stages.iter().enumerate() {
        let stage_name = name("stage", stage.get("name"))?;
        if !names.insert(stage_name) {
            return Err(format!("InvalidStructureException: '{stage_name}' twice"));
        }
        check_actions(list(stage.get("actions")), index == 0)?;
    }
    Ok(())
}

fn check_actions(actions: &[Value], first: bool) -> Result<(), String> {
    if actions.is_empty() {
        return Err("InvalidStageDeclarationException: no actions".to_owned());
    }
    let mut names = BTreeSet::new();
    for action in actions {
        let refuse = |why: &str| Err(format!("InvalidActionDeclarationException: {why}"));
        let action_name = name("action", action.get("name"))?;
        if !names.insert(action_name) {
            return refuse("a name twice");
        }
        let kind = action.get("actionTypeId");
        let part = |key: &str| text(kind.and_then(|kind| kind.get(key)));
        if ["category", "owner", "provider", "version"]
            .iter()
            .any(|key| part(key).is_empty())
        {
            return refuse("an incomplete actionTypeId");
        }
        if (part("category") == "Source") != first {
            return refuse("source actions stand in the first stage, and only they");
        }
        check_environment(list(action.get("environmentVariables")))?;
        let configuration = action.get("configuration").and_then(Value::as_object);
        for (key, value) in configuration.into_iter().flatten() {
            let length = text(Some(value)).chars().count();
            if !(1..=50).contains(&key.chars().count()) || !(1..=1_000).contains(&length) {
                return refuse("a configuration key or value");
            }
        }
    }
    Ok(())
}

/// Checks the environment variables of a Commands action.
fn check_environment(variables: &[Value]) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_valid = |variable: &Value| {
        let (name, value) = (text(variable.get("name")), text(variable.get("value")));
        let kind = variable
            .get("type")
            .map_or("PLAINTEXT", |kind| text(Some(kind)));
        (1..=128).contains(&name.len())
            && name.chars().all(legal)
            && (1..=2_000).contains(&value.chars().count())
            && !value.contains('\n')
            && ["PLAINTEXT", "SECRETS_MANAGER"].contains(&kind)
    };
    match variables.len() <= 10 && variables.iter().all(is_valid) {
        true => Ok(()),
        false => Err("ValidationException: environmentVariables".to_owned()),
    }
}

/// Tags allow the letters and digits of Unicode, as everywhere in AWS
/// (`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`).
fn check_tags(tags: &Tags) -> Result<(), String> {
    if tags.len() > 50 {
        return Err("TooManyTagsException".to_owned());
    }
    let legal = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    for (key, value) in tags {
        let characters = key.chars().all(legal) && value.chars().all(legal);
        let lengths = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !characters || !lengths || key.starts_with("aws:") || value.trim_end() != value {
            return Err(format!("InvalidTagsException: '{key}'"));
        }
    }
    Ok(())
}

fn name<'a>(what: &str, value: Option<&'a Value>) -> Result<&'a str, String> {
    let name = text(value);
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '-' | '_');
    if (1..=100).contains(&name.len()) && name.chars().all(legal) {
        return Ok(name);
    }
    Err(format!("ValidationException: the name of a {what}"))
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
