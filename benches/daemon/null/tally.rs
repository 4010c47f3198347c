//! Counts the calls, and measures how long messages took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use super::queue::Times;
use super::webhooks::Event;

/// Counts since the last reset.
#[derive(Default)]
pub(super) struct Tally {
    /// Errors among the responses: they make the measurement worthless.
    pub(super) refused: u64,
    calls: BTreeMap<String, Calls>,
    /// The last request of each kind.
    samples: BTreeMap<&'static str, Bytes>,
    begun: Option<Instant>,
    settled: Vec<Settled>,
    /// From sending a webhook to the arrival of the call that creates or starts its pipeline, or
    /// from sending an event to that of its report.
    reached: Vec<Duration>,
    /// Calls to GitHub.
    pub(super) github: u64,
    /// Calls to CodePipeline, and whether each was throttled.
    codepipeline: Vec<(Instant, bool)>,
}

#[derive(Clone, Copy, Default)]
struct Calls {
    count: u64,
    /// The bytes of requests, without headers.
    bytes: usize,
    /// The latency of all calls together.
    held: Duration,
}

/// The time when a message was deleted, and how long it took.
#[derive(Clone, Copy)]
struct Settled {
    at: Instant,
    since_sent: Duration,
    since_taken: Duration,
}

impl Tally {
    /// Forgets everything but the samples.
    pub(super) fn reset(&mut self) {
        *self = Self {
            samples: std::mem::take(&mut self.samples),
            ..Self::default()
        };
    }

    /// Counts a call with its latency, which is made because of such an event.
    pub(super) fn call(&mut self, operation: &str, body: &Bytes, held: Duration, event: Event) {
        let calls = self.calls.entry(operation.to_owned()).or_default();
        calls.count += 1;
        calls.bytes += body.len();
        calls.held += held;
        if let Some(kind) = kind(event, operation, body) {
            self.samples.insert(kind, body.clone());
        }
    }

    /// Counts a call to CodePipeline that arrives now.
    pub(super) fn codepipeline(&mut self, throttled: bool) {
        self.codepipeline.push((Instant::now(), throttled));
    }

    /// Counts an effect that arrives now, of a message that was sent then.
    pub(super) fn reached(&mut self, sent: Instant) {
        self.reached.push(sent.elapsed());
    }

    /// Counts a receive.
    pub(super) fn taken(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    /// Counts a deletion.
    pub(super) fn settled(&mut self, times: &Times) {
        let now = Instant::now();
        self.settled.push(Settled {
            at: now,
            since_sent: now - times.sent,
            since_taken: now - times.taken,
        });
    }

    /// Returns how many messages were deleted.
    pub(super) fn settled_count(&self) -> usize {
        self.settled.len()
    }

    /// Returns all counts, durations in milliseconds; `settled_ms`, `now_ms` and the times of calls
    /// to CodePipeline count from the first receive.
    pub(super) fn report(&self) -> Value {
        let calls: Map<String, Value> = self
            .calls
            .iter()
            .map(|(name, calls)| {
                let held = millis(calls.held);
                (
                    name.clone(),
                    json!({"count": calls.count, "bytes": calls.bytes, "held_ms": held}),
                )
            })
            .collect();
        let begun = self.begun.unwrap_or_else(Instant::now);
        let each = |of: &dyn Fn(&Settled) -> Duration| -> Vec<f64> {
            self.settled.iter().map(|one| millis(of(one))).collect()
        };
        let codepipeline = |throttled| -> Vec<f64> {
            let calls = self.codepipeline.iter();
            let calls = calls.filter(|(_, is_throttled)| *is_throttled == throttled);
            let since = calls.map(|(at, _)| at.saturating_duration_since(begun));
            since.map(millis).collect()
        };
        json!({
            "refused": self.refused,
            "settled": self.settled.len(),
            "settled_ms": each(&|one| one.at - begun),
            "since_sent_ms": each(&|one| one.since_sent),
            "since_taken_ms": each(&|one| one.since_taken),
            "reached_ms": self.reached.iter().copied().map(millis).collect::<Vec<_>>(),
            "github": self.github,
            "now_ms": millis(begun.elapsed()),
            "codepipeline_ms": codepipeline(false),
            "throttled_ms": codepipeline(true),
            "calls": calls,
        })
    }

    /// Returns the last request of each kind that creates or starts a pipeline.
    pub(super) fn samples(&self) -> Value {
        let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
        let samples = self.samples.iter();
        samples
            .map(|(kind, body)| (kind.to_string(), Value::String(text(body))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// A claim and a settling write a pipeline's row; the second one includes its audit entry. Reads of
/// other rows are not made for a webhook.
fn kind(event: Event, operation: &str, body: &[u8]) -> Option<&'static str> {
    let has = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    match (event, operation) {
        (Event::Opened, "CreatePipeline") => Some("create"),
        (Event::Opened, "GetItem") if has("REPO#") => Some("read"),
        (Event::Opened, "TransactWriteItems") if has("CHANGE#") => Some("record"),
        (Event::Opened, "TransactWriteItems") => Some("claim"),
        (Event::Synchronize, "BatchGetItem") => Some("push_read"),
        (Event::Synchronize, "ListTagsForResource") => Some("push_tags"),
        (Event::Synchronize, "StartPipelineExecution") => Some("push_start"),
        (Event::Synchronize, "TransactWriteItems") if has("CHANGE#") => Some("push_record"),
        (Event::Synchronize, "PutItem") if has("REPO#") => Some("push_claim"),
        _ => None,
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
