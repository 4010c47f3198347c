//! Finds what was missed: reports whose daemon ended, and executions whose events did not arrive.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::fault::Fault;
use crate::domain::ids::{ExecutionId, PipelineName, Timestamp};
use crate::domain::report::execution::{ExecutionEvent, ExecutionState, Progress};
use crate::domain::report::record::{CommitKey, CommitRecord, Phase};
use crate::domain::report::render::Due;
use crate::domain::text::plural;
use crate::ports::{Clock, CommitList, GitHub, PipelineReader, Store};

use crate::reports::Reporter;
use crate::reports::outbox::Post;

/// How old a change is before another daemon reports it: its own one has had the time.
const UNREPORTED_AGE: Duration = Duration::from_secs(120);
/// How long nothing was heard of an execution before CodePipeline is asked.
const UNHEARD_AGE: Duration = Duration::from_secs(900);

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
            if let Err(fault) = self.ask(record, now).await {
                tracing::warn!(%fault, commit = key.commit.as_str(), "CodePipeline could not be asked about an execution");
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

    async fn ask(&self, record: CommitRecord, now: Timestamp) -> Result<(), Fault> {
        let mut next = record.next(now);
        if let Phase::Building { pipeline, .. } = &record.phase {
            let executions = self.pipelines.executions(pipeline, None).await?;
            match find(&record, &executions).and_then(|one| event(pipeline, one, &record)) {
                Some(event) => {
                    let _ = next.hear(&event);
                }
                None if self.pipelines.find(pipeline, None).await?.is_none() => {
                    next.phase = Phase::PipelineLost(pipeline.clone());
                }
                None => {}
            }
        }
        let region = &self.config.region;
        let due = self.store.replace_as_due(&next, region, now).await?;
        if due.is_some_and(|due| due != Due::Nothing) {
            self.outbox.push([next.key]);
        }
        Ok(())
    }
}

/// Returns the execution of a commit: the one that counts, or the newest one of that commit.
fn find<'a>(record: &CommitRecord, executions: &'a [Execution]) -> Option<&'a Execution> {
    let counted = record.execution.as_ref();
    let counted = counted.filter(|_| record.execution != record.ended_execution);
    match counted {
        Some(id) => executions.iter().find(|one| one.id == id.as_str()),
        None => {
            let commit = record.key.commit.as_str();
            executions
                .iter()
                .find(|one| one.commit.as_deref() == Some(commit))
        }
    }
}

/// Returns what an event of the execution would say.
fn event(
    pipeline: &PipelineName,
    execution: &Execution,
    record: &CommitRecord,
) -> Option<ExecutionEvent> {
    let time = |text: &Option<String>| text.as_deref().and_then(Timestamp::from_rfc3339);
    let id = ExecutionId::parse(execution.id.clone()).ok()?;
    let heard = record.run.as_ref().filter(|run| run.execution == id);
    let outdated = record.outdated.as_ref().filter(|one| one.execution == id);
    let attempt = heard.map_or(1, |run| run.attempt);
    Some(ExecutionEvent {
        pipeline: pipeline.clone(),
        execution: id,
        attempt: outdated.map_or(attempt, |one| attempt.max(one.attempt + 1)),
        time: time(&execution.updated).or(time(&execution.started))?,
        started_at: time(&execution.started),
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
