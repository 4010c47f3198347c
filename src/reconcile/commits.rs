//! Records what becomes of head commits beside the mapping: messages that fail, and executions.

use crate::domain::clone::execution::Execution;
use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{CommitId, Subject, Timestamp};
use crate::domain::intake::decision::Ignored;
use crate::domain::intake::event::Event;
use crate::domain::outcome::disposition::Disposition;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::execution::{ExecutionEvent, Progress};
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate, Phase, ReportedHead};
use crate::domain::report::target::ReportTarget;
use crate::domain::report::updates;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;

/// How often an event is taken in again, if the record of its commit changes at the same time.
pub(super) const RACES: usize = 10;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Records that the message about a commit failed, so that GitHub shows it. A record that
    /// cannot be written is logged, and delays no message.
    pub(super) async fn note_failure(&self, journal: &mut Journal, disposition: &Disposition) {
        let Some(fault) = journal.fault() else {
            return;
        };
        let phase = match disposition {
            Disposition::DeadLetter(_) => Phase::Refused(fault.reason),
            Disposition::Delete if fault.reason.class() == Class::Refused => {
                Phase::InvalidFile(fault.detail.clone())
            }
            Disposition::Retry {
                class: Class::Transient | Class::Throttled | Class::Quota | Class::Unknown,
                ..
            } => Phase::Waiting {
                reason: fault.reason,
                ahead: journal.ahead,
            },
            Disposition::Retry { .. }
            | Disposition::Delete
            | Disposition::Quarantine(_)
            | Disposition::Discard => return,
        };
        let is_final = matches!(phase, Phase::Refused(_) | Phase::InvalidFile(_));
        if let Some(head) = journal.head.take() {
            self.note_unstarted(head, phase.clone(), journal).await;
        }
        // What GitHub shows of a commit that was built stays until it is certain that it cannot be
        // built again. Otherwise a retry would not know that the request is about it.
        for key in std::mem::take(&mut journal.reruns) {
            if is_final {
                let noted = self.report_again(&key, Some(&phase), journal).await;
                noted.unwrap_or_else(|fault| not_noted(&fault, &key.commit));
            }
        }
    }

    /// Records that a change which no message began has failed, if a person has to correct
    /// something: until now, GitHub shows that the head of the subject waits. The job for what is
    /// unreported tells GitHub.
    pub(super) async fn note_refusal(&self, row: &Mapping, fault: &Fault, journal: &mut Journal) {
        let phase = match fault.reason.class() {
            Class::Permanent => Phase::Refused(fault.reason),
            Class::Refused => Phase::InvalidFile(fault.detail.clone()),
            Class::Transient
            | Class::Throttled
            | Class::Quota
            | Class::Unknown
            | Class::Busy
            | Class::Deferred
            | Class::Unverified => return,
        };
        if let Some(head) = updates::wanted_head(row) {
            self.note_unstarted(head, phase, journal).await;
        }
    }

    /// Records what counts about a commit whose message may have failed before, if it changed
    /// nothing now: GitHub would still show that branchline tries again. A record that cannot be
    /// written is logged, and delays no message.
    pub(super) async fn note_unchanged(&self, journal: &mut Journal, outcome: &Outcome) {
        let is_retried = matches!(outcome, Outcome::Unchanged(_)) && journal.receives > 1;
        let Some(head) = journal.head.take_if(|_| is_retried) else {
            return;
        };
        let commit = head.key.commit.clone();
        let noted = self.note_what_counts(head, journal).await;
        noted.unwrap_or_else(|fault| not_noted(&fault, &commit));
    }

    async fn note_what_counts(
        &self,
        head: ReportedHead,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let Some(mapping) = self.store().mapping(&head.key.subject).await? else {
            return Ok(());
        };
        let Some(update) = updates::what_counts(&head, &mapping) else {
            return Ok(());
        };
        let now = self.clock().now();
        self.store().update_unstarted(&update, now).await?;
        journal.commits.push(head.key);
        Ok(())
    }

    /// Records what shows of a commit, unless an execution of it was started already. A record that
    /// cannot be written is logged.
    async fn note_unstarted(&self, head: ReportedHead, phase: Phase, journal: &mut Journal) {
        let update = CommitUpdate::Head {
            head,
            phase,
            execution: None,
            outdated: None,
        };
        let now = self.clock().now();
        match self.store().update_unstarted(&update, now).await {
            Ok(_) => journal.commits.push(update.key().clone()),
            Err(fault) => not_noted(&fault, &update.key().commit),
        }
    }

    /// Takes in what CodePipeline reports about an execution.
    pub(super) async fn hear_execution(
        &self,
        event: &ExecutionEvent,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let nothing = Outcome::Ignored(Ignored::PipelineEvent);
        let Some(subject) = self.executor.store.owner(&event.pipeline).await? else {
            return Ok(nothing);
        };
        if self.hear_build(event, &subject, journal).await? {
            return Ok(Outcome::ExecutionRecorded);
        }
        let torn_down = self.hear_teardown(event, &subject, journal).await?;
        Ok(torn_down.unwrap_or(nothing))
    }

    /// Takes in what CodePipeline reports about the execution of a commit. Returns false if it
    /// concerns no commit that is reported, or says nothing new.
    async fn hear_build(
        &self,
        event: &ExecutionEvent,
        subject: &Subject,
        journal: &mut Journal,
    ) -> Result<bool, Fault> {
        let store = &self.executor.store;
        let _lane = self.event_lanes.enter(subject).await?;
        let mut environment = None;
        for _ in 0..RACES {
            let records = store.commits(subject).await?;
            let Some(record) = self.commit_of(subject, event, records).await? else {
                return Ok(false);
            };
            let now = self.clock().now();
            let mut next = record.next(now);
            if !next.hear(event) {
                return Ok(false);
            }
            if environment.is_none() {
                environment = self.environment(event, subject).await?;
            }
            if let Some(run) = &mut next.run {
                run.deployed(&event.execution, environment.as_ref());
            }
            let key = next.key.clone();
            if let Some(is_due) = store.replace_as_due(next, &self.region, now).await? {
                if is_due {
                    journal.commits.push(key);
                }
                return Ok(true);
            }
        }
        let detail = format!("the record of a commit changed {RACES} times in the meantime");
        Err(Fault::new(Reason::ClaimLost, detail))
    }

    /// Finds the commit of an execution: by the id of the execution, by the commit that its source
    /// action fetched, or by what CodePipeline lists. The first execution of a new pipeline has no
    /// id that branchline knows. An execution that deletes stacks is of no commit.
    async fn commit_of(
        &self,
        subject: &Subject,
        event: &ExecutionEvent,
        records: Vec<CommitRecord>,
    ) -> Result<Option<CommitRecord>, Fault> {
        let execution = &event.execution;
        let counts = |one: &CommitRecord| one.execution.as_ref() == Some(execution);
        if let Some(index) = records.iter().position(counts) {
            return Ok(records.into_iter().nth(index));
        }
        // The time of an action is not that of its execution.
        let started_at = match event.progress {
            Progress::Action(_) => None,
            Progress::Pipeline { .. } | Progress::Stage { .. } => event.started_at,
        };
        // A commit that is the head no more waits for its own execution only.
        let may_be = |one: &CommitRecord| {
            let waits = one.superseded_by.is_none() || one.execution.is_none();
            waits && one.is_building() && one.accepts(execution, started_at)
        };
        if !records.iter().any(may_be) {
            return Ok(None);
        }
        let mapping = self.executor.store.mapping(subject).await?;
        if mapping.as_ref().is_some_and(Mapping::is_torn_down) {
            return Ok(None);
        }
        let fetched = match source_commit(event) {
            Some(commit) => Some(commit),
            None => match self.listed(mapping.as_ref(), event).await? {
                Some(execution) => execution.commit.and_then(|id| CommitId::parse(id).ok()),
                // It is of a pipeline that had this name before, or is listed a moment later, and
                // the event of its source names the commit.
                None => return Ok(None),
            },
        };
        let mut candidates: Vec<CommitRecord> = records
            .into_iter()
            .filter(|one| {
                may_be(one)
                    && fetched
                        .as_ref()
                        .is_none_or(|commit| one.key.commit == *commit)
            })
            .collect();
        // Several commits may be waiting for their execution. A later event names the commit.
        Ok(match candidates.len() {
            1 => candidates.pop(),
            _ => None,
        })
    }

    /// Returns an execution as CodePipeline lists it.
    async fn listed(
        &self,
        mapping: Option<&Mapping>,
        event: &ExecutionEvent,
    ) -> Result<Option<Execution>, Fault> {
        let source = mapping.and_then(Mapping::source_action);
        let pipelines = &self.executor.pipelines;
        let executions = pipelines.executions(&event.pipeline, source).await?;
        let id = event.execution.as_str();
        Ok(executions.into_iter().find(|one| one.id == id))
    }
}

/// Returns the commit that an event wants to be built, if it is reported.
pub(super) fn reported_head(event: &Event, target: Option<ReportTarget>) -> Option<ReportedHead> {
    let (subject, commit) = event.subject().zip(event.open_head())?;
    Some(ReportedHead {
        key: CommitKey {
            subject,
            commit: commit.clone(),
        },
        repository: event.name.clone(),
        target: target?,
        event_time: event.time.unwrap_or(Timestamp(0)),
    })
}

/// Returns the commit that a source action has fetched.
fn source_commit(event: &ExecutionEvent) -> Option<CommitId> {
    match &event.progress {
        Progress::Action(action) if action.category == "Source" => {
            CommitId::parse(action.external_id.clone()?).ok()
        }
        Progress::Action(_) | Progress::Pipeline { .. } | Progress::Stage { .. } => None,
    }
}

fn not_noted(fault: &Fault, commit: &CommitId) {
    tracing::warn!(
        %fault,
        commit = commit.as_str(),
        "What became of a commit could not be recorded, so it is not reported"
    );
}
