//! The pipeline ports of a rehearsal, and the effects that they record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::domain::clone::diff::{Difference, diff};
use crate::domain::clone::execution::{ActionResult, Execution, FailedStage, Run, Stage};
use crate::domain::clone::tags::Tags;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::Fault;
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, Timestamp};
use crate::domain::state::claim::Claim;
use crate::ports::{
    CreateResult, ExistingPipeline, ListedPipeline, PipelineReader, Pipelines, RetryResult,
};

/// The id of an execution that would be started.
const PREDICTED: &str = "predicted";

/// A call to CodePipeline that the daemon would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// CreatePipeline.
    Create,
    /// UpdatePipeline.
    Update,
    /// StartPipelineExecution.
    Start,
    /// RetryStageExecution.
    Retry,
    /// StopPipelineExecution.
    Stop,
    /// DeletePipeline.
    Delete,
}

/// A call that the daemon would make, and its pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PredictedEffect {
    /// The call.
    pub kind: EffectKind,
    /// The name of the pipeline.
    pub pipeline: String,
}

/// The comparison of a clone with its template.
#[derive(Clone, Debug, Serialize)]
pub struct CloneComparison {
    /// The template's name.
    pub template: String,
    /// The template's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version: Option<i32>,
    /// The clone's name.
    pub pipeline: String,
    /// The stages of the template that the clone does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out_stages: Vec<String>,
    /// What remains dangerous because the rule allows it, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangers: Vec<String>,
    /// What may not work as the template's author meant it, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The differences.
    pub differences: Vec<Difference>,
}

impl CloneComparison {
    /// Compares a clone with its template.
    #[must_use]
    pub fn new(template: &Template, clone: &NewPipeline) -> Self {
        Self {
            template: template.declaration.name().to_owned(),
            template_version: template.version,
            pipeline: clone.name.to_string(),
            left_out_stages: clone.fingerprint.left_out_stages.clone(),
            dangers: clone.notes.dangers.clone(),
            warnings: clone.notes.warnings.clone(),
            differences: diff(&template.declaration, &clone.declaration),
        }
    }
}

/// CodePipeline, with the rehearsed calls on top.
pub struct RehearsalPipelines<P> {
    inner: P,
    called: Mutex<Called>,
}

#[derive(Default)]
struct Called {
    effects: Vec<PredictedEffect>,
    clone: Option<CloneComparison>,
    /// The templates that were read, by name. The daemon remembers them too, and does not read them
    /// again for each clone.
    templates: BTreeMap<String, Template>,
    created: BTreeMap<PipelineName, (PipelineArn, Tags)>,
    deleted: BTreeSet<PipelineName>,
}

impl<P: PipelineReader> RehearsalPipelines<P> {
    /// Rehearses over this CodePipeline.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            called: Mutex::default(),
        }
    }

    /// Takes the effects since the last call, and the clone that was written last.
    pub fn take(&self) -> (Vec<PredictedEffect>, Option<CloneComparison>) {
        let mut called = self.lock();
        (std::mem::take(&mut called.effects), called.clone.take())
    }

    fn note(&self, kind: EffectKind, pipeline: &PipelineName) {
        let pipeline = pipeline.to_string();
        self.lock().effects.push(PredictedEffect { kind, pipeline });
    }

    fn compare(&self, clone: &NewPipeline) {
        let mut called = self.lock();
        let template = called.templates.get(&clone.template);
        called.clone = template.map(|template| CloneComparison::new(template, clone));
    }

    /// Locks the calls. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: PipelineReader> PipelineReader for RehearsalPipelines<P> {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let template = self.inner.template(name).await?;
        let name = template.declaration.name().to_owned();
        self.lock().templates.insert(name, template.clone());
        Ok(template)
    }

    async fn list(&self) -> Result<Vec<ListedPipeline>, Fault> {
        self.inner.list().await
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        {
            let called = self.lock();
            if called.deleted.contains(name) {
                return Ok(None);
            }
            if let Some((arn, tags)) = called.created.get(name).cloned() {
                return Ok(Some(ExistingPipeline { arn, tags }));
            }
        }
        self.inner.find(name, arn).await
    }

    async fn created_at(&self, name: &PipelineName) -> Result<Option<Timestamp>, Fault> {
        self.inner.created_at(name).await
    }

    async fn executions(
        &self,
        name: &PipelineName,
        source: Option<&str>,
    ) -> Result<Vec<Execution>, Fault> {
        self.inner.executions(name, source).await
    }

    async fn actions(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionResult>, Fault> {
        self.inner.actions(name, execution).await
    }

    async fn stages(&self, name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        self.inner.stages(name).await
    }
}

impl<P: PipelineReader> Pipelines for RehearsalPipelines<P> {
    fn shows_notes(&self) -> bool {
        true
    }

    async fn create(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<CreateResult, Fault> {
        let name = &pipeline.name;
        if self.find(name, Some(&pipeline.arn)).await?.is_some() {
            return Ok(CreateResult::NameInUse);
        }
        self.note(EffectKind::Create, name);
        self.compare(pipeline);
        let mut called = self.lock();
        called.deleted.remove(name);
        let (arn, tags) = (pipeline.arn.clone(), pipeline.tags.clone());
        called.created.insert(name.clone(), (arn, tags));
        Ok(CreateResult::Made)
    }

    async fn update(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<Option<i32>, Fault> {
        self.note(EffectKind::Update, &pipeline.name);
        self.compare(pipeline);
        Ok(None)
    }

    async fn start(
        &self,
        name: &PipelineName,
        _run: &Run,
        _claim: &Claim,
    ) -> Result<String, Fault> {
        self.note(EffectKind::Start, name);
        Ok(PREDICTED.to_owned())
    }

    async fn retry(
        &self,
        name: &PipelineName,
        _failed: &FailedStage,
        _claim: &Claim,
    ) -> Result<RetryResult, Fault> {
        self.note(EffectKind::Retry, name);
        Ok(RetryResult::Begun)
    }

    async fn stop(
        &self,
        name: &PipelineName,
        _execution: &str,
        _claim: &Claim,
    ) -> Result<(), Fault> {
        self.note(EffectKind::Stop, name);
        Ok(())
    }

    async fn delete(&self, name: &PipelineName, _claim: &Claim) -> Result<(), Fault> {
        self.note(EffectKind::Delete, name);
        let mut called = self.lock();
        called.created.remove(name);
        called.deleted.insert(name.clone());
        Ok(())
    }
}
