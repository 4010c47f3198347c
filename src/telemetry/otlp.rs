//! Exports spans by OTLP over HTTP to a collector. OpenTelemetry's own variables configure it:
//! OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER,
//! OTEL_RESOURCE_ATTRIBUTES.

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

/// The time limit for sending the last spans when the daemon ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Sends spans until it is dropped, and then sends the last ones.
pub struct Traces(Option<SdkTracerProvider>);

/// The layer that turns spans into traces.
type Spans<S> = Box<dyn Layer<S> + Send + Sync>;

/// Starts the exporter. Returns no layer if the variable is not set.
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
    // Only branchline's own spans: the exporter's own would cause more spans without end.
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
