//! Resolves what a `[[rule]]` changes in the clone.

use std::collections::BTreeMap;

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::overrides::{
    CloneOverrides, CloneRoles, ConfiguredValue, ExecutionMode, RoleChoice, StageSelection,
    VariableFormat, buildspec_path,
};
use crate::domain::clone::tags::is_tag;
use crate::domain::clone::variables::{check_environment, check_variable};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::On;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::formats::{action, every, pattern};
use crate::config::values::{account_id, unless_wrong};
use crate::config::words::{Diagnostics, Located, Table};
use crate::config::{build, preview, secrets};

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
    let stages = stages(diagnostics, rule);
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
    let roles = roles(diagnostics, rule);
    let source_action = rule
        .text("source_action")
        .map(|located| action(diagnostics, &located.place, &located.value));
    let mode = rule
        .text("execution_mode")
        .map(|located| diagnostics.record_error(&located.place, mode(&located.value)));
    let buildspec = rule
        .text("buildspec")
        .map(|located| diagnostics.record_error(&located.place, buildspec_path(located.value)));
    let configuration = configuration(diagnostics, &rule.table("configuration"), on);
    let build = build::read(diagnostics, rule);
    let variables = variables(diagnostics, &rule.table("variables"), on);
    if let Some(all) = variables.as_ref().filter(|all| all.len() > VARIABLES) {
        let place = rule.place().key("variables");
        diagnostics.note(
            place,
            format!("expected at most {VARIABLES} variables, not {}", all.len()),
        );
    }
    let preview = preview::read(diagnostics, rule, on);
    let shared_targets = rule.flag("shared_targets");
    let build_environment = environment_variables(diagnostics, &rule.table("environment"), on);
    let secrets = secrets(diagnostics, &rule.table("secrets"), environment);
    let tags = tags(diagnostics, &rule.table("tags"));
    let list = |located: Option<Located<Vec<String>>>| {
        located.map_or_else(Vec::new, |located| located.value)
    };
    Some(CloneOverrides {
        drop_stages: list(drop_stages),
        stages: stages?,
        drop_actions: drop_actions?,
        roles: roles?,
        tags: tags?,
        source_action: unless_wrong(source_action)?,
        secrets: secrets?,
        variables: variables?,
        environment: build_environment?,
        buildspec: unless_wrong(buildspec)?,
        configuration: configuration?,
        build: build?,
        execution_mode: unless_wrong(mode)?,
        preview: preview?,
        shared_targets: shared_targets.is_some_and(|located| located.value),
    })
}

/// Reads `stages` and `keep_stages`, of which a rule has at most one.
fn stages(diagnostics: &Diagnostics<'_>, rule: &Table<'_, '_>) -> Option<StageSelection> {
    let (stages, keep_stages) = (rule.text("stages"), rule.texts("keep_stages"));
    match (stages, keep_stages) {
        (None, None) => Some(StageSelection::Safe),
        (Some(located), None) => {
            let stages = match located.value.as_str() {
                "safe" => Ok(StageSelection::Safe),
                "all" => Ok(StageSelection::All),
                _ => Err("expected \"safe\" or \"all\"; to name stages, use keep_stages"),
            };
            diagnostics.record_error(&located.place, stages)
        }
        (None, Some(located)) => {
            if rule.has("drop_stages") {
                let what = "set drop_stages or keep_stages, not both";
                diagnostics.note(located.place, what);
                return None;
            }
            let named = match located.value.as_slice() {
                [] => Err("an empty list keeps no stage: name the stages to keep"),
                [..] => Ok(StageSelection::Named(located.value)),
            };
            diagnostics.record_error(&located.place, named)
        }
        (Some(_), Some(located)) => {
            diagnostics.note(located.place, "set stages or keep_stages, not both");
            None
        }
    }
}

fn roles(diagnostics: &Diagnostics<'_>, rule: &Table<'_, '_>) -> Option<CloneRoles> {
    let choice = |key: &'static str| {
        let located = rule.text(key);
        located.map(|located| diagnostics.record_error(&located.place, role_choice(located.value)))
    };
    let pipeline = choice("role_arn");
    let build = rule.text("build_role_arn");
    let build = build.map(|located| diagnostics.record_error(&located.place, role(located.value)));
    let action = choice("action_role_arn");
    Some(CloneRoles {
        pipeline: unless_wrong(pipeline)?,
        build: unless_wrong(build)?,
        action: unless_wrong(action)?,
    })
}

/// Accepts the ARN of a role: `arn:PARTITION:iam::ACCOUNT:role/PATH` (IAM user guide, "IAM
/// identifiers").
fn role(text: String) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if role.strip_prefix("role/").is_some_and(is_role_name) =>
        {
            account_id(account)?;
            Ok(text)
        }
        _ => Err("not the ARN of a role: expected arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
    }
}

