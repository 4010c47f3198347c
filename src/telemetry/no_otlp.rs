//! This binary was built without the feature `otlp`.

use tracing_subscriber::layer::Identity;

/// No traces.
pub struct Traces(());

/// # Errors
/// Where somebody wants traces.
pub(super) fn start() -> Result<(Traces, Identity), String> {
    match std::env::var_os(crate::telemetry::ENDPOINT).is_some_and(|value| !value.is_empty()) {
        true => Err(format!(
            "{} is set, and this branchline was built without traces: build it with the feature otlp, or unset it",
            crate::telemetry::ENDPOINT
        )),
        false => Ok((Traces(()), Identity::new())),
    }
}
