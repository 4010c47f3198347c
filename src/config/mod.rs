//! The configuration: a TOML file whose values flags and environment variables replace.
//!
//! The file is read in two passes: `words.rs` checks its form, and the other files resolve what
//! each value means. Every mistake is reported at once, with its line and key. No invalid value
//! falls back to a default.

mod changes;
mod environment;
mod hidden;
mod limits;
mod overrides;
mod problem;
mod resolve;
mod rules;
mod secrets;
mod values;
mod words;

use std::num::NonZeroU32;
use std::time::Duration;

use toml::de::DeTable;

use crate::domain::intake::authenticated::Secrets;
use crate::domain::outcome::disposition::MaxAttempts;
use crate::domain::rules::rule::Rules;

use environment::DEFAULT_FILE;
pub use environment::{Environment, ProcessEnvironment};
pub use hidden::RedactedEnvironment;
pub use overrides::Overrides;
pub use problem::{Problem, Problems};
use resolve::Resolver;
use words::Diagnostics;

/// The JSON Schema (draft 7) of the configuration, for editors. It reports fewer mistakes than
/// [`load`], and none that [`load`] does not report.
pub const SCHEMA: &str = include_str!("schema.json");

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// The Region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// An endpoint for all services; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// The most calls to CodePipeline per second.
    pub codepipeline_rate: NonZeroU32,
    /// The queues' URLs.
    pub queues: Queues,
    /// The most messages processed at the same time.
    pub concurrency: usize,
    /// How long messages in work may take once a shutdown was requested.
    pub drain_timeout: Duration,
    /// How many attempts a message has, by class of fault.
    pub max_attempts: MaxAttempts,
    /// The table's name.
    pub table: String,
    /// The webhook secrets.
    pub secrets: Secrets,
    /// The rules: which repositories get which pipelines.
    pub rules: Rules,
}

/// The part of a valid configuration that commands without queues use.
#[derive(Debug)]
pub struct AccountConfig {
    /// The Region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// An endpoint for all services; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// The most calls to CodePipeline per second.
    pub codepipeline_rate: NonZeroU32,
    /// The table's name.
    pub table: String,
    /// The rules: which repositories get which pipelines.
    pub rules: Rules,
}

/// The URLs of the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// The webhook queue.
    pub webhooks: String,
    /// The queue of branchline's own messages.
    pub internal: String,
    /// The queue of messages that cannot be processed.
    pub dead_letters: String,
    /// The queue of messages that cannot be authenticated.
    pub quarantine: String,
}

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

fn read<E: Environment, T>(
    overrides: &Overrides,
    environment: &E,
    needs_queues: bool,
    resolve: impl FnOnce(&Resolver<'_, E>, &DeTable<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (name, text) = source(overrides.config.as_deref(), environment)
        .map_err(|problem| Problems(vec![problem]))?;
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
        (_, problems) => Err(Problems(problems)),
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
