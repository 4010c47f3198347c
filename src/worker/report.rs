//! What the daemon tells of a walk: one journal line a message, written where its verdict is known, and its measures.

use std::time::Duration;

use tokio::task::JoinError;

use crate::domain::ids::Timestamp;
use crate::domain::outcome::disposition::Grave;
use crate::reconcile::{Ending, Processed};
use crate::telemetry::metrics;

/// One level's line of a walk. The fields are the same at every level.
macro_rules! journal {
    ($level:ident, $walked:expr, $walk:expr, $age:expr, $verdict:literal, $sentence:literal) => {{
        let journal = &$walked.journal;
        tracing::$level!(
            verdict = $verdict,
            outcome = journal.outcome,
            detail = journal.detail.as_deref(),
            repository.name = journal.repository.as_deref(),
            subject = journal.subject.as_deref(),
            rule = journal.rule.as_deref(),
            pipeline.name = journal.pipeline.as_deref(),
            mapping.from = journal.from,
            mapping.to = journal.to,
            delivery.event = journal.event.as_deref(),
            delivery.id = journal.delivery.as_deref(),
            delivery.age_ms = millis($age),
            message.id = journal.message,
            message.receives = journal.receives,
            mapping.attempts = journal.attempts,
            walk_ms = millis($walk),
            $sentence
        )
    }};
}

/// The journal line: `walk` is how long the walk took, `age` how long the message has existed.
pub(super) fn walked(walked: &Processed, walk: Duration, age: Duration) {
    match &walked.ending {
        Ending::Ack => journal!(info, walked, walk, age, "ack", "Message acknowledged"),
        Ending::Retry { .. } => journal!(
            warn,
            walked,
            walk,
            age,
            "retry",
            "Message returned for later"
        ),
        Ending::Bury(Grave::Quarantine, _) => {
            journal!(
                warn,
                walked,
                walk,
                age,
                "quarantine",
                "Message not proven to be GitHub's, quarantined"
            );
        }
        Ending::Bury(Grave::DeadLetters, _) => {
            journal!(
                error,
                walked,
                walk,
                age,
                "bury",
                "Message buried in the dead-letter queue"
            );
        }
    }
}

/// The same in numbers. `now` is the end of the walk.
pub(super) fn measured(walked: &Processed, walk: Duration, now: Timestamp) {
    let journal = &walked.journal;
    let verdict = match &walked.ending {
        Ending::Ack => "ack",
        Ending::Retry { .. } => "retry",
        Ending::Bury(Grave::Quarantine, _) => "quarantine",
        Ending::Bury(Grave::DeadLetters, _) => "bury",
    };
    metrics::delivered(journal.event.as_deref(), verdict, walk);
    if let Some((room, reason)) = journal.failure {
        metrics::failed(room, reason.class());
    }
    if let (Ending::Ack, Some(event_time)) = (&walked.ending, journal.event_time) {
        metrics::aged(now.since(event_time));
    }
}

/// A task ended. A panic is a bug of ours; its message comes back when its visibility ends.
pub(super) fn joined(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("A task panicked, which is a bug in branchline; its message comes back");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
