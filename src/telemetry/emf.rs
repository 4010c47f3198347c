//! Writes CloudWatch's embedded metric format: JSON lines that CloudWatch Logs turns into metrics,
//! one line for each set of labels ("CloudWatch embedded metric format specification" in the
//! CloudWatch guide).
//!
//! A line contains the increase of each counter since the last line, the current value of each
//! gauge, and the values of each histogram since the last line by bucket, as `Values` and `Counts`,
//! from which CloudWatch computes percentiles. Memory is bounded by the number of label sets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_util::registry::{Registry, Storage};
use serde_json::{Map, Value, json};

use crate::domain::ids::Timestamp;
use crate::telemetry::metrics::{ALL, Kind};

/// Records metrics and writes them. Clones share their metrics.
#[derive(Clone)]
pub struct Emf {
    registry: Arc<Registry<Key, Cells>>,
    namespace: Arc<str>,
}

/// The storage of one metric under one set of labels.
struct Cells;

impl Storage<Key> for Cells {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Buckets>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let measure = ALL.iter().find(|measure| measure.name == key.name());
        let bounds = match measure.map(|measure| measure.kind) {
            Some(Kind::Histogram(bounds)) => bounds,
            Some(Kind::Counter | Kind::Gauge) | None => &[],
        };
        Arc::new(Buckets {
            bounds,
            filled: Mutex::default(),
        })
    }
}

/// The values of a histogram by bucket, since they were last taken.
struct Buckets {
    bounds: &'static [f64],
    filled: Mutex<Filled>,
}

#[derive(Default)]
struct Filled {
    /// The number and the sum of the values in each bucket, by the bucket's index.
    buckets: BTreeMap<usize, (u64, f64)>,
    least: f64,
    most: f64,
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let mut filled = self.lock();
        if filled.buckets.is_empty() {
            (filled.least, filled.most) = (value, value);
        }
        filled.least = filled.least.min(value);
        filled.most = filled.most.max(value);
        let (count, sum) = filled.buckets.entry(bucket).or_default();
        *count += 1;
        *sum += value;
    }
}

impl Buckets {
    /// Takes the values since the last time; `None` if there are none.
    #[expect(clippy::cast_precision_loss, reason = "no bucket holds 2^53 values")]
    fn take(&self) -> Option<Value> {
        let filled = std::mem::take(&mut *self.lock());
        let buckets = filled.buckets.into_values();
        let (counts, sums): (Vec<u64>, Vec<f64>) = buckets.unzip();
        let means: Vec<f64> = counts
            .iter()
            .zip(&sums)
            .map(|(count, sum)| sum / *count as f64)
            .collect();
        (!counts.is_empty()).then(|| {
            json!({
                "Values": means,
                "Counts": counts,
                "Max": filled.most,
                "Min": filled.least,
                "Count": counts.iter().sum::<u64>(),
                "Sum": sums.iter().sum::<f64>(),
            })
        })
    }

    /// Locks the values. No code panics under this lock.
    fn lock(&self) -> std::sync::MutexGuard<'_, Filled> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of one line, which have the same set of labels.
type Line = BTreeMap<&'static str, Value>;

impl Emf {
    pub(super) fn new(namespace: String) -> Self {
        Self {
            registry: Arc::new(Registry::new(Cells)),
            namespace: namespace.into(),
        }
    }

    /// Writes the metrics since the last time, one line per set of labels.
    ///
    /// # Errors
    /// Those of the writer. The metrics that were to be written are lost.
    pub fn flush(&self, now: Timestamp, to: &mut impl Write) -> io::Result<()> {
        let mut text = Vec::new();
        for (labels, values) in self.lines() {
            serde_json::to_writer(&mut text, &self.line(&labels, values, now))?;
            text.push(b'\n');
        }
        to.write_all(&text)?;
        to.flush()
    }

    fn lines(&self) -> BTreeMap<Vec<(String, String)>, Line> {
        let mut lines: BTreeMap<_, Line> = BTreeMap::new();
        let mut put = |key: &Key, value: Value| {
            if let Some(measure) = ALL.iter().find(|measure| measure.name == key.name()) {
                let line = lines.entry(labels(key)).or_default();
                line.insert(measure.name, value);
            }
        };
        self.registry.visit_counters(|key, counter| {
            let added = counter.swap(0, Ordering::Relaxed);
            if added > 0 {
                put(key, added.into());
            }
        });
        self.registry.visit_gauges(|key, gauge| {
            put(key, f64::from_bits(gauge.load(Ordering::Relaxed)).into());
        });
        self.registry.visit_histograms(|key, histogram| {
            if let Some(values) = histogram.take() {
                put(key, values);
            }
        });
        lines
    }

