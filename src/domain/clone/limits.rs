//! AWS's limits on a pipeline, checked before the request is sent, so that the fault names the
//! value that exceeds a limit and where it comes from (user guide, "Quotas in AWS CodePipeline";
//! API reference, the types of `PipelineDeclaration`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineName, is_pipeline_character};

pub(super) const STAGES: usize = 50;
const ACTIONS: usize = 1_000;
/// The user guide says both 50 and 100. With the higher limit, AWS itself refuses a clone in
/// between.
pub(super) const ACTIONS_OF_A_STAGE: usize = 100;
pub(super) const VARIABLES: usize = 50;
const TAGS: usize = 50;
/// Environment variables of a Commands action.
pub(super) const ENVIRONMENT: usize = 10;
/// The longest value of one, in characters.
pub(super) const ENVIRONMENT_VALUE: usize = 2_000;
/// The longest configuration key, in characters.
pub(super) const KEY: usize = 50;
/// The longest configuration value, in characters.
pub(super) const VALUE: usize = 1_000;

/// Refuses a clone that AWS would refuse.
pub(super) fn check(clone: &Declaration, tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    let list = |key: &str| {
        clone
            .0
            .get(key)
            .and_then(|value| value.as_array())
            .map_or(0, Vec::len)
    };
    count("tags", tags.len(), TAGS)?;
    count("variables", list("variables"), VARIABLES)?;
    count("stages", clone.stages().count(), STAGES)?;
    count("actions", clone.actions().count(), ACTIONS)?;
    for stage in clone.stages() {
        let actions = clone.actions().filter(|action| action.stage == stage);
        count(
            &format!("actions in stage '{stage}'"),
            actions.count(),
            ACTIONS_OF_A_STAGE,
        )?;
    }
    let names = clone
        .stages()
        .chain(clone.actions().map(|action| action.name));
    for name in names {
        let fits = (1..=PipelineName::MAX).contains(&name.len());
        if !fits || !name.chars().all(is_pipeline_character) {
            return fault(format!(
                "'{name}' is not a valid name of a stage or an action: AWS accepts 1 to 100 of A-Z a-z 0-9 . @ _ -"
            ));
        }
    }
    clone.actions().try_for_each(|action| check_action(&action))
}

/// Refuses an action with values that AWS would refuse.
fn check_action(action: &Action<'_>) -> Result<(), Fault> {
    let path = action.path();
    count(
        &format!("environment variables in action '{path}'"),
        action.environment().count(),
        ENVIRONMENT,
    )?;
    for variable in action.environment() {
        let field = |key: &str| variable.get(key).and_then(Value::as_str);
        let (name, length) = (
            field("name").unwrap_or_default(),
            length(variable.get("value")),
        );
        if !(1..=ENVIRONMENT_VALUE).contains(&length) {
            return fault(format!(
                "the environment variable {name} of {path} would have {length} characters, but AWS accepts 1 to {ENVIRONMENT_VALUE}"
            ));
        }
        if field("value").is_some_and(|value| value.contains('\n')) {
            return fault(format!(
                "the environment variable {name} of {path} would have a line break, which AWS does not accept"
            ));
        }
    }
    for (key, value) in action.configuration.into_iter().flatten() {
        let length = length(Some(value));
        if !(1..=KEY).contains(&key.chars().count()) || !(1..=VALUE).contains(&length) {
            return fault(format!(
                "{key} of {path} would have {length} characters, but AWS accepts a value of 1 to {VALUE} and a key of 1 to {KEY}"
            ));
        }
    }
    Ok(())
}

/// Refuses more of something than AWS accepts.
fn count(what: &str, count: usize, limit: usize) -> Result<(), Fault> {
    match count > limit {
        true => fault(format!(
            "the clone would have {count} {what}, but AWS accepts {limit}"
        )),
        false => Ok(()),
    }
}

fn length(value: Option<&Value>) -> usize {
    let text = value.and_then(Value::as_str);
    text.map_or(0, |text| text.chars().count())
}

fn fault(detail: String) -> Result<(), Fault> {
    Err(Fault::new(Reason::InvalidValue, detail))
}
