//! docs/OBSERVABILITY.md and the dashboards say what is measured, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a file that is not there fails the test"
)]

use std::collections::BTreeSet;
use std::fs;

use branchline::telemetry::metrics::{ALL, Kind, Measure};

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn row(measure: &Measure) -> String {
    let kind = match measure.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let labels: Vec<String> = measure
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    format!(
        "| `{}` | {kind} | {} | {} |",
        measure.name,
        labels.join(", "),
        measure.help
    )
}

/// Every `branchline_...` in a text, without what Prometheus appends to a histogram.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("branchline_"));
    ours.map(|word| {
        let histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| word.strip_suffix(end));
        histogram.unwrap_or(word).to_owned()
    })
    .collect()
}

#[test]
fn the_table_of_metrics_is_what_is_measured() {
    let text = read("docs/OBSERVABILITY.md");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `branchline_"))
        .collect();
    let wanted: Vec<String> = ALL.iter().map(row).collect();
    assert_eq!(rows, wanted, "\n{}\n", wanted.join("\n"));
}

#[test]
fn dashboards_show_every_measure_and_no_other() {
    let known: BTreeSet<String> = ALL.iter().map(|measure| measure.name.to_owned()).collect();
    for dashboard in [
        "infra/dashboards/grafana.json",
        "infra/dashboards/cloudwatch.json.tftpl",
    ] {
        let text = read(dashboard);
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert_eq!(named(&text), known, "{dashboard}");
    }
}

#[test]
fn labels_on_dashboards_exist() {
    let labels: BTreeSet<&str> = ALL
        .iter()
        .flat_map(|measure| measure.labels)
        .copied()
        .collect();
    let text = read("infra/dashboards/grafana.json");
    for legend in text.split("{{").skip(1) {
        let label = legend.split("}}").next().unwrap();
        assert!(labels.contains(label), "{label}");
    }
}

#[test]
fn every_field_of_the_journal_line_is_explained() {
    let source = read("src/worker/report.rs");
    let text = read("docs/OBSERVABILITY.md");
    let fields: Vec<&str> = source
        .lines()
        .skip_while(|line| !line.contains("tracing::$level!("))
        .skip(1)
        .take_while(|line| !line.contains("\"{}\""))
        .filter_map(|line| line.trim().split_once(" = ").map(|(field, _)| field))
        .collect();
    assert!(fields.len() >= 15, "{fields:?}");
    for field in fields {
        assert!(text.contains(&format!("`{field}`")), "{field}");
    }
}
