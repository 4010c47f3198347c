//! Implements the audit log port with DynamoDB.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::RepositoryName;
use crate::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use crate::domain::outcome::chain::Chain;
use crate::ports::AuditLog;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::trail::item::entry_item;

/// How often an entry is put if other writers add theirs first. A chain without a mapping has one
/// or two writers.
const ATTEMPTS: usize = 8;

impl AuditLog for DynamoStore {
    async fn note(&self, chain: &Chain, entry: &NewAuditEntry) -> Result<(), Fault> {
        self.add_last(chain, entry).await?;
        self.name_repository(chain, entry).await;
        Ok(())
    }
}

impl DynamoStore {
    /// Adds an entry after the last one, unless the last one is this entry.
    async fn add_last(&self, chain: &Chain, entry: &NewAuditEntry) -> Result<(), Fault> {
        let last_entry = self.last_entries().of(chain);
        let mut known = last_entry.lock().await;
        let mut last = match known.take() {
            Some(last) => Some(last),
            None => self.last_entry(chain).await?,
        };
        for _ in 0..ATTEMPTS {
            // An earlier attempt of this entry, whose answer was lost.
            if let Some(last) = last.take_if(|last| last.is(entry, chain)) {
                *known = Some(last);
                return Ok(());
            }
            let after = last.as_ref().map(AuditEntry::head);
            let linked = AuditEntry::link(entry, chain, after.as_ref());
            if self.put_entry(chain, &linked).await? {
                *known = Some(linked);
                return Ok(());
            }
            last = self.last_entry(chain).await?;
        }
        let detail = format!("other writers added to the audit trail {chain} {ATTEMPTS} times");
        Err(Fault::new(Reason::AwsConflict, detail))
    }

    /// Writes the name of the repository of a dead letter: there may be no mapping that has it.
    async fn name_repository(&self, chain: &Chain, entry: &NewAuditEntry) {
        let Chain::DeadLetters(subject) = chain else {
            return;
        };
        let name = entry.repository.as_deref();
        let Some(name) = name.and_then(|name| RepositoryName::parse(name).ok()) else {
            return;
        };
        let written = self.name_for_people(subject.repository, &name).await;
        if let Err(fault) = written {
            tracing::warn!(fault = %fault, "Operators cannot find a repository by its name");
        }
    }

    /// Puts an entry in its place. Returns false if the place is taken.
    async fn put_entry(&self, chain: &Chain, entry: &AuditEntry) -> Result<bool, Fault> {
        let call = format!("PutItem on {}", self.audit_table());
        let put = self
            .client()
            .put_item()
            .table_name(self.audit_table())
            .set_item(Some(entry_item(chain, entry)))
            .condition_expression("attribute_not_exists(pk)");
        match measured(Service::DynamoDb, &call, put.send()).await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(refused))
                if matches!(
                    refused.err(),
                    PutItemError::ConditionalCheckFailedException(_)
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault(Service::DynamoDb, &call, error)),
        }
    }
}
