//! What the table knows of the comment of a pull request.

use crate::domain::ids::{CommentId, CommitId, Subject, Timestamp};
use crate::domain::report::ReportState;
use crate::domain::report::record::{CommitKey, CommitRecord, FailedReport, Sending};
use crate::domain::state::mapping::Mapping;

/// The comment of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRecord {
    /// The head commit that it is about, or is going to be about.
    pub commit: CommitKey,
    /// The time of the event that named this commit as the head.
    pub event_time: Timestamp,
    /// GitHub's number; `None` until a creation was confirmed.
    pub id: Option<CommentId>,
    /// What it says.
    pub shown: Option<ShownComment>,
    /// The worker that is sending it to GitHub.
    pub sender: Option<Sending>,
    /// The failures since it was sent last.
    pub failed: Option<FailedReport>,
    /// True if it is in the list of unsent comments.
    pub is_unsent: bool,
    /// Counts the writes.
    pub version: u64,
    /// When the record was written last.
    pub updated_at: Timestamp,
}

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownComment {
    /// The digest of the text.
    pub digest: String,
    /// The commit.
    pub commit: CommitId,
    /// The state of the commit.
    pub state: ReportState,
    /// True if it says that the pipeline was removed. Nothing follows for this commit.
    pub is_last: bool,
    /// When it was sent.
    pub at: Timestamp,
}

/// The comment that a pull request should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedComment {
    /// The number of the pull request.
    pub pull_request: u64,
    /// The line by which the comment is found again. The text begins with it.
    pub marker: String,
    /// The text, in Markdown.
    pub text: String,
    /// The digest of the text.
    pub digest: String,
    /// The commit.
    pub commit: CommitId,
    /// The state of the commit.
    pub state: ReportState,
    /// True if it says that the pipeline was removed.
    pub is_last: bool,
}

impl CommentRecord {
    /// Returns the record for its next write.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// Returns the record for a write that marks it as unsent, about this commit.
    #[must_use]
    pub fn about(seen: Option<Self>, head: &CommitRecord, now: Timestamp) -> Self {
        let same = seen
            .as_ref()
            .is_some_and(|seen| seen.commit.commit == head.key.commit);
        let version = seen.as_ref().map_or(0, |seen| seen.version) + 1;
        let (id, shown, sender, failed) = match seen {
            Some(seen) => (seen.id, seen.shown, seen.sender, seen.failed),
            None => (None, None, None, None),
        };
        Self {
            commit: head.key.clone(),
            event_time: head.event_time,
            id,
            shown,
            sender,
            // A comment may be possible about a new commit.
            failed: failed.filter(|_| same),
            is_unsent: true,
            version,
            updated_at: now,
        }
    }

    /// Returns the pull request.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.commit.subject
    }

    /// Returns true if the pull request may have the comment.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.id.is_some() || self.sender.is_some()
    }

    /// Adds that the comment was sent.
    pub fn sent(&mut self, wanted: &WantedComment, id: CommentId, now: Timestamp) {
        self.id = Some(id);
        self.shown = Some(ShownComment {
            digest: wanted.digest.clone(),
            commit: wanted.commit.clone(),
            state: wanted.state,
            is_last: wanted.is_last,
            at: now,
        });
        self.failed = None;
    }
}

/// Returns true if a commit is the newest head that is known: the one in the mapping, or a later
/// one whose message failed before it reached the mapping.
#[must_use]
pub fn is_newest_head(record: &CommitRecord, mapping: Option<&Mapping>) -> bool {
    let Some(mapping) = mapping else {
        return true;
    };
    mapping.order.head.as_ref() == Some(&record.key.commit)
        || record.event_time > mapping.order.event_time
}
