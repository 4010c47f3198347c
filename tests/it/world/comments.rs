//! The fake records of comments, and the comments at the fake GitHub.

use std::collections::BTreeMap;

use branchline::domain::fault::Fault;
use branchline::domain::ids::{CommentId, Subject, Timestamp};
use branchline::domain::report::comment::record::CommentRecord;
use branchline::ports::{CommentLog, Cursor, Earlier, SubjectPage};

use super::github::FakeGitHub;
use super::pages::page;
use super::store::FakeStore;
use crate::world::fault_injection::Op;

/// Comments in one page of the list.
const PAGE: usize = 2;
/// The most text that GitHub takes.
const TEXT_LIMIT: usize = 65_536;

/// The records, by pull request.
pub(super) type Comments = BTreeMap<Subject, CommentRecord>;

impl FakeStore {
    /// Returns the record of a pull request's comment.
    pub(crate) fn comment_record(&self, subject: &Subject) -> Option<CommentRecord> {
        self.locked().comments.get(subject).cloned()
    }
}

impl CommentLog for FakeStore {
    async fn comment(&self, subject: &Subject) -> Result<Option<CommentRecord>, Fault> {
        let effect = || Ok(self.comment_record(subject));
        self.faults.pass(Op::Comment, effect).await
    }

    async fn replace_comment(&self, record: &CommentRecord) -> Result<bool, Fault> {
        let effect = || {
            let mut table = self.locked();
            let seen = table.comments.get(record.subject());
            let is_seen = seen.map_or(0, |seen| seen.version) + 1 == record.version;
            if is_seen {
                let subject = record.subject().clone();
                table.comments.insert(subject, record.clone());
            }
            Ok(is_seen)
        };
        self.faults.pass(Op::ReplaceComment, effect).await
    }

    async fn unsent_comments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        let effect = || {
            let table = self.locked();
            let records = table.comments.values();
            let unsent = records.filter(|record| record.is_unsent && record.updated_at < before);
            let listed = unsent.map(|record| {
                let subject = record.subject();
                let position = format!("{} {}", record.updated_at, subject.table_key());
                (position, subject.clone())
            });
            let (subjects, next) = page(PAGE, listed, after);
            Ok(SubjectPage { subjects, next })
        };
        self.faults.pass(Op::ListComments, effect).await
    }
}

impl FakeGitHub {
    /// Deletes every comment, as people may.
    pub(crate) fn delete_comments(&self) {
        self.conversations(Conversations::delete);
    }

    /// Returns the comments of a pull request, without their markers.
    pub(crate) fn comments(&self, repository: u64, pull_request: u64) -> Vec<String> {
        self.conversations(|all| all.of((repository, pull_request)))
    }

    /// Returns how many comments were created, and how many edits were made.
    pub(crate) fn comment_counts(&self) -> (u64, u64) {
        self.conversations(|all| all.counts())
    }
}

/// The comments at GitHub, each with its repository and its pull request.
#[derive(Default)]
pub(super) struct Conversations {
    comments: BTreeMap<CommentId, ((u64, u64), String)>,
    written: u64,
    edited: u64,
}

impl Conversations {
    /// Creates the comment or replaces its text.
    pub(super) fn comment(
        &mut self,
        place: (u64, u64),
        text: &str,
        marker: &str,
        earlier: Earlier<CommentId>,
    ) -> CommentId {
        assert!(text.len() <= TEXT_LIMIT, "{} bytes", text.len());
        assert!(text.starts_with(marker), "{text}");
        let known = match earlier {
            Earlier::Nothing => None,
            Earlier::Created(id) => self.comments.contains_key(&id).then_some(id),
            Earlier::Uncertain => self.find(place, marker),
        };
        if known.is_some() {
            self.edited += 1;
        } else {
            self.written += 1;
        }
        let id = known.unwrap_or(CommentId(self.written));
        self.comments.insert(id, (place, text.to_owned()));
        id
    }

    fn find(&self, place: (u64, u64), marker: &str) -> Option<CommentId> {
        let is_it = |(at, text): &((u64, u64), String)| *at == place && text.contains(marker);
        let mut found = self.comments.iter().filter(|(_, comment)| is_it(comment));
        found.next().map(|(id, _)| *id)
    }

    /// Deletes all comments, as people may.
    pub(super) fn delete(&mut self) {
        self.comments.clear();
    }

    /// Returns the comments of a pull request, without their markers.
    pub(super) fn of(&self, place: (u64, u64)) -> Vec<String> {
        let comments = self.comments.values().filter(|(at, _)| *at == place);
        let text = |text: &str| text.lines().skip(1).collect::<Vec<_>>().join("\n");
        comments.map(|(_, said)| text(said)).collect()
    }

    /// Returns how many comments were created, and how many edits were made.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.written, self.edited)
    }
}
