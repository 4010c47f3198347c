//! Finds the page of the environment that an execution deployed.

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::report::execution::ExecutionEvent;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns the page of the environment if the event says that its execution has succeeded, and
    /// the subject's rule says where the page is found. Without such a rule this costs no call.
    ///
    /// # Errors
    /// A fault that another attempt may not have. Any other one is logged: the result of the commit
    /// does not wait for its environment.
    pub(super) async fn environment(
        &self,
        event: &ExecutionEvent,
        subject: &Subject,
    ) -> Result<Option<String>, Fault> {
        if !self.rules().have_pages() || !event.has_succeeded() {
            return Ok(None);
        }
        let Some(row) = self.store().mapping(subject).await? else {
            return Ok(None);
        };
        let (name, execution) = (&event.pipeline, &event.execution);
        let found = self
            .pipelines()
            .environment(&row, self.rules(), name, execution);
        match found.await {
            Err(fault) if !fault.reason.class().may_pass() => {
                let pipeline = event.pipeline.as_str();
                tracing::warn!(%fault, pipeline, "The environment of a pull request is not linked");
                Ok(None)
            }
            found => found,
        }
    }
}
