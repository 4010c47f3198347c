//! Replaces `otlp.rs` in a binary that is built without the feature `otlp`.

use tracing_subscriber::layer::Identity;

/// Stands for traces, of which there are none.
pub struct Traces(());

/// Checks that no traces are requested.
///
/// # Errors
/// The variable is set.
pub(super) fn start(variable: &str) -> Result<(Traces, Option<Identity>), String> {
    if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
        return Err(format!(
            "{variable} is set, but this binary was built without traces: build it with the feature otlp, or unset the variable"
        ));
    }
    Ok((Traces(()), None))
}
