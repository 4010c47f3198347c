//! Implements the pipelines port with CodePipeline.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codepipeline::operation::RequestId;
use aws_sdk_codepipeline::operation::get_pipeline::GetPipelineOutput;
use aws_sdk_codepipeline::types::{
    ActionExecutionFilter, PipelineDeclaration, StageRetryMode, Tag,
};

use crate::domain::clone::execution::{ActionResult, Execution, FailedStage, Run, Stage};
use crate::domain::clone::tags::Tags;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, RepositoryId, Timestamp};
use crate::domain::state::claim::Claim;
use crate::ports::{
    CreateResult, ExistingPipeline, ListedPipeline, PipelineReader, Pipelines, RetryResult,
};

use crate::aws::call::measured;
use crate::aws::fault::{Service, fault, fault_without, is_throttled};
use crate::aws::limiter::Limiter;
use crate::aws::pipeline_errors::{
    NOT_FOUND, is_missing, is_name_in_use, is_not_retryable, is_stopped,
};
use crate::aws::{declaration, executions};

/// The most pipelines on a page (API reference, ListPipelines, `maxResults`).
const PAGE: i32 = 1_000;

/// The client of CodePipeline. Clones share its rate of calls.
#[derive(Clone)]
pub struct CodePipelines {
    client: Client,
    limiter: Arc<Limiter>,
}

impl CodePipelines {
    /// Wraps a client, and makes at most this many calls per second.
    #[must_use]
    pub fn new(client: Client, calls_per_second: NonZeroU32) -> Self {
        Self {
            client,
            limiter: Arc::new(Limiter::new(calls_per_second)),
        }
    }

    /// Divides the calls per second among so many daemons, of which this process is one.
    pub fn share_rate(&self, daemons: NonZeroU32) {
        self.limiter.share(daemons);
    }

    /// Sends a request when it is its turn. The inner result is AWS's answer.
    fn send<T, E: std::error::Error + ProvideErrorMetadata + 'static>(
        &self,
        call: &str,
        request: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> impl Future<Output = Result<Result<T, SdkError<E>>, Fault>> {
        // In a box for the same reason as in `call.rs`.
        let request = Box::pin(request);
        async move {
            self.limiter.wait(call).await?;
            let answer = measured(Service::CodePipeline, call, request).await;
            let throttled = answer
                .as_ref()
                .err()
                .is_some_and(|error| is_throttled(error.code()));
            self.limiter.record(throttled, Instant::now());
            Ok(answer)
        }
    }

    /// Returns CodePipeline's answer about a pipeline; `None` if it does not exist.
    async fn describe(&self, name: &PipelineName) -> Result<Option<GetPipelineOutput>, Fault> {
        let call = format!("GetPipeline {name}");
        let request = self.client.get_pipeline().name(name.as_str());
        match self.send(&call, request.send()).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(failed(&call, error)),
        }
    }

    /// Returns a pipeline; `None` if it does not exist.
    async fn get(&self, name: &PipelineName) -> Result<Option<Template>, Fault> {
        let Some(answer) = self.describe(name).await? else {
            return Ok(None);
        };
        let unexpected =
            |why: &str| Fault::new(Reason::AwsUnknown, format!("GetPipeline {name}: {why}"));
        let pipeline = answer
            .pipeline()
            .ok_or_else(|| unexpected("an answer without a pipeline"))?;
        let metadata = answer.metadata();
        let updated = metadata.and_then(|metadata| metadata.updated()?.to_millis().ok());
        let arn = metadata.and_then(|metadata| metadata.pipeline_arn());
        let arn = arn.ok_or_else(|| unexpected("an answer without an ARN"))?;
        Ok(Some(Template {
            declaration: declaration::from_sdk(pipeline).map_err(|why| unexpected(&why))?,
            arn: PipelineArn::parse(arn).map_err(|why| unexpected(&why.to_string()))?,
            version: pipeline.version(),
            updated_at: updated.map(Timestamp),
        }))
    }

    async fn tags(&self, arn: &PipelineArn) -> Result<Option<Tags>, Fault> {
        let call = format!("ListTagsForResource {arn}");
        let mut tags = Tags::new();
        let mut next = None;
        loop {
            let request = self
                .client
                .list_tags_for_resource()
                .resource_arn(arn.as_str());
            let request = request.set_next_token(next);
            let answer = match self.send(&call, request.send()).await? {
                Ok(answer) => answer,
                Err(error) if is_missing(error.code()) => return Ok(None),
                Err(error) => return Err(failed(&call, error)),
            };
            let page = answer.tags.unwrap_or_default().into_iter();
            tags.extend(page.map(|Tag { key, value, .. }| (key, value)));
            next = answer.next_token;
            if next.is_none() {
                return Ok(Some(tags));
            }
        }
    }
}