    fn line(&self, labels: &[(String, String)], values: Line, now: Timestamp) -> Value {
        let names: Vec<&String> = labels.iter().map(|(name, _)| name).collect();
        let metrics: Vec<Value> = values
            .keys()
            .map(|name| json!({"Name": name, "Unit": unit(name)}))
            .collect();
        let mut line = Map::new();
        let directive = json!({
            "Namespace": &*self.namespace,
            "Dimensions": [names],
            "Metrics": metrics,
        });
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": now.0, "CloudWatchMetrics": [directive]}),
        );
        for (name, value) in labels {
            line.insert(name.clone(), value.as_str().into());
        }
        for (name, value) in values {
            line.insert(name.to_owned(), value);
        }
        Value::Object(line)
    }
}

fn labels(key: &Key) -> Vec<(String, String)> {
    key.labels()
        .map(|label| (label.key().to_owned(), label.value().to_owned()))
        .collect()
}

/// Returns CloudWatch's name of a metric's unit (API reference, MetricDatum).
fn unit(name: &str) -> &'static str {
    let measure = ALL.iter().find(|measure| measure.name == name);
    match measure.map(|measure| measure.unit) {
        Some(Unit::Seconds) => "Seconds",
        _ => "Count",
    }
}

/// Ignores the descriptions: `metrics::ALL` has them, and CloudWatch has no help texts.
impl Recorder for Emf {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registry
            .get_or_create_counter(key, |cell| Counter::from_arc(Arc::clone(cell)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registry
            .get_or_create_gauge(key, |cell| Gauge::from_arc(Arc::clone(cell)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registry
            .get_or_create_histogram(key, |cell| Histogram::from_arc(Arc::clone(cell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics as telemetry_metrics;
    use std::time::Duration;

    fn flushed(emf: &Emf) -> Vec<Value> {
        let mut text = Vec::new();
        emf.flush(Timestamp(1_000), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_contains_the_changes_since_the_last_one() {
        let emf = Emf::new("branchline".to_owned());
        metrics::with_local_recorder(&emf, || {
            for millis in [3, 4, 700] {
                telemetry_metrics::called(
                    "sqs",
                    "ReceiveMessage",
                    "ok",
                    Duration::from_millis(millis),
                );
            }
        });
        let lines = flushed(&emf);
        assert_eq!(
            lines,
            [
                json!({
                    "_aws": {"Timestamp": 1_000, "CloudWatchMetrics": [{
                        "Namespace": "branchline",
                        "Dimensions": [["service", "operation"]],
                        "Metrics": [{"Name": "branchline_aws_call_seconds", "Unit": "Seconds"}],
                    }]},
                    "service": "sqs", "operation": "ReceiveMessage",
                    "branchline_aws_call_seconds": {
                        "Values": [0.0035, 0.7], "Counts": [2, 1],
                        "Max": 0.7, "Min": 0.003, "Count": 3, "Sum": 0.707,
                    },
                }),
                json!({
                    "_aws": {"Timestamp": 1_000, "CloudWatchMetrics": [{
                        "Namespace": "branchline",
                        "Dimensions": [["service", "operation", "outcome"]],
                        "Metrics": [{"Name": "branchline_aws_calls_total", "Unit": "Count"}],
                    }]},
                    "service": "sqs", "operation": "ReceiveMessage", "outcome": "ok",
                    "branchline_aws_calls_total": 3,
                }),
            ]
        );
        assert_eq!(flushed(&emf), [] as [Value; 0], "nothing changed since");
    }

    #[test]
    fn every_flush_contains_each_gauge() {
        let emf = Emf::new("branchline".to_owned());
        metrics::with_local_recorder(&emf, || {
            telemetry_metrics::waiting(telemetry_metrics::WEBHOOKS, 7)
        });
        for _ in 0..2 {
            let lines = flushed(&emf);
            assert_eq!(lines[0]["branchline_queue_messages"], 7.0);
            assert_eq!(lines[0]["queue"], "webhooks");
        }
    }

    #[test]
    fn no_line_exceeds_the_limits_of_cloudwatch() {
        for measure in ALL {
            if let Kind::Histogram(bounds) = measure.kind {
                assert!(bounds.len() < 100, "{}", measure.name);
            }
            assert!(measure.labels.len() <= 30, "{}", measure.name);
        }
    }
}
