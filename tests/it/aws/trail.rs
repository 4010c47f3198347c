//! The audit trail where DynamoDB's response was lost, or where a place in a chain is taken.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_smithy_mocks::{Rule, mock};
use branchline::domain::fault::Reason;
use branchline::domain::outcome::chain::Chain;
use branchline::ports::AuditLog;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::clients;
use crate::world::samples::{entry, pull};

type Item = HashMap<String, AttributeValue>;

fn chain() -> Chain {
    Chain::Operators(pull(7))
}

fn last(items: Vec<Item>) -> Rule {
    mock!(Client::query)
        .match_requests(|request| {
            request.limit() == Some(1) && request.consistent_read() == Some(true)
        })
        .then_output(move || {
            QueryOutput::builder()
                .set_items(Some(items.clone()))
                .build()
        })
}

fn taken() -> Rule {
    mock!(Client::put_item)
        .match_requests(|request| {
            request.condition_expression() == Some("attribute_not_exists(pk)")
        })
        .then_error(|| {
            let refused = ConditionalCheckFailedException::builder().build();
            PutItemError::ConditionalCheckFailedException(refused)
        })
}

/// Returns a rule that accepts the entry with this number, and nothing else.
fn accepts(number: u64) -> Rule {
    let key = chain().sort_key(number);
    mock!(Client::put_item)
        .match_requests(move |request| {
            let item = request.item();
            item.and_then(|item| item.get("sk")) == Some(&AttributeValue::S(key.clone()))
                && request.table_name() == Some("branchline-audit")
        })
        .then_output(|| PutItemOutput::builder().build())
}

/// The item that the adapter writes for an entry, as the first of its chain.
async fn written() -> Item {
    let (sender, receiver) = std::sync::mpsc::channel();
    let put = mock!(Client::put_item).then_compute_output(move |request| {
        sender.send(request.item().unwrap().clone()).unwrap();
        PutItemOutput::builder().build()
    });
    let store = clients::store(&[&last(Vec::new()), &put]);
    store.note(&chain(), &entry("guid-1", "-")).await.unwrap();
    receiver.recv().unwrap()
}

#[tokio::test]
async fn an_entry_whose_response_was_lost_counts_as_written() {
    let item = written().await;
    let store = clients::store(&[&last(Vec::new()), &taken(), &last(vec![item])]);
    store.note(&chain(), &entry("guid-1", "-")).await.unwrap();
}

#[tokio::test]
async fn an_entry_whose_place_is_taken_follows_the_other_one() {
    let item = written().await;
    let store = clients::store(&[&last(Vec::new()), &taken(), &last(vec![item]), &accepts(2)]);
    store.note(&chain(), &entry("guid-2", "-")).await.unwrap();
}

#[tokio::test]
async fn the_next_entry_of_a_process_reads_nothing() {
    let store = clients::store(&[&last(Vec::new()), &accepts(1), &accepts(2)]);
    for delivery in ["guid-1", "guid-2"] {
        store.note(&chain(), &entry(delivery, "-")).await.unwrap();
    }
}

/// A table that never answers receives the request for one chain while that for another waits.
#[tokio::test]
async fn an_entry_of_one_chain_does_not_wait_for_that_of_another() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let store = clients::store_at(&endpoint);
    let note = async |number| {
        let chain = Chain::Operators(pull(number));
        store.note(&chain, &entry("guid-1", "-")).await
    };
    let requests = async {
        let first = silent.accept().await.unwrap();
        (first, silent.accept().await.unwrap())
    };
    let both = timeout(Duration::from_secs(10), requests);
    tokio::select! {
        both = both => assert!(both.is_ok(), "the second request waits for the first"),
        answer = note(7) => panic!("{answer:?}"),
        answer = note(8) => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_place_that_is_always_taken_is_a_conflict() {
    let item = written().await;
    let rules: Vec<Rule> = (0..8)
        .flat_map(|_| [taken(), last(vec![item.clone()])])
        .collect();
    let first = last(Vec::new());
    let all: Vec<&Rule> = [&first].into_iter().chain(&rules).collect();
    let store = clients::store(&all);
    let fault = store.note(&chain(), &entry("guid-2", "-")).await;
    assert_eq!(fault.unwrap_err().reason, Reason::AwsConflict);
}
