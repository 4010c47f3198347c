//! What a command reads does not grow with what it does not ask for.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use branchline::aws::audit_table;

use super::account::Account;
use super::binary::output;
use crate::world::clock::START;
use crate::world::proxy::{Answered, Proxy};
use crate::world::webhook::{REPOSITORY, Webhook};

/// The subjects of other repositories, each with a mapping and its audit entries.
const OTHERS: u64 = 200;
/// The most items of one BatchWriteItem (API reference).
const BATCH: usize = 25;

type Item = HashMap<String, AttributeValue>;

/// Makes an account with two pull requests that have pipelines, and a dead letter.
async fn with_two() -> Account {
    let account = Account::new("flat").await;
    account.template().await;
    let invalid = Webhook::pull_request("opened").body("{}");
    for webhook in [
        Webhook::pull_request("opened").delivery("d-1"),
        Webhook::pull_request("opened").number(8),
        invalid.delivery("d-2"),
    ] {
        account.send(webhook.at(START)).await;
    }
    account.process_all().await;
    account
}

/// Copies the mapping of pull request 7 and its audit entries to subjects of other repositories.
async fn add_others(account: &Account) {
    let client = account.tables().await;
    for table in [account.table.clone(), audit_table(&account.table)] {
        let scanned = client.scan().table_name(&table).send().await.unwrap();
        let copied: Vec<Item> = scanned
            .items
            .unwrap()
            .into_iter()
            .filter(|item| key(item).contains("PR#0000000007"))
            .collect();
        assert!(!copied.is_empty(), "{table}");
        let copies: Vec<WriteRequest> = (1..=OTHERS)
            .flat_map(|number| copied.iter().map(move |item| copy(item, number)))
            .collect();
        for batch in copies.chunks(BATCH) {
            let write = client.batch_write_item();
            let write = write.request_items(&table, batch.to_vec());
            write.send().await.unwrap();
        }
    }
}

/// Returns the keys of an item, one after the other.
fn key(item: &Item) -> String {
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    [text("pk"), "/", text("sk")].concat()
}

/// Returns the request that writes a copy for another repository.
fn copy(item: &Item, number: u64) -> WriteRequest {
    let mut item = item.clone();
    let ours = format!("REPO#{}", REPOSITORY.0);
    let theirs = format!("REPO#{}", REPOSITORY.0 + number);
    let pk = item["pk"].as_s().unwrap().replace(&ours, &theirs);
    item.insert("pk".to_owned(), AttributeValue::S(pk));
    let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

/// Runs a command, and returns the calls that it made, and what the tables answered. No query has a
/// filter, so that this is what was read.
fn read(account: &Account, proxy: &Proxy, arguments: &[&str]) -> BTreeMap<String, Answered> {
    proxy.take_answered();
    let mut command = account.command(arguments);
    let output = output(command.env("AWS_ENDPOINT_URL", &proxy.endpoint));
    let errors = String::from_utf8_lossy(&output.stderr);
    // `dlq list` says by its code that there are messages.
    let is_done = matches!(output.status.code(), Some(0 | 1));
    assert!(is_done && !output.stdout.is_empty(), "{errors}");
    let of_tables = ["query", "getitem", "batchgetitem", "scan"];
    let answered = proxy.take_answered().into_iter();
    answered
        .map(|(operation, answered)| {
            let bytes = match of_tables.contains(&operation.as_str()) {
                true => answered.bytes,
                // Their answers have times and receipts.
                false => 0,
            };
            (operation, Answered { bytes, ..answered })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_reads_as_much_with_many_other_subjects_as_with_few() {
    let account = with_two().await;
    let upstream = account.endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(upstream.parse().unwrap(), 1).await.unwrap();
    let commands: [&[&str]; 7] = [
        &["mappings", "list", "--repository", "acme/api"],
        &["mappings", "show", "acme/api#7"],
        &["mappings", "show", "api-pr-7"],
        &["mappings", "history", "acme/api#7"],
        &["mappings", "history", "--delivery", "d-1"],
        &["dlq", "list"],
        // What the test would notice.
        &["mappings", "list"],
    ];
    let of_all = || commands.map(|arguments| read(&account, &proxy, arguments));
    let few = of_all();
    add_others(&account).await;
    let many = of_all();
    let [few @ .., all_before] = few;
    let [many @ .., all_after] = many;
    for ((arguments, few), many) in commands.iter().zip(few).zip(many) {
        assert!(!few.is_empty(), "{arguments:?}");
        assert_eq!(few, many, "{arguments:?}");
    }
    let bytes = |read: &BTreeMap<String, Answered>| read["query"].bytes;
    assert!(
        bytes(&all_after) > 50 * bytes(&all_before),
        "{all_before:?}, {all_after:?}"
    );
}
