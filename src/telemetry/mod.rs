//! Starts logs and traces. Log lines go to standard error, as text for people on a terminal and as
//! JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
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

type AnyLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The variable with the URL to which traces are sent (OpenTelemetry specification, "OTLP
/// exporter").
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Starts logging for the rest of the process, and tracing until the returned value is dropped. Log
/// lines are text if `human` is true, JSON if it is false; by default, they are text on a terminal.
/// `filter` has the syntax of tracing's `EnvFilter`, for instance `info` or `branchline=debug`.
///
/// # Errors
/// One sentence, if the filter is not valid, traces cannot be sent to the configured URL, or
/// logging was already started.
pub fn start(human: Option<bool>, filter: &str) -> Result<Traces, String> {
    check_words(filter)?;
    let filter = EnvFilter::try_new(filter)
        .map_err(|why| format!("the log filter '{filter}' cannot be read: {why}"))?;
    let terminal = std::io::stderr().is_terminal();
    let human = human.unwrap_or(terminal);
    let (traces, spans) = otlp::start(ENDPOINT)?;
    let started = Registry::default().with(layers(lines(human, terminal), filter, spans));
    started
        .try_init()
        .map_err(|why| format!("logging cannot be started: {why}"))?;
    Ok(traces)
}

/// Returns the layers: log lines, and spans if there are traces.
///
/// Log lines are complete without spans, which only traces need. Without traces, spans and whatever
/// the filter leaves out cost nothing: an absent layer (`None`) would count as one that wants all
/// spans and events, and the SDK has hundreds of them for each webhook.
fn layers(
    lines: AnyLayer,
    filter: EnvFilter,
    spans: Option<impl Layer<Registry> + Send + Sync>,
) -> Vec<AnyLayer> {
    let events = filter_fn(|metadata| metadata.is_event()).with_max_level_hint(LevelFilter::TRACE);
    let mut layers = vec![lines.with_filter(filter.and(events)).boxed()];
    layers.extend(spans.map(Layer::boxed));
    layers
}

/// Refuses a word that is not a level. `EnvFilter` takes it for a target, and drops all other
/// lines.
fn check_words(filter: &str) -> Result<(), String> {
    let is_whole = |word: &&str| !word.contains(['=', '[']);
    let mut words = filter.split(',').map(str::trim).filter(is_whole);
    match words.find(|word| word.parse::<LevelFilter>().is_err()) {
        Some(word) => Err(format!(
            "the log filter '{filter}' cannot be read: '{word}' is neither a level (error, warn, info, debug, trace, off) nor TARGET=LEVEL"
        )),
        None => Ok(()),
    }
}

fn lines(human: bool, terminal: bool) -> AnyLayer {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    if human {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines.with_ansi(colours).compact().boxed()
    } else {
        let lines = lines.json().flatten_event(true);
        lines.with_current_span(false).with_span_list(false).boxed()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::Identity;

    use super::*;

    #[test]
    fn spans_and_what_the_filter_leaves_out_are_off_without_traces() {
        let spans: Option<Identity> = None;
        let layers = layers(lines(false, false), EnvFilter::new("info"), spans);
        with_default(Registry::default().with(layers), || {
            assert!(tracing::info_span!("a span").is_disabled());
            assert!(!tracing::event_enabled!(Level::DEBUG));
            assert!(tracing::event_enabled!(Level::INFO));
        });
    }
}
