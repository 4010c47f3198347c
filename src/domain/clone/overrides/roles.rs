//! The roles of a clone. Three roles can run the code of a pull request or act for it: the
//! pipeline's, an action's own, and that of a CodeBuild project, which runs the buildspec.

use serde_json::Value;

use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::fault::{Fault, Reason};

/// The configuration key of a CodeBuild action that replaces the role of its project (user guide,
/// "AWS CodeBuild build and test action reference").
const BUILD_ROLE: &str = "ServiceRoleArnOverride";
/// The key of a role in a pipeline and in an action (API reference, `PipelineDeclaration`,
/// `ActionDeclaration`).
const ROLE: &str = "roleArn";

/// The role of the actions that have a role of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionRole {
    /// The template's, for each of them.
    Template,
    /// The role of this ARN.
    Arn(String),
}

/// The roles that a rule gives its clones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneRoles {
    /// The pipeline's role, instead of the template's.
    pub pipeline: Option<String>,
    /// The role that runs the buildspec in CodeBuild actions, instead of their projects'.
    pub build: Option<String>,
    /// The role of actions that have a role of their own; `None` refuses them.
    pub action: Option<ActionRole>,
}

impl CloneRoles {
    /// Sets the roles of the clone. Source actions keep theirs: they fetch code and run none.
    ///
    /// # Errors
    /// A permanent fault when an action has a role of its own, and the rule has no
    /// `action_role_arn`.
    pub(super) fn apply(&self, clone: &mut Declaration) -> Result<(), Fault> {
        if let Some(role) = &self.pipeline {
            clone.0.insert(ROLE.to_owned(), Value::from(role.as_str()));
        }
        if let Some(role) = &self.build {
            for path in clone.builds() {
                if let Some(configuration) = clone.configuration_mut(&path) {
                    configuration.insert(BUILD_ROLE.to_owned(), Value::from(role.as_str()));
                }
            }
        }
        let with_own_role = with_own_role(clone);
        match (&self.action, with_own_role.first()) {
            (Some(ActionRole::Template), _) | (_, None) => Ok(()),
            (Some(ActionRole::Arn(role)), Some(_)) => {
                for path in with_own_role {
                    if let Some(action) = clone.action_mut(&path) {
                        action.insert(ROLE.to_owned(), Value::from(role.as_str()));
                    }
                }
                Ok(())
            }
            (None, Some(path)) => Err(own_role(path, clone)),
        }
    }
}

fn with_own_role(clone: &Declaration) -> Vec<ActionPath> {
    let actions = clone.actions().filter(|action| action.category != "Source");
    let with_own_role = actions.filter(|action| action.role().is_some());
    with_own_role.map(|action| action.path()).collect()
}

fn own_role(path: &ActionPath, clone: &Declaration) -> Fault {
    let detail = format!(
        "action '{}' of template '{}' has a role of its own, which role_arn does not replace: set action_role_arn in the rule to the role for clones, or to \"template\" to run it with the template's role",
        path,
        clone.name()
    );
    Fault::new(Reason::UnsafeClone, detail)
}
