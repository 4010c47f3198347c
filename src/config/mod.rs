//! The configuration: words, then meaning. Flags and variables win over the file; every mistake is told at once;
//! nothing falls back in silence.

mod changes;
mod environment;
mod hidden;
mod limits;
mod overrides;
mod problem;
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
use values::{http_url, queue_url, region_name, table_name};
use words::{Diagnostics, Located, Table};

/// The configuration's JSON Schema (draft 7), for editors. It tells less than [`load`], and nothing else.
pub const SCHEMA: &str = include_str!("schema.json");

/// A configuration that means something.
#[derive(Debug)]
pub struct Config {
    /// The Region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint for all services; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// Calls to CodePipeline a second, at most.
    pub codepipeline_rate: NonZeroU32,
    /// The queues' URLs.
    pub queues: Queues,
    /// Messages in work at once.
    pub concurrency: usize,
    /// How long what is in work may go on once the daemon is told to stop.
    pub drain_timeout: Duration,
    /// How often a message may fail.
    pub max_attempts: MaxAttempts,
    /// The table's name.
    pub table: String,
    /// What proves a webhook.
    pub secrets: Secrets,
    /// Which repositories get which pipelines.
    pub rules: Rules,
}

/// Where messages come from and where they are buried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// The webhooks.
    pub source: String,
    /// For what cannot be processed.
    pub dead_letters: String,
    /// For what is not proven to be GitHub's.
    pub quarantine: String,
}

/// Reads the configuration.
///
/// # Errors
/// Every mistake in it.
pub fn load(overrides: &Overrides, environment: &impl Environment) -> Result<Config, Problems> {
    let (name, text) = source(overrides.config.as_deref(), environment)
        .map_err(|problem| Problems(vec![problem]))?;
    let diagnostics = Diagnostics::new(&name, &text);
    let (document, errors) = DeTable::parse_recoverable(&text);
    diagnostics.syntax(&errors);
    // After a mistake in the form, what seems to be missing may be there: the form is mended first.
    let config = if errors.is_empty() {
        resolve(&diagnostics, document.get_ref(), overrides, environment)
    } else {
        None
    };
    match (config, diagnostics.into_problems()) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(Problems(problems)),
    }
}

/// Where the text comes from, and the text.
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
        Some("") => return Err(Problem::new(place, "is empty: name a file, or env:NAME")),
        Some(path) => path,
        None => DEFAULT_FILE,
    };
    let bytes = environment.file(path).map_err(|error| match config {
        Some(_) => Problem::new(place, format!("{path} cannot be read: {error}")),
        None => Problem::new(
            place,
            format!(
                "not given, and {path} cannot be read here ({error}): name a file, or env:NAME"
            ),
        ),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Problem::new(path, "is not UTF-8 text"))?;
    Ok((path.to_owned(), text))
}

fn resolve(
    diagnostics: &Diagnostics<'_>,
    document: &DeTable<'_>,
    overrides: &Overrides,
    environment: &impl Environment,
) -> Option<Config> {
    let root = Table::root(diagnostics, document);
    let (aws, queue, store, github) = (
        root.table("aws"),
        root.table("queue"),
        root.table("store"),
        root.table("github"),
    );
    let setting = |table: &Table<'_, '_>, key, flag, variable, given: &Option<String>| {
        let word = table.text(key);
        let Some(value) = given else { return word };
        let place = format!("--{flag} / {variable}");
        if value.is_empty() {
            diagnostics.note(
                place.as_str(),
                "is set to nothing: give it a value, or unset it",
            );
            return word;
        }
        Some(Located {
            value: value.clone(),
            place,
        })
    };
    let needed = |table: &Table<'_, '_>, key, flag, variable, given: &Option<String>| {
        let word = setting(table, key, flag, variable, given);
        if word.is_none() && !table.has(key) && given.is_none() {
            diagnostics.note(
                format!("{}.{key}", table.place()),
                format!("missing: set it here, with --{flag} or in {variable}"),
            );
        }
        word
    };
    let url = |word: Option<Located<String>>| {
        let word = word?;
        diagnostics.record_error(&word.place, queue_url(word.value))
    };
    let source = url(needed(
        &queue,
        "url",
        "queue-url",
        "BRANCHLINE_QUEUE_URL",
        &overrides.queue_url,
    ));
    let dead_letters = url(needed(
        &queue,
        "dead_letter_url",
        "dead-letter-url",
        "BRANCHLINE_DEAD_LETTER_URL",
        &overrides.dead_letter_url,
    ));
    let quarantine = setting(
        &queue,
        "quarantine_url",
        "quarantine-url",
        "BRANCHLINE_QUARANTINE_URL",
        &overrides.quarantine_url,
    );
    let quarantine = if quarantine.is_some() {
        url(quarantine)
    } else {
        dead_letters.clone()
    };
    let limits = limits::read(diagnostics, &queue, overrides);
    let rate = limits::codepipeline_rate(diagnostics, &aws);
    let table = needed(
        &store,
        "table",
        "table",
        "BRANCHLINE_TABLE",
        &overrides.table,
    );
    let table =
        table.and_then(|word| diagnostics.record_error(&word.place, table_name(word.value)));
    let region = setting(&aws, "region", "region", "AWS_REGION", &overrides.region);
    let region = region.map(|word| diagnostics.record_error(&word.place, region_name(word.value)));
    let endpoint = setting(
        &aws,
        "endpoint_url",
        "endpoint-url",
        "AWS_ENDPOINT_URL",
        &overrides.endpoint_url,
    );
    let endpoint = endpoint.map(|word| diagnostics.record_error(&word.place, http_url(word.value)));
    let secrets = secrets::read(diagnostics, &github, environment);
    let rules = rules::read(diagnostics, &root, environment);
    [aws, queue, store, github, root]
        .into_iter()
        .for_each(Table::finish);
    let queues = Queues {
        source: source?,
        dead_letters: dead_letters?,
        quarantine: quarantine?,
    };
    if [&queues.dead_letters, &queues.quarantine].contains(&&queues.source) {
        let what = "is also a queue for what is buried: a buried message would come back for ever";
        diagnostics.note("queue.url", what);
    }
    let limits = limits?;
    Some(Config {
        region: region.flatten(),
        endpoint_url: endpoint.flatten(),
        codepipeline_rate: rate?,
        queues,
        concurrency: limits.concurrency,
        drain_timeout: limits.drain_timeout,
        max_attempts: limits.max_attempts,
        table: table?,
        secrets,
        rules,
    })
}

#[cfg(test)]
mod tests;
