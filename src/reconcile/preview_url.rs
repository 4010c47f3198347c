//! Finds the page of the environment that an execution deployed.

use crate::domain::clone::overrides::PreviewUrl;
use crate::domain::fault::{Class, Fault};
use crate::domain::foreign_text::is_web_page;
use crate::domain::ids::Subject;
use crate::domain::report::execution::{ExecutionEvent, ExecutionState, Progress};
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
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
        let mut rules = self.rules().0.iter();
        let has_url = rules.any(|rule| rule.overrides.preview.url.is_some());
        if !has_url || !has_succeeded(event) {
            return Ok(None);
        }
        let found = match self.store().mapping(subject).await? {
            Some(row) => self.environment_of(event, &row).await,
            None => Ok(None),
        };
        match found {
            Ok(page) => Ok(page.filter(|page| is_web_page(page))),
            Err(fault) if is_passing(&fault) => Err(fault),
            Err(fault) => {
                let pipeline = event.pipeline.as_str();
                tracing::warn!(%fault, pipeline, "The environment of a pull request is not linked");
                Ok(None)
            }
        }
    }

    async fn environment_of(
        &self,
        event: &ExecutionEvent,
        row: &Mapping,
    ) -> Result<Option<String>, Fault> {
        let Some(spec) = row.spec() else {
            return Ok(None);
        };
        let rule = rule_of(row, spec, self.rules());
        match rule.and_then(|rule| rule.overrides.preview.url.as_ref()) {
            None => Ok(None),
            Some(PreviewUrl::Format(format)) => Ok(format.text(&row.placeholder_values(spec)).ok()),
            Some(PreviewUrl::Output { action, key }) => {
                let actions = self.pipelines().actions(&event.pipeline, &event.execution);
                let mut actions = actions.await?.into_iter();
                let found = actions.find(|one| one.action == *action);
                Ok(found.and_then(|mut one| one.outputs.remove(key)))
            }
        }
    }
}

fn has_succeeded(event: &ExecutionEvent) -> bool {
    matches!(
        event.progress,
        Progress::Pipeline {
            state: ExecutionState::Succeeded,
            ..
        }
    )
}

fn is_passing(fault: &Fault) -> bool {
    matches!(fault.reason.class(), Class::Transient | Class::Throttled)
}
