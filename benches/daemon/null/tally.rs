//! What was called, how often, and how long messages took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use super::queue::Times;

/// Counts since the last reset.
#[derive(Default)]
pub(super) struct Tally {
    /// Answers that were no success: the measurement is worth nothing then.
    pub(super) refused: u64,
    calls: BTreeMap<String, Calls>,
    /// The last request of each kind.
    samples: BTreeMap<&'static str, Bytes>,
    begun: Option<Instant>,
    settled: Vec<Settled>,
}

#[derive(Clone, Copy, Default)]
struct Calls {
    count: u64,
    /// Of requests without their headers.
    bytes: usize,
    /// How long the calls were held back, in all.
    held: Duration,
}

/// When one message was deleted, and how long that took.
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

    /// A call that was held back for so long.
    pub(super) fn call(&mut self, operation: &str, body: &Bytes, held: Duration) {
        let calls = self.calls.entry(operation.to_owned()).or_default();
        calls.count += 1;
        calls.bytes += body.len();
        calls.held += held;
        if let Some(kind) = kind(operation, body) {
            self.samples.insert(kind, body.clone());
        }
    }

    /// A message was handed out.
    pub(super) fn taken(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    /// A message was deleted.
    pub(super) fn settled(&mut self, times: &Times) {
        let now = Instant::now();
        self.settled.push(Settled {
            at: now,
            since_sent: now - times.sent,
            since_taken: now - times.taken,
        });
    }

    /// How many messages were deleted.
    pub(super) fn settled_count(&self) -> usize {
        self.settled.len()
    }

    /// All of it, durations in milliseconds; `settled_ms` counts from the first message that was handed out.
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
        json!({
            "refused": self.refused,
            "settled": self.settled.len(),
            "settled_ms": each(&|one| one.at - begun),
            "since_sent_ms": each(&|one| one.since_sent),
            "since_taken_ms": each(&|one| one.since_taken),
            "calls": calls,
        })
    }

    /// The last request of each kind that a new pipeline takes.
    pub(super) fn samples(&self) -> Value {
        let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
        let samples = self.samples.iter();
        samples
            .map(|(kind, body)| (kind.to_string(), Value::String(text(body))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Two transactions make a pipeline's row; the second one brings its audit entry.
fn kind(operation: &str, body: &[u8]) -> Option<&'static str> {
    match operation {
        "CreatePipeline" => Some("create"),
        "TransactWriteItems" if body.windows(6).any(|part| part == b"AUDIT#") => Some("record"),
        "TransactWriteItems" => Some("claim"),
        _ => None,
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
