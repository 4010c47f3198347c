//! Sends one report. A lease in the record keeps two senders apart: GitHub has no token that makes
//! a repeated creation have no effect, and of two statuses the later one counts.

use std::time::Duration;

use crate::domain::fault::Fault;
use crate::domain::ids::{CheckRunId, Timestamp};
use crate::domain::outcome::chain::Chain;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::report::record::{CommitKey, CommitRecord, Reported, Sending};
use crate::domain::report::render::{Due, DueReport};
use crate::domain::report::{ReportForm, audit};
use crate::ports::{Clock, Earlier, GitHub, PipelineReader, Place, Store};
use crate::telemetry::metrics;

use crate::reports::Reporter;
use crate::reports::outbox::Post;
use crate::reports::retry::{FIRST_WAIT, failed};

/// How long a sender has for one report, comment or step of a deployment: longer than the slowest
/// call to GitHub with its waits.
const LEASE: Duration = Duration::from_secs(120);
/// What must be left of it when the call is made: a process may have stood still in between, and
/// its report is outdated once another sender may have taken over.
pub(super) const CALL_TIME: Duration = Duration::from_secs(60);
/// How often a result is written again, if the record changes at the same time.
pub(super) const WRITES: usize = 5;
/// The wait before a record is read again that another worker changed at the same time.
pub(super) const RACE: Duration = Duration::from_secs(1);

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Sends what is due, and records it.
    pub(super) async fn send(&self, post: Post) {
        let sent = match &post {
            Post::Report(key) => self.send_report(key).await,
            Post::Comment(subject) => self.send_comment(subject).await,
            Post::Deployments(subject) => self.send_deployments(subject).await,
        };
        let now = self.clock.now();
        if let Err(fault) = sent {
            match &post {
                Post::Report(key) => tracing::warn!(
                    %fault,
                    commit = key.commit.as_str(),
                    "The record of a commit could not be read or written; its report is sent later"
                ),
                Post::Comment(subject) => tracing::warn!(
                    %fault,
                    subject = subject.table_key(),
                    "The record of a comment could not be read or written; it is sent later"
                ),
                Post::Deployments(subject) => tracing::warn!(
                    %fault,
                    subject = subject.table_key(),
                    "The record of deployments could not be read or written; they are sent later"
                ),
            }
            self.outbox.push_at(post, now.plus(FIRST_WAIT));
        }
        self.unsent.measure(now);
    }

    /// Sends the report that is due about a commit, and marks the comment and the deployments that
    /// are.
    async fn send_report(&self, key: &CommitKey) -> Result<(), Fault> {
        let post = Post::Report(key.clone());
        let Some(record) = self.store.commit(key).await? else {
            self.unsent.note(post, None);
            return Ok(());
        };
        let now = self.clock.now();
        let due = record.due(&self.config.region, now);
        let since = record
            .failed
            .as_ref()
            .map_or(record.updated_at, |failed| failed.since);
        self.unsent
            .note(post.clone(), (due != Due::Nothing).then_some(since));
        match due {
            Due::Nothing => {
                self.mark_others(&record).await?;
                let reported = CommitRecord {
                    is_unreported: false,
                    ..record.next(now)
                };
                if !self.store.replace(&reported).await? {
                    self.outbox.push_at(post, now.plus(RACE));
                }
            }
            Due::Later(at) => {
                self.outbox.push_at(post, at);
                self.mark_others(&record).await?;
            }
            Due::Now(due) => {
                let lease = self.lease(now);
                let until = lease.until;
                let leased = CommitRecord {
                    sender: Some(lease),
                    is_unreported: true,
                    ..record.next(now)
                };
                if !self.store.replace(&leased).await? {
                    self.outbox.push_at(post, now.plus(RACE));
                    return Ok(());
                }
                if self.clock.now().plus(CALL_TIME) > until {
                    self.outbox.push_at(post, until);
                    return Ok(());
                }
                let result = self.tell(&leased, &due).await;
                self.finish(leased, &due, result).await?;
            }
        }
        Ok(())
    }

    /// Marks the comment and the deployments that are due about a commit as unsent.
    async fn mark_others(&self, record: &CommitRecord) -> Result<(), Fault> {
        let comment = self.mark_comment(record).await;
        self.mark_deployments(record).await?;
        comment
    }

    /// Returns the lease of this worker.
    pub(super) fn lease(&self, now: Timestamp) -> Sending {
        Sending {
            owner: self.config.worker.clone(),
            until: now.plus(LEASE),
        }
    }

    async fn tell(
        &self,
        record: &CommitRecord,
        due: &DueReport,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        let form = record.target.form;
        let earlier = match due.check_run {
            Some(id) => Earlier::Created(id),
            // A status replaces none: of two, the later one counts.
            None if due.is_uncertain && form == ReportForm::Check => Earlier::Uncertain,
            None => Earlier::Nothing,
        };
        let place = place(record);
        self.github.report(&place, form, &due.report, earlier).await
    }

    /// Records what was reported to GitHub. If the record was changed at the same time, the result
    /// is added to that one.
    async fn finish(
        &self,
        leased: CommitRecord,
        due: &DueReport,
        result: Result<Option<CheckRunId>, GitHubFault>,
    ) -> Result<(), Fault> {
        self.log(&leased, due, &result);
        if let Ok(check_run) = result
            && due.report.state.is_final()
            && leased.reported.as_ref().is_none_or(|reported| {
                (reported.state, &reported.title) != (due.report.state, &due.report.title)
            })
        {
            self.note_report(&leased, due, check_run).await;
        }
        // Before the record leaves the list of what is unreported: no crash loses the comment
        // or the deployment.
        let marked = self.mark_others(&leased).await;
        let lease = leased.sender.clone();
        let version = leased.version;
        let mut record = leased;
        for _ in 0..WRITES {
            let now = self.clock.now();
            // What was marked was due about the record as it was before.
            let has_changed = record.version != version;
            let mut next = record.next(now);
            next.note(due, &result, now);
            let due_next = next.due(&self.config.region, now);
            next.is_unreported = due_next != Due::Nothing || has_changed || marked.is_err();
            if self.store.replace(&next).await? {
                let post = Post::Report(next.key);
                let failed = next.failed.filter(|_| due_next != Due::Nothing);
                self.unsent
                    .note(post.clone(), failed.map(|failed| failed.since));
                match due_next {
                    Due::Nothing if !has_changed => {}
                    Due::Later(at) => self.outbox.push_at(post, at),
                    Due::Nothing | Due::Now(_) => self.outbox.push_at(post, now),
                }
                return marked;
            }
            let Some(changed) = self.store.commit(&record.key).await? else {
                return marked;
            };
            if changed.sender != lease {
                // Another sender took over after the lease, and has found what this one did.
                self.outbox.push([changed.key]);
                return marked;
            }
            record = changed;
        }
        let race = self.clock.now().plus(RACE);
        self.outbox.push_at(Post::Report(record.key), race);
        marked
    }

    /// Adds a final report to the audit trail. If it cannot be written, the report counts all the
    /// same.
    async fn note_report(
        &self,
        record: &CommitRecord,
        due: &DueReport,
        check_run: Option<CheckRunId>,
    ) {
        let entry = audit::entry(record, &due.report, check_run, self.clock.now());
        let chain = Chain::Reports(record.key.subject.clone());
        if let Err(fault) = self.store.note(&chain, &entry).await {
            tracing::warn!(
                %fault,
                commit = record.key.commit.as_str(),
                "A report is missing in the audit trail"
            );
        }
    }

    fn log(
        &self,
        record: &CommitRecord,
        due: &DueReport,
        result: &Result<Option<CheckRunId>, GitHubFault>,
    ) {
        let state = due.report.state.as_str();
        let (repository, commit) = (record.repository.as_str(), record.key.commit.as_str());
        let form = record.target.form;
        match result {
            Ok(_) => {
                metrics::report_sent(form.as_str(), "sent");
                tracing::info!(
                    repository,
                    commit,
                    context = due.report.context,
                    form = form.as_str(),
                    state,
                    title = due.report.title,
                    "Reported to GitHub"
                );
            }
            Err(fault) => {
                metrics::report_sent(form.as_str(), fault.kind.as_str());
                tracing::warn!(
                    %fault,
                    repository,
                    commit,
                    context = due.report.context,
                    form = form.as_str(),
                    state,
                    "A report could not be sent to GitHub"
                );
            }
        }
    }
}

impl CommitRecord {
    /// Adds the result of a call to GitHub.
    fn note(
        &mut self,
        due: &DueReport,
        result: &Result<Option<CheckRunId>, GitHubFault>,
        now: Timestamp,
    ) {
        match result {
            Ok(check_run) => {
                self.reported = Some(Reported {
                    check_run: *check_run,
                    digest: due.report.digest(),
                    state: due.report.state,
                    title: due.report.title.clone(),
                    at: now,
                });
                (self.sender, self.failed) = (None, None);
            }
            Err(fault) => {
                self.failed = Some(failed(self.failed.as_ref(), fault, now));
                let may_be_shown = fault.kind == GitHubFaultKind::Unavailable;
                // Without a valid lease, it only says that this report may be shown.
                self.sender = self.sender.take().filter(|_| may_be_shown);
                if let Some(sender) = &mut self.sender {
                    sender.until = now;
                }
            }
        }
    }
}

/// Returns where a commit is reported.
pub(super) fn place(record: &CommitRecord) -> Place {
    Place {
        id: record.key.subject.repository,
        name: record.repository.clone(),
        installation: record.target.installation,
    }
}
