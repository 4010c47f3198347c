//! Finds what was missed: reports whose daemon ended, executions whose events did not arrive, and
//! commits whose message is gone.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::fault::Fault;
use crate::domain::ids::{ExecutionId, PipelineName, Timestamp};
use crate::domain::report::execution::{ExecutionEvent, ExecutionState, Progress};
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate, Phase, ReportedHead};
use crate::domain::report::updates::what_counts;
use crate::domain::state::mapping::Mapping;
use crate::domain::text::plural;
use crate::ports::{Clock, CommitList, GitHub, PipelineReader, Store};

use crate::reports::Reporter;
use crate::reports::outbox::Post;

/// How old a change is before another daemon reports it: its own one has had the time.
const UNREPORTED_AGE: Duration = Duration::from_secs(120);
/// How long nothing was heard of an execution before CodePipeline is asked.
const UNHEARD_AGE: Duration = Duration::from_secs(900);

/// How long a commit may wait for the next attempt of its message, before the mapping says what
/// counts: longer than the longest wait between two attempts, an hour.
const WAITING_AGE: Duration = Duration::from_secs(7_200);

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Puts into the outbox what should have been reported.
    pub(super) async fn find_unreported(&self, now: Timestamp) -> Result<(), Fault> {
        let before = now.minus(UNREPORTED_AGE);
        let keys = self.all_listed(CommitList::Unreported, before).await?;
        self.outbox.push(keys);
        let mut after = None;
        loop {
            let page = self.store.unsent_comments(before, after).await?;
            for subject in page.subjects {
                self.outbox.push_at(Post::Comment(subject), now);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let page = self.store.unsent_deployments(before, after).await?;
            for subject in page.subjects {
                self.outbox.push_at(Post::Deployments(subject), now);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Asks CodePipeline about executions of which nothing was heard for long, and returns how many
    /// they were.
    ///
    /// # Errors
    /// A fault of reading the table. CodePipeline's faults are logged.
    ///
    /// If cancelled, those that are left are found again.
    pub async fn find_unheard(&self) -> Result<String, Fault> {
        let now = self.clock.now();
        let before = now.minus(UNHEARD_AGE);
        let mut asked = 0;
        for key in self.all_listed(CommitList::Running, before).await? {
            let Some(record) = self.store.commit(&key).await? else {
                continue;
            };
            asked += 1;
            let answer = match record.is_waiting() {
                true => self.end_wait(record, now).await,
                false => self.ask(record, now).await,
            };
            if let Err(fault) = answer {
                tracing::warn!(%fault, commit = key.commit.as_str(), "It could not be found out what became of a commit");
            }
        }
        Ok(format!("{} looked up", plural(asked, "execution")))
    }

    async fn all_listed(
        &self,
        list: CommitList,
        before: Timestamp,
    ) -> Result<Vec<CommitKey>, Fault> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.listed(list, before, after).await?;
            keys.extend(page.keys);
            after = page.next;
            if after.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Corrects the record of a commit whose message is not tried any more. Another message of the
    /// subject was processed in the meantime.
    async fn end_wait(&self, record: CommitRecord, now: Timestamp) -> Result<(), Fault> {
        if record.updated_at > now.minus(WAITING_AGE) {
            return Ok(());
        }
        let head = head_of(&record);
        let mapping = self.store.mapping(&head.key.subject).await?;
        let update = mapping.and_then(|mapping| what_counts(&head, &mapping));
        let Some(update) = update else {
            return Ok(());
        };
        match CommitRecord::updated(Some(record), &update, now) {
            Some(next) => self.write(next, now).await,
            None => Ok(()),
        }
    }

    async fn ask(&self, record: CommitRecord, now: Timestamp) -> Result<(), Fault> {
        let mut next = record.next(now);
        if let Phase::Building { pipeline, .. } = &record.phase {
            let mapping = self.store.mapping(&record.key.subject).await?;
            let source = mapping.as_ref().and_then(Mapping::source_action);
            let executions = self.pipelines.executions(pipeline, source).await?;
            let change = mapping
                .as_ref()
                .and_then(|row| what_counts(&head_of(&record), row));
            match (
                find(&record, &executions).and_then(|one| event(pipeline, one, &record)),
                change,
            ) {
                (Some(event), _) => {
                    let _ = next.hear(&event);
                    let page = self.environment(&event, mapping.as_ref()).await?;
                    if let Some(run) = &mut next.run {
                        run.deployed(&event.execution, page.as_ref());
                    }
                }
                // Its execution was one of an earlier pipeline of this name.
                (None, Some(CommitUpdate::Superseded { by, .. })) => {
                    next.superseded_by = Some(by);
                    next.lose(pipeline.clone(), now);
                }
                (None, Some(CommitUpdate::Head { phase, .. }))
                    if matches!(phase, Phase::Absent(_)) =>
                {
                    next.phase = phase;
                }
                (None, Some(CommitUpdate::Head { .. } | CommitUpdate::Idle { .. }) | None) => {
                    if self.pipelines.find(pipeline, None).await?.is_none() {
                        next.lose(pipeline.clone(), now);
                    }
                }
            }
        }
        self.write(next, now).await
    }

    /// Returns the page of the environment, as the event would have found it.
    async fn environment(
        &self,
        event: &ExecutionEvent,
        mapping: Option<&Mapping>,
    ) -> Result<Option<String>, Fault> {
        let Some(row) = mapping.filter(|_| event.has_succeeded()) else {
            return Ok(None);
        };
        let (rules, name, execution) = (&self.config.rules, &event.pipeline, &event.execution);
        match self
            .pipelines
            .environment(row, rules, name, execution)
            .await
        {
            Err(fault) if !fault.reason.class().may_pass() => {
                let pipeline = name.as_str();
                tracing::warn!(%fault, pipeline, "The environment of a pull request is not linked");
                Ok(None)
            }
            found => found,
        }
    }

    async fn write(&self, next: CommitRecord, now: Timestamp) -> Result<(), Fault> {
        let region = &self.config.region;
        let key = next.key.clone();
        let is_due = self.store.replace_as_due(next, region, now).await?;
        if is_due == Some(true) {
            self.outbox.push([key]);
        }
        Ok(())
    }
}

fn head_of(record: &CommitRecord) -> ReportedHead {
    ReportedHead {
        key: record.key.clone(),
        repository: record.repository.clone(),
        target: record.target.clone(),
        event_time: record.event_time,
    }
}

/// Returns the newest execution of a commit: the one that counts, or one of that commit of which
/// nothing was heard.
fn find<'a>(record: &CommitRecord, executions: &'a [Execution]) -> Option<&'a Execution> {
    let commit = Some(record.key.commit.as_str());
    let counts = |one: &Execution| {
        let id = ExecutionId::parse(one.id.clone()).ok()?;
        let is_of_commit =
            record.execution.as_ref() == Some(&id) || one.commit.as_deref() == commit;
        (is_of_commit && !record.has_ended(&id, time(one.started.as_deref()))).then_some(())
    };
    executions.iter().find(|one| counts(one).is_some())
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(Timestamp::from_rfc3339)
}

/// Returns what an event of the execution would say.
fn event(
    pipeline: &PipelineName,
    execution: &Execution,
    record: &CommitRecord,
) -> Option<ExecutionEvent> {
    let id = ExecutionId::parse(execution.id.clone()).ok()?;
    let heard = record.run.as_ref().filter(|run| run.execution == id);
    let outdated = record.outdated.as_ref().filter(|one| one.execution == id);
    let attempt = heard.map_or(1, |run| run.attempt);
    Some(ExecutionEvent {
        pipeline: pipeline.clone(),
        execution: id,
        attempt: outdated.map_or(attempt, |one| attempt.max(one.attempt + 1)),
        time: time(execution.updated.as_deref()).or(time(execution.started.as_deref()))?,
        started_at: time(execution.started.as_deref()),
        progress: Progress::Pipeline {
            state: state(&execution.state)?,
            trigger: None,
        },
    })
}

/// Returns the state of an execution as its events would name it (API reference,
/// `PipelineExecutionSummary.status`).
fn state(status: &str) -> Option<ExecutionState> {
    Some(match status {
        "InProgress" => ExecutionState::Started,
        "Stopping" => ExecutionState::Stopping,
        "Succeeded" => ExecutionState::Succeeded,
        "Failed" => ExecutionState::Failed,
        "Stopped" => ExecutionState::Stopped,
        "Cancelled" => ExecutionState::Canceled,
        "Superseded" => ExecutionState::Superseded,
        _ => return None,
    })
}
