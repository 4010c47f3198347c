//! The metrics and health pages of a running daemon.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use branchline::telemetry::metrics;
use serde_json::Value;

use super::account::Account;
use super::binary::{LIMIT, Process, branchline, failure, json_lines, output, text, within};
use crate::world::webhook::Webhook;

/// Starts a daemon that serves its metrics, and returns its address.
fn serving(account: &Account, more: &[&str]) -> (Process, SocketAddr) {
    let arguments = [&["--metrics-addr", "127.0.0.1:0"], more].concat();
    let mut daemon = Process::start(&mut account.daemon(&arguments));
    let line = daemon.wait_for("Serving /metrics");
    let line: Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap().parse().unwrap();
    (daemon, address)
}

/// Returns the status and the body of a page.
fn get(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn health(address: &str, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["health", "--metrics-addr", address], more].concat();
    let output = output(&mut branchline(&arguments));
    (output.status.code(), text(output.stdout))
}

#[tokio::test]
async fn metrics_and_health_pages_describe_the_work_of_the_daemon() {
    let account = Account::new("observe").await;
    account.send(Webhook::ping()).await;
    account
        .send(Webhook::ping().signed_with("not the secret"))
        .await;
    let (mut daemon, address) = serving(&account, &[]);
    // The two are processed concurrently, and end in either order.
    for _ in 0..2 {
        daemon.wait_for("\"disposition\":");
    }

    let (status, page) = get(address, "GET", "/metrics");
    assert_eq!(status, 200);
    for line in [
        "branchline_deliveries_total{event=\"ping\",disposition=\"deleted\"} 1",
        "branchline_deliveries_total{event=\"unverified\",disposition=\"quarantined\"} 1",
        "branchline_faults_total{step=\"authenticated\",class=\"unverified\"} 1",
        "branchline_processing_seconds_count 2",
        "branchline_leases_lost_total 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    let used = "branchline_secret_last_used_timestamp_seconds{secret=\"env:WEBHOOK_SECRET\"} ";
    let used = page.lines().find_map(|line| line.strip_prefix(used));
    let seconds: f64 = used.and_then(|seconds| seconds.parse().ok()).unwrap();
    assert!(seconds > 1.7e9, "{page}");
    let known: BTreeSet<&str> = metrics::ALL.iter().map(|measure| measure.name).collect();
    for line in page.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        assert!(known.contains(name) && !help.is_empty(), "{line}");
    }

    assert_eq!(get(address, "GET", "/healthz").0, 200);
    assert_eq!(get(address, "POST", "/metrics").0, 405);
    assert_eq!(get(address, "GET", "/").0, 404);
    let at = address.to_string();
    assert_eq!(health(&at, &[]), (Some(0), "ok\n".to_owned()));
    // It is ready once the table answered, too.
    let ready = async {
        // The lines after that are about the jobs.
        let is_ready = |(code, answer): (Option<i32>, String)| {
            code == Some(0) && answer.lines().next() == Some("ok")
        };
        while !is_ready(health(&at, &["--ready"])) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("readiness", ready).await;

    drop(daemon);
    let (code, answer) = health(&at, &[]);
    assert_eq!(code, Some(1), "{answer}");
    assert!(answer.contains(&at), "{answer}");
}

#[tokio::test]
async fn without_a_queue_it_is_not_ready() {
    let account = Account::new("not-ready").await;
    let (_daemon, address) = serving(&account, &["--endpoint-url", "http://127.0.0.1:9"]);
    assert_eq!(
        get(address, "GET", "/readyz"),
        (503, "the webhook queue does not answer\n".to_owned())
    );
    assert_eq!(get(address, "GET", "/healthz").0, 200);
}

#[tokio::test]
async fn the_same_metrics_are_written_to_standard_output_for_cloudwatch() {
    let account = Account::new("emf").await;
    account.send(Webhook::ping()).await;
    let output = output(&mut account.daemon(&["--until-empty", "--metrics", "emf"]));
    assert_eq!(output.status.code(), Some(0));
    let mut deliveries = 0;
    for line in json_lines(&text(output.stdout)) {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], account.table.as_str());
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{line}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let value = &line[metric["Name"].as_str().unwrap()];
            assert!(value.is_number() || value["Counts"].is_array(), "{line}");
        }
        if line["event"] == "ping" {
            deliveries += line[metrics::DELIVERIES.name].as_u64().unwrap();
        }
    }
    assert_eq!(deliveries, 1);
}

#[tokio::test]
async fn an_unusable_address_is_reported() {
    let account = Account::new("address").await;
    let cases: [(&[&str], &str); 2] = [
        (
            &["--metrics", "prometheus"],
            "error: --metrics prometheus: needs an address: set --metrics-addr",
        ),
        (
            &["--metrics-addr", "192.0.2.1:80"],
            "error: --metrics-addr / BRANCHLINE_METRICS_ADDR: cannot listen on 192.0.2.1:80: ",
        ),
    ];
    for (flags, sentence) in cases {
        let (code, error) = failure(&mut account.daemon(flags));
        assert_eq!(code, Some(2), "{error}");
        assert!(
            error.trim_end().lines().count() == 1 && error.starts_with(sentence),
            "{error}"
        );
    }
}
