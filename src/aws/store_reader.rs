//! Implements the reading store port with DynamoDB.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::repository::RepositoryRecord;
use crate::domain::state::slots::SlotUse;
use crate::ports::{Cursor, KnownSubject, Page, PushedSubject, StoreReader};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::repositories::alias_key;
use crate::aws::row::{self, Item, repository_key, s};

/// The sparse index of mappings by state, in which the longest unchanged come first.
pub(super) const BY_STATE: &str = "by-state";

impl DynamoStore {
    /// Reads as many rows as DynamoDB returns in one answer: up to 1 MB (API reference, Query).
    async fn page(&self, query: QueryFluentBuilder, after: Option<Cursor>) -> Result<Page, Fault> {
        let query = query
            .table_name(self.table())
            .set_exclusive_start_key(start_key(after));
        let call = format!("Query on {}", self.table());
        let answer = measured(Service::DynamoDb, &call, query.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(Page {
            rows: answer.items().iter().map(row::read).collect(),
            next: answer.last_evaluated_key.map(cursor),
        })
    }

    pub(super) async fn item(&self, pk: String, sk: String) -> Result<Option<Item>, Fault> {
        let call = format!("GetItem {pk} on {}", self.table());
        let request = self
            .client()
            .get_item()
            .table_name(self.table())
            .key("pk", s(pk))
            .key("sk", s(sk))
            .consistent_read(true);
        let answer = measured(Service::DynamoDb, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(answer.item)
    }

    /// Reads items in one call, each as it is now. Those that are not there are left out.
    pub(super) async fn items<const N: usize>(
        &self,
        keys: [(String, String); N],
    ) -> Result<Vec<Item>, Fault> {
        let call = format!("BatchGetItem on {}", self.table());
        let key = |(pk, sk)| Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))]);
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.map(key).into()))
            .consistent_read(true)
            .build();
        let keys = keys.map_err(|error| Fault::new(Reason::AwsUnknown, error.to_string()))?;
        let request = self
            .client()
            .batch_get_item()
            .request_items(self.table(), keys);
        let answer = measured(Service::DynamoDb, "BatchGetItem", request.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        if answer
            .unprocessed_keys()
            .is_some_and(|keys| !keys.is_empty())
        {
            let detail = format!("{call}: DynamoDB left keys unprocessed");
            return Err(Fault::new(Reason::AwsThrottled, detail));
        }
        let tables = answer.responses.unwrap_or_default();
        Ok(tables.into_values().flatten().collect())
    }
}

impl StoreReader for DynamoStore {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        let item = self
            .item(repository_key(subject.repository), subject.key())
            .await?;
        item.as_ref().map(row::read).transpose()
    }

    async fn pushed(&self, subject: &Subject, commit: &CommitId) -> Result<PushedSubject, Fault> {
        self.with_commit(subject, commit).await
    }

    async fn known(&self, subject: &Subject) -> Result<KnownSubject, Fault> {
        self.known_of(subject).await
    }

    async fn repository_record(
        &self,
        repository: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, Fault> {
        self.record_of(repository).await
    }

    async fn in_state(&self, state: State, after: Option<Cursor>) -> Result<Page, Fault> {
        let query = self
            .client()
            .query()
            .index_name(BY_STATE)
            .key_condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", s(state.as_str()));
        self.page(query, after).await
    }

    async fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        // All rows between `BRANCH#` and `PR$`: this partition has no other kinds of keys in that
        // range.
        let query = self
            .client()
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(repository_key(repository)))
            .expression_attribute_values(":first", s("BRANCH#"))
            .expression_attribute_values(":last", s("PR$"))
            .consistent_read(true);
        self.page(query, after).await
    }

    async fn delivered(&self, delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        let item = self
            .item(format!("DELIVERY#{delivery}"), "DELIVERY".to_owned())
            .await?;
        Ok(item.and_then(|item| Subject::from_table_key(item.get("subject")?.as_s().ok()?)))
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        let item = self.item(alias_key(name), "NAME".to_owned()).await?;
        Ok(item.and_then(|item| {
            Some(RepositoryId(
                item.get("repository_id")?.as_n().ok()?.parse().ok()?,
            ))
        }))
    }

    async fn owner(&self, pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        let item = self
            .item(format!("PIPELINE#{pipeline}"), "PIPELINE".to_owned())
            .await?;
        Ok(item.and_then(|item| Subject::from_table_key(item.get("subject")?.as_s().ok()?)))
    }

    async fn first_received(&self, body: &BodyDigest) -> Result<Option<Timestamp>, Fault> {
        self.remembered(body).await
    }

    async fn is_skipped(&self, repository: RepositoryId, commit: &CommitId) -> Result<bool, Fault> {
        self.has_skipped(repository, commit).await
    }

    async fn slots(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        self.slot_use(rule, subject).await
    }

    async fn account_use(&self) -> Result<SlotUse, Fault> {
        self.account().await
    }
}

/// Converts a cursor into the key after which a page begins.
pub(super) fn start_key(after: Option<Cursor>) -> Option<Item> {
    let values = after?.0.into_iter();
    Some(values.map(|(key, value)| (key, s(value))).collect())
}

/// Converts a key into a cursor. All keys of both tables and of the index are text.
pub(super) fn cursor(key: Item) -> Cursor {
    let text = |(name, value): (String, AttributeValue)| Some((name, value.as_s().ok()?.clone()));
    Cursor(key.into_iter().filter_map(text).collect())
}
