//! Sends the comment of a pull request. Its record has a lease, as that of a commit has: two
//! workers may report two heads of one pull request at the same moment, and GitHub has no token
//! that makes a repeated creation have no effect.
//!
//! A comment that is due is marked first and sent later, so that reports never wait for comments.

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{CommentId, Subject, SubjectKind, Timestamp};
use crate::domain::report::comment::CommentDue;
use crate::domain::report::comment::record::{CommentRecord, WantedComment, is_newest_head};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::report::record::{CommitRecord, Sending};
use crate::domain::report::target::CommentPolicy;
use crate::ports::{Clock, Earlier, GitHub, PipelineReader, Place, Store};
use crate::telemetry::metrics;

use crate::reports::Reporter;
use crate::reports::outbox::Post;
use crate::reports::retry::failed;
use crate::reports::send::{RACE, WRITES, place};

/// The value of the label `form`.
const FORM: &str = "comment";

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Marks the comment that is due about a commit as unsent. A worker that is sending another
    /// text finds that the record has changed.
    pub(super) async fn mark_comment(&self, record: &CommitRecord) -> Result<(), Fault> {
        let subject = &record.key.subject;
        let is_pull_request = matches!(subject.kind, SubjectKind::PullRequest(_));
        if record.target.comment == CommentPolicy::Never || !is_pull_request {
            return Ok(());
        }
        for _ in 0..WRITES {
            let seen = self.store.comment(subject).await?;
            let now = self.clock.now();
            let at = match self.due_comment(record, seen.as_ref(), now) {
                CommentDue::Nothing => return Ok(()),
                CommentDue::Later(at) | CommentDue::Busy(at) => at,
                CommentDue::Now(_) => now,
            };
            let mapping = self.store.mapping(subject).await?;
            if !is_newest_head(record, mapping.as_ref()) {
                return Ok(());
            }
            // It may be marked already. A worker that has read an earlier state of the commit must
            // find that the record has changed.
            let next = CommentRecord::about(seen, record, now);
            if self.store.replace_comment(&next).await? {
                self.outbox.push_at(Post::Comment(subject.clone()), at);
                return Ok(());
            }
        }
        let detail = format!("the record of a comment changed {WRITES} times in the meantime");
        Err(Fault::new(Reason::ClaimLost, detail))
    }

    fn due_comment(
        &self,
        record: &CommitRecord,
        seen: Option<&CommentRecord>,
        now: Timestamp,
    ) -> CommentDue {
        let config = &self.config;
        record.due_comment(seen, &config.owner, &config.region, now)
    }

    /// Sends the comment of a pull request, if it is due.
    pub(super) async fn send_comment(&self, subject: &Subject) -> Result<(), Fault> {
        let post = Post::Comment(subject.clone());
        let Some(seen) = self.store.comment(subject).await? else {
            self.unsent.note(post, None);
            return Ok(());
        };
        let now = self.clock.now();
        let head = self.store.commit(&seen.commit).await?;
        let due = head.as_ref().map_or(CommentDue::Nothing, |head| {
            self.due_comment(head, Some(&seen), now)
        });
        let since = seen
            .failed
            .as_ref()
            .map_or(seen.updated_at, |failed| failed.since);
        let is_due = due != CommentDue::Nothing;
        self.unsent.note(post.clone(), is_due.then_some(since));
        match (due, head) {
            (CommentDue::Later(at) | CommentDue::Busy(at), _) => self.outbox.push_at(post, at),
            (CommentDue::Now(wanted), Some(head)) => {
                let lease = self.lease(now);
                let leased = CommentRecord {
                    sender: Some(lease.clone()),
                    ..seen.next(now)
                };
                if !self.store.replace_comment(&leased).await? {
                    self.outbox.push_at(post, now.plus(RACE));
                    return Ok(());
                }
                let result = self.comment(&place(&head), &wanted, leased.id).await;
                self.finish_comment(leased, lease, &wanted, &result).await?;
            }
            (CommentDue::Nothing | CommentDue::Now(_), _) => {
                if seen.is_unsent {
                    let next = CommentRecord {
                        is_unsent: false,
                        ..seen.next(now)
                    };
                    self.store.replace_comment(&next).await?;
                }
            }
        }
        Ok(())
    }

    async fn comment(
        &self,
        place: &Place,
        wanted: &WantedComment,
        id: Option<CommentId>,
    ) -> Result<CommentId, GitHubFault> {
        // A comment without a number may be there: its creation was not confirmed, or its record
        // has expired.
        let earlier = id.map_or(Earlier::Uncertain, Earlier::Created);
        let WantedComment {
            pull_request,
            text,
            marker,
            ..
        } = wanted;
        let call = self
            .github
            .comment(place, *pull_request, text, marker, earlier);
        let result = call.await;
        log(place, wanted, &result);
        result
    }

    /// Records the result. If the record was changed at the same time, the result is added to that
    /// one, and more is due.
    async fn finish_comment(
        &self,
        leased: CommentRecord,
        lease: Sending,
        wanted: &WantedComment,
        result: &Result<CommentId, GitHubFault>,
    ) -> Result<(), Fault> {
        let post = Post::Comment(leased.subject().clone());
        let mut seen = leased.clone();
        for _ in 0..WRITES {
            let now = self.clock.now();
            let mut next = seen.next(now);
            next.note(&lease, wanted, result, now);
            let failed = next.failed.as_ref();
            let retry_at = failed.and_then(|failed| failed.retry_at);
            let next_at = retry_at.or((seen != leased).then_some(now));
            next.is_unsent = next_at.is_some();
            if self.store.replace_comment(&next).await? {
                let since = failed.map(|failed| failed.since);
                self.unsent
                    .note(post.clone(), since.filter(|_| retry_at.is_some()));
                if let Some(at) = next_at {
                    self.outbox.push_at(post, at);
                }
                return Ok(());
            }
            match self.store.comment(leased.subject()).await? {
                Some(changed) => seen = changed,
                None => return Ok(()),
            }
        }
        self.outbox.push_at(post, self.clock.now().plus(RACE));
        Ok(())
    }
}

