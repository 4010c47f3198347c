//! The secrets of the template that its declaration gives to the builds of a clone.

use serde_json::Value;

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::{CloneOverrides, RoleChoice};

/// The types of an environment variable whose value is read from a store of secrets (user guide,
/// "AWS CodeBuild build and test action reference" and "Commands action reference").
const SECRET_TYPES: [&str; 2] = ["SECRETS_MANAGER", "PARAMETER_STORE"];

/// Returns one sentence for each environment variable that the role of a build reads from a store,
/// unless the rule chose that role.
pub(super) fn secrets(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    let roles = &overrides.roles;
    let chosen = |action: &Action<'_>| match action.runs_build_project() {
        true => roles.build.is_some(),
        false => matches!(roles.pipeline, Some(RoleChoice::Arn(_))),
    };
    let actions = clone.actions().filter(|action| !chosen(action));
    actions
        .flat_map(|action| {
            let path = action.path();
            let variables = environment_of(&action).into_iter();
            let secret =
                variables.filter(|variable| SECRET_TYPES.contains(&field(variable, "type")));
            let sentences = secret.map(move |variable| {
                format!(
                    "action '{path}' gives the code of the pull request the secret '{}' as {}",
                    field(&variable, "value"),
                    field(&variable, "name")
                )
            });
            sentences.collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the environment variables of an action: JSON in the configuration of CodeBuild, a list
/// beside it for Commands.
pub(crate) fn environment_of(action: &Action<'_>) -> Vec<Value> {
    let in_json: Option<Vec<Value>> = action
        .configured("EnvironmentVariables")
        .and_then(|text| serde_json::from_str(text).ok());
    let in_json = in_json.into_iter().flatten();
    in_json.chain(action.environment().cloned()).collect()
}

fn field<'a>(variable: &'a Value, key: &str) -> &'a str {
    variable
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
