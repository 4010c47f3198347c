//! Explains without AWS: with a template from a file, in an account that contains nothing else.

use serde_json::{Value, json};

use crate::domain::clone::Template;
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::execution::{ActionResult, Execution, Stage};
use crate::domain::clone::projects::Project;
use crate::domain::clone::stacks::{FoundStack, Stack, StackKey};
use crate::domain::fault::Fault;
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, ExecutionId, PipelineArn, PipelineName, ProjectName,
    RepositoryId, RepositoryName, StackId, Subject, Timestamp,
};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::repository::RepositoryRecord;
use crate::domain::state::slots::SlotUse;
use crate::domain::time_range::TimeRange;
use crate::ports::{
    Cursor, EntryPage, ExistingPipeline, KnownSubject, ListedPipeline, Page, PipelineReader,
    ProjectAnswer, ProjectReader, Projects, StackAnswer, StackHolder, StackHolders, StackReader,
    StoreReader, TrailReader,
};

/// A table without any mapping.
#[derive(Clone, Copy, Debug)]
pub struct EmptyStore;

/// CodePipeline with one template: the output of `aws codepipeline get-pipeline`.
#[derive(Clone, Debug)]
pub struct OfflinePipelines(Template);

impl OfflinePipelines {
    /// Parses the text of the file.
    ///
    /// # Errors
    /// One sentence that describes the expected file.
    pub fn read(text: &str) -> Result<Self, String> {
        let unexpected =
            || "want the output of `aws codepipeline get-pipeline --name NAME`".to_owned();
        let json: Value = serde_json::from_str(text)
            .map_err(|why| format!("not JSON ({why}): {}", unexpected()))?;
        let arn = json
            .pointer("/metadata/pipelineArn")
            .and_then(Value::as_str);
        let arn = arn.unwrap_or("arn:aws:codepipeline:eu-west-1:000000000000:template");
        let arn = PipelineArn::parse(arn).map_err(|why| why.to_string())?;
        let declaration = Declaration::new(json.get("pipeline").unwrap_or(&json).clone())
            .filter(|declaration| declaration.stages().next().is_some())
            .ok_or_else(unexpected)?;
        let version = declaration.as_json().get("version").and_then(Value::as_i64);
        Ok(Self(Template {
            version: version.and_then(|version| i32::try_from(version).ok()),
            declaration,
            arn,
            updated_at: None,
        }))
    }
}

/// CodeBuild with every project that a template uses, and none of a clone.
#[derive(Clone, Copy, Debug)]
pub struct OfflineProjects;

impl ProjectReader for OfflineProjects {
    fn projects<'a>(&'a self, names: &'a [ProjectName]) -> ProjectAnswer<'a, Projects> {
        let of_templates = names.iter().filter(|name| !name.may_be_of_clone());
        let found = of_templates.filter_map(|name| {
            let project = Project::new(json!({"name": name.as_str()}))?;
            Some((name.clone(), project))
        });
        let found = found.collect();
        Box::pin(async move { Ok(found) })
    }
}

/// CloudFormation without a stack.
#[derive(Clone, Copy, Debug)]
pub struct OfflineStacks;

impl StackReader for OfflineStacks {
    fn named<'a>(&'a self, _stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>> {
        Box::pin(async { Ok(None) })
    }

    fn stack<'a>(&'a self, _id: &'a StackId) -> StackAnswer<'a, Option<FoundStack>> {
        Box::pin(async { Ok(None) })
    }

    fn kept<'a>(&'a self, _id: &'a StackId) -> StackAnswer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn all<'a>(&'a self, _region: Option<&'a str>) -> StackAnswer<'a, Vec<FoundStack>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl PipelineReader for OfflinePipelines {
    /// Returns the template of the file, whatever its name in the rule.
    async fn template(&self, _name: &PipelineName) -> Result<Template, Fault> {
        Ok(self.0.clone())
    }

    async fn list(&self) -> Result<Vec<ListedPipeline>, Fault> {
        Ok(Vec::new())
    }

    async fn find(
        &self,
        _name: &PipelineName,
        _arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        Ok(None)
    }

    async fn created_at(&self, _name: &PipelineName) -> Result<Option<Timestamp>, Fault> {
        Ok(None)
    }

    async fn executions(
        &self,
        _name: &PipelineName,
        _source: Option<&str>,
    ) -> Result<Vec<Execution>, Fault> {
        Ok(Vec::new())
    }

    async fn actions(
        &self,
        _name: &PipelineName,
        _execution: &ExecutionId,
    ) -> Result<Vec<ActionResult>, Fault> {
        Ok(Vec::new())
    }

    async fn stages(&self, _name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        Ok(Vec::new())
    }
}

impl TrailReader for EmptyStore {
    async fn chain(&self, _chain: &Chain) -> Result<Vec<AuditEntry>, Fault> {
        Ok(Vec::new())
    }

    async fn entries(&self, _after: Option<Cursor>) -> Result<EntryPage, Fault> {
        Ok(no_entries())
    }

    async fn within_day(
        &self,
        _range: TimeRange,
        _newest_first: bool,
        _after: Option<Cursor>,
    ) -> Result<EntryPage, Fault> {
        Ok(no_entries())
    }
}

impl StackHolders for EmptyStore {
    async fn stack_holder(&self, _stack: &StackKey) -> Result<Option<StackHolder>, Fault> {
        Ok(None)
    }
}

impl StoreReader for EmptyStore {
    async fn mapping(&self, _subject: &Subject) -> Result<Option<Mapping>, Fault> {
        Ok(None)
    }

    async fn known(&self, _subject: &Subject) -> Result<KnownSubject, Fault> {
        Ok(KnownSubject::default())
    }

    async fn repository_record(
        &self,
        _repository: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, Fault> {
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

    async fn first_received(&self, _body: &BodyDigest) -> Result<Option<Timestamp>, Fault> {
        Ok(None)
    }

    async fn is_skipped(
        &self,
        _repository: RepositoryId,
        _commit: &CommitId,
    ) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn slots(&self, _rule: &str, _subject: &Subject) -> Result<SlotUse, Fault> {
        Ok(SlotUse {
            counted: true,
            ..SlotUse::default()
        })
    }

    async fn account_use(&self) -> Result<SlotUse, Fault> {
        Ok(SlotUse::default())
    }
}

fn no_entries() -> EntryPage {
    EntryPage {
        entries: Vec::new(),
        next: None,
    }
}

fn empty() -> Page {
    Page {
        rows: Vec::new(),
        next: None,
    }
}