fn log(place: &Place, wanted: &WantedComment, result: &Result<CommentId, GitHubFault>) {
    let subject = format!("{}#{}", place.name, wanted.pull_request);
    let (commit, state) = (wanted.commit.as_str(), wanted.state.as_str());
    match result {
        Ok(id) => {
            metrics::report_sent(FORM, "sent");
            tracing::info!(
                subject,
                commit,
                state,
                comment = id.0,
                "Commented at GitHub"
            );
        }
        Err(fault) => {
            metrics::report_sent(FORM, fault.kind.as_str());
            tracing::warn!(
                %fault,
                subject,
                commit,
                state,
                "A comment could not be sent to GitHub"
            );
        }
    }
}

impl CommentRecord {
    /// Adds the result of a call to GitHub. Another worker's lease stays, and so does the commit
    /// that another worker has marked: the failure is not about it.
    fn note(
        &mut self,
        lease: &Sending,
        wanted: &WantedComment,
        result: &Result<CommentId, GitHubFault>,
        now: Timestamp,
    ) {
        match result {
            Ok(id) => self.sent(wanted, *id, now),
            Err(fault) if self.commit.commit == wanted.commit => {
                self.failed = Some(failed(self.failed.as_ref(), fault, now));
            }
            Err(_) => {}
        }
        if self.sender.as_ref() != Some(lease) {
            return;
        }
        let is_lost = |fault: &GitHubFault| fault.kind == GitHubFaultKind::Unavailable;
        let may_be_there = self.id.is_none() && result.as_ref().is_err_and(is_lost);
        // Without a valid lease, it only says that the comment may have been created.
        self.sender = may_be_there.then(|| Sending {
            until: now,
            ..lease.clone()
        });
    }
}
