//! Where log lines go and how they look: standard error, for people on a terminal, as JSON for everything else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// One readable line an event.
    Human,
    /// One JSON object an event.
    Json,
}

/// Starts logging for the rest of the process. `filter` is in the syntax of tracing's `EnvFilter`, for instance
/// `info` or `branchline=debug`.
///
/// # Errors
/// One sentence, when the filter cannot be read or logging was started before.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|why| format!("the log filter '{filter}' cannot be read: {why}"))?;
    let terminal = std::io::stderr().is_terminal();
    let human = match format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if human {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines
            .with_ansi(colours)
            .with_target(false)
            .compact()
            .try_init()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_current_span(false)
            .try_init()
    };
    started.map_err(|why| format!("logging cannot be started: {why}"))
}
