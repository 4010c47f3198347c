//! What is seen of a running daemon from outside.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use branchline::telemetry::metrics;
use serde_json::Value;

use super::account::Account;
use super::binary::{branchline, complaint};
use crate::world::webhook::Webhook;

/// A daemon that serves its metrics, and where.
fn serving(
    account: &Account,
    more: &[&str],
) -> (Child, SocketAddr, impl Iterator<Item = String> + use<>) {
    let mut daemon = account
        .daemon(&[&["--metrics-addr", "127.0.0.1:0"], more].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(daemon.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let line: Value = serde_json::from_str(&said.next().unwrap()).unwrap();
    let address = line["address"].as_str().unwrap().parse().unwrap();
    (daemon, address, said)
}

/// The status and the body.
fn get(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
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
    let output = branchline(&arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[tokio::test]
async fn metrics_and_probes_tell_what_the_daemon_does() {
    let account = Account::new("observe").await;
    account.send(Webhook::ping()).await;
    account
        .send(Webhook::ping().signed_with("not the secret"))
        .await;
    let (mut daemon, address, said) = serving(&account, &[]);
    // The two are worked on side by side, and told in whichever order they end.
    let ended = said.filter(|line| line.contains("\"verdict\":"));
    assert_eq!(ended.take(2).count(), 2);

    let (status, text) = get(address, "GET", "/metrics");
    assert_eq!(status, 200);
    for line in [
        "branchline_deliveries_total{event=\"ping\",verdict=\"ack\"} 1",
        "branchline_deliveries_total{event=\"unverified\",verdict=\"quarantine\"} 1",
        "branchline_faults_total{room=\"delivery\",class=\"unverified\"} 1",
        "branchline_walk_seconds_count 2",
        "branchline_leases_lost_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let known: BTreeSet<&str> = metrics::ALL.iter().map(|measure| measure.name).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        assert!(known.contains(name) && !help.is_empty(), "{line}");
    }

    assert_eq!(get(address, "GET", "/healthz").0, 200);
    assert_eq!(get(address, "POST", "/metrics").0, 405);
    assert_eq!(get(address, "GET", "/").0, 404);
    let at = address.to_string();
    assert_eq!(health(&at, &[]), (Some(0), "ok\n".to_owned()));
    assert_eq!(health(&at, &["--ready"]), (Some(0), "ok\n".to_owned()));

    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let (code, said) = health(&at, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&at), "{said}");
}

#[tokio::test]
async fn without_a_queue_it_is_not_ready() {
    let account = Account::new("not-ready").await;
    let (mut daemon, address, _said) = serving(&account, &["--endpoint-url", "http://127.0.0.1:9"]);
    assert_eq!(
        get(address, "GET", "/readyz"),
        (503, "the queue does not answer\n".to_owned())
    );
    assert_eq!(get(address, "GET", "/healthz").0, 200);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[tokio::test]
async fn cloudwatch_reads_the_same_from_standard_output() {
    let account = Account::new("emf").await;
    account.send(Webhook::ping()).await;
    let output = account
        .daemon(&["--until-empty", "--metrics", "emf"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let mut deliveries = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
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
async fn an_address_that_cannot_be_had_is_told() {
    let account = Account::new("address").await;
    let cases: [(&[&str], &str); 2] = [
        (
            &["--metrics", "prometheus"],
            "--metrics prometheus: say where with --metrics-addr",
        ),
        (
            &["--metrics-addr", "192.0.2.1:80"],
            "--metrics-addr / BRANCHLINE_METRICS_ADDR: cannot listen on 192.0.2.1:80: ",
        ),
    ];
    for (flags, sentence) in cases {
        let (code, said) = complaint(&mut account.daemon(flags));
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.trim_end().lines().count() == 1 && said.starts_with(sentence),
            "{said}"
        );
    }
}
