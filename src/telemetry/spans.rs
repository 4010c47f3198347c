//! Spans: one per delivery, one for each of its steps, and one for each call to AWS
//! (`aws/call.rs`). They cost nothing if traces are off: without OTEL_EXPORTER_OTLP_ENDPOINT, or
//! without the feature `otlp` (`telemetry/otlp.rs`).

use tracing::Span;
use tracing::field::Empty;

use crate::domain::intake::envelope::Envelope;
use crate::domain::outcome::journal::Journal;

#[cfg(feature = "otlp")]
use crate::telemetry::xray;

/// Opens the span of a delivery, under the trace that SQS passes in `AWSTraceHeader`.
pub(crate) fn delivery(envelope: &Envelope) -> Span {
    let span = tracing::info_span!(
        "delivery",
        otel.kind = "consumer",
        messaging.system = "aws_sqs",
        messaging.message.id = envelope.message_id,
        message.receives = envelope.receive_count,
        delivery.id = Empty,
        delivery.event = Empty,
        repository.name = Empty,
        subject = Empty,
        pipeline.name = Empty,
        outcome = Empty,
        otel.status_code = Empty,
    );
    if let Some(header) = &envelope.trace_header {
        parent(&span, header);
    }
    span
}

/// Records the result of the processing: names and outcomes, never the body.
pub(crate) fn processed(span: &Span, journal: &Journal) {
    let known = [
        (
            "delivery.id",
            journal.delivery.as_ref().map(ToString::to_string),
        ),
        (
            "delivery.event",
            journal.event.as_ref().map(ToString::to_string),
        ),
        (
            "repository.name",
            journal.repository.as_ref().map(ToString::to_string),
        ),
        ("subject", journal.subject()),
        (
            "pipeline.name",
            journal.pipeline.as_ref().map(ToString::to_string),
        ),
    ];
    for (field, value) in known {
        if let Some(value) = value {
            span.record(field, value.as_str());
        }
    }
    span.record("outcome", journal.outcome());
    if journal.fault().is_some() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Opens the span of one of the seven steps.
pub(crate) fn step(name: &'static str) -> Span {
    tracing::info_span!("step", otel.name = name)
}

#[cfg(feature = "otlp")]
fn parent(span: &Span, header: &str) {
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if let Some(context) = xray::read(header) {
        let context = opentelemetry::Context::new().with_remote_span_context(context);
        // This fails without an exporter, which is fine.
        let _ = span.set_parent(context);
    }
}

#[cfg(not(feature = "otlp"))]
fn parent(_: &Span, _: &str) {}
