//! The tables that branchline needs, in the emulator.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use branchline::aws::audit_table;

/// Creates the table, and that of its audit trail.
pub(crate) async fn make(client: &Client, name: &str) {
    let audit = client
        .create_table()
        .table_name(audit_table(name))
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("pk", "sk")))
        .global_secondary_indexes(index("by-time", "day", "processed_at"));
    let audit = define(audit, &["pk", "sk", "day", "processed_at"]);
    audit.send().await.unwrap();
    let request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("pk", "sk")))
        .global_secondary_indexes(index("by-state", "state", "updated_at"));
    let request = define(request, &["pk", "sk", "state", "updated_at"]);
    request.send().await.unwrap();
}

/// Copies every item of a table into another one.
pub(crate) async fn copy(client: &Client, from: &str, to: &str) {
    let mut pages = client.scan().table_name(from).into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items.unwrap_or_default() {
            let put = client.put_item().table_name(to).set_item(Some(item));
            put.send().await.unwrap();
        }
    }
}

/// Declares these attributes as text.
fn define(request: CreateTableFluentBuilder, names: &[&str]) -> CreateTableFluentBuilder {
    names.iter().fold(request, |request, name| {
        let definition = AttributeDefinition::builder().attribute_name(*name);
        let definition = definition.attribute_type(ScalarAttributeType::S).build();
        request.attribute_definitions(definition.unwrap())
    })
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let key = |(name, kind)| {
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind);
        key.build().unwrap()
    };
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .map(key)
        .into()
}

/// Returns an index with all attributes.
fn index(name: &str, hash: &str, range: &str) -> GlobalSecondaryIndex {
    let all = Projection::builder().projection_type(ProjectionType::All);
    let index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)))
        .projection(all.build());
    index.build().unwrap()
}
