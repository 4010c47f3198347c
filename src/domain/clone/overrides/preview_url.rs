//! Where a subject's environment is found: a URL that the rule knows, or an output of a stack.

use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::clone::overrides::fault;
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
    /// Refuses a clone that lacks the action whose output is the URL.
    pub(super) fn check(&self, clone: &Declaration) -> Result<(), Fault> {
        let Self::Output { action, .. } = self else {
            return Ok(());
        };
        if clone.actions().any(|one| one.path() == *action) {
            return Ok(());
        }
        let actions: Vec<String> = clone.actions().map(|one| one.path().to_string()).collect();
        Err(fault(format!(
            "preview.url names the action '{action}', which the clone does not have (it has {}): correct the rule",
            actions.join(", ")
        )))
    }
}
