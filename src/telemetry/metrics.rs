//! What is measured, under one name for Prometheus and CloudWatch. The doc comment of a measure is its help text.
//!
//! Labels are bounded: words of our own tables, GitHub's event names that we know, names of rules. Nothing that a webhook
//! says becomes one. Without a recorder (`observe/`) all of this costs next to nothing.

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};

use crate::domain::fault::{Class, Reason, Step};
use crate::domain::outcome::disposition::Grave;

/// How a measure behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Values, counted below each of these upper bounds.
    Histogram(&'static [f64]),
}

/// One measure.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name, with its unit at the end.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it is, in a sentence.
    pub help: &'static str,
}

/// Seconds of a call or a walk: from what the table answers in to what the time limits end.
const SHORT: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0,
];
/// Seconds from GitHub's own time: from a quick delivery to what a queue keeps.
const LONG: &[f64] = &[
    0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 345_600.0,
];

/// Declares the measures as one table: their constants, and [`ALL`].
macro_rules! measures {
    ($(#[doc = $help:literal] $id:ident = $name:literal, $kind:expr, $unit:ident, [$($label:literal),*];)*) => {
        $(#[doc = $help]
        pub const $id: Measure = Measure {
            name: $name,
            kind: $kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help.trim_ascii(),
        };)*

        /// Every measure there is.
        pub const ALL: &[Measure] = &[$($id),*];
    };
}

use Kind::{Counter, Gauge, Histogram};

measures! {
    /// Webhooks whose walk came to an end, by GitHub's event and by verdict: ack, retry, bury or quarantine
    DELIVERIES = "branchline_deliveries_total", Counter, Count, ["event", "verdict"];
    /// Walks that failed, by the room they failed in and by class of fault
    FAULTS = "branchline_faults_total", Counter, Count, ["room", "class"];
    /// Seconds from what GitHub gives as the event's own time to the end of the walk that acknowledged it
    DELIVERY_AGE = "branchline_delivery_age_seconds", Histogram(LONG), Seconds, [];
    /// Seconds that a walk took
    WALK = "branchline_walk_seconds", Histogram(SHORT), Seconds, [];
    /// Calls to AWS, by service, operation and outcome: ok, refused (a condition that did not hold), or a reason
    AWS_CALLS = "branchline_aws_calls_total", Counter, Count, ["service", "operation", "outcome"];
    /// Seconds that a call to AWS took, with its retries
    AWS_CALL = "branchline_aws_call_seconds", Histogram(SHORT), Seconds, ["service", "operation"];
    /// Messages in work
    IN_FLIGHT = "branchline_in_flight", Gauge, Count, [];
    /// Leases lost: messages that came back to the queue before their walk ended
    LEASES_LOST = "branchline_leases_lost_total", Counter, Count, [];
    /// Claims taken over from a worker that died, was too slow, or left a call unanswered
    CLAIMS_TAKEN_OVER = "branchline_claims_taken_over_total", Counter, Count, [];
    /// Messages buried, by queue and reason
    BURIALS = "branchline_burials_total", Counter, Count, ["queue", "reason"];
    /// Templates that were wanted: from the cache (hit), or asked of CodePipeline (miss)
    TEMPLATES = "branchline_template_cache_total", Counter, Count, ["result"];
    /// Pipelines that are active, by rule; counted every five minutes
    PIPELINES = "branchline_pipelines_active", Gauge, Count, ["rule"];
    /// Messages that wait in a queue, as SQS counts them; asked once a minute
    QUEUE_MESSAGES = "branchline_queue_messages", Gauge, Count, ["queue"];
}

/// GitHub's events that have a label of their own.
const EVENTS: &[&str] = &[
    "create",
    "delete",
    "ping",
    "pull_request",
    "push",
    "repository",
];

/// A walk ended. No event where the webhook was not proven to be GitHub's.
pub(crate) fn delivered(event: Option<&str>, verdict: &'static str, walk: Duration) {
    let known = |event| EVENTS.iter().find(|known| **known == event).copied();
    let event = event.map_or("unverified", |event| known(event).unwrap_or("other"));
    counter!(DELIVERIES.name, "event" => event, "verdict" => verdict).increment(1);
    histogram!(WALK.name).record(walk.as_secs_f64());
}

/// A walk acknowledged its message so long after the event.
pub(crate) fn aged(age: Duration) {
    histogram!(DELIVERY_AGE.name).record(age.as_secs_f64());
}

/// A walk failed.
pub(crate) fn failed(room: Step, class: Class) {
    counter!(FAULTS.name, "room" => room.as_str(), "class" => class.as_str()).increment(1);
}

/// A call to AWS ended.
pub(crate) fn called(
    service: &'static str,
    operation: &str,
    outcome: &'static str,
    took: Duration,
) {
    let operation = || operation.to_owned();
    counter!(AWS_CALLS.name, "service" => service, "operation" => operation(), "outcome" => outcome)
        .increment(1);
    histogram!(AWS_CALL.name, "service" => service, "operation" => operation())
        .record(took.as_secs_f64());
}

/// A message is in work as long as this exists.
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!(IN_FLIGHT.name).increment(1.0);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT.name).decrement(1.0);
    }
}

/// A lease was lost.
pub(crate) fn lease_lost() {
    counter!(LEASES_LOST.name).increment(1);
}

/// A claim was taken over.
pub(crate) fn claim_taken_over() {
    counter!(CLAIMS_TAKEN_OVER.name).increment(1);
}

/// A message was buried, and SQS confirmed it.
pub(crate) fn buried(grave: Grave, reason: Reason) {
    let queue = match grave {
        Grave::DeadLetters => DEAD_LETTERS,
        Grave::Quarantine => QUARANTINE,
    };
    counter!(BURIALS.name, "queue" => queue, "reason" => reason.as_str()).increment(1);
}

/// A template was wanted.
pub(crate) fn template(result: &'static str) {
    counter!(TEMPLATES.name, "result" => result).increment(1);
}

/// The word for the queue of webhooks.
pub const WEBHOOKS: &str = "webhooks";
/// The word for the dead-letter queue.
pub const DEAD_LETTERS: &str = "dead-letters";
/// The word for the quarantine.
pub const QUARANTINE: &str = "quarantine";

/// So many messages wait in a queue.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 messages")]
pub fn waiting(queue: &'static str, messages: u64) {
    gauge!(QUEUE_MESSAGES.name, "queue" => queue).set(messages as f64);
}

/// A rule has so many active pipelines.
pub fn active(rule: &str, pipelines: u32) {
    gauge!(PIPELINES.name, "rule" => rule.to_owned()).set(f64::from(pipelines));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_unit() {
        for measure in ALL {
            let suffix = match (measure.kind, measure.unit) {
                (Counter, _) => "_total",
                (Histogram(_), Unit::Seconds) => "_seconds",
                _ => "",
            };
            assert!(measure.name.starts_with("branchline_"), "{measure:?}");
            assert!(measure.name.ends_with(suffix), "{measure:?}");
            assert!(
                !measure.help.is_empty() && !measure.help.ends_with('.'),
                "{measure:?}"
            );
        }
    }

    #[test]
    fn bounds_grow() {
        for bounds in [SHORT, LONG] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
