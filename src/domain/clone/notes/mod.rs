//! The notes of a clone, which `explain` and `check` show: what remains dangerous because its rule
//! or its template allows it, and what may surprise a person.

use std::collections::BTreeSet;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::notes::roles::roles;
use crate::domain::clone::notes::secrets::secrets;
use crate::domain::clone::notes::stacks::stacks;
use crate::domain::clone::notes::texts::{texts, trigger_uses, unescaped_uses, unknown_uses};
use crate::domain::clone::targets::{key_of, shared_target};
use crate::domain::rules::rule::Rule;

mod roles;
mod secrets;
mod stacks;
mod texts;

pub(crate) use secrets::environment_of;

/// The notes of a clone, in sentences.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// What a pull request can do with the clone beyond building and testing its own code.
    pub dangers: Vec<String>,
    /// What may surprise the author of the template or of the rule.
    pub warnings: Vec<String>,
}

impl Notes {
    /// Returns the notes of a clone of this template under this rule.
    pub(super) fn new(template: &Declaration, clone: &Declaration, rule: &Rule) -> Self {
        Self {
            dangers: dangers(template, clone, rule),
            warnings: warnings(clone, rule),
        }
    }
}

fn dangers(template: &Declaration, clone: &Declaration, rule: &Rule) -> Vec<String> {
    let overrides = &rule.overrides;
    let mut dangers = deployments(clone, rule);
    dangers.extend(after_deployments(template, clone));
    dangers.extend(
        clone
            .self_mutating()
            .map(|(_, place)| format!("{place} deploys the stack of its own pipeline")),
    );
    dangers.extend(roles(template, clone, overrides));
    dangers.extend(secrets(clone, overrides));
    dangers.extend(texts(clone, overrides));
    dangers
}

fn warnings(clone: &Declaration, rule: &Rule) -> Vec<String> {
    let uses = trigger_uses(clone).into_iter();
    let uses = uses.chain(unescaped_uses(clone)).chain(unknown_uses(clone));
    uses.chain(stacks(clone, rule)).collect()
}

fn deployments(clone: &Declaration, rule: &Rule) -> Vec<String> {
    let mut dangers = Vec::new();
    for effect in clone.side_effects() {
        let (action, provider) = (&effect.action, &effect.provider);
        if let Some(target) = shared_target(&effect, clone, rule) {
            dangers.push(format!("action '{action}' ({provider}) changes {target}"));
        }
        let of_template = |role: &&String| {
            let set = rule.overrides.configured(action, key_of(role));
            set.is_none()
        };
        let roles: Vec<&str> = effect
            .roles
            .iter()
            .filter(of_template)
            .map(String::as_str)
            .collect();
        if !roles.is_empty() {
            dangers.push(format!(
                "action '{action}' ({provider}) deploys with the template's {}",
                roles.join(", ")
            ));
        }
    }
    dangers.extend(clone.acting_rules().map(|rule| {
        format!(
            "stage '{}' has a condition with the rule {}, which runs something",
            rule.stage, rule.provider
        )
    }));
    dangers
}

/// Returns the actions that the rule keeps although the template runs them with or after something
/// that changes the outside, perhaps after an approval that the clone does not have.
fn after_deployments(template: &Declaration, clone: &Declaration) -> Vec<String> {
    let Some((first, _)) = template.first_side_effect() else {
        return Vec::new();
    };
    let later: BTreeSet<&str> = template
        .stages()
        .skip_while(|stage| *stage != first)
        .collect();
    let kept = clone
        .actions()
        .filter(|action| later.contains(action.stage));
    let builds = kept.filter(|action| !action.has_side_effect() && action.category != "Source");
    builds
        .map(|action| {
            format!(
                "action '{}' runs in or after stage '{first}' of the template, which changes something outside",
                action.path()
            )
        })
        .collect()
}
