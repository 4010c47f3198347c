//! Spans: one a delivery, one for each room that it passes, and one for each call to AWS (`aws/call.rs`). They cost nothing
//! where nobody traces: without OTEL_EXPORTER_OTLP_ENDPOINT, or without the feature `otlp` (`telemetry.rs`).

use tracing::Span;
use tracing::field::Empty;

use crate::domain::intake::envelope::Envelope;
use crate::domain::outcome::journal::Journal;

#[cfg(feature = "otlp")]
use crate::telemetry::xray;

/// The span of a delivery, under the trace that SQS hands on in `AWSTraceHeader`.
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

/// What the walk found out. It holds names and outcomes, never the body.
pub(crate) fn walked(span: &Span, journal: &Journal) {
    let known = [
        ("delivery.id", &journal.delivery),
        ("delivery.event", &journal.event),
        ("repository.name", &journal.repository),
        ("subject", &journal.subject),
        ("pipeline.name", &journal.pipeline),
    ];
    for (field, value) in known {
        if let Some(value) = value {
            span.record(field, value.as_str());
        }
    }
    span.record("outcome", journal.outcome);
    if journal.failure.is_some() {
        span.record("otel.status_code", "ERROR");
    }
}

/// A room of the line.
pub(crate) fn room(name: &'static str) -> Span {
    tracing::info_span!("room", otel.name = name)
}

#[cfg(feature = "otlp")]
fn parent(span: &Span, header: &str) {
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if let Some(context) = xray::read(header) {
        let context = opentelemetry::Context::new().with_remote_span_context(context);
        // It fails where nobody traces.
        let _ = span.set_parent(context);
    }
}

#[cfg(not(feature = "otlp"))]
fn parent(_: &Span, _: &str) {}
