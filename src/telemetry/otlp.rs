//! Spans by OTLP over HTTP, to a collector beside the daemon or elsewhere. The variables are OpenTelemetry's own:
//! OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// How long the last spans may take once the daemon ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Spans are sent as long as this exists; the last go out when it is dropped.
pub struct Traces(Option<SdkTracerProvider>);

/// What turns spans into traces.
type Spans<S> = Box<dyn Layer<S> + Send + Sync>;

/// Nothing, where the environment does not say where to.
pub(super) fn start<S>(variable: &str) -> Result<(Traces, Option<Spans<S>>), String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    if std::env::var_os(variable).is_none_or(|value| value.is_empty()) {
        return Ok((Traces(None), None));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .build()
        .map_err(|why| format!("{variable}: traces cannot be sent: {why}"))?;
    let resource = Resource::builder()
        .with_service_name("branchline")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    // Ours alone: what the exporter itself does would be traced without end.
    let ours = filter_fn(|metadata| {
        metadata.is_span() && metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    });
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("branchline"))
        .with_location(false)
        .with_threads(false)
        .with_filter(ours);
    Ok((Traces(Some(provider)), Some(layer.boxed())))
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(why) = provider.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%why, "The last traces were not sent");
        }
    }
}
