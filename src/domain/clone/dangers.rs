//! What remains dangerous in a clone because its rule allows it: `explain` and `check` show it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::{ActionRole, CloneOverrides};

/// The beginning of a reference to a pipeline variable.
const REFERENCE: &str = "#{variables.";

/// Returns one sentence for each thing that a pull request can do with the clone beyond building
/// and testing its own code.
pub(super) fn dangers(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    let deploys = clone
        .side_effects()
        .filter(|effect| effect.is_of_the_template);
    let mut dangers: Vec<String> = deploys
        .map(|effect| {
            let target = match effect.target.as_str() {
                "" => "what the template changes".to_owned(),
                target => format!("the template's own target {target}"),
            };
            format!(
                "action '{}' ({}) changes {target}",
                effect.action, effect.provider
            )
        })
        .collect();
    let mutating = clone.actions().filter(Action::is_self_mutating);
    dangers.extend(mutating.map(|action| {
        format!(
            "action '{}' deploys the stack of its own pipeline",
            action.path()
        )
    }));
    if overrides.roles.action == Some(ActionRole::Template) {
        let actions = clone.actions().filter(|action| action.category != "Source");
        dangers.extend(actions.filter_map(|action| {
            Some(format!(
                "action '{}' runs with the template's role {}",
                action.path(),
                action.role()?
            ))
        }));
    }
    let raw = overrides
        .variables
        .iter()
        .filter(|(_, one)| one.raw && one.format.has_free_text());
    for (name, _) in raw {
        let used = unescaped_uses(clone)
            .into_iter()
            .filter(|(_, variable)| variable == name);
        dangers.extend(used.map(|(place, _)| {
            format!("{place} uses #{{variables.{name}}}, which is raw text that people write and is not escaped")
        }));
    }
    dangers
}

/// Returns the commands and the JSON that use a pipeline variable which the rule sets, as the place
/// and the name of the variable. CodePipeline escapes no variable there (user guide, "Variables
/// reference").
#[must_use]
pub fn unescaped_uses(clone: &Declaration) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    for action in clone.actions() {
        let path = action.path();
        for command in action.commands() {
            let place = format!("a command of action '{path}'");
            uses.extend(variables(command).map(|name| (place.clone(), name)));
        }
        let configuration = action.configuration.into_iter().flatten();
        let texts = configuration.filter_map(|(key, value)| Some((key, value.as_str()?)));
        for (key, text) in texts.filter(|(_, text)| is_json(text)) {
            let place = format!("the JSON in {key} of action '{path}'");
            uses.extend(variables(text).map(|name| (place.clone(), name)));
        }
    }
    uses
}

/// Returns the names of the variables that a text refers to.
fn variables(text: &str) -> impl Iterator<Item = String> {
    let references = text.split(REFERENCE).skip(1);
    references.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
}

fn is_json(text: &str) -> bool {
    let begins = text.trim_start().starts_with(['{', '[']);
    begins && serde_json::from_str::<Value>(text).is_ok()
}