/// Returns true for a path and a name (IAM user guide, "IAM identifiers"). A variable of
/// CodePipeline is none: a pull request must not choose a role.
fn is_role_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    !name.is_empty() && name.chars().all(legal)
}

fn role_choice(text: String) -> Result<RoleChoice, String> {
    match text.as_str() {
        "template" => Ok(RoleChoice::Template),
        _ if text.starts_with("arn:") => role(text).map(RoleChoice::Arn),
        _ => Err(
            "expected \"template\", or the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME"
                .to_owned(),
        ),
    }
}

fn mode(text: &str) -> Result<ExecutionMode, &'static str> {
    let found = ExecutionMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text);
    found.ok_or("expected \"SUPERSEDED\", \"QUEUED\" or \"PARALLEL\"")
}

/// Reads the variables of the pipeline.
fn variables(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Vec<(String, VariableFormat)>> {
    every(
        formats(diagnostics, table)
            .into_iter()
            .map(|(name, value)| {
                let (located, raw) = value?;
                let (name, format) = pattern(diagnostics, name, located, on, check_variable)?;
                Some((name, VariableFormat { format, raw }))
            }),
    )
}

/// Reads the values of configuration keys: `"Stage/Action/Key" = ...`.
fn configuration(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Vec<ConfiguredValue>> {
    every(
        formats(diagnostics, table)
            .into_iter()
            .map(|(name, value)| {
                let (located, raw) = value?;
                let place = located.place.clone();
                let (name, format) = pattern(diagnostics, name, located, on, |_| Ok(()))?;
                let path = configuration_key(&name);
                let (action, key) = diagnostics.record_error(&place, path)?;
                let value = VariableFormat { format, raw };
                let configured = ConfiguredValue { action, key, value };
                diagnostics.record_error(&place, configured.check())?;
                Some(configured)
            }),
    )
}

/// A name and its value, with whether it is raw; `None` if it is wrong, which is reported.
type NamedFormat = (String, Option<(Located<String>, bool)>);

/// Reads `NAME = "..."` or `NAME = { value = "...", raw = true }`.
fn formats(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Vec<NamedFormat> {
    let tables = table.named_tables().into_iter();
    tables
        .map(|(name, value)| {
            let details = match value {
                Ok(located) => return (name, Some((located, false))),
                Err(details) => details,
            };
            let value = details.text("value");
            if value.is_none() && !details.has("value") {
                diagnostics.note(details.place(), without_value(&name));
                return (name, None);
            }
            let raw = details.flag("raw").is_some_and(|located| located.value);
            details.finish();
            (name, value.map(|value| (value, raw)))
        })
        .collect()
}

/// Says what is wrong with a table without `value`. People write the keys of an action as one.
fn without_value(name: &str) -> String {
    let expected = "expected text in quotes, or { value = \"...\", raw = true }";
    match name.matches('/').count() {
        1 => format!("{expected}: write a key of action '{name}' as \"{name}/KEY\" = \"...\""),
        _ => expected.to_owned(),
    }
}

fn environment_variables(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on: Option<On>,
) -> Option<Vec<(String, FormatString)>> {
    let texts = table.named_texts().into_iter();
    every(texts.map(|(name, located)| {
        pattern(diagnostics, name, located, on, |name| match name {
            preview::STACK_SUFFIX => Err(
                "is a key of preview, and environment has the variables of builds: write preview = { stack_suffix = \"...\" }",
            ),
            name => check_environment(name),
        })
    }))
}

/// Reads the secrets of a clone: `"Stage/Action/Key" = "env:NAME"`.
fn secrets(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    environment: &impl Environment,
) -> Option<Vec<(ActionPath, String, Secret)>> {
    every(table.named_texts().into_iter().map(|(path, located)| {
        let place = diagnostics.record_error(&located.place, configuration_key(&path));
        let secret = secrets::text(&located.value, environment);
        let secret = diagnostics.record_error(&located.place, secret);
        let (action, key) = place?;
        Some((action, key, secret?))
    }))
}

/// Parses `Stage/Action/Key`.
fn configuration_key(path: &str) -> Result<(ActionPath, String), String> {
    let parts = path.rsplit_once('/').filter(|(_, key)| !key.is_empty());
    let parts = parts.and_then(|(action, key)| Some((ActionPath::parse(action)?, key.to_owned())));
    parts.ok_or_else(|| {
        format!("'{path}' does not name a configuration value: expected \"Stage/Action/Key\"")
    })
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
                Err("not a valid AWS tag: expected letters, digits, spaces and + - = . _ : / @, a key of 1 to 127, a value of at most 255")
            }
            Some(_) | None => Ok((key, located.value)),
        };
        diagnostics.record_error(&located.place, tag)
    }));
    Some(tags?.into_iter().collect())
}
