//! Implements the commits port with DynamoDB: one item for each head commit.

mod comment;
mod deployments;
mod keys;
mod read;
pub(super) mod write;

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate, Phase};
use crate::ports::{CommitList, CommitLog, CommitPage, Cursor, SubjectPage};

use crate::aws::call::measured;
use crate::aws::commits::keys::{COMMIT, commit_key, subject_key};
use crate::aws::dynamodb::DynamoStore;
use crate::aws::expression::Expression;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{Item, n, s};
use crate::aws::store_reader::{BY_STATE, cursor, start_key};

impl DynamoStore {
    /// Updates a record of a subject on a condition. Returns false if the condition does not hold.
    async fn change_record(
        &self,
        subject: &Subject,
        sort_key: String,
        change: Expression,
        condition: &str,
    ) -> Result<bool, Fault> {
        self.update_item(subject_key(subject), sort_key, change, Some(condition))
            .await
    }

    /// Writes a version of a subject's record. Returns false if the table does not have the version
    /// before it. The first version needs a table without such a record.
    async fn replace_record(
        &self,
        subject: &Subject,
        sort_key: &str,
        mut change: Expression,
        version: u64,
    ) -> Result<bool, Fault> {
        let condition = match version {
            0 | 1 => "attribute_not_exists(#version)",
            version => {
                change.compare("version", ":seen", n(version - 1));
                "#version = :seen"
            }
        };
        self.change_record(subject, sort_key.to_owned(), change, condition)
            .await
    }

    /// Returns a page of the subjects of a list in the index.
    async fn listed_subjects(
        &self,
        list: &str,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        let (items, next) = self.listed_keys(list, before, after).await?;
        let subjects: Result<_, Fault> = items.iter().map(read::subject).collect();
        Ok(SubjectPage {
            subjects: subjects?,
            next,
        })
    }

    /// Returns a page of the keys of a list in the index.
    async fn listed_keys(
        &self,
        list: &str,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<(Vec<Item>, Option<Cursor>), Fault> {
        let call = format!("Query on {}", self.table());
        let query = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(BY_STATE)
            .key_condition_expression("#state = :state AND updated_at < :before")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", s(list))
            .expression_attribute_values(":before", s(before.to_string()))
            .set_exclusive_start_key(start_key(after));
        let answer = measured(Service::DynamoDb, "Query", query.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok((
            answer.items.unwrap_or_default(),
            answer.last_evaluated_key.map(cursor),
        ))
    }
}

impl CommitLog for DynamoStore {
    async fn commit(&self, key: &CommitKey) -> Result<Option<CommitRecord>, Fault> {
        let (pk, sk) = (subject_key(&key.subject), commit_key(&key.commit));
        match self.item(pk, sk).await? {
            Some(item) => read::record(&item),
            None => Ok(None),
        }
    }

    async fn commits(&self, subject: &Subject) -> Result<Vec<CommitRecord>, Fault> {
        let call = format!("Query of {} on {}", subject_key(subject), self.table());
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let query = self
                .client()
                .query()
                .table_name(self.table())
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":pk", s(subject_key(subject)))
                .expression_attribute_values(":sk", s(COMMIT))
                .consistent_read(true)
                .set_exclusive_start_key(after);
            let answer = measured(Service::DynamoDb, "Query", query.send()).await;
            let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
            for item in answer.items() {
                records.extend(read::record(item)?);
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(records);
            }
        }
    }

    async fn update_unstarted(&self, update: &CommitUpdate, now: Timestamp) -> Result<(), Fault> {
        let mut change = write::changes(update, now);
        change.compare("phase", ":building", s(Phase::BUILDING));
        let condition = "attribute_not_exists(#phase) OR #phase <> :building";
        let CommitKey { subject, commit } = update.key();
        let applied = self.change_record(subject, commit_key(commit), change, condition);
        applied.await.map(|_| ())
    }

    async fn replace(&self, record: &CommitRecord) -> Result<bool, Fault> {
        let mut change = write::replacement(record);
        let seen = n(record.version.saturating_sub(1));
        change.compare("version", ":seen", seen);
        let CommitKey { subject, commit } = &record.key;
        self.change_record(subject, commit_key(commit), change, "#version = :seen")
            .await
    }

    async fn listed(
        &self,
        list: CommitList,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<CommitPage, Fault> {
        let (items, next) = self.listed_keys(list.as_str(), before, after).await?;
        let keys: Result<_, Fault> = items.iter().map(read::key).collect();
        Ok(CommitPage { keys: keys?, next })
    }
}
