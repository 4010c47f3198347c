//! The keys of CloudFormation's actions, and the values of a rule that CloudFormation refuses.

use serde_json::Value;

use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::clone::references::has_variable;
use crate::domain::fault::{Fault, Reason};

/// The configuration key of the stack's name (user guide, "AWS CloudFormation deploy action
/// reference", as the other keys here).
pub(crate) const STACK_NAME: &str = "StackName";
/// The configuration key of what the action does.
pub(crate) const ACTION_MODE: &str = "ActionMode";
/// The configuration key of the parameters, as JSON.
pub(super) const PARAMETERS: &str = "ParameterOverrides";

/// The mode that creates or updates a stack, and does not replace one whose creation failed.
pub(super) const CREATE_UPDATE: &str = "CREATE_UPDATE";
/// The mode that also replaces a stack whose creation failed.
pub(super) const REPLACE_ON_FAILURE: &str = "REPLACE_ON_FAILURE";
/// The mode that creates a change set, which another action executes.
pub(super) const CHANGE_SET_REPLACE: &str = "CHANGE_SET_REPLACE";
/// The mode that executes a change set.
const CHANGE_SET_EXECUTE: &str = "CHANGE_SET_EXECUTE";
/// The configuration key that both modes of change sets need.
const CHANGE_SET_NAME: &str = "ChangeSetName";
/// The mode that deletes a stack, and succeeds without one as well.
pub(crate) const DELETE_ONLY: &str = "DELETE_ONLY";
/// The modes that take parameters.
pub(super) const MODES_WITH_PARAMETERS: [&str; 3] =
    [CREATE_UPDATE, REPLACE_ON_FAILURE, CHANGE_SET_REPLACE];
/// All modes.
const MODES: [&str; 5] = [
    CREATE_UPDATE,
    REPLACE_ON_FAILURE,
    CHANGE_SET_REPLACE,
    CHANGE_SET_EXECUTE,
    DELETE_ONLY,
];

/// The longest name of a stack, in characters (CloudFormation API reference, CreateStack).
pub(super) const STACK_NAME_LIMIT: usize = 128;

/// Refuses names and modes of stacks in a rule's configuration that CloudFormation does not know.
///
/// # Errors
/// A permanent fault.
pub(super) fn check(overrides: &CloneOverrides, clone: &Declaration) -> Result<(), Fault> {
    let stacks = clone.stacks();
    for action in clone.actions().filter(|one| stacks.contains(&one.path())) {
        let path = action.path();
        let set = |key| {
            let is_set = overrides.configured(&path, key).is_some();
            action.configured(key).filter(|_| is_set)
        };
        if let Some(name) = set(STACK_NAME).filter(|name| !is_legal_name(name)) {
            let why = format!(
                "CloudFormation does not accept '{name}' as the name of a stack, which has 1 to {STACK_NAME_LIMIT} letters, digits and hyphens, and begins with a letter"
            );
            return Err(invalid(&path, STACK_NAME, &why));
        }
        if let Some(mode) = set(ACTION_MODE) {
            if !MODES.contains(&mode) {
                let known = MODES.join(", ");
                let why = format!("CloudFormation has no mode '{mode}': write one of {known}");
                return Err(invalid(&path, ACTION_MODE, &why));
            }
            let needs_change_set = [CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE].contains(&mode);
            if needs_change_set && action.configured(CHANGE_SET_NAME).is_none() {
                let why =
                    format!("{mode} needs a {CHANGE_SET_NAME}, which the action does not have");
                return Err(invalid(&path, ACTION_MODE, &why));
            }
        }
        if let Some(parameters) = set(PARAMETERS).filter(|text| !is_json_object(text)) {
            let why = format!("'{parameters}' is not a JSON object of parameters");
            return Err(invalid(&path, PARAMETERS, &why));
        }
    }
    Ok(())
}

/// Returns true for a JSON object. What a variable of CodePipeline stands for is not known.
fn is_json_object(text: &str) -> bool {
    has_variable(text) || matches!(serde_json::from_str(text), Ok(Value::Object(_)))
}

/// Returns true if CloudFormation accepts a name of a stack. What a variable of CodePipeline stands
/// for is not known.
fn is_legal_name(name: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    has_variable(name)
        || (begins_well && name.len() <= STACK_NAME_LIMIT && name.chars().all(is_legal))
}

fn invalid(action: &ActionPath, key: &str, why: &str) -> Fault {
    let detail = format!("configuration.\"{action}/{key}\": {why}");
    Fault::new(Reason::InvalidValue, detail)
}
