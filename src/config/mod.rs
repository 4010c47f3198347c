//! The configuration: a TOML file whose values flags and environment variables replace.
//!
//! The file is read in two passes: `words.rs` checks its form, and the other files resolve what
//! each value means. Every mistake is reported at once, with its line and key. No invalid value
//! falls back to a default.

mod build;
mod changes;
mod closest;
mod digest;
mod environment;
mod formats;
mod github;
mod limits;
mod overrides;
mod preview;
mod problem;
mod redacted;
mod report;
mod repository_file;
mod resolve;
mod retention;
mod rules;
mod secrets;
mod template;
mod valid;
mod values;
mod words;

use toml::de::DeTable;

use crate::domain::github::GitHubAccess;
use crate::domain::intake::authenticated::Secrets;

use environment::DEFAULT_FILE;
pub use environment::{Environment, ProcessEnvironment};
pub use overrides::Overrides;
pub use problem::{Problem, Problems};
pub use redacted::RedactedEnvironment;
use resolve::Resolver;
pub use valid::{AccountConfig, Config, Queues};
use words::Diagnostics;

/// The JSON Schema (draft 7) of the configuration, for editors. It reports fewer mistakes than
/// [`load`], and none that [`load`] does not report.
pub const SCHEMA: &str = include_str!("schema.json");

/// Reads the whole configuration.
///
/// # Errors
/// Every mistake in it.
pub fn load(overrides: &Overrides, environment: &impl Environment) -> Result<Config, Problems> {
    read(overrides, environment, true, |resolver, document| {
        resolver.config(document)
    })
}

/// Reads the configuration for a command that uses no queue: the queues' URLs may be missing.
///
/// # Errors
/// Every mistake in it.
pub fn load_account(
    overrides: &Overrides,
    environment: &impl Environment,
) -> Result<AccountConfig, Problems> {
    read(overrides, environment, false, |resolver, document| {
        resolver.account(document)
    })
}

/// Reads the secrets of `[github]` alone, for a command that only checks signatures. Returns the
/// secrets that can be read, `None` if there are none, and why each other one cannot.
pub fn webhook_secrets(
    overrides: &Overrides,
    environment: &impl Environment,
) -> (Option<Secrets>, Vec<String>) {
    let Ok((name, text)) = source(overrides.config.as_deref(), environment) else {
        return (None, Vec::new());
    };
    // Mistakes are dropped: `load` reports them.
    let diagnostics = Diagnostics::new(&name, &text);
    let (document, _) = DeTable::parse_recoverable(&text);
    let root = words::Table::root(&diagnostics, document.get_ref());
    secrets::readable(&diagnostics, &root.table("github"), environment)
}

/// Reads how GitHub is reached, for a command that reads no webhook secret. `None` if it is not
/// configured.
///
/// # Errors
/// Every mistake in these keys of `[github]`.
pub fn github_access(
    overrides: &Overrides,
    environment: &impl Environment,
) -> Result<Option<GitHubAccess>, Problems> {
    let (name, text) = source(overrides.config.as_deref(), environment)
        .map_err(|problem| Problems::new(vec![problem]))?;
    let diagnostics = Diagnostics::new(&name, &text);
    // The rest of the file was read before, with its mistakes.
    let (document, _) = DeTable::parse_recoverable(&text);
    let root = words::Table::root(&diagnostics, document.get_ref());
    let access = github::read(&diagnostics, &root.table("github"), environment);
    let problems = diagnostics.into_problems();
    match problems.is_empty() {
        true => Ok(access),
        false => Err(Problems::new(problems)),
    }
}

fn read<E: Environment, T>(
    overrides: &Overrides,
    environment: &E,
    needs_queues: bool,
    resolve: impl FnOnce(&Resolver<'_, E>, &DeTable<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (name, text) = source(overrides.config.as_deref(), environment)
        .map_err(|problem| Problems::new(vec![problem]))?;
    let diagnostics = Diagnostics::new(&name, &text);
    let (document, errors) = DeTable::parse_recoverable(&text);
    diagnostics.syntax(&errors);
    // After a syntax error, a key that seems to be missing may be there: syntax is reported alone.
    let config = if errors.is_empty() {
        let resolver = Resolver {
            diagnostics: &diagnostics,
            overrides,
            environment,
            needs_queues,
        };
        resolve(&resolver, document.get_ref())
    } else {
        None
    };
    match (config, diagnostics.into_problems()) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(Problems::new(problems)),
    }
}

/// Returns the name of the source, for mistakes, and its text.
fn source(
    config: Option<&str>,
    environment: &impl Environment,
) -> Result<(String, String), Problem> {
    let place = "--config / BRANCHLINE_CONFIG";
    if let Some(name) = config.and_then(|config| config.strip_prefix("env:")) {
        let text = environment
            .variable(name)
            .map_err(|why| Problem::new(place, why))?;
        let text =
            text.ok_or_else(|| Problem::new(place, format!("the variable {name} is not set")))?;
        return Ok((name.to_owned(), text));
    }
    let path = match config {
        Some("") => return Err(Problem::new(place, "is empty: give a file, or env:NAME")),
        Some(path) => path,
        None => DEFAULT_FILE,
    };
    let bytes = environment.file(path).map_err(|error| match config {
        Some(_) => Problem::new(place, format!("{path} cannot be read: {error}")),
        None => Problem::new(
            place,
            format!(
                "is not set, and {path} cannot be read here ({error}): give a file, or env:NAME"
            ),
        ),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Problem::new(path, "is not UTF-8 text"))?;
    Ok((path.to_owned(), text))
}

#[cfg(test)]
mod tests;
