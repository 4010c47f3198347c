//! What the deploy actions of a clone change: something of the subject's own, or what the template
//! or another clone deploys as well.

use std::collections::BTreeSet;

use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::clone::overrides::STACK_NAME;
use crate::domain::clone::references::{VARIABLES, own_outputs, references};
use crate::domain::clone::side_effects::SideEffect;
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::{On, Rule};

/// The provider of deploy actions that write into a bucket, and the configuration key of the object
/// or the folder (user guide, "Amazon S3 deploy action reference").
const S3: &str = "S3";
const OBJECT_KEY: &str = "ObjectKey";

/// Describes the target that an action shares with the template or with other subjects; `None` if
/// each subject has its own.
pub(super) fn shared_target(
    effect: &SideEffect,
    clone: &Declaration,
    rule: &Rule,
) -> Option<String> {
    let overrides = &rule.overrides;
    let own: BTreeSet<&str> = overrides
        .variables
        .iter()
        .filter(|(_, variable)| rule.on.tells_apart(&variable.format))
        .map(|(name, _)| name.as_str())
        .collect();
    let set = |text: &String| set_by(rule, effect, key_of(text));
    let differs = |text: &String| {
        set(text).is_some_and(|format| rule.on.tells_apart(format)) || is_own(text, &own)
    };
    let target = effect.targets.join(", ");
    let is_chosen = own_outputs(clone).any(|output| references(&target, output).next().is_some());
    if !is_chosen && effect.targets.iter().any(differs) {
        return None;
    }
    let kind = rule.on.in_words();
    let is_set = effect.targets.iter().any(|text| set(text).is_some());
    Some(match target.as_str() {
        "" => "what the template changes".to_owned(),
        target if is_chosen => format!("the target {target}, which the code of the {kind} chooses"),
        target if is_set => format!("the target {target}, which another {kind} may have as well"),
        target => format!("the template's own target {target}"),
    })
}

/// Returns true if an action deploys a stack that is the subject's own.
pub(super) fn has_own_stack(path: &ActionPath, clone: &Declaration, rule: &Rule) -> bool {
    let mut deployments = clone.deployments().filter(SideEffect::is_stack);
    let found = deployments.find(|effect| effect.action == *path);
    found.is_some_and(|effect| shared_target(&effect, clone, rule).is_none())
}

/// Refuses a clone that would deploy over what the template or another clone deploys, unless its
/// rule allows it.
///
/// # Errors
/// A permanent fault with the first such action, and with what to write in the rule.
pub(super) fn refuse_shared(clone: &Declaration, rule: &Rule) -> Result<(), Fault> {
    if rule.overrides.shared_targets {
        return Ok(());
    }
    for effect in clone.deployments() {
        let Some(target) = shared_target(&effect, clone, rule) else {
            continue;
        };
        let SideEffect {
            action, provider, ..
        } = &effect;
        let kind = rule.on.in_words();
        let detail = format!(
            "action '{action}' ({provider}) would deploy the code of a {kind} to {target}: {}write shared_targets = true in the rule to allow it, or leave the stage out",
            own_target(&effect, rule.on)
        );
        return Err(Fault::new(Reason::UnsafeClone, detail));
    }
    Ok(())
}

/// Says how the subjects of a rule get targets of their own, as the beginning of a sentence.
fn own_target(effect: &SideEffect, on: On) -> String {
    let (prefix, placeholder, suffix) = match on {
        On::PullRequest => ("pr-", "{number}", "-pr-{number}"),
        On::Branch | On::MergeGroup => ("", "{branch_slug}", "-{branch_slug}"),
    };
    let key = effect.targets.last().map(|text| key_of(text));
    let (key, value) = match key {
        None => return String::new(),
        Some(STACK_NAME) => {
            return format!(
                "give each its own stack with preview = {{ stack_suffix = \"{suffix}\" }}, "
            );
        }
        // Subjects share a bucket, and each has a folder in it.
        Some(_) if effect.provider == S3 => (OBJECT_KEY, format!("{prefix}{placeholder}/...")),
        Some(key) => (key, format!("...{placeholder}")),
    };
    let action = &effect.action;
    format!("give each its own with configuration = {{ \"{action}/{key}\" = \"{value}\" }}, ")
}

/// Returns the format that the rule gives to a key of an action.
fn set_by<'a>(rule: &'a Rule, effect: &SideEffect, key: &str) -> Option<&'a FormatString> {
    let configured = rule.overrides.configured(&effect.action, key);
    let suffix = || {
        let names_stack = key == STACK_NAME && effect.is_stack();
        rule.overrides
            .preview
            .stack_suffix
            .as_ref()
            .filter(|_| names_stack)
    };
    configured.map(|value| &value.format).or_else(suffix)
}

/// Returns the key of a configuration value, as `KEY=value`.
pub(super) fn key_of(text: &str) -> &str {
    text.split_once('=').map_or(text, |(key, _)| key)
}

/// Returns true if each subject has another value: it inserts one of the `own` variables, and no
/// other, which could make two values equal.
fn is_own(target: &str, own: &BTreeSet<&str>) -> bool {
    let mut used = references(target, VARIABLES).peekable();
    let inserted = target.matches("#{").count();
    used.peek().is_some()
        && inserted == references(target, VARIABLES).count()
        && used.all(|name| own.contains(name))
}
