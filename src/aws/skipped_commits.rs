//! Commits whose message asks for no build: one item for each.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::Fault;
use crate::domain::ids::{CommitId, RepositoryId, Subject, Timestamp};
use crate::ports::PushedSubject;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::records::{SKIPPED, skipped_key};
use crate::aws::row::{self, n, repository_key, s};

/// How long an item is kept: a year, in seconds. Pull requests are rarely open for longer, and then
/// their next event builds the commit.
const KEPT: i64 = 365 * 24 * 60 * 60;

impl DynamoStore {
    pub(super) async fn put_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let key = skipped_key(repository, commit);
        let call = format!("PutItem of {key} on {}", self.table());
        let request = self
            .client()
            .put_item()
            .table_name(self.table())
            .item("pk", s(key))
            .item("sk", s(SKIPPED))
            .item("expires_at", n(now.seconds().saturating_add(KEPT)));
        let answer = measured(Service::DynamoDb, "PutItem", request.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error));
        answer.map(|_| ())
    }

    /// Reads a row and the item of a commit in one call.
    pub(super) async fn with_commit(
        &self,
        subject: &Subject,
        commit: &CommitId,
    ) -> Result<PushedSubject, Fault> {
        let key = skipped_key(subject.repository, commit);
        let row = (repository_key(subject.repository), subject.key());
        let mut pushed = PushedSubject::default();
        for item in self.items([row, (key.clone(), SKIPPED.to_owned())]).await? {
            match item.get("pk") {
                Some(AttributeValue::S(pk)) if *pk == key => pushed.is_skipped = true,
                Some(_) | None => pushed.mapping = Some(row::read(&item)?),
            }
        }
        Ok(pushed)
    }

    pub(super) async fn has_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
    ) -> Result<bool, Fault> {
        let key = skipped_key(repository, commit);
        let item = self.item(key, SKIPPED.to_owned()).await?;
        Ok(item.is_some())
    }
}
