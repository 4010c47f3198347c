//! The metrics, under one name each for Prometheus and CloudWatch. The doc comment of a metric is
//! its help text.
//!
//! The number of label values is bounded: words of branchline's own tables, known event names of
//! GitHub, names of rules and of secrets. Nothing else from a webhook becomes a label. Without a
//! recorder (`exporters.rs`), recording costs almost nothing.

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};

use crate::domain::fault::{Class, Reason, Step};
use crate::domain::jobs::{Job, JobResult};
use crate::domain::outcome::outgoing::Destination;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that rises and falls.
    Gauge,
    /// Values, counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name, which ends with the unit.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The unit.
    pub unit: Unit,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// The help text, one sentence.
    pub help: &'static str,
}

/// Buckets for calls and processing, in seconds: from the time of a DynamoDB read to the time
/// limits.
const SHORT: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0,
];
/// Buckets for the age of an event, in seconds: from a quick delivery to the retention of a queue.
const LONG: &[f64] = &[
    0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 345_600.0,
];

/// Declares the metrics as one table: their constants, and [`ALL`].
macro_rules! measures {
    ($($(#[doc = $help:literal])+ $id:ident = $name:literal, $kind:expr, $unit:ident, [$($label:literal),*];)*) => {
        $($(#[doc = $help])+
        pub const $id: Measure = Measure {
            name: $name,
            kind: $kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: concat!($($help),+).trim_ascii(),
        };)*

        /// Every metric.
        pub const ALL: &[Measure] = &[$($id),*];
    };
}

use Kind::{Counter, Gauge, Histogram};

measures! {
    /// Messages processed, by GitHub event and by disposition: deleted, retried, dead-lettered,
    /// quarantined or discarded
    DELIVERIES = "branchline_deliveries_total", Counter, Count, ["event", "disposition"];
    /// Messages that failed, by the step in which they failed and by class of fault
    FAULTS = "branchline_faults_total", Counter, Count, ["step", "class"];
    /// Seconds from the event's own time to the end of the processing that handled it
    DELIVERY_AGE = "branchline_delivery_age_seconds", Histogram(LONG), Seconds, [];
    /// Seconds that processing a message took
    PROCESSING = "branchline_processing_seconds", Histogram(SHORT), Seconds, [];
    /// Reports to GitHub, by form (check, status, comment or deployment) and by result: sent, or
    /// the kind of fault
    REPORTS = "branchline_reports_total", Counter, Count, ["form", "result"];
    /// Age of the oldest report, comment or deployment that GitHub does not have yet
    OLDEST_UNSENT = "branchline_report_oldest_unsent_seconds", Gauge, Seconds, [];
    /// Runs of periodic jobs, by job and result: done or failed
    JOB_RUNS = "branchline_job_runs_total", Counter, Count, ["job", "result"];
    /// Differences between GitHub and the mappings that were found, by what follows: create, start,
    /// delete, record, rename or refused
    DIFFERENCES = "branchline_differences_total", Counter, Count, ["change"];
    /// Events that GitHub could not deliver, by outcome: requested again, refused by GitHub,
    /// exhausted (three requests), too-old; and unrecorded: delivered, but without a record
    MISSED_DELIVERIES = "branchline_missed_deliveries_total", Counter, Count, ["outcome"];
    /// Calls to AWS, by service, operation and outcome: ok, refused (a condition did not hold), or
    /// a reason
    AWS_CALLS = "branchline_aws_calls_total", Counter, Count, ["service", "operation", "outcome"];
    /// Seconds that a call to AWS took, with its retries
    AWS_CALL = "branchline_aws_call_seconds", Histogram(SHORT), Seconds, ["service", "operation"];
    /// Calls to GitHub, by operation and outcome: ok, or the kind of fault
    GITHUB_CALLS = "branchline_github_calls_total", Counter, Count, ["operation", "outcome"];
    /// Seconds that a call to GitHub took, without the wait for its turn
    GITHUB_CALL = "branchline_github_call_seconds", Histogram(SHORT), Seconds, ["operation"];
    /// Messages being processed
    IN_FLIGHT = "branchline_in_flight", Gauge, Count, [];
    /// Leases lost: messages that returned to the queue before their processing ended
    LEASES_LOST = "branchline_leases_lost_total", Counter, Count, [];
    /// Claims taken over from a worker that died, was too slow, or got no answer to a call
    CLAIMS_TAKEN_OVER = "branchline_claims_taken_over_total", Counter, Count, [];
    /// Environments that were left behind: their removal is not tried any more
    LEFT_BEHIND = "branchline_left_behind_total", Counter, Count, [];
    /// Messages sent to the dead-letter or quarantine queue, by queue and reason
    DEAD_LETTERED = "branchline_dead_lettered_total", Counter, Count, ["queue", "reason"];
    /// Messages deleted without a copy, by reason: they have no well-formed signature, or the
    /// daemon already quarantines as many as it may
    DISCARDED = "branchline_discarded_total", Counter, Count, ["reason"];
    /// When a webhook secret last proved a message, in seconds since 1970, by the secret's name
    SECRET_LAST_USED = "branchline_secret_last_used_timestamp_seconds", Gauge, Seconds, ["secret"];
    /// Template look-ups: found in the cache (hit), or fetched from CodePipeline (miss)
    TEMPLATES = "branchline_template_cache_total", Counter, Count, ["result"];
    /// Active pipelines, by rule; counted every five minutes
    PIPELINES = "branchline_pipelines_active", Gauge, Count, ["rule"];
    /// Pipelines in the Region, of every creator; counted every five minutes
    REGION_PIPELINES = "branchline_region_pipelines", Gauge, Count, [];
    /// Subjects that wait for a slot of their rule, or for the quota of the account (line account)
    WAITING_SUBJECTS = "branchline_waiting_subjects", Gauge, Count, ["line"];
    /// Messages waiting in a queue, as SQS counts them; polled once a minute
    QUEUE_MESSAGES = "branchline_queue_messages", Gauge, Count, ["queue"];
}

/// The events that have their own label value: GitHub's, and those of CodePipeline.
const EVENTS: &[&str] = &[
    "check_run",
    "check_suite",
    "codepipeline",
    "create",
    "delete",
    "merge_group",
    "ping",
    "pull_request",
    "push",
    "repository",
];

/// Counts a processed message. It has no event if it was not authenticated.
pub(crate) fn processed(event: Option<&str>, disposition: &'static str, took: Duration) {
    let known = |event| EVENTS.iter().find(|known| **known == event).copied();
    let event = event.map_or("unverified", |event| known(event).unwrap_or("other"));
    counter!(DELIVERIES.name, "event" => event, "disposition" => disposition).increment(1);
    histogram!(PROCESSING.name).record(took.as_secs_f64());
}

/// Counts a run of a job.
pub(crate) fn job_ran(job: Job, result: &JobResult) {
    counter!(JOB_RUNS.name, "job" => job.as_str(), "result" => result.as_str()).increment(1);
}

/// Counts a difference between GitHub and the mappings that was sent to the internal queue.
pub(crate) fn difference_found(change: &'static str) {
    counter!(DIFFERENCES.name, "change" => change).increment(1);
}

/// Counts an event that GitHub could not deliver, or of which there is no record.
pub(crate) fn missed_delivery(outcome: &'static str) {
    counter!(MISSED_DELIVERIES.name, "outcome" => outcome).increment(1);
}

/// Records how long after the event its message was processed.
pub(crate) fn aged(age: Duration) {
    histogram!(DELIVERY_AGE.name).record(age.as_secs_f64());
}

/// Counts a message that failed.
pub(crate) fn failed(step: Step, class: Class) {
    counter!(FAULTS.name, "step" => step.as_str(), "class" => class.as_str()).increment(1);
}

/// Records a call to AWS.
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

/// Records a call to GitHub.
pub(crate) fn github_called(operation: &'static str, outcome: &'static str, took: Duration) {
    counter!(GITHUB_CALLS.name, "operation" => operation, "outcome" => outcome).increment(1);
    histogram!(GITHUB_CALL.name, "operation" => operation).record(took.as_secs_f64());
}

/// Counts a message as being processed until it is dropped.
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

/// Counts a report or a comment to GitHub, or a failed one.
pub(crate) fn report_sent(form: &'static str, result: &'static str) {
    counter!(REPORTS.name, "form" => form, "result" => result).increment(1);
}

/// Sets the age of the oldest report, comment or deployment that GitHub does not have yet.
pub(crate) fn oldest_unsent(age: Duration) {
    gauge!(OLDEST_UNSENT.name).set(age.as_secs_f64());
}

/// Counts a lost lease.
pub(crate) fn lease_lost() {
    counter!(LEASES_LOST.name).increment(1);
}

/// Counts a claim that was taken over.
pub(crate) fn claim_taken_over() {
    counter!(CLAIMS_TAKEN_OVER.name).increment(1);
}

/// Counts a message that was dead-lettered or quarantined, once SQS confirmed the send.
pub(crate) fn dead_lettered(destination: Destination, reason: Reason) {
    let queue = match destination {
        Destination::Webhooks => WEBHOOKS,
        Destination::Internal => INTERNAL,
        Destination::DeadLetters => DEAD_LETTERS,
        Destination::Quarantine => QUARANTINE,
    };
    counter!(DEAD_LETTERED.name, "queue" => queue, "reason" => reason.as_str()).increment(1);
}

/// Counts a message that was deleted without a copy.
pub(crate) fn discarded(reason: Reason) {
    counter!(DISCARDED.name, "reason" => reason.as_str()).increment(1);
}

/// Records that a secret of the configuration proved a message. Its name is the label.
#[expect(clippy::cast_precision_loss, reason = "no time has 2^53 seconds")]
pub(crate) fn secret_used(secret: &str, now: i64) {
    gauge!(SECRET_LAST_USED.name, "secret" => secret.to_owned()).set(now as f64);
}

/// Counts a template look-up.
pub(crate) fn template(result: &'static str) {
    counter!(TEMPLATES.name, "result" => result).increment(1);
}

/// The label value of the queue of webhooks.
pub const WEBHOOKS: &str = "webhooks";
/// The label value of the internal queue.
pub const INTERNAL: &str = "internal";
/// The label value of the dead-letter queue.
pub const DEAD_LETTERS: &str = "dead-letters";
/// The label value of the quarantine queue.
pub const QUARANTINE: &str = "quarantine";

/// Sets the number of messages that wait in a queue.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 messages")]
pub fn waiting(queue: &'static str, messages: u64) {
    gauge!(QUEUE_MESSAGES.name, "queue" => queue).set(messages as f64);
}

/// Sets the number of pipelines in the Region.
#[expect(clippy::cast_precision_loss, reason = "no Region has 2^53 pipelines")]
pub fn region_pipelines(count: usize) {
    gauge!(REGION_PIPELINES.name).set(count as f64);
}

/// Sets the number of subjects that wait in a line: of a rule, by its name, or of the `account`.
#[expect(clippy::cast_precision_loss, reason = "no line has 2^53 subjects")]
pub fn waiting_subjects(line: &str, subjects: usize) {
    gauge!(WAITING_SUBJECTS.name, "line" => line.to_owned()).set(subjects as f64);
}

/// Counts an environment whose removal is not tried any more.
pub fn left_behind() {
    counter!(LEFT_BEHIND.name).increment(1);
}

/// Sets the number of a rule's active pipelines.
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
    fn bucket_bounds_are_sorted() {
        for bounds in [SHORT, LONG] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
