//! How measures leave the process: as Prometheus text that somebody fetches, or as lines in CloudWatch's embedded metric
//! format for those who log into CloudWatch and have nobody who fetches.
//!
//! One recorder behind the `metrics` facade serves either, so what counts does not know who reads.

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::telemetry::emf::Emf;
use crate::telemetry::metrics::{ALL, Kind};

/// Records for Prometheus from now on.
///
/// # Errors
/// One sentence, where something records already.
pub fn prometheus() -> Result<PrometheusHandle, String> {
    let mut builder = PrometheusBuilder::new();
    for measure in ALL {
        if let Kind::Histogram(bounds) = measure.kind {
            let name = Matcher::Full(measure.name.to_owned());
            builder = builder
                .set_buckets_for_metric(name, bounds)
                .map_err(taken)?;
        }
    }
    let handle = builder.install_recorder().map_err(taken)?;
    describe();
    Ok(handle)
}

/// Records for CloudWatch from now on, under this namespace.
///
/// # Errors
/// One sentence, where something records already.
pub fn cloudwatch(namespace: String) -> Result<Emf, String> {
    let recorder = Emf::new(namespace);
    metrics::set_global_recorder(recorder.clone()).map_err(taken)?;
    describe();
    Ok(recorder)
}

/// Tells the recorder what each measure is. What has no label is there from the beginning: a counter that first appears at
/// its first count has no rate.
fn describe() {
    for measure in ALL {
        let (name, unit, help) = (measure.name, measure.unit, measure.help);
        match measure.kind {
            Kind::Counter => {
                describe_counter!(name, unit, help);
                if measure.labels.is_empty() {
                    metrics::counter!(name).absolute(0);
                }
            }
            Kind::Gauge => {
                describe_gauge!(name, unit, help);
                if measure.labels.is_empty() {
                    metrics::gauge!(name).set(0.0);
                }
            }
            Kind::Histogram(_) => describe_histogram!(name, unit, help),
        }
    }
}

fn taken(why: impl std::fmt::Display) -> String {
    format!("metrics cannot be recorded: {why}")
}
