//! The roles of the template with which the code of a pull request runs in a clone.

use crate::domain::clone::declaration::{Action, ConditionRule, Declaration};
use crate::domain::clone::overrides::{BUILD_ROLE, CloneOverrides, RoleChoice};

/// Returns one sentence for each action and each rule of a condition that runs with a role of the
/// template.
pub(super) fn roles(
    template: &Declaration,
    clone: &Declaration,
    overrides: &CloneOverrides,
) -> Vec<String> {
    let mut dangers = own_roles(clone, overrides);
    if overrides.roles.build.is_none() {
        dangers.extend(clone.actions().filter_map(|action| project_role(&action)));
    }
    let projects = clone.rules().filter(ConditionRule::runs_build_project);
    dangers.extend(projects.map(|rule| {
        format!(
            "{} runs code with the role of its CodeBuild project, which no key replaces",
            rule.place()
        )
    }));
    if clone.role() == template.role() {
        let role = template.role().unwrap_or_default();
        let actions = clone.actions().filter(Action::runs_code_as_pipeline);
        let actions = actions.map(|action| format!("action '{}'", action.path()));
        let rules = clone.rules().filter(ConditionRule::runs_code_as_pipeline);
        let owners = actions.chain(rules.map(|rule| rule.place()));
        dangers.extend(owners.map(|place| {
            format!("{place} runs code of the pull request with the template's role {role}: set role_arn")
        }));
    }
    dangers
}

/// Returns the actions and the rules that keep a role of their own.
fn own_roles(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    if overrides.roles.action != Some(RoleChoice::Template) {
        return Vec::new();
    }
    let actions = clone.actions().filter(|action| action.category != "Source");
    let actions =
        actions.filter_map(|action| Some((format!("action '{}'", action.path()), action.role()?)));
    let rules = clone.rules();
    let rules = rules.filter_map(|rule| Some((rule.place(), rule.role?)));
    let owners = actions.chain(rules);
    owners
        .map(|(place, role)| format!("{place} runs with the template's role {role}"))
        .collect()
}

/// Describes a CodeBuild action whose buildspec runs with a role of the template.
fn project_role(action: &Action<'_>) -> Option<String> {
    if !action.runs_build_project() {
        return None;
    }
    let of_template = action.configured(BUILD_ROLE).map_or_else(
        || "the role of its CodeBuild project".to_owned(),
        |role| format!("the template's role {role}"),
    );
    Some(format!(
        "action '{}' runs code of the pull request with {of_template}: set build_role_arn",
        action.path()
    ))
}
