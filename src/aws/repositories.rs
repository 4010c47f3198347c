//! The records of repositories, and the items by which people find a repository by its name. None
//! of them is part of a transaction: simultaneous events of one repository would conflict.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{RepositoryId, RepositoryName, Subject, Timestamp};
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use crate::ports::KnownSubject;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{self, Item, n, repository_key, s};

const SORT_KEY: &str = "REPOSITORY";

impl DynamoStore {
    /// Remembers the name in a row, unless this process wrote it before.
    pub(super) async fn remember_name(&self, mapping: &Mapping) -> Result<(), Fault> {
        let (repository, name) = (mapping.subject.repository, &mapping.repository);
        if self.written_names().has(repository, name) {
            return Ok(());
        }
        self.add_names(repository, std::slice::from_ref(name))
            .await?;
        self.put_alias(repository, name).await?;
        self.written_names().add(repository, name);
        Ok(())
    }

    /// Remembers the new name of a repository, unless a later one is remembered.
    pub(super) async fn rename(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        since: Timestamp,
    ) -> Result<(), Fault> {
        self.add_names(repository, names).await?;
        let update = self
            .record_update(repository)
            .update_expression("SET renamed_at = :since")
            .condition_expression("attribute_not_exists(renamed_at) OR renamed_at < :since")
            .expression_attribute_values(":since", n(since.0));
        match (self.update(repository, update).await?, names.last()) {
            (true, Some(name)) => self.put_alias(repository, name).await,
            (false, _) | (true, None) => Ok(()),
        }
    }

    pub(super) async fn end(
        &self,
        repository: RepositoryId,
        end: RepositoryTombstone,
    ) -> Result<(), Fault> {
        let update = self
            .record_update(repository)
            .update_expression("SET ended_at = :at, end_reason = :reason")
            .condition_expression("attribute_not_exists(ended_at) OR ended_at < :at")
            .expression_attribute_values(":at", n(end.at.0))
            .expression_attribute_values(":reason", s(end.reason.as_str()));
        self.update(repository, update).await.map(|_| ())
    }

    pub(super) async fn record_of(
        &self,
        repository: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, Fault> {
        let item = self
            .item(repository_key(repository), SORT_KEY.to_owned())
            .await?;
        item.as_ref().map(record).transpose()
    }

    /// Reads a row and its repository's record in one call.
    pub(super) async fn known_of(&self, subject: &Subject) -> Result<KnownSubject, Fault> {
        let partition = repository_key(subject.repository);
        let keys = [
            (partition.clone(), subject.key()),
            (partition, SORT_KEY.to_owned()),
        ];
        let mut known = KnownSubject::default();
        for item in self.items(keys).await? {
            match item.get("sk") {
                Some(AttributeValue::S(sort)) if sort == SORT_KEY => {
                    known.repository = Some(record(&item)?);
                }
                Some(_) | None => known.mapping = Some(row::read(&item)?),
            }
        }
        Ok(known)
    }

    async fn add_names(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
    ) -> Result<(), Fault> {
        let lower = names.iter().map(|name| name.to_lower_case().to_string());
        let update = self
            .record_update(repository)
            .update_expression("ADD known_names :names")
            .expression_attribute_values(":names", AttributeValue::Ss(lower.collect()));
        self.update(repository, update).await.map(|_| ())
    }

    /// Writes the item by which people find a repository by this name, unless this process wrote it
    /// before. Unlike [`DynamoStore::remember_name`], it does not make the name one of the
    /// repository's.
    pub(super) async fn name_for_people(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
    ) -> Result<(), Fault> {
        match self.written_names().has(repository, name) {
            true => Ok(()),
            false => self.put_alias(repository, name).await,
        }
    }

    async fn put_alias(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
    ) -> Result<(), Fault> {
        let request = self
            .client()
            .put_item()
            .table_name(self.table())
            .item("pk", s(alias_key(name)))
            .item("sk", s("NAME"))
            .item("repository_id", n(repository.0));
        let call = format!("PutItem of {} on {}", alias_key(name), self.table());
        let answer = measured(Service::DynamoDb, "PutItem", request.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| fault(Service::DynamoDb, &call, error))
    }

    fn record_update(&self, repository: RepositoryId) -> UpdateItemFluentBuilder {
        self.client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(repository_key(repository)))
            .key("sk", s(SORT_KEY))
    }

    /// Returns false if the condition refused the update.
    async fn update(
        &self,
        repository: RepositoryId,
        update: UpdateItemFluentBuilder,
    ) -> Result<bool, Fault> {
        let error = match measured(Service::DynamoDb, "UpdateItem", update.send()).await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        if let SdkError::ServiceError(refused) = &error
            && refused.err().is_conditional_check_failed_exception()
        {
            return Ok(false);
        }
        let call = format!(
            "UpdateItem of {} / {SORT_KEY} on {}",
            repository_key(repository),
            self.table()
        );
        Err(fault(Service::DynamoDb, &call, error))
    }
}

/// Returns the key under which people find a repository: GitHub compares names without case.
pub(super) fn alias_key(name: &RepositoryName) -> String {
    format!("NAME#{}", name.to_lower_case())
}

/// Reads a record.
fn record(item: &Item) -> Result<RepositoryRecord, Fault> {
    let read = || {
        let names = match item.get("known_names") {
            Some(names) => names.as_ss().ok()?.as_slice(),
            None => &[],
        };
        let names = names.iter().map(|name| RepositoryName::parse(name).ok());
        let end = match (item.get("ended_at"), item.get("end_reason")) {
            (Some(at), Some(reason)) => {
                let word = reason.as_s().ok()?;
                let mut reasons = AbsenceReason::ALL.into_iter();
                Some(RepositoryTombstone {
                    at: Timestamp(at.as_n().ok()?.parse().ok()?),
                    reason: reasons.find(|reason| reason.as_str() == word)?,
                })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        Some(RepositoryRecord {
            names: names.collect::<Option<_>>()?,
            end,
        })
    };
    read().ok_or_else(|| {
        let key = item.get("pk").and_then(|pk| pk.as_s().ok());
        let detail = format!(
            "the record {} / {SORT_KEY} is not as branchline writes it: correct or remove it, then replay",
            key.map_or("?", String::as_str)
        );
        Fault::new(Reason::MappingUnreadable, detail)
    })
}
