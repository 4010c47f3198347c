//! What remains dangerous in a clone because its rule or its template allows it: `explain` and
//! `check` show it.

use std::collections::BTreeSet;

use crate::domain::clone::dangers::roles::roles;
use crate::domain::clone::dangers::secrets::secrets;
use crate::domain::clone::dangers::texts::{
    VARIABLES, own_outputs, references, texts, trigger_uses, unescaped_uses,
};
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::rules::placeholder::FormatString;

mod roles;
mod secrets;
mod texts;

pub(crate) use secrets::environment_of;

/// Returns one sentence for each thing that a pull request can do with the clone beyond building
/// and testing its own code.
pub(super) fn dangers(
    template: &Declaration,
    clone: &Declaration,
    overrides: &CloneOverrides,
) -> Vec<String> {
    let mut dangers = deployments(clone, overrides);
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

/// Returns one sentence for each use of a variable that may surprise the author of the template.
pub(super) fn warnings(clone: &Declaration) -> Vec<String> {
    let uses = trigger_uses(clone).into_iter();
    uses.chain(unescaped_uses(clone)).collect()
}

fn deployments(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    let own: BTreeSet<&str> = overrides
        .variables
        .iter()
        .filter(|(_, variable)| variable.format.differs_by_pull_request())
        .map(|(name, _)| name.as_str())
        .collect();
    let mut dangers = Vec::new();
    for effect in clone.side_effects() {
        let (action, provider) = (&effect.action, &effect.provider);
        let target = effect.targets.join(", ");
        let mut outputs = own_outputs(clone);
        let is_chosen = outputs.any(|output| references(&target, output).next().is_some());
        let set = |text: &String| overrides.configured(action, key_of(text));
        let differs = |text: &String| {
            let format = set(text).map(|value| &value.format);
            format.is_some_and(FormatString::differs_by_pull_request) || is_own(text, &own)
        };
        if is_chosen || !effect.targets.iter().any(differs) {
            let is_set = effect.targets.iter().any(|text| set(text).is_some());
            let target = match target.as_str() {
                "" => "what the template changes".to_owned(),
                target if is_chosen => format!("the target {target}"),
                target if is_set => {
                    format!("the target {target}, which other pull requests may have as well")
                }
                target => format!("the template's own target {target}"),
            };
            dangers.push(format!("action '{action}' ({provider}) changes {target}"));
        }
        let of_template = |role: &&String| set(role).is_none();
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

/// Returns the key of a configuration value, as `KEY=value`.
fn key_of(text: &str) -> &str {
    text.split_once('=').map_or(text, |(key, _)| key)
}

/// Returns true if each pull request has another value: it inserts one of its `own` variables, and
/// no other, which could make two values equal.
fn is_own(target: &str, own: &BTreeSet<&str>) -> bool {
    let mut used = references(target, VARIABLES).peekable();
    let inserted = target.matches("#{").count();
    used.peek().is_some()
        && inserted == references(target, VARIABLES).count()
        && used.all(|name| own.contains(name))
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
