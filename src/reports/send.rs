//! Sends one report. A lease in the record keeps two senders apart: GitHub has no token that makes
//! a repeated creation have no effect, and of two statuses the later one counts.

use std::time::Duration;

use crate::domain::fault::Fault;
use crate::domain::ids::{CheckRunId, Timestamp};
use crate::domain::report::ReportForm;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::report::record::{CommitKey, CommitRecord, FailedReport, Reported, Sending};
use crate::domain::report::render::{Due, DueReport};
use crate::ports::{Clock, CommitList, Earlier, GitHub, PipelineReader, Place, Store};
use crate::telemetry::metrics;

use crate::reports::Reporter;

/// How long a sender has for one report: longer than the slowest call to GitHub with its waits.
const LEASE: Duration = Duration::from_secs(120);
/// What must be left of it when the call is made: a process may have stood still in between, and
/// its report is outdated once another sender may have taken over.
const CALL_TIME: Duration = Duration::from_secs(60);
/// The wait after the first failure. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait after a fault that passes by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// The wait after a fault that a person has to correct.
const PERSON_WAIT: Duration = Duration::from_secs(3_600);
/// How often a report is sent, an hour apart, about something that GitHub does not have: the App may
/// be installed, or may get access to the repository, in the meantime.
const MISSING_ATTEMPTS: u32 = 24;
/// How often the result is written again, if the record changes at the same time.
const WRITES: usize = 5;
/// The wait before a record is read again that another worker changed at the same time.
const RACE: Duration = Duration::from_secs(1);

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Sends the report that is due about a commit, and records it.
    pub(super) async fn send(&self, key: CommitKey) {
        if let Err(fault) = self.try_send(&key).await {
            tracing::warn!(
                %fault,
                commit = key.commit.as_str(),
                "The record of a commit could not be read or written; its report is sent later"
            );
            self.outbox.push_at(key, self.clock.now().plus(FIRST_WAIT));
        }
    }

    async fn try_send(&self, key: &CommitKey) -> Result<(), Fault> {
        let Some(record) = self.store.commit(key).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let due = match record.due(&self.config.region, now) {
            Due::Nothing => {
                // It is not in the list of what is unreported any more.
                let list = CommitList::of(&record, &Due::Nothing);
                self.store.replace(&record.next(now), list).await?;
                return Ok(());
            }
            Due::Later(at) => {
                self.outbox.push_at(key.clone(), at);
                return Ok(());
            }
            Due::Now(due) => due,
        };
        let until = now.plus(LEASE);
        let leased = CommitRecord {
            sender: Some(Sending {
                owner: self.config.worker.clone(),
                until,
            }),
            ..record.next(now)
        };
        if !self
            .store
            .replace(&leased, Some(CommitList::Unreported))
            .await?
        {
            self.outbox.push_at(key.clone(), now.plus(RACE));
            return Ok(());
        }
        if self.clock.now().plus(CALL_TIME) > until {
            self.outbox.push_at(key.clone(), until);
            return Ok(());
        }
        let result = self.tell(&leased, &due).await;
        self.finish(leased, &due, result).await
    }

    async fn tell(
        &self,
        record: &CommitRecord,
        due: &DueReport,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        let place = Place {
            id: record.key.subject.repository,
            name: record.repository.clone(),
            installation: record.target.installation,
        };
        let form = record.target.form;
        let earlier = match due.check_run {
            Some(id) => Earlier::Created(id),
            // A status replaces none: of two, the later one counts.
            None if due.is_uncertain && form == ReportForm::Check => Earlier::Uncertain,
            None => Earlier::Nothing,
        };
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
        let mut record = leased;
        for _ in 0..WRITES {
            let now = self.clock.now();
            let mut next = record.next(now);
            next.note(due, &result, now);
            let due_next = next.due(&self.config.region, now);
            let list = CommitList::of(&next, &due_next);
            if self.store.replace(&next, list).await? {
                match due_next {
                    Due::Nothing => {}
                    Due::Later(at) => self.outbox.push_at(next.key, at),
                    Due::Now(_) => self.outbox.push([next.key]),
                }
                return Ok(());
            }
            let Some(changed) = self.store.commit(&record.key).await? else {
                return Ok(());
            };
            record = changed;
        }
        self.outbox.push_at(record.key, self.clock.now().plus(RACE));
        Ok(())
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
                metrics::report_sent(form, "sent");
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
                metrics::report_sent(form, fault.kind.as_str());
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
                let attempts = self.failed.as_ref().map_or(0, |failed| failed.attempts) + 1;
                self.failed = Some(FailedReport {
                    attempts,
                    kind: fault.kind,
                    detail: fault.detail.clone(),
                    retry_at: retry_at(fault, attempts, now),
                });
                let changes = due.check_run.is_none() || due.report.state.is_final();
                let may_be_there = self.target.form == ReportForm::Check
                    && changes
                    && fault.kind == GitHubFaultKind::Unavailable;
                // Without a valid lease, it only says that a check run may have been created or
                // completed.
                self.sender = self.sender.take().filter(|_| may_be_there);
                if let Some(sender) = &mut self.sender {
                    sender.until = now;
                }
            }
        }
    }
}

/// Returns when to try again; `None` where that cannot help.
fn retry_at(fault: &GitHubFault, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    match fault.kind {
        GitHubFaultKind::Unavailable | GitHubFaultKind::Limited => {
            let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts.min(16) - 1));
            let wait = now.plus(doubled.min(LONGEST_WAIT));
            Some(fault.retry_at.unwrap_or(wait).max(now))
        }
        GitHubFaultKind::Denied | GitHubFaultKind::Misconfigured => Some(now.plus(PERSON_WAIT)),
        GitHubFaultKind::Missing if attempts < MISSING_ATTEMPTS => Some(now.plus(PERSON_WAIT)),
        GitHubFaultKind::Missing | GitHubFaultKind::Refused => None,
    }
}
