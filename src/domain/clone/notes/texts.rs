//! The texts of a clone into which CodePipeline inserts variables. It escapes none of them (user
//! guide, "Variables reference").

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::{BUILDSPEC, CloneOverrides};
use crate::domain::clone::references::{Declared, VARIABLES, own_outputs, references};
use crate::domain::clone::side_effects::{DEPLOY_ROLES, PROJECT, TARGET_KEYS};

/// The variables of a source action that people write (user guide, "Variables reference").
const WRITTEN: [&str; 5] = [
    "CommitMessage",
    "BranchName",
    "AuthorDisplayName",
    "AuthorEmail",
    "AuthorId",
];
/// The configuration keys whose values are commands.
const COMMANDS: [&str; 1] = [BUILDSPEC];

/// A text of an action or of a rule in a condition.
struct Text<'a> {
    /// The key and the action, in words.
    place: String,
    text: &'a str,
    purpose: Purpose,
}

/// The use that AWS makes of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Commands or JSON.
    Code,
    /// The name of what an action changes or runs, or the role with which it deploys.
    Target,
    /// Any other.
    Other,
}

/// Returns where text is read without being escaped: raw variables wherever they are used,
/// variables of source actions in commands and JSON, and variables that the code of the pull
/// request sets in commands, JSON and targets.
pub(super) fn texts(clone: &Declaration, overrides: &CloneOverrides) -> Vec<String> {
    let variables = overrides.variables.iter();
    let raw = variables.filter(|(_, one)| one.has_raw_text());
    let raw: BTreeSet<&str> = raw.map(|(name, _)| name.as_str()).collect();
    let sources = clone.actions().filter(|action| action.category == "Source");
    let sources: Vec<&str> = sources.filter_map(|source| source.namespace).collect();
    let outputs: Vec<&str> = own_outputs(clone).collect();
    let configured = overrides.configuration.iter();
    let configured = configured.filter(|one| one.value.has_raw_text());
    let mut dangers: BTreeSet<String> = configured
        .map(|one| {
            format!(
                "{} of action '{}' has raw text that people write, which is not escaped",
                one.key, one.action
            )
        })
        .collect();
    for Text {
        place,
        text,
        purpose,
    } in all_texts(clone)
    {
        for name in references(text, VARIABLES).filter(|name| raw.contains(name)) {
            dangers.insert(format!(
                "{place} uses #{{variables.{name}}}, which is raw text that people write and is not escaped"
            ));
        }
        for namespace in sources.iter().filter(|_| purpose == Purpose::Code) {
            let written = references(text, namespace).filter(|name| WRITTEN.contains(name));
            dangers.extend(written.map(|name| {
                format!(
                    "{place} uses #{{{namespace}.{name}}}, which people write and CodePipeline does not escape"
                )
            }));
        }
        for namespace in outputs.iter().filter(|_| purpose != Purpose::Other) {
            dangers.extend(references(text, namespace).map(|name| {
                format!(
                    "{place} uses #{{{namespace}.{name}}}, which the code of the pull request may set"
                )
            }));
        }
    }
    dangers.into_iter().collect()
}

/// Returns the commands and the JSON that use a pipeline variable, as a sentence each.
pub(super) fn unescaped_uses(clone: &Declaration) -> BTreeSet<String> {
    let mut uses = BTreeSet::new();
    let code = all_texts(clone).into_iter();
    for Text { place, text, .. } in code.filter(|text| text.purpose == Purpose::Code) {
        let names = references(text, VARIABLES);
        uses.extend(names.map(|name| {
            format!("{place} uses #{{variables.{name}}}, which CodePipeline does not escape")
        }));
    }
    uses
}

/// Returns the uses of variables that no execution of a clone has, as a sentence each: branchline
/// starts executions itself, and removes the template's triggers for tags and pull requests.
pub(super) fn trigger_uses(clone: &Declaration) -> BTreeSet<String> {
    let is_of_trigger = |name: &&str| name.starts_with("PullRequest") || *name == "TagName";
    let sources = clone.actions().filter(|action| action.category == "Source");
    let namespaces: Vec<&str> = sources.filter_map(|source| source.namespace).collect();
    let mut uses = BTreeSet::new();
    for Text { place, text, .. } in all_texts(clone) {
        for namespace in &namespaces {
            let names = references(text, namespace).filter(is_of_trigger);
            uses.extend(names.map(|name| {
                format!(
                    "{place} uses #{{{namespace}.{name}}}, which is set only in executions that a trigger of CodePipeline starts, so it fails in a clone: use a variable of the rule instead, as #{{variables.NAME}}"
                )
            }));
        }
    }
    uses
}

/// Returns the uses of variables that nothing in the clone declares, as a sentence each.
pub(super) fn unknown_uses(clone: &Declaration) -> BTreeSet<String> {
    let declared = Declared::by(clone);
    let texts = all_texts(clone).into_iter();
    let uses = texts.flat_map(|Text { place, text, .. }| {
        let missing = declared.missing_in(text);
        let uses = missing.map(|(reference, why)| format!("{place} uses {reference}, but {why}"));
        uses.collect::<Vec<_>>()
    });
    uses.collect()
}

/// Returns the texts of actions and of rules.
fn all_texts(clone: &Declaration) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    for action in clone.actions() {
        let place = format!("action '{}'", action.path());
        add_texts(&mut texts, &place, action.whole());
    }
    for rule in clone.rules() {
        add_texts(&mut texts, &rule.place(), rule.whole);
    }
    texts
}

/// Adds every text of an action or of a rule.
fn add_texts<'a>(texts: &mut Vec<Text<'a>>, place: &str, whole: &'a Value) {
    let fields = whole.as_object().into_iter().flatten();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("commands", commands) => {
                let place = format!("a command of {place}");
                add_strings(texts, &place, |_| Purpose::Code, commands);
            }
            ("configuration", Value::Object(configuration)) => {
                for (key, value) in configuration {
                    let place = format!("{key} of {place}");
                    add_strings(texts, &place, |text| purpose(key, text), value);
                }
            }
            (key, value) => {
                let place = format!("{key} of {place}");
                add_strings(texts, &place, |_| Purpose::Other, value);
            }
        }
    }
}

/// Adds every string of a JSON value.
fn add_strings<'a>(
    texts: &mut Vec<Text<'a>>,
    place: &str,
    purpose: impl Fn(&str) -> Purpose + Copy,
    json: &'a Value,
) {
    match json {
        Value::String(text) => texts.push(Text {
            place: place.to_owned(),
            purpose: purpose(text),
            text,
        }),
        Value::Array(items) => {
            for item in items {
                add_strings(texts, place, purpose, item);
            }
        }
        Value::Object(fields) => {
            for field in fields.values() {
                add_strings(texts, place, purpose, field);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the use of a configuration value.
fn purpose(key: &str, text: &str) -> Purpose {
    if COMMANDS.contains(&key) || text.trim_start().starts_with(['{', '[']) {
        Purpose::Code
    } else if TARGET_KEYS.contains(&key) || DEPLOY_ROLES.contains(&key) || key == PROJECT {
        Purpose::Target
    } else {
        Purpose::Other
    }
}
