//! The roles of a clone. Three roles can run the code of a pull request or act for it: the
//! pipeline's, an action's own, and that of a CodeBuild project, which runs the buildspec.

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, ConditionRule, Declaration};
use crate::domain::fault::{Fault, Reason};

/// The configuration key of a CodeBuild action that replaces the role of its project (user guide,
/// "AWS CodeBuild build and test action reference").
pub(crate) const BUILD_ROLE: &str = "ServiceRoleArnOverride";
/// The key of a role in a pipeline and in an action (API reference, `PipelineDeclaration`,
/// `ActionDeclaration`).
const ROLE: &str = "roleArn";

/// The role that a rule chooses: `"template"` or an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// The template's.
    Template,
    /// The role of this ARN.
    Arn(String),
}

/// The roles that a rule gives its clones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneRoles {
    /// The pipeline's role; `None` is the template's, and refuses actions that run code with it.
    pub pipeline: Option<RoleChoice>,
    /// The role that runs the buildspec in CodeBuild actions, instead of their projects'.
    pub build: Option<String>,
    /// The role of actions that have a role of their own; `None` refuses them.
    pub action: Option<RoleChoice>,
}

impl CloneRoles {
    /// Sets the roles of the clone. Source actions keep theirs: they fetch code and run none.
    ///
    /// # Errors
    /// A permanent fault when an action has a role of its own, and the rule has no
    /// `action_role_arn`, or when it runs code with the pipeline's role, and the rule has no
    /// `role_arn`.
    pub(super) fn apply(&self, clone: &mut Declaration) -> Result<(), Fault> {
        match &self.pipeline {
            None => refuse_code_as_pipeline(clone)?,
            Some(RoleChoice::Template) => {}
            Some(RoleChoice::Arn(role)) => {
                clone.0.insert(ROLE.to_owned(), Value::from(role.as_str()));
            }
        }
        if let Some(role) = &self.build {
            refuse_builds_of_conditions(clone)?;
            for path in clone.builds() {
                if let Some(configuration) = clone.configuration_mut(&path) {
                    configuration.insert(BUILD_ROLE.to_owned(), Value::from(role.as_str()));
                }
            }
        }
        match &self.action {
            None => refuse_own_roles(clone),
            Some(RoleChoice::Template) => Ok(()),
            Some(RoleChoice::Arn(role)) => {
                for path in with_own_role(clone) {
                    if let Some(action) = clone.action_mut(&path) {
                        action.insert(ROLE.to_owned(), Value::from(role.as_str()));
                    }
                }
                clone.change_rules(|rule| {
                    if let Some(own) = rule.get_mut(ROLE) {
                        *own = Value::from(role.as_str());
                    }
                });
                Ok(())
            }
        }
    }
}

/// Refuses what runs code with the pipeline's role, with which the template also deploys.
fn refuse_code_as_pipeline(clone: &Declaration) -> Result<(), Fault> {
    let mut actions = clone.actions();
    let action = actions
        .find(Action::runs_code_as_pipeline)
        .map(|action| format!("action '{}'", action.path()));
    let mut rules = clone.rules();
    let rule = rules
        .find(ConditionRule::runs_code_as_pipeline)
        .map(|rule| rule.place());
    let Some(owner) = action.or(rule) else {
        return Ok(());
    };
    Err(unsafe_clone(format!(
        "{owner} of template '{}' would run the code of pull requests with the pipeline's role: write role_arn = \"arn:aws:iam::ACCOUNT:role/NAME\" in the rule with the role for clones, or role_arn = \"template\" to run it with the template's role",
        clone.name()
    )))
}

/// Refuses conditions that run a CodeBuild project, whose role no key replaces.
fn refuse_builds_of_conditions(clone: &Declaration) -> Result<(), Fault> {
    let Some(rule) = clone.rules().find(ConditionRule::runs_build_project) else {
        return Ok(());
    };
    Err(unsafe_clone(format!(
        "{} of template '{}' has the rule {}, whose build role build_role_arn does not replace: leave the stage out, or remove build_role_arn from the rule",
        rule.place(),
        clone.name(),
        rule.provider
    )))
}

fn refuse_own_roles(clone: &Declaration) -> Result<(), Fault> {
    let actions = with_own_role(clone).into_iter();
    let mut owners = actions.map(|path| format!("action '{path}'"));
    let mut rules = clone.rules();
    let rule = rules.find(|rule| rule.role.is_some());
    let rule = rule.map(|rule| rule.place());
    let Some(owner) = owners.next().or(rule) else {
        return Ok(());
    };
    Err(unsafe_clone(format!(
        "{owner} of template '{}' has a role of its own, which role_arn does not replace: write action_role_arn = \"arn:aws:iam::ACCOUNT:role/NAME\" in the rule with the role for clones, or action_role_arn = \"template\" to run it with the template's role",
        clone.name()
    )))
}

fn unsafe_clone(detail: String) -> Fault {
    Fault::new(Reason::UnsafeClone, detail)
}

fn with_own_role(clone: &Declaration) -> Vec<ActionPath> {
    let actions = clone.actions().filter(|action| action.category != "Source");
    let with_own_role = actions.filter(|action| action.role().is_some());
    with_own_role.map(|action| action.path()).collect()
}
