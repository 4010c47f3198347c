//! The pipelines port over CodePipeline.

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::error::ProvideErrorMetadata;
use aws_sdk_codepipeline::types::Tag;

use crate::line::fault::{Fault, Reason, Room};
use crate::line::ids::{PipelineArn, PipelineName};
use crate::line::mapping::Claim;
use crate::line::template::{NewPipeline, Tags, Template};
use crate::ports::{Created, Found, Pipelines};

use super::declaration;
use super::fault::{Service, fault};

/// CodePipeline as our pipelines.
pub struct CodePipelines {
    client: Client,
}

impl CodePipelines {
    /// Over this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// `None` when there is no such pipeline.
    async fn get(&self, name: &PipelineName) -> Result<Option<Template>, Fault> {
        let answer = match self.client.get_pipeline().name(name.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("PipelineNotFoundException") => return Ok(None),
            Err(error) => return Err(failed(&format!("GetPipeline {name}"), error)),
        };
        let odd = |why: &str| {
            Fault::new(
                Room::Plan,
                Reason::AwsUnknown,
                format!("GetPipeline {name}: {why}"),
            )
        };
        let pipeline = answer
            .pipeline()
            .ok_or_else(|| odd("an answer without a pipeline"))?;
        let arn = answer
            .metadata()
            .and_then(|metadata| metadata.pipeline_arn());
        let arn = arn.ok_or_else(|| odd("an answer without an ARN"))?;
        Ok(Some(Template {
            declaration: declaration::from_sdk(pipeline).map_err(|why| odd(&why))?,
            arn: PipelineArn::parse(arn).map_err(|why| odd(&why.to_string()))?,
            version: pipeline.version(),
        }))
    }

    async fn tags(&self, arn: &PipelineArn) -> Result<Option<Tags>, Fault> {
        let request = self
            .client
            .list_tags_for_resource()
            .resource_arn(arn.as_str());
        let mut pages = request.into_paginator().items().send();
        let mut tags = Tags::new();
        while let Some(tag) = pages.next().await {
            match tag {
                Ok(Tag { key, value, .. }) => tags.insert(key, value),
                Err(error) if is_missing(error.code()) => return Ok(None),
                Err(error) => return Err(failed(&format!("ListTagsForResource {arn}"), error)),
            };
        }
        Ok(Some(tags))
    }
}

impl Pipelines for CodePipelines {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        self.get(name).await?.ok_or_else(|| {
            let detail = format!("the template pipeline '{name}' does not exist in this account and Region: make it, or correct the rule");
            Fault::new(Room::Plan, Reason::TemplateMissing, detail)
        })
    }

    async fn create(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<Created, Fault> {
        let name = &pipeline.name;
        let declaration = declaration::to_sdk(&pipeline.declaration).map_err(|why| {
            let detail = format!("the clone '{name}' cannot be written as a request: {why}");
            Fault::new(Room::Plan, Reason::DeclarationRefused, detail)
        })?;
        let tags = pipeline
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(|error| {
            Fault::new(
                Room::Plan,
                Reason::DeclarationRefused,
                format!("a tag of '{name}': {error}"),
            )
        })?;
        let sent = self
            .client
            .create_pipeline()
            .pipeline(declaration)
            .set_tags(Some(tags))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Created::Made),
            Err(error) if is_name_in_use(error.code(), error.message()) => Ok(Created::NameInUse),
            Err(error) => Err(failed(&format!("CreatePipeline {name}"), error)),
        }
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<Found>, Fault> {
        let arn = match arn {
            Some(arn) => arn.clone(),
            None => match self.get(name).await? {
                Some(pipeline) => pipeline.arn,
                None => return Ok(None),
            },
        };
        Ok(self.tags(&arn).await?.map(|tags| Found { arn, tags }))
    }

    async fn delete(&self, name: &PipelineName, _claim: &Claim) -> Result<(), Fault> {
        let sent = self
            .client
            .delete_pipeline()
            .name(name.as_str())
            .send()
            .await;
        sent.map(|_| ())
            .map_err(|error| failed(&format!("DeletePipeline {name}"), error))
    }
}

/// The reference names the first; the second was seen, with a message that says so.
fn is_name_in_use(code: Option<&str>, message: Option<&str>) -> bool {
    match code {
        Some("PipelineNameInUseException") => true,
        Some("InvalidStructureException") => {
            message.is_some_and(|message| message.contains("already exists"))
        }
        Some(_) | None => false,
    }
}

/// ListTagsForResource says the second of a pipeline that is gone.
fn is_missing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("PipelineNotFoundException" | "ResourceNotFoundException")
    )
}

fn failed<E>(call: &str, error: aws_sdk_codepipeline::error::SdkError<E>) -> Fault
where
    E: std::error::Error
        + ProvideErrorMetadata
        + aws_sdk_codepipeline::operation::RequestId
        + Send
        + Sync
        + 'static,
{
    fault(Service::CodePipeline, call, error)
}
