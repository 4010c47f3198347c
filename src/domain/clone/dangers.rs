//! What remains dangerous in a clone because its rule or its template allows it: `explain` and
//! `check` show it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::{ActionRole, CloneOverrides};

/// The namespace of pipeline variables.
const VARIABLES: &str = "variables";
/// The variables of a source action that people write (user guide, "Variables reference").
const WRITTEN: [&str; 5] = [
    "CommitMessage",
    "BranchName",
    "AuthorDisplayName",
    "AuthorEmail",
    "AuthorId",
];
/// The configuration keys whose values are commands.
const COMMANDS: [&str; 1] = ["BuildspecOverride"];

/// Returns one sentence for each thing that a pull request can do with the clone beyond building
/// and testing its own code.
pub(super) fn dangers(
    template: &Declaration,
    clone: &Declaration,
    overrides: &CloneOverrides,
) -> Vec<String> {
    let mut dangers = deployments(clone, overrides);
    dangers.extend(after_deployments(template, clone));
    let mutating = clone.actions().filter(Action::is_self_mutating);
    dangers.extend(mutating.map(|action| {
        format!(
            "action '{}' deploys the stack of its own pipeline",
            action.path()
        )
    }));
    dangers.extend(roles(clone, overrides));
    dangers.extend(texts(clone, overrides));
    dangers
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
        let mut used = references(&effect.target, VARIABLES);
        if !used.any(|name| own.contains(name)) {
            let target = match effect.target.as_str() {
                "" => "what the template changes".to_owned(),
                target => format!("the template's own target {target}"),
            };
            dangers.push(format!("action '{action}' ({provider}) changes {target}"));
        }
        if let Some(role) = effect.role {
            dangers.push(format!(
                "action '{action}' ({provider}) deploys with the template's {role}"
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

fn roles(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    if overrides.roles.action != Some(ActionRole::Template) {
        return Vec::new();
    }
    let actions = clone.actions().filter(|action| action.category != "Source");
    let actions = actions.filter_map(|action| {
        let role = action.role()?;
        Some(format!(
            "action '{}' runs with the template's role {role}",
            action.path()
        ))
    });
    let rules = clone.rules().filter_map(|rule| {
        let role = rule.role?;
        Some(format!(
            "a condition of stage '{}' runs with the template's role {role}",
            rule.stage
        ))
    });
    actions.chain(rules).collect()
}

/// Returns where text that people write is read without being escaped: raw variables wherever they
/// are used, and variables of source actions in commands and JSON.
fn texts(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    let raw = overrides
        .variables
        .iter()
        .filter(|(_, one)| one.raw && one.format.has_free_text());
    let raw: BTreeSet<&str> = raw.map(|(name, _)| name.as_str()).collect();
    let sources = clone.actions().filter(|action| action.category == "Source");
    let namespaces: Vec<&str> = sources.filter_map(|source| source.namespace).collect();
    let mut dangers = BTreeSet::new();
    for (place, text, is_code) in clone.texts() {
        for name in references(text, VARIABLES).filter(|name| raw.contains(name)) {
            dangers.insert(format!(
                "{place} uses #{{variables.{name}}}, which is raw text that people write and is not escaped"
            ));
        }
        for namespace in namespaces.iter().filter(|_| is_code) {
            let written = references(text, namespace).filter(|name| WRITTEN.contains(name));
            dangers.extend(written.map(|name| {
                format!(
                    "{place} uses #{{{namespace}.{name}}}, which people write and CodePipeline does not escape"
                )
            }));
        }
    }
    dangers.into_iter().collect()
}

/// Returns the commands and the JSON that use a pipeline variable, as the place and the name of the
/// variable. CodePipeline escapes no variable there (user guide, "Variables reference").
#[must_use]
pub fn unescaped_uses(clone: &Declaration) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    for (place, text, _) in clone.texts().into_iter().filter(|(_, _, is_code)| *is_code) {
        let names = references(text, VARIABLES);
        uses.extend(names.map(|name| (place.clone(), name.to_owned())));
    }
    uses
}

impl Declaration {
    /// Returns the texts of actions and of rules, each with its place, and true if it consists of
    /// commands or JSON.
    fn texts(&self) -> Vec<(String, &str, bool)> {
        let mut texts = Vec::new();
        for action in self.actions() {
            let place = format!("action '{}'", action.path());
            texts.extend(texts_of(&place, action.whole()));
        }
        for rule in self.rules() {
            let place = format!("a condition of stage '{}'", rule.stage);
            texts.extend(texts_of(&place, rule.whole));
        }
        texts
    }
}

/// Returns the commands and the configuration of an action or a rule.
fn texts_of<'a>(place: &str, whole: &'a Value) -> Vec<(String, &'a str, bool)> {
    let commands = whole.get("commands").and_then(Value::as_array);
    let commands = commands.into_iter().flatten().filter_map(Value::as_str);
    let commands = commands.map(|command| (format!("a command of {place}"), command, true));
    let configuration = whole.get("configuration").and_then(Value::as_object);
    let configuration = configuration.into_iter().flatten();
    let values = configuration.filter_map(|(key, value)| Some((key, value.as_str()?)));
    let values = values.map(|(key, text)| {
        let is_json = text.trim_start().starts_with(['{', '[']);
        let is_code = is_json || COMMANDS.contains(&key.as_str());
        (format!("{key} of {place}"), text, is_code)
    });
    commands.chain(values).collect()
}

/// Returns the names of the variables of a namespace that a text refers to.
fn references<'a>(text: &'a str, namespace: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let beginning = format!("#{{{namespace}.");
    let starts: Vec<usize> = text
        .match_indices(&beginning)
        .map(|(index, found)| index + found.len())
        .collect();
    starts
        .into_iter()
        .filter_map(|start| Some(text.get(start..)?.split_once('}')?.0))
}
