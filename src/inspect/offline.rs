//! Explaining without AWS: a template from a file, and an account with nothing else in it.

use serde_json::Value;

use crate::domain::clone::Template;
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::execution::{Execution, Stage};
use crate::domain::fault::Fault;
use crate::domain::ids::{
    DeliveryId, PipelineArn, PipelineName, RepositoryId, RepositoryName, Subject,
};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Cursor, ExistingPipeline, Page, PipelineReader, SlotUse, StoreReader};

/// A table in which no subject was ever seen.
#[derive(Clone, Copy, Debug)]
pub struct EmptyStore;

/// The output of `aws codepipeline get-pipeline` as the template, and no other pipeline.
#[derive(Clone, Debug)]
pub struct OfflinePipelines(Template);

impl OfflinePipelines {
    /// Reads the file's text.
    ///
    /// # Errors
    /// One sentence that says what the file should be.
    pub fn read(text: &str) -> Result<Self, String> {
        let odd = || "want the output of `aws codepipeline get-pipeline --name NAME`".to_owned();
        let json: Value =
            serde_json::from_str(text).map_err(|why| format!("not JSON ({why}): {}", odd()))?;
        let arn = json
            .pointer("/metadata/pipelineArn")
            .and_then(Value::as_str);
        let arn = arn.unwrap_or("arn:aws:codepipeline:eu-west-1:000000000000:template");
        let arn = PipelineArn::parse(arn).map_err(|why| why.to_string())?;
        let declaration = Declaration::new(json.get("pipeline").unwrap_or(&json).clone());
        let declaration = declaration.filter(|declaration| declaration.stages().next().is_some());
        let declaration = declaration.ok_or_else(odd)?;
        let version = declaration.as_json().get("version").and_then(Value::as_i64);
        Ok(Self(Template {
            version: version.and_then(|version| i32::try_from(version).ok()),
            declaration,
            arn,
        }))
    }
}

impl PipelineReader for OfflinePipelines {
    /// Returns the file, whatever the rule calls its template.
    async fn template(&self, _name: &PipelineName) -> Result<Template, Fault> {
        Ok(self.0.clone())
    }

    async fn names(&self) -> Result<Vec<PipelineName>, Fault> {
        Ok(Vec::new())
    }

    async fn find(
        &self,
        _name: &PipelineName,
        _arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        Ok(None)
    }

    async fn executions(&self, _name: &PipelineName) -> Result<Vec<Execution>, Fault> {
        Ok(Vec::new())
    }

    async fn stages(&self, _name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        Ok(Vec::new())
    }
}

impl StoreReader for EmptyStore {
    async fn mapping(&self, _subject: &Subject) -> Result<Option<Mapping>, Fault> {
        Ok(None)
    }

    async fn in_state(&self, _state: State, _after: Option<Cursor>) -> Result<Page, Fault> {
        Ok(empty())
    }

    async fn of_repository(
        &self,
        _repository: RepositoryId,
        _after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        Ok(empty())
    }

    async fn delivered(&self, _delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        Ok(None)
    }

    async fn repository(&self, _name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        Ok(None)
    }

    async fn owner(&self, _pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        Ok(None)
    }

    async fn history(&self, _subject: &Subject) -> Result<Vec<AuditEntry>, Fault> {
        Ok(Vec::new())
    }

    async fn slots(&self, _rule: &str, _subject: &Subject) -> Result<SlotUse, Fault> {
        Ok(SlotUse {
            counted: true,
            taken: 0,
            held: false,
        })
    }
}

fn empty() -> Page {
    Page {
        rows: Vec::new(),
        next: None,
    }
}
