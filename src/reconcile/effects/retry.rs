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
        let id = failed.execution.as_str();
        let executions = self.pipelines.executions(name, None).await?;
        let Some(execution) = executions.into_iter().find(|one| one.id == id) else {
            return Ok(None);
        };
        if execution.state != FAILED {
            return Ok(Some(execution.id));
        }
        self.check_claim(action)?;
        let retried = self.pipelines.retry(name, failed, action.claim).await?;
        Ok(match retried {
            RetryResult::Begun => Some(execution.id),
            RetryResult::NotRetryable => None,
        })
    }
}
