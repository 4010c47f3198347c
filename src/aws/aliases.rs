//! Writes the items that map repositories' names to their numbers.
//!
//! They are for people and no transaction contains them: all subjects of a repository share them,
//! so their writes would cancel each other's transactions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use tokio::time::timeout;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{RepositoryId, RepositoryName};
use crate::domain::state::mapping::Mapping;

use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};
use crate::aws::records::alias_items;
use crate::aws::row::Item;

/// How many repositories' names are kept as written. Beyond that number some are written twice.
const LIMIT: usize = 10_000;

/// How long a name may take: a claim waits for it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);

/// The names that this process wrote.
#[derive(Default)]
pub(super) struct WrittenAliases(Mutex<HashMap<RepositoryId, RepositoryName>>);

impl WrittenAliases {
    /// Writes the alias of the mapping's repository: see [`WrittenAliases::write_name`].
    pub(super) async fn write(&self, client: &Client, table: &str, mapping: &Mapping) {
        let repository = mapping.subject.repository;
        self.write_name(client, table, repository, &mapping.repository)
            .await;
    }

    /// Writes the alias of a repository, unless this process wrote it before. If that fails, the
    /// next write of the repository tries again.
    pub(super) async fn write_name(
        &self,
        client: &Client,
        table: &str,
        repository: RepositoryId,
        name: &RepositoryName,
    ) {
        if !self.is_due(repository, name) {
            return;
        }
        for item in alias_items(repository, name) {
            if let Err(fault) = put(client, table, item).await {
                self.lock().remove(&repository);
                tracing::warn!(
                    fault = %fault,
                    repository.name = name.as_str(),
                    "A repository's name could not be written; its next event tries again"
                );
                return;
            }
        }
    }

    /// Returns true if the alias must be written. From now on it counts as written, so that
    /// simultaneous first events of a repository write it once.
    fn is_due(&self, repository: RepositoryId, name: &RepositoryName) -> bool {
        let mut aliases = self.lock();
        if aliases.len() >= LIMIT {
            aliases.clear();
        }
        aliases.insert(repository, name.clone()).as_ref() != Some(name)
    }

    /// Locks the names. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<RepositoryId, RepositoryName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn put(client: &Client, table: &str, item: Item) -> Result<(), Fault> {
    let call = format!("PutItem on {table}");
    let put = client.put_item().table_name(table).set_item(Some(item));
    match timeout(
        WRITE_TIMEOUT,
        measured(Service::DynamoDb, &call, put.send()),
    )
    .await
    {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(fault(Service::DynamoDb, &call, error)),
        Err(_) => Err(Fault::new(
            Reason::AwsUnavailable,
            format!("{call}: no answer within {WRITE_TIMEOUT:?}"),
        )),
    }
}
