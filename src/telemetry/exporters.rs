//! Exports metrics: as Prometheus text that a scraper fetches, or as lines in CloudWatch's embedded
//! metric format, for installations that log into CloudWatch and have no scraper.
//!
//! Both use one recorder behind the `metrics` facade, so the code that counts does not depend on
//! the format.

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::telemetry::emf::Emf;
use crate::telemetry::metrics::{ALL, Kind};

/// Installs the recorder for Prometheus.
///
/// # Errors
/// One sentence, if a recorder is already installed.
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

/// Installs the recorder for CloudWatch, which uses this namespace.
///
/// # Errors
/// One sentence, if a recorder is already installed.
pub fn cloudwatch(namespace: String) -> Result<Emf, String> {
    let recorder = Emf::new(namespace);
    metrics::set_global_recorder(recorder.clone()).map_err(taken)?;
    describe();
    Ok(recorder)
}

/// Describes each metric to the recorder. Metrics without labels exist from the start, because a
/// counter that appears with its first count has no rate.
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