impl PipelineReader for CodePipelines {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        self.get(name).await?.ok_or_else(|| {
            let detail = format!("the template pipeline '{name}' does not exist in this account and Region: create it, or correct the rule");
            Fault::new(Reason::TemplateMissing, detail)
        })
    }

    async fn list(&self) -> Result<Vec<ListedPipeline>, Fault> {
        let call = "ListPipelines";
        let (mut listed, mut next) = (Vec::new(), None);
        loop {
            let request = self.client.list_pipelines().max_results(PAGE);
            let request = request.set_next_token(next);
            let answer = self.send(call, request.send()).await?;
            let answer = answer.map_err(|error| failed(call, error))?;
            let page = answer.pipelines.unwrap_or_default().into_iter();
            // Every name that AWS lists is valid, so none is left out here.
            listed.extend(page.filter_map(|summary| {
                Some(ListedPipeline {
                    name: PipelineName::parse(summary.name?).ok()?,
                    version: summary.version,
                })
            }));
            next = answer.next_token;
            if next.is_none() {
                return Ok(listed);
            }
        }
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        let arn = match arn {
            Some(arn) => arn.clone(),
            None => match self.get(name).await? {
                Some(pipeline) => pipeline.arn,
                None => return Ok(None),
            },
        };
        Ok(self
            .tags(&arn)
            .await?
            .map(|tags| ExistingPipeline { arn, tags }))
    }

    async fn created_at(&self, name: &PipelineName) -> Result<Option<Timestamp>, Fault> {
        let answer = self.describe(name).await?;
        let metadata = answer.as_ref().and_then(GetPipelineOutput::metadata);
        let created = metadata.and_then(|metadata| metadata.created()?.to_millis().ok());
        Ok(created.map(Timestamp))
    }

    async fn executions(
        &self,
        name: &PipelineName,
        source: Option<&str>,
    ) -> Result<Vec<Execution>, Fault> {
        let call = format!("ListPipelineExecutions {name}");
        let request = self
            .client
            .list_pipeline_executions()
            .pipeline_name(name.as_str());
        let request = request.max_results(executions::LAST);
        match self.send(&call, request.send()).await? {
            Ok(answer) => Ok(answer
                .pipeline_execution_summaries()
                .iter()
                .map(|summary| executions::read(summary, source))
                .collect()),
            Err(error) if is_missing(error.code()) => Ok(Vec::new()),
            Err(error) => Err(failed(&call, error)),
        }
    }

    async fn actions(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionResult>, Fault> {
        let call = format!("ListActionExecutions {name} {execution}");
        let filter = ActionExecutionFilter::builder().pipeline_execution_id(execution.as_str());
        let (mut listed, mut next) = (Vec::new(), None);
        loop {
            let request = self.client.list_action_executions();
            let request = request.pipeline_name(name.as_str());
            let request = request.filter(filter.clone().build()).set_next_token(next);
            let answer = match self.send(&call, request.send()).await? {
                Ok(answer) => answer,
                Err(error) if is_missing(error.code()) => return Ok(Vec::new()),
                Err(error) => return Err(failed(&call, error)),
            };
            listed.extend(answer.action_execution_details.unwrap_or_default());
            next = answer.next_token;
            if next.is_none() {
                return Ok(executions::actions(&listed));
            }
        }
    }

    async fn stages(&self, name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        let call = format!("GetPipelineState {name}");
        let request = self.client.get_pipeline_state().name(name.as_str());
        match self.send(&call, request.send()).await? {
            Ok(answer) => Ok(answer
                .stage_states()
                .iter()
                .map(executions::stage)
                .collect()),
            Err(error) if is_missing(error.code()) => Ok(Vec::new()),
            Err(error) => Err(failed(&call, error)),
        }
    }
}

impl Pipelines for CodePipelines {
    async fn admitted<T: Send>(
        &self,
        repository: RepositoryId,
        action: impl Future<Output = T> + Send,
    ) -> T {
        self.limiter.admitted(repository, action).await
    }

