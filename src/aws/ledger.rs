//! The ledger port over DynamoDB: reads alone, by key.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::Fault;
use crate::domain::ids::{DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::ports::Ledger;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::records::alias_key;
use crate::aws::row::{Item, repository_key, s};

impl DynamoStore {
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
}

impl Ledger for DynamoStore {
    async fn delivered(&self, delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        let item = self
            .item(format!("DELIVERY#{delivery}"), "DELIVERY".to_owned())
            .await?;
        Ok(item.and_then(|item| subject(item.get("subject")?.as_s().ok()?)))
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        let item = self
            .item(alias_key(name.as_str()), "NAME".to_owned())
            .await?;
        let lower = name.as_str().to_ascii_lowercase();
        let item = match item {
            None if lower != name.as_str() => {
                self.item(alias_key(&lower), "NAME".to_owned()).await?
            }
            item => item,
        };
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
        Ok(item.and_then(|item| subject(item.get("subject")?.as_s().ok()?)))
    }

    async fn note(&self, subject: &Subject, entry: &AuditEntry) -> Result<(), Fault> {
        let call = format!("PutItem on {}", self.table());
        let key = format!("AUDIT#{}#{}#{}", subject.key(), entry.time, entry.cause);
        let request = self
            .client()
            .put_item()
            .table_name(self.table())
            .item("pk", s(repository_key(subject.repository)))
            .item("sk", s(key))
            .item("processed_at", s(&entry.processed_at))
            .item("outcome", s(&entry.outcome))
            .item("to", s(&entry.to))
            .item("journal", s(&entry.journal));
        let request = entry
            .actor
            .iter()
            .fold(request, |request, actor| request.item("actor", s(actor)));
        let answer = measured(Service::DynamoDb, &call, request.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| fault(Service::DynamoDb, &call, error))
    }

    async fn history(&self, subject: &Subject) -> Result<Vec<AuditEntry>, Fault> {
        let call = format!("Query on {}", self.table());
        let mut entries = Vec::new();
        let mut next = None;
        loop {
            let query = self
                .client()
                .query()
                .table_name(self.table())
                .key_condition_expression("pk = :pk AND begins_with(sk, :audit)")
                .expression_attribute_values(":pk", s(repository_key(subject.repository)))
                .expression_attribute_values(":audit", s(format!("AUDIT#{}#", subject.key())))
                .set_exclusive_start_key(next);
            let answer = measured(Service::DynamoDb, &call, query.send()).await;
            let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
            entries.extend(answer.items().iter().map(audited));
            next = answer.last_evaluated_key;
            if next.is_none() {
                return Ok(entries);
            }
        }
    }
}

/// The inverse of `records::subject_key`.
fn subject(text: &str) -> Option<Subject> {
    let (repository, key) = text.strip_prefix("REPO#")?.split_once('/')?;
    Subject::from_key(RepositoryId(repository.parse().ok()?), key)
}

/// Whatever is there of it: an entry that somebody damaged is shown, not hidden.
fn audited(item: &Item) -> AuditEntry {
    let text = |name: &str| {
        item.get(name)
            .and_then(|value: &AttributeValue| value.as_s().ok())
            .cloned()
    };
    let key = text("sk").unwrap_or_default();
    let mut parts = key.rsplitn(3, '#');
    AuditEntry {
        cause: parts.next().unwrap_or_default().to_owned(),
        time: parts.next().unwrap_or_default().to_owned(),
        processed_at: text("processed_at").unwrap_or_default(),
        actor: text("actor"),
        outcome: text("outcome").unwrap_or_default(),
        from: text("from"),
        to: text("to").unwrap_or_default(),
        pipeline: text("pipeline"),
        journal: text("journal").unwrap_or_default(),
    }
}
