//! This binary was built without the feature `otlp`.

use tracing_subscriber::layer::Identity;

/// No traces.
pub struct Traces(());

/// # Errors
/// Where somebody wants traces.
pub(super) fn start(variable: &str) -> Result<(Traces, Identity), String> {
    if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
        return Err(format!(
            "{variable} is set, and this branchline was built without traces: build it with the feature otlp, or unset it"
        ));
    }
    Ok((Traces(()), Identity::new()))
}
