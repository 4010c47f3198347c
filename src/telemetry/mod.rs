//! Where log lines go and how they look: standard error, for people on a terminal, as JSON for everything else. And where
//! traces go, if anywhere.

use std::io::IsTerminal;

use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

pub mod emf;
pub mod exporters;
pub mod metrics;
pub(crate) mod spans;
#[cfg(feature = "otlp")]
mod xray;

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "no_otlp.rs"]
mod otlp;

pub use otlp::Traces;

/// Where traces are sent (OpenTelemetry specification, "OTLP exporter").
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Starts logging for the rest of the process, for people (`human`) or as JSON, and by default for people on a terminal, and tracing as long as what this returns exists. `filter` is in the syntax
/// of tracing's `EnvFilter`, for instance `info` or `branchline=debug`.
///
/// # Errors
/// One sentence, when the filter cannot be read, traces cannot be sent where the environment says, or logging was started
/// before.
pub fn start(human: Option<bool>, filter: &str) -> Result<Traces, String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|why| format!("the log filter '{filter}' cannot be read: {why}"))?;
    let terminal = std::io::stderr().is_terminal();
    let human = human.unwrap_or(terminal);
    // A line says all that it has to say: spans are for traces, and cost nothing where nobody traces.
    let filter = filter.and(filter_fn(|metadata| metadata.is_event()));
    let (traces, spans) = otlp::start(ENDPOINT)?;
    let started = Registry::default()
        .with(lines(human, terminal).with_filter(filter))
        .with(spans);
    started
        .try_init()
        .map_err(|why| format!("logging cannot be started: {why}"))?;
    Ok(traces)
}

fn lines(human: bool, terminal: bool) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    if human {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines.with_ansi(colours).compact().boxed()
    } else {
        let lines = lines.json().flatten_event(true);
        lines.with_current_span(false).with_span_list(false).boxed()
    }
}
