//! Retries the failed stage of the head commit's execution.

use crate::domain::clone::execution::FailedStage;
use crate::domain::fault::Fault;
use crate::domain::ids::PipelineName;
use crate::ports::{Clock, Pipelines, RetryResult, Store};

use crate::reconcile::execute::{ClaimedAction, Executor};

/// The status of an execution whose failed stage may be retried (API reference,
/// `PipelineExecutionSummary.status`).
const FAILED: &str = "Failed";

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Retries a failed stage, and returns the id of its execution. Returns `None` if CodePipeline
    /// cannot retry it, so that a new execution is needed.
    ///
    /// RetryStageExecution has no token that makes a repeated call have no effect. An execution
    /// that does not stand as failed was retried by an earlier attempt to process the message.
    pub(in crate::reconcile) async fn retry(
        &self,
        name: &PipelineName,
        failed: &FailedStage,
        action: &ClaimedAction<'_>,
    ) -> Result<Option<String>, Fault> {
        let id = failed.execution.to_string();
        match self.stands_as_failed(name, &id).await? {
            None => return Ok(None),
            Some(false) => return Ok(Some(id)),
            Some(true) => {}
        }
        self.check_claim(action)?;
        let retried = self.pipelines.retry(name, failed, action.claim).await?;
        Ok(match retried {
            RetryResult::Begun => Some(id),
            // The client repeats a call whose answer was lost, and CodePipeline refuses the second.
            RetryResult::NotRetryable => match self.stands_as_failed(name, &id).await? {
                Some(false) => Some(id),
                Some(true) | None => None,
            },
        })
    }

    /// Returns true if an execution has failed; `None` if CodePipeline does not list it.
    async fn stands_as_failed(&self, name: &PipelineName, id: &str) -> Result<Option<bool>, Fault> {
        let executions = self.pipelines.executions(name, None).await?;
        let execution = executions.into_iter().find(|one| one.id == id);
        Ok(execution.map(|one| one.state == FAILED))
    }
}
