//! Reports a processed message: one log line, written once its disposition is known, and its
//! metrics.

use std::time::Duration;

use tokio::task::JoinError;

use crate::domain::fault::Class;
use crate::domain::ids::{DeliveryId, EventName, PipelineName, RepositoryName, Timestamp};
use crate::domain::outcome::disposition::Disposition;
use crate::domain::outcome::journal::Found;
use crate::domain::state::mapping::State;
use crate::reconcile::Processed;
use crate::telemetry::metrics;

/// Writes the log line at one level. The fields are the same at every level.
macro_rules! journal {
    ($level:ident, $processed:expr, $took:expr, $age:expr) => {{
        let journal = &$processed.journal;
        tracing::$level!(
            disposition = $processed.disposition.as_str(),
            outcome = journal.outcome(),
            detail = journal.detail(),
            repository.name = journal.repository.as_ref().map(RepositoryName::as_str),
            subject = journal.subject(),
            rule = journal.rule.as_deref(),
            pipeline.name = journal.pipeline.as_ref().map(PipelineName::as_str),
            pipeline.left_out_stages = list(&journal.left_out_stages),
            mapping.from = journal.from.map(Found::as_str),
            mapping.to = journal.to.map(State::as_str),
            delivery.event = journal.event.as_ref().map(EventName::as_str),
            delivery.proved_by = journal.proved_by.as_deref(),
            delivery.id = journal.delivery.as_ref().map(DeliveryId::as_str),
            delivery.age_ms = millis($age),
            message.id = journal.message,
            message.receives = journal.receives,
            mapping.attempts = journal.attempts,
            processing_ms = millis($took),
            "{}",
            journal.sentence($took)
        )
    }};
}

/// Writes the log line. `took` is the duration of the processing, `age` the time since the message
/// was sent.
pub(super) fn processed(processed: &Processed, took: Duration, age: Duration) {
    match &processed.disposition {
        Disposition::Delete => journal!(info, processed, took, age),
        Disposition::Retry { .. } | Disposition::Quarantine(_) | Disposition::Discard => {
            journal!(warn, processed, took, age);
        }
        Disposition::DeadLetter(_) => journal!(error, processed, took, age),
    }
}

/// Records the metrics. `now` is the end of the processing.
pub(super) fn measured(processed: &Processed, took: Duration, now: Timestamp) {
    let journal = &processed.journal;
    let event = journal.event.as_ref().map(EventName::as_str);
    metrics::processed(event, processed.disposition.as_str(), took);
    let class = journal.fault().map(|fault| fault.reason.class());
    if let Some(class) = class {
        metrics::failed(journal.step, class);
    }
    if let Some(name) = journal.proved_by.as_deref()
        && class != Some(Class::Unverified)
    {
        metrics::secret_used(name, now.seconds());
    }
    if let (Disposition::Delete, Some(event_time)) = (&processed.disposition, journal.event_time) {
        metrics::aged(now.since(event_time));
    }
}

/// Reports a task that panicked, which is a bug. Its message returns when its visibility timeout
/// ends.
pub(super) fn joined(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(
            "A task panicked, which is a bug in branchline; its message returns to the queue"
        );
    }
}

/// Returns names in one text; `None` if there are none.
fn list(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
