//! Wraps every call to AWS in a span, and counts its outcome.

use std::time::Instant;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tracing::Instrument;

use crate::telemetry::metrics;

use crate::aws::fault::{Service, outcome};

/// Sends a request. `call` begins with the operation's name, as in `GetPipeline api-main`.
///
/// If cancelled, the call may have taken effect, and it is not counted.
pub(super) fn measured<T, E: std::error::Error + ProvideErrorMetadata + 'static>(
    service: Service,
    call: &str,
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Result<T, SdkError<E, HttpResponse>>> {
    // A request of the SDK has seven kilobytes. Without the box, it would be part of every future
    // that waits for it, several times: the task of a message would have 65 KB.
    let request = Box::pin(request);
    async move {
        let operation = call.split(' ').next().unwrap_or(call);
        let span = tracing::info_span!(
            "aws.call",
            otel.name = format!("{}.{operation}", service.as_str()),
            otel.kind = "client",
            rpc.service = service.as_str(),
            rpc.method = operation,
            outcome = tracing::field::Empty,
        );
        let started = Instant::now();
        let answer = request.instrument(span.clone()).await;
        let outcome = outcome(service, &answer);
        span.record("outcome", outcome);
        metrics::called(service.as_str(), operation, outcome, started.elapsed());
        answer
    }
}
