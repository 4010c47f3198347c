//! Traces, of a binary with and without the feature `otlp`.

use super::account::Account;

#[cfg(not(feature = "otlp"))]
#[tokio::test]
async fn a_binary_without_traces_says_so() {
    let account = Account::new("no-traces").await;
    let mut daemon = account.daemon(&["--until-empty"]);
    daemon.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let (code, error) = super::binary::failure(&mut daemon);
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.starts_with("error: ") && error.contains("the feature otlp"),
        "{error}"
    );
}

#[cfg(feature = "otlp")]
mod otlp {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use aws_sdk_sqs::types::{
        MessageSystemAttributeNameForSends as SystemAttribute, MessageSystemAttributeValue,
    };

    use super::Account;
    use crate::cli::binary::{LIMIT, output, text};
    use crate::world::clock::START;
    use crate::world::emulator;
    use crate::world::webhook::Webhook;

    /// Starts a collector for one request. The receiver gets the request's head and body.
    fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, collected) = channel();
        thread::spawn(move || sender.send(collect(listener.accept().unwrap().0)));
        (url, collected)
    }

    fn collect(mut stream: TcpStream) -> (String, Vec<u8>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        (head, body)
    }

    fn holds(body: &[u8], part: &[u8]) -> bool {
        body.windows(part.len()).any(|window| window == part)
    }

    #[tokio::test]
    async fn a_delivery_is_traced_under_the_trace_of_sqs() {
        let account = Account::new("traces").await;
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(header)
            .build()
            .unwrap();
        let webhook = Webhook::pull_request("closed").seal(START);
        emulator::message(&account.client, &account.urls[0], webhook)
            .message_system_attributes(SystemAttribute::AwsTraceHeader, header)
            .send()
            .await
            .unwrap();

        let (url, collected) = collector();
        let mut daemon = account.daemon(&["--until-empty"]);
        daemon.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
        let output = output(&mut daemon);
        let log = text(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{log}");

        let (head, body) = collected.recv_timeout(LIMIT).expect("no trace was sent");
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        for name in [
            "delivery",
            "event",
            "intent",
            "plan",
            "sqs.ReceiveMessage",
            "dynamodb.TransactWriteItems",
            "acme/api#7",
            "branchline",
        ] {
            assert!(holds(&body, name.as_bytes()), "{name}");
        }
        let parent = hex::decode("5759e988bd862e3fe1be46a994272793").unwrap();
        assert!(holds(&body, &parent), "not under the trace of SQS");
    }

    #[tokio::test]
    async fn a_missing_collector_costs_only_a_log_line() {
        let account = Account::new("no-collector").await;
        account.send(Webhook::ping()).await;
        let mut daemon = account.daemon(&["--until-empty"]);
        daemon.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        let output = output(&mut daemon);
        let log = text(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{log}");
        assert_eq!(account.counts().await, [0, 0, 0], "{log}");
    }
}
