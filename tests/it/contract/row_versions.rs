//! Two versions of the row format against one table, in both directions: this branchline, and a
//! newer one that is played here by plain reads and writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use branchline::aws::DynamoStore;
use branchline::domain::fault::Reason;
use branchline::domain::ids::Subject;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::{ClaimResult, RecordResult, Store, StoreReader};

use crate::world::emulator::config;
use crate::world::samples::{at, claim, created, entry, first, pull};
use crate::world::table;

type Item = HashMap<String, AttributeValue>;

/// One table with both versions of branchline over it.
struct Versions {
    client: Client,
    table: String,
    ours: DynamoStore,
}

impl Versions {
    async fn new(name: &str) -> Self {
        let table = format!("row-versions-{name}");
        let client = Client::new(&config(table.as_str()).await);
        table::make(&client, &table).await;
        let ours = DynamoStore::new(client.clone(), table.clone());
        Self {
            client,
            table,
            ours,
        }
    }

    /// Writes a row as this branchline does: claimed, and settled as a pipeline that was created.
    async fn create(&self, subject: &Subject, transition: Transition) -> Mapping {
        let claim = self.claim(transition).await;
        let name = claim.mapping().pipeline_name().unwrap().to_string();
        let settled = claim.settle(created(&name), at(2_000));
        let recorded = self.ours.record(&settled, &entry("guid-1", "active")).await;
        assert!(matches!(recorded.unwrap(), RecordResult::Done));
        self.ours.mapping(subject).await.unwrap().unwrap()
    }

    async fn claim(&self, transition: Transition) -> Claim {
        match self.ours.claim(transition).await.unwrap() {
            ClaimResult::Won(claim) => *claim,
            other @ (ClaimResult::Lost(_)
            | ClaimResult::NameTaken(_)
            | ClaimResult::StackTaken(_)
            | ClaimResult::Skipped) => {
                panic!("{other:?}")
            }
        }
    }

    /// Reads the row as a newer branchline does.
    async fn read(&self, subject: &Subject) -> Item {
        let request = self.client.get_item().table_name(&self.table);
        let pk = format!("REPO#{}", subject.repository);
        let request = request.key("pk", AttributeValue::S(pk));
        let request = request.key("sk", AttributeValue::S(subject.key()));
        request.send().await.unwrap().item.unwrap()
    }

    /// Writes the row as a newer branchline does.
    async fn write(&self, item: &Item) {
        let request = self.client.put_item().table_name(&self.table);
        let request = request.set_item(Some(item.clone()));
        request.send().await.unwrap();
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map<'a>(item: &'a mut Item, name: &str) -> &'a mut Item {
    match item.get_mut(name) {
        Some(AttributeValue::M(map)) => map,
        other => panic!("{name}: {other:?}"),
    }
}

/// The same row, claimed by another worker of this branchline.
fn again(seen: &Mapping) -> Transition {
    let next = Mapping {
        state: State::Starting,
        generation: seen.generation + 1,
        claim: Some(claim("worker/2")),
        ..seen.clone()
    };
    Transition::new(seen.as_seen(), next)
}

#[tokio::test]
async fn each_version_keeps_what_the_other_wrote() {
    let versions = Versions::new("same-schema").await;
    let subject = pull(7);
    let first = first(subject.clone(), "api-pr-7", "worker/1");
    versions.create(&subject, first).await;

    let mut row = versions.read(&subject).await;
    let stack = Item::from([("arn".to_owned(), text("arn:aws:cloudformation:..."))]);
    map(&mut row, "resources").insert("stack".to_owned(), AttributeValue::M(stack));
    row.insert(
        "labels".to_owned(),
        AttributeValue::Ss(vec!["preview".to_owned()]),
    );
    versions.write(&row).await;

    let seen = versions.ours.mapping(&subject).await.unwrap().unwrap();
    assert_eq!(seen.state, State::Active);
    versions.create(&subject, again(&seen)).await;

    let mut after = versions.read(&subject).await;
    assert_eq!(after["generation"], AttributeValue::N("2".to_owned()));
    assert_eq!(after["labels"], row["labels"]);
    let resources = map(&mut after, "resources").clone();
    assert_eq!(resources["stack"], map(&mut row, "resources")["stack"]);
    assert_eq!(
        resources["pipeline"],
        map(&mut row, "resources")["pipeline"]
    );
}

#[tokio::test]
async fn a_row_of_a_newer_schema_is_not_touched() {
    let versions = Versions::new("newer-schema").await;
    let subject = pull(7);
    let first = first(subject.clone(), "api-pr-7", "worker/1");
    let seen = versions.create(&subject, first.clone()).await;

    let mut row = versions.read(&subject).await;
    row.insert("schema".to_owned(), AttributeValue::N("2".to_owned()));
    row.insert("generation".to_owned(), AttributeValue::N("9".to_owned()));
    row.insert("desired".to_owned(), text("in another form"));
    versions.write(&row).await;

    let reasons = [
        versions.ours.mapping(&subject).await.unwrap_err().reason,
        versions.ours.claim(first).await.unwrap_err().reason,
        versions.ours.claim(again(&seen)).await.unwrap_err().reason,
        {
            let transition = again(&seen);
            let entry = entry("guid-2", "starting");
            let recorded = versions.ours.record(&transition, &entry).await;
            recorded.unwrap_err().reason
        },
    ];
    assert_eq!(reasons, [Reason::MappingNewer; 4]);
    let page = versions.ours.in_state(State::Active, None).await.unwrap();
    let listed: Vec<_> = page
        .rows
        .into_iter()
        .map(|row| row.unwrap_err().reason)
        .collect();
    assert_eq!(listed, [Reason::MappingNewer]);
    assert_eq!(versions.read(&subject).await, row);
}
