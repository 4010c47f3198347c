//! The records of the comments of pull requests: one item for each, beside those of its commits.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::Fault;
use crate::domain::ids::{CommentId, CommitId, Subject, Timestamp};
use crate::domain::report::ReportState;
use crate::domain::report::comment::record::{CommentRecord, ShownComment};
use crate::domain::report::record::CommitKey;
use crate::ports::{CommentLog, Cursor, SubjectPage};

use crate::aws::commits::keys::{COMMENT, subject_key};
use crate::aws::commits::{read, write};
use crate::aws::dynamodb::DynamoStore;
use crate::aws::expression::Expression;
use crate::aws::row::{Item, Part, map, n, s, text};

/// The list of unsent comments in the index.
const UNSENT: &str = "comment-unsent";

impl CommentLog for DynamoStore {
    async fn comment(&self, subject: &Subject) -> Result<Option<CommentRecord>, Fault> {
        let item = self.item(subject_key(subject), COMMENT.to_owned()).await?;
        item.as_ref().map(record).transpose()
    }

    async fn replace_comment(&self, record: &CommentRecord) -> Result<bool, Fault> {
        let change = replacement(record);
        self.replace_record(record.subject(), COMMENT, change, record.version)
            .await
    }

    async fn unsent_comments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        self.listed_subjects(UNSENT, before, after).await
    }
}

fn replacement(record: &CommentRecord) -> Expression {
    let mut change = write::touched(record.updated_at, record.is_unsent.then_some(UNSENT));
    change.set("commit", text(Some(&record.commit.commit)));
    change.set("event_time", text(Some(&record.event_time)));
    change.set("comment", record.id.map(|id| n(id.0)));
    change.set("shown", record.shown.as_ref().map(shown));
    change.set("sender", record.sender.as_ref().map(write::sender));
    change.set("failed", record.failed.as_ref().map(write::failed));
    change
}

fn shown(shown: &ShownComment) -> AttributeValue {
    map([
        ("digest", text(Some(&shown.digest))),
        ("commit", text(Some(&shown.commit))),
        ("state", Some(s(shown.state.as_str()))),
        ("last", Some(AttributeValue::Bool(shown.is_last))),
        ("at", text(Some(&shown.at))),
    ])
}

fn record(item: &Item) -> Result<CommentRecord, Fault> {
    let row = Part::row(item);
    Ok(CommentRecord {
        commit: CommitKey {
            subject: read::subject(item)?,
            commit: row.parse("commit", |sha| CommitId::parse(sha).ok())?,
        },
        event_time: row.parse("event_time", Timestamp::from_rfc3339)?,
        id: row.number("comment")?.map(CommentId),
        shown: row.part("shown", read_shown)?,
        sender: row.part("sender", read::sender)?,
        failed: row.part("failed", read::failed)?,
        is_unsent: row.text("state")?.is_some(),
        version: row.required("version")?,
        updated_at: row.parse("updated_at", Timestamp::from_rfc3339)?,
    })
}

fn read_shown(part: &Part<'_>) -> Result<ShownComment, Fault> {
    Ok(ShownComment {
        digest: part.owned("digest")?,
        commit: part.parse("commit", |sha| CommitId::parse(sha).ok())?,
        state: part.parse("state", ReportState::parse)?,
        is_last: part.flag("last")?,
        at: part.parse("at", Timestamp::from_rfc3339)?,
    })
}
