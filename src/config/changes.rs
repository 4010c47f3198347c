//! Resolves what a `[[rule]]` changes in the clone.

use std::collections::BTreeMap;

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{CloneOverrides, ExecutionMode};
use crate::domain::clone::tags::is_tag;
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::On;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::secrets;
use crate::config::words::{Diagnostics, Located, Table};

/// The most tags of a pipeline (CodePipeline API reference, CreatePipeline, `tags`), without our
/// three.
const TAGS: usize = 50 - 3;
/// The most variables of a pipeline (CodePipeline user guide, "Quotas").
const VARIABLES: usize = 50;

/// Reads the changes. `None` if a value is wrong, which is reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
    environment: &impl Environment,
) -> Option<CloneOverrides> {
    let drop_stages = rule.texts("drop_stages");
    let keep_stages = rule.texts("keep_stages");
    if let (Some(_), Some(keep)) = (&drop_stages, &keep_stages) {
        let what = "set drop_stages or keep_stages, not both";
        diagnostics.note(keep.place.as_str(), what);
    }
    let drop_actions = rule
        .texts("drop_actions")
        .map_or(Some(Vec::new()), |located| {
            every(
                located
                    .value
                    .iter()
                    .map(|text| action(diagnostics, &located.place, text)),
            )
        });
    let role_arn = rule
        .text("role_arn")
        .map(|located| diagnostics.record_error(&located.place, role(located.value)));
    let source_action = rule
        .text("source_action")
        .map(|located| action(diagnostics, &located.place, &located.value));
    let mode = rule
        .text("execution_mode")
        .map(|located| diagnostics.record_error(&located.place, mode(&located.value)));
    let variables = patterns(diagnostics, &rule.table("variables"), on, check_variable);
    if let Some(all) = variables.as_ref().filter(|all| all.len() > VARIABLES) {
        let place = format!("{}.variables", rule.place());
        diagnostics.note(
            place,
            format!("expected at most {VARIABLES} variables, not {}", all.len()),
        );
    }
    let build_environment = patterns(
        diagnostics,
        &rule.table("environment"),
        on,
        check_environment,
    );
    let secrets = secrets(diagnostics, &rule.table("secrets"), environment);
    let tags = tags(diagnostics, &rule.table("tags"));
    let list = |located: Option<Located<Vec<String>>>| {
        located.map_or_else(Vec::new, |located| located.value)
    };
    Some(CloneOverrides {
        drop_stages: list(drop_stages),
        keep_stages: list(keep_stages),
        drop_actions: drop_actions?,
        role_arn: unless_wrong(role_arn)?,
        tags: tags?,
        source_action: unless_wrong(source_action)?,
        secrets: secrets?,
        variables: variables?,
        environment: build_environment?,
        execution_mode: unless_wrong(mode)?,
    })
}

/// Collects the values after all of them were read, so that every mistake is reported.
fn every<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// Returns `None` if a value is present and wrong, and `Some(None)` if it is missing.
fn unless_wrong<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
        None => Some(None),
    }
}

fn action(diagnostics: &Diagnostics<'_>, place: &str, text: &str) -> Option<ActionPath> {
    let path = ActionPath::parse(text);
    let what = || format!("'{text}' is not an action: expected \"Stage/Action\"");
    diagnostics.record_error(place, path.ok_or_else(what))
}

/// Accepts the ARN of a role: `arn:PARTITION:iam::ACCOUNT:role/PATH` (IAM user guide, "IAM
/// identifiers").
fn role(text: String) -> Result<String, &'static str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && role
                    .strip_prefix("role/")
                    .is_some_and(|name| !name.is_empty()) =>
        {
            Ok(text)
        }
        _ => Err("not the ARN of a role: expected arn:aws:iam::ACCOUNT:role/NAME"),
    }
}

fn mode(text: &str) -> Result<ExecutionMode, &'static str> {
    let found = ExecutionMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text);
    found.ok_or("expected \"SUPERSEDED\", \"QUEUED\" or \"PARALLEL\"")
}

/// Accepts the name of a pipeline variable (CodePipeline API reference,
/// `PipelineVariableDeclaration.name`).
fn check_variable(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "@-_".contains(c);
    match (1..=128).contains(&name.len()) && name.chars().all(legal) {
        true => Ok(()),
        false => Err("not a pipeline variable name: expected 1 to 128 of A-Z a-z 0-9 @ - _"),
    }
}

/// Accepts the name of an environment variable that a shell can read.
fn check_environment(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = !name.starts_with(|c: char| c.is_ascii_digit());
    match !name.is_empty() && begins && name.chars().all(legal) {
        true => Ok(()),
        false => Err(
            "not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit",
        ),
    }
}

fn patterns(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
    check_name: fn(&str) -> Result<(), &'static str>,
) -> Option<Vec<(String, FormatString)>> {
    every(table.named_texts().into_iter().map(|(name, located)| {
        diagnostics.record_error(&located.place, check_name(&name))?;
        let pattern =
            diagnostics.record_error(&located.place, FormatString::parse(&located.value))?;
        if on == Some(On::Branch) {
            let mut of_pull_requests = pattern
                .placeholders()
                .filter(|found| found.is_of_pull_requests());
            if let Some(wrong) = of_pull_requests.next() {
                let what = format!("a branch has no {{{}}}", wrong.as_str());
                diagnostics.note(located.place.as_str(), what);
                return None;
            }
        }
        Some((name, pattern))
    }))
}

/// Reads the secrets of a clone: `"Stage/Action/Key" = "env:NAME"`.
fn secrets(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    environment: &impl Environment,
) -> Option<Vec<(ActionPath, String, Secret)>> {
    every(table.named_texts().into_iter().map(|(path, located)| {
        let parts = path.rsplit_once('/').filter(|(_, key)| !key.is_empty());
        let parts = parts.and_then(|(action, key)| Some((ActionPath::parse(action)?, key)));
        let what = || {
            format!("'{path}' does not name a configuration value: expected \"Stage/Action/Key\"")
        };
        let place = diagnostics.record_error(&located.place, parts.ok_or_else(what));
        let secret = secrets::for_clone(&located.value, environment);
        let secret = diagnostics.record_error(&located.place, secret);
        let (action, key) = place?;
        Some((action, key.to_owned(), secret?))
    }))
}

fn tags(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<BTreeMap<String, String>> {
    let named = table.named_texts();
    if named.len() > TAGS {
        diagnostics.note(table.place(), format!("expected at most {TAGS} tags"));
        return None;
    }
    let tags = every(named.into_iter().map(|(key, located)| {
        let tag = match key.get(..11) {
            Some("branchline:") => Err("begins with branchline:, which is reserved for branchline's own tags"),
            Some(_) | None if !is_tag(&key, &located.value) => {
                Err("not a valid AWS tag: expected letters, digits, spaces and + - = . _ : / @, a key of 1 to 128, a value of at most 256")
            }
            Some(_) | None => Ok((key, located.value)),
        };
        diagnostics.record_error(&located.place, tag)
    }));
    Some(tags?.into_iter().collect())
}
