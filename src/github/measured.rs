//! Wraps every call to GitHub in a span, and counts its outcome.

use std::time::Instant;

use tracing::Instrument;

use crate::telemetry::metrics;

use crate::github::fault::Failed;

/// Makes a call that is one request.
///
/// If cancelled, the call may have taken effect, and it is not counted.
pub(super) async fn measured<T>(
    operation: &'static str,
    request: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    let span = tracing::info_span!(
        "github.call",
        otel.name = format!("github.{operation}"),
        otel.kind = "client",
        rpc.service = "github",
        rpc.method = operation,
        outcome = tracing::field::Empty,
    );
    let started = Instant::now();
    let answer = request.instrument(span.clone()).await;
    let outcome = match &answer {
        Ok(_) => "ok",
        Err(failed) => failed.fault.kind.as_str(),
    };
    span.record("outcome", outcome);
    metrics::github_called(operation, outcome, started.elapsed());
    answer
}
