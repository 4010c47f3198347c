//! The comment that is due, and when.

use sha2::{Digest, Sha256};

use crate::domain::ids::{Owner, SubjectKind, Timestamp};
use crate::domain::report::comment::record::{CommentRecord, WantedComment};
use crate::domain::report::comment::text::{Comment, marker, text};
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::report::target::CommentPolicy;
use crate::domain::report::{Conclusion, ReportState};
use crate::domain::state::desired::AbsenceReason;

/// The comment that is due, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentDue {
    /// Nothing that the comment does not say already.
    Nothing,
    /// This comment, but not yet: the last attempt failed.
    Later(Timestamp),
    /// This comment, once another worker has sent its own.
    Busy(Timestamp),
    /// This comment.
    Now(Box<WantedComment>),
}

impl CommitRecord {
    /// Returns the comment that is due about this commit. `seen` is what the table knows of the
    /// comment.
    #[must_use]
    pub fn due_comment(
        &self,
        seen: Option<&CommentRecord>,
        owner: &Owner,
        region: &str,
        now: Timestamp,
    ) -> CommentDue {
        let Some(wanted) = self.comment(seen, owner, region) else {
            return CommentDue::Nothing;
        };
        let Some(seen) = seen else {
            return CommentDue::Now(Box::new(wanted));
        };
        let shown = seen.shown.as_ref();
        if shown.is_some_and(|shown| shown.digest == wanted.digest) {
            return CommentDue::Nothing;
        }
        if let Some(sender) = seen.sender.as_ref().filter(|sender| sender.until > now) {
            return CommentDue::Busy(sender.until);
        }
        let is_same = seen.commit == self.key;
        match seen.failed.as_ref().filter(|_| is_same) {
            None => CommentDue::Now(Box::new(wanted)),
            Some(failed) => match failed.retry_at {
                None => CommentDue::Nothing,
                Some(at) if at > now => CommentDue::Later(at),
                Some(_) => CommentDue::Now(Box::new(wanted)),
            },
        }
    }

    /// Returns the comment that the pull request should have, if this commit is its newest head;
    /// `None` if it should have none, or may keep the one that it has.
    #[must_use]
    pub fn comment(
        &self,
        seen: Option<&CommentRecord>,
        owner: &Owner,
        region: &str,
    ) -> Option<WantedComment> {
        let SubjectKind::PullRequest(pull_request) = self.key.subject.kind else {
            return None;
        };
        let is_older =
            |seen: &CommentRecord| seen.commit != self.key && seen.event_time > self.event_time;
        if self.superseded_by.is_some() || seen.is_some_and(is_older) {
            return None;
        }
        let is_last = self.ends_comment()?;
        let (state, title) = self.state_and_title()?;
        let shown = seen.and_then(|seen| seen.shown.as_ref());
        if shown.is_some_and(|shown| shown.is_last && shown.commit == self.key.commit && is_last) {
            return None;
        }
        let may_exist = seen.is_some_and(CommentRecord::may_exist);
        let is_wanted = match (is_last, self.target.comment) {
            (_, CommentPolicy::Never) => false,
            (true, CommentPolicy::Failures | CommentPolicy::Always) => may_exist,
            (false, CommentPolicy::Always) => true,
            (false, CommentPolicy::Failures) => {
                let says_success = shown.is_some_and(|shown| is_success(shown.state));
                is_failure(state) || (may_exist && !says_success)
            }
        };
        let marker = marker(&self.key.subject, owner);
        if !is_wanted {
            return None;
        }
        let url = self.url(region);
        let with_link = |url: Option<&str>| {
            text(&Comment {
                record: self,
                marker: &marker,
                title: &title,
                url,
            })
        };
        // A new link to the execution alone does not cause an edit.
        let digested = with_link(url.as_deref().filter(|_| state.is_final()));
        Some(WantedComment {
            pull_request,
            digest: hex::encode(Sha256::digest(digested)),
            text: with_link(url.as_deref()),
            marker,
            commit: self.key.commit.clone(),
            state,
            is_last,
        })
    }

    /// Returns true if the pipeline was removed for good, so that the comment says so and nothing
    /// later; `None` if nobody can comment any more.
    fn ends_comment(&self) -> Option<bool> {
        match &self.phase {
            Phase::Absent(AbsenceReason::RepositoryDeleted | AbsenceReason::RepositoryArchived) => {
                None
            }
            Phase::Absent(reason) => Some(reason.is_ending()),
            Phase::Waiting { .. }
            | Phase::Building { .. }
            | Phase::Refused(_)
            | Phase::InvalidFile(_)
            | Phase::PipelineLost(_) => Some(false),
        }
    }

    /// Returns what the report of the commit says, or goes on to say.
    fn state_and_title(&self) -> Option<(ReportState, String)> {
        if let Some(text) = self.text() {
            return Some((text.state, text.title));
        }
        let reported = self.reported.as_ref()?;
        Some((reported.state, reported.title.clone()))
    }
}

fn is_failure(state: ReportState) -> bool {
    matches!(
        state,
        ReportState::Completed(Conclusion::Failure | Conclusion::Error)
    )
}

fn is_success(state: ReportState) -> bool {
    state == ReportState::Completed(Conclusion::Success)
}