    async fn create(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<CreateResult, Fault> {
        let name = &pipeline.name;
        let declaration = declared(pipeline)?;
        let tags = pipeline
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(|error| {
            Fault::new(
                Reason::DeclarationRefused,
                format!("a tag of '{name}': {error}"),
            )
        })?;
        let call = format!("CreatePipeline {name}");
        let request = self
            .client
            .create_pipeline()
            .pipeline(declaration)
            .set_tags(Some(tags));
        match self.send(&call, request.send()).await? {
            Ok(_) => Ok(CreateResult::Made),
            Err(error) if is_name_in_use(error.code(), error.message()) => {
                Ok(CreateResult::NameInUse)
            }
            Err(error) => Err(refused(&call, error, pipeline)),
        }
    }

    async fn update(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<Option<i32>, Fault> {
        let call = format!("UpdatePipeline {}", pipeline.name);
        let request = self.client.update_pipeline().pipeline(declared(pipeline)?);
        let answer = self.send(&call, request.send()).await?;
        let answer = answer.map(|answer| answer.pipeline?.version);
        answer.map_err(|error| refused(&call, error, pipeline))
    }

    async fn start(&self, name: &PipelineName, run: &Run, _claim: &Claim) -> Result<String, Fault> {
        let call = format!("StartPipelineExecution {name}");
        let request = self
            .client
            .start_pipeline_execution()
            .name(name.as_str())
            .set_source_revisions(executions::revisions(run)?)
            .set_variables(executions::variables(run)?)
            .set_client_request_token(run.token.as_ref().map(ToString::to_string));
        let answer = self.send(&call, request.send()).await?;
        let answer = answer.map_err(|error| failed(&call, error))?;
        Ok(answer.pipeline_execution_id.unwrap_or_default())
    }

    async fn retry(
        &self,
        name: &PipelineName,
        failed: &FailedStage,
        _claim: &Claim,
    ) -> Result<RetryResult, Fault> {
        let FailedStage {
            execution, stage, ..
        } = failed;
        let call = format!("RetryStageExecution {name} {execution} {stage}");
        let request = self
            .client
            .retry_stage_execution()
            .pipeline_name(name.as_str())
            .pipeline_execution_id(execution.as_str())
            .stage_name(stage)
            .retry_mode(StageRetryMode::FailedActions);
        match self.send(&call, request.send()).await? {
            Ok(_) => Ok(RetryResult::Begun),
            Err(error) if is_not_retryable(error.code()) => Ok(RetryResult::NotRetryable),
            Err(error) => Err(self::failed(&call, error)),
        }
    }

    async fn stop(
        &self,
        name: &PipelineName,
        execution: &str,
        _claim: &Claim,
    ) -> Result<(), Fault> {
        let call = format!("StopPipelineExecution {name} {execution}");
        let request = self
            .client
            .stop_pipeline_execution()
            .pipeline_name(name.as_str())
            .pipeline_execution_id(execution)
            .abandon(true)
            .reason("branchline: its subject is closed");
        match self.send(&call, request.send()).await? {
            Ok(_) => Ok(()),
            Err(error) if is_stopped(error.code()) => Ok(()),
            Err(error) => Err(failed(&call, error)),
        }
    }

    async fn delete(&self, name: &PipelineName, _claim: &Claim) -> Result<(), Fault> {
        let call = format!("DeletePipeline {name}");
        let request = self.client.delete_pipeline().name(name.as_str());
        let answer = self.send(&call, request.send()).await?;
        answer.map(|_| ()).map_err(|error| failed(&call, error))
    }
}

fn declared(pipeline: &NewPipeline) -> Result<PipelineDeclaration, Fault> {
    declaration::to_sdk(&pipeline.declaration).map_err(|why| {
        let detail = format!(
            "the clone '{}' cannot be written as a request: {why}",
            pipeline.name
        );
        Fault::new(Reason::DeclarationRefused, detail)
    })
}

/// Creates the fault of a call that sent a declaration.
fn refused<E>(call: &str, error: SdkError<E>, pipeline: &NewPipeline) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let values = pipeline.declaration.private_values();
    fault_without(Service::CodePipeline, call, error, &values)
}

fn failed<E>(call: &str, error: SdkError<E>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    fault(Service::CodePipeline, call, error)
}
