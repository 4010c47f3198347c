//! The CodePipeline port: what may be read, and what may be done under a claim.

use std::future::Future;

use crate::domain::clone::execution::{ActionResult, Execution, FailedStage, Run, Stage};
use crate::domain::clone::overrides::PreviewUrl;
use crate::domain::clone::tags::Tags;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::Fault;
use crate::domain::foreign_text::is_web_page;
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, RepositoryId, Timestamp};
use crate::domain::rules::rule::Rules;
use crate::domain::state::claim::Claim;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;

/// The result of an attempt to create a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateResult {
    /// It was created, and its first execution has started.
    Made,
    /// A pipeline of that name exists; nothing was changed.
    NameInUse,
}

/// The result of an attempt to retry a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryResult {
    /// Its failed actions run again, in the next attempt of the same execution.
    Begun,
    /// CodePipeline cannot retry it: a later execution came, or the stage is not in a state that
    /// allows it. Nothing was changed.
    NotRetryable,
}

/// A pipeline that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingPipeline {
    /// The ARN.
    pub arn: PipelineArn,
    /// The tags.
    pub tags: Tags,
}

/// A pipeline as a list shows it. The list may be a moment old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPipeline {
    /// The name.
    pub name: PipelineName,
    /// The version, which each UpdatePipeline raises.
    pub version: Option<i32>,
}

/// Read access to CodePipeline.
pub trait PipelineReader: Send + Sync + 'static {
    /// Returns the declaration of a pipeline. A missing one is the permanent fault
    /// `template-missing`.
    fn template(&self, name: &PipelineName)
    -> impl Future<Output = Result<Template, Fault>> + Send;

    /// Returns all pipelines of the account in this Region, of every creator, in any order.
    fn list(&self) -> impl Future<Output = Result<Vec<ListedPipeline>, Fault>> + Send;

    /// Looks up a pipeline and its tags; `None` if it does not exist. CodePipeline may show the
    /// tags of a new pipeline a moment after the pipeline. With the ARN known it costs one call,
    /// without it two.
    fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> impl Future<Output = Result<Option<ExistingPipeline>, Fault>> + Send;

    /// Returns when a pipeline was created; `None` if it does not exist.
    fn created_at(
        &self,
        name: &PipelineName,
    ) -> impl Future<Output = Result<Option<Timestamp>, Fault>> + Send;

    /// Returns the last executions of a pipeline, at most ten, the newest first; none if the
    /// pipeline does not exist. Each has the commit that the source action `source` fetched, once
    /// CodePipeline lists it; without a name, a pipeline of several source actions has none.
    fn executions(
        &self,
        name: &PipelineName,
        source: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Execution>, Fault>> + Send;

    /// Returns what became of the actions of an execution, the latest attempt of each; none if the
    /// pipeline or the execution does not exist.
    fn actions(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> impl Future<Output = Result<Vec<ActionResult>, Fault>> + Send;

    /// Returns the page of the environment that a successful execution of a subject deployed;
    /// `None` if its rule does not say where it is found, or if it is not there. It costs a call
    /// only where the rule names an output.
    fn environment(
        &self,
        row: &Mapping,
        rules: &Rules,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send {
        async move {
            let spec = row.spec();
            let rule = spec.and_then(|spec| rule_of(row, spec, rules));
            let url = rule.and_then(|rule| rule.overrides.preview.url.as_ref());
            let page = match (spec, url) {
                (None, _) | (_, None) => None,
                (Some(spec), Some(PreviewUrl::Format(format))) => {
                    format.text(&row.placeholder_values(spec)).ok()
                }
                (Some(_), Some(PreviewUrl::Output { action, key })) => {
                    let mut actions = self.actions(name, execution).await?.into_iter();
                    let found = actions.find(|one| one.action == *action);
                    found.and_then(|mut one| one.outputs.remove(key))
                }
            };
            Ok(page.filter(|page| is_web_page(page)))
        }
    }

    /// Returns the current state of a pipeline's stages, in order; none if the pipeline does not
    /// exist.
    fn stages(&self, name: &PipelineName)
    -> impl Future<Output = Result<Vec<Stage>, Fault>> + Send;
}

/// Write access to CodePipeline, for the one place that acts. Every change needs a claim on the
/// subject that owns the pipeline.
pub trait Pipelines: PipelineReader {
    /// Runs an action for a repository once it may begin, so that none of its calls waits longer
    /// for its turn than a call may take. The repositories take turns: the actions of one delay
    /// those of another by a few calls, however many there are. An action makes its calls in the
    /// future that it is given as, and not in other tasks. Where no rate is limited, it may begin
    /// at once.
    ///
    /// If cancelled before the action has begun, nothing is held.
    fn admitted<T: Send>(
        &self,
        _repository: RepositoryId,
        action: impl Future<Output = T> + Send,
    ) -> impl Future<Output = T> + Send {
        action
    }

    /// Returns true if the clones are shown to a person, with their notes.
    fn shows_notes(&self) -> bool {
        false
    }

    /// Creates a pipeline with its tags. AWS starts its first execution by itself.
    ///
    /// If cancelled or failed: it may exist; a second call then returns
    /// [`CreateResult::NameInUse`].
    fn create(
        &self,
        pipeline: &NewPipeline,
        claim: &Claim,
    ) -> impl Future<Output = Result<CreateResult, Fault>> + Send;

    /// Replaces a pipeline's declaration, and returns its new version, if CodePipeline names it.
    /// Its tags stay. AWS stops the running executions and starts none.
    ///
    /// If cancelled or failed: it may be replaced; a second call replaces it again.
    fn update(
        &self,
        pipeline: &NewPipeline,
        claim: &Claim,
    ) -> impl Future<Output = Result<Option<i32>, Fault>> + Send;

    /// Starts an execution and returns its id.
    ///
    /// If cancelled or failed: it may have started; a second call with the same token starts
    /// nothing and returns the same id.
    fn start(
        &self,
        name: &PipelineName,
        run: &Run,
        claim: &Claim,
    ) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Runs the failed actions of a stage again.
    ///
    /// If cancelled or failed: they may run again; a second call then returns
    /// [`RetryResult::NotRetryable`] until they have ended.
    fn retry(
        &self,
        name: &PipelineName,
        failed: &FailedStage,
        claim: &Claim,
    ) -> impl Future<Output = Result<RetryResult, Fault>> + Send;

    /// Stops an execution at once: what its actions run is abandoned. Stopping one that has ended
    /// or is stopping succeeds.
    fn stop(
        &self,
        name: &PipelineName,
        execution: &str,
        claim: &Claim,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deletes a pipeline. Deleting one that does not exist succeeds.
    fn delete(
        &self,
        name: &PipelineName,
        claim: &Claim,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
