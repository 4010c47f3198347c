//! Where a subject's environment is found: a URL that the rule knows, or an output of a stack.

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::clone::overrides::fault;
use crate::domain::clone::overrides::stack_values::{ACTION_MODE, CHANGE_SET_REPLACE, DELETE_ONLY};
use crate::domain::fault::Fault;
use crate::domain::rules::placeholder::FormatString;

/// The URL of a subject's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewUrl {
    /// A URL with placeholders.
    Format(FormatString),
    /// An output variable of an action, such as an output of the stack that it deploys.
    Output {
        /// The action.
        action: ActionPath,
        /// The name of the variable.
        key: String,
    },
}

impl PreviewUrl {
    /// Refuses a clone that lacks the action whose output is the URL, or whose action has no
    /// outputs.
    pub(super) fn check(&self, clone: &Declaration) -> Result<(), Fault> {
        let Self::Output { action, .. } = self else {
            return Ok(());
        };
        if let Some(found) = clone.actions().find(|one| one.path() == *action) {
            return match without_outputs(&found) {
                None => Ok(()),
                Some(what) => Err(fault(format!(
                    "preview.url names the action '{action}', which {what} and has no outputs: name the action that deploys what has the URL"
                ))),
            };
        }
        let actions: Vec<String> = clone.actions().map(|one| one.path().to_string()).collect();
        Err(fault(format!(
            "preview.url names the action '{action}', which the clone does not have (it has {}): correct the rule",
            actions.join(", ")
        )))
    }
}

/// Says what an action does that has no output variables (user guide, "Variables reference").
fn without_outputs(action: &Action<'_>) -> Option<&'static str> {
    if action.category == "Approval" {
        return Some("waits for an approval");
    }
    match action.configured(ACTION_MODE) {
        Some(CHANGE_SET_REPLACE) => Some("creates a change set"),
        Some(DELETE_ONLY) => Some("deletes a stack"),
        Some(_) | None => None,
    }
}
