//! The contents of the fake CodePipeline, and the effects of its calls.

use std::collections::{BTreeMap, BTreeSet};

use branchline::domain::clone::declaration::Declaration;
use branchline::domain::clone::execution::{Execution, Run, Stage};
use branchline::domain::clone::projects::Project;
use branchline::domain::clone::tags::Tags;
use branchline::domain::clone::{NewPipeline, Template};
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{CommitId, PipelineArn, PipelineName, ProjectName, Timestamp};
use branchline::domain::report::execution::ExecutionState;
use branchline::ports::{CreateResult, ExistingPipeline};
use serde_json::{Map, Value};

use super::executions::{Fate, Started};
use super::stacks::{Stacks, is_teardown};
use crate::world::codepipeline_rules;

/// The account and Region of the fake.
const ARN_PREFIX: &str = "arn:aws:codepipeline:eu-west-1:123456789012";
/// The key whose value GetPipeline masks.
const SECRET: &str = "OAuthToken";
/// The digit of the commit at the head of each base branch.
const BASE: &str = "b";
/// The mask.
const MASK: &str = "****";

/// An existing pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// Its declaration, secrets included.
    pub(crate) declaration: Map<String, Value>,
    pub(crate) tags: Tags,
    pub(crate) version: i32,
    /// Its executions. CreatePipeline started the first.
    pub(crate) runs: Vec<Started>,
    /// The executions of earlier pipelines of its name. No two executions have the same id.
    pub(super) earlier: usize,
    pub(crate) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// True if it was made past the port: a template or a foreign pipeline.
    pub(crate) given: bool,
    /// The source action that fetches the subject's branch.
    pub(crate) source: Option<String>,
}

impl Pipeline {
    /// Returns how many executions were started.
    pub(crate) fn executions(&self) -> usize {
        self.runs.len()
    }

    /// Returns the commits that were built, in order.
    pub(crate) fn commits(&self) -> Vec<&str> {
        self.runs
            .iter()
            .filter_map(|run| run.commit.as_deref())
            .collect()
    }

    /// Returns the commit that a source action fetched in an execution. Those of other repositories
    /// fetched another one.
    fn fetched(&self, run: &Started, source: Option<&str>) -> Option<String> {
        let sources = self.declaration.get("stages");
        let sources = sources.and_then(|stages| stages.pointer("/0/actions"));
        let is_only = sources.and_then(Value::as_array).map(Vec::len) == Some(1);
        match source {
            Some(source) if self.source.as_deref() == Some(source) => run.commit.clone(),
            Some(_) => Some("0".repeat(40)),
            None => run.commit.clone().filter(|_| is_only),
        }
    }

    /// Returns true if every execution has ended and said so.
    pub(super) fn is_quiet(&self) -> bool {
        self.given || self.runs.iter().all(Started::is_over)
    }

    /// A person may release the newest commit again once its execution has ended.
    pub(super) fn release(&mut self, fate: &mut Fate, now: Timestamp) {
        let released = self.runs.iter().filter(|run| run.by_hand).count();
        let last = self.runs.last().filter(|run| run.is_over());
        let commit = last.and_then(|run| run.commit.clone());
        if commit.is_some() && released < 2 && fate.rolls(24) {
            self.runs.push(Started {
                commit,
                by_hand: true,
                ..Started::at(now)
            });
        }
    }

    /// Returns the CodeBuild projects that its actions use.
    pub(crate) fn projects(&self) -> Vec<String> {
        let stages = self.declaration.get("stages").and_then(Value::as_array);
        let actions = stages.into_iter().flatten();
        let actions = actions
            .filter_map(|stage| stage.get("actions")?.as_array())
            .flatten();
        let used = |action: &Value| {
            Some(
                action
                    .pointer("/configuration/ProjectName")?
                    .as_str()?
                    .to_owned(),
            )
        };
        actions.filter_map(used).collect()
    }

    /// Returns a configuration value of the first source action.
    pub(crate) fn source(&self, key: &str) -> Option<&str> {
        let pointer = format!("/0/actions/0/configuration/{key}");
        self.declaration.get("stages")?.pointer(&pointer)?.as_str()
    }
}

#[derive(Default)]
pub(super) struct Account {
    pub(super) pipelines: BTreeMap<PipelineName, Pipeline>,
    /// The executions of pipelines that were deleted, by name.
    pub(super) ended: BTreeMap<PipelineName, usize>,
    /// The projects of CodeBuild.
    pub(super) projects: BTreeMap<ProjectName, Project>,
    /// The stacks of CloudFormation.
    pub(super) stacks: Stacks,
    pub(super) project_limit: Option<usize>,
    /// The pipelines and projects that a call is changing now.
    pub(super) touched: BTreeSet<String>,
    pub(super) violations: Vec<String>,
    /// True if the client repeats the next retry, whose first answer is lost.
    pub(super) repeats_retry: bool,
    /// True if no person retries or releases an execution any more.
    pub(super) left_alone: bool,
    pub(super) limit: Option<usize>,
    /// How many more reads find no tags.
    pub(super) hidden_tags: u32,
}

impl Account {
    pub(super) fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let missing = || {
            let detail = format!("no pipeline '{name}'");
            Fault::new(Reason::TemplateMissing, detail)
        };
        let pipeline = self.pipelines.get(name).ok_or_else(missing)?;
        let mut fields = pipeline.declaration.clone();
        fields.insert("version".to_owned(), Value::from(pipeline.version));
        let mut json = Value::Object(fields);
        mask(&mut json);
        Ok(Template {
            declaration: Declaration::new(json).ok_or_else(missing)?,
            arn: arn(name)?,
            version: Some(pipeline.version),
            updated_at: Some(pipeline.updated_at),
        })
    }

    pub(super) fn create(
        &mut self,
        new: &NewPipeline,
        head: Option<&CommitId>,
        now: Timestamp,
    ) -> Result<CreateResult, Fault> {
        let name = &new.name;
        assert_eq!(new.declaration.name(), name.as_str(), "two names");
        if self.pipelines.contains_key(name) {
            return Ok(CreateResult::NameInUse);
        }
        let fields = new.declaration.as_json();
        codepipeline_rules::check(fields, &new.tags)
            .map_err(|why| Fault::new(Reason::DeclarationRefused, why))?;
        if self
            .limit
            .is_some_and(|limit| self.pipelines.len() >= limit)
        {
            let detail = "LimitExceededException";
            return Err(Fault::new(Reason::AwsQuota, detail));
        }
        let mut declaration = fields.clone();
        declaration.remove("version");
        let pipeline = Pipeline {
            declaration,
            tags: new.tags.clone(),
            version: 1,
            // CreatePipeline starts the first execution by itself.
            runs: vec![Started {
                commit: head.map(ToString::to_string),
                ..Started::at(now)
            }],
            earlier: self.ended.get(name).copied().unwrap_or_default(),
            created_at: now,
            updated_at: now,
            given: false,
            source: new.fingerprint.source.clone(),
        };
        self.pipelines.insert(name.clone(), pipeline);
        Ok(CreateResult::Made)
    }

    pub(super) fn find(
        &mut self,
        name: &PipelineName,
        at: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        let arn = arn(name)?;
        let here = at.is_none_or(|at| *at == arn);
        let Some(pipeline) = self.pipelines.get(name).filter(|_| here) else {
            return Ok(None);
        };
        let are_hidden = self.hidden_tags > 0;
        self.hidden_tags = self.hidden_tags.saturating_sub(1);
        let tags = if are_hidden {
            Tags::new()
        } else {
            pipeline.tags.clone()
        };
        Ok(Some(ExistingPipeline { arn, tags }))
    }

    pub(super) fn created_at(&self, name: &PipelineName) -> Option<Timestamp> {
        self.pipelines.get(name).map(|pipeline| pipeline.created_at)
    }

    /// Every update counts as a change, even with the same declaration.
    pub(super) fn update(
        &mut self,
        new: &NewPipeline,
        now: Timestamp,
    ) -> Result<Option<i32>, Fault> {
        self.ours(&new.name)?;
        let Some(pipeline) = self.pipelines.get_mut(&new.name) else {
            return Ok(None);
        };
        let refused = |why| Fault::new(Reason::DeclarationRefused, why);
        codepipeline_rules::check(new.declaration.as_json(), &pipeline.tags).map_err(refused)?;
        let before =
            std::mem::replace(&mut pipeline.declaration, new.declaration.as_json().clone());
        if is_teardown(&before) != is_teardown(&pipeline.declaration) {
            if is_teardown(&before) && pipeline.runs.iter().any(Started::is_in_last_step) {
                // CloudFormation goes on with what it has begun.
                self.stacks.delete(&before);
            }
            // What it ran before says nothing about its subject's commits.
            pipeline.earlier += pipeline.runs.len();
            pipeline.runs.clear();
        }
        pipeline.version += 1;
        pipeline.updated_at = now;
        pipeline.source.clone_from(&new.fingerprint.source);
        for run in &mut pipeline.runs {
            run.outdated = true;
            run.cut_off(ExecutionState::Canceled, now);
        }
        Ok(Some(pipeline.version))
    }

    pub(super) fn start(
        &mut self,
        name: &PipelineName,
        run: &Run,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let pipeline = self.ours(name)?;
        codepipeline_rules::check_run(&pipeline.declaration, run)
            .map_err(|why| Fault::new(Reason::DeclarationRefused, why))?;
        let token = run.token.as_ref().map(ToString::to_string);
        let known = |known: &Started| token.is_some() && known.token == token;
        let index = match pipeline.runs.iter().position(known) {
            Some(index) => index,
            None => {
                let revision = run.revision.as_ref();
                let commit = revision.map(|(_, commit)| commit.to_string());
                let base = is_teardown(&pipeline.declaration).then(|| BASE.repeat(40));
                pipeline.runs.push(Started {
                    commit: commit.or(base),
                    variables: run.variables.clone(),
                    token,
                    ..Started::at(now)
                });
                pipeline.runs.len() - 1
            }
        };
        Ok(execution(name, pipeline.earlier + index))
    }

    pub(super) fn executions(&self, name: &PipelineName, source: Option<&str>) -> Vec<Execution> {
        let Some(pipeline) = self.pipelines.get(name) else {
            return Vec::new();
        };
        let mut all: Vec<Execution> = pipeline
            .runs
            .iter()
            .enumerate()
            .map(|(index, run)| Execution {
                id: execution(name, pipeline.earlier + index),
                state: run.status().to_owned(),
                started: Some(run.started_at.to_string()),
                updated: Some(run.changed_at.to_string()),
                commit: pipeline.fetched(run, source),
                ..Execution::default()
            })
            .collect();
        all.reverse();
        all.truncate(10);
        all
    }

    pub(super) fn stages(&self, name: &PipelineName) -> Vec<Stage> {
        let declared = self
            .pipelines
            .get(name)
            .and_then(|pipeline| pipeline.declaration.get("stages"));
        let stages = declared.and_then(Value::as_array).into_iter().flatten();
        stages
            .map(|stage| Stage {
                name: stage
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                ..Stage::default()
            })
            .collect()
    }

    pub(super) fn ours(&mut self, name: &PipelineName) -> Result<&mut Pipeline, Fault> {
        let missing = || Fault::new(Reason::AwsConflict, format!("no '{name}'"));
        let pipeline = self.pipelines.get_mut(name).ok_or_else(missing)?;
        assert!(!pipeline.given, "'{name}' was not branchline's to change");
        Ok(pipeline)
    }

    /// Removes a pipeline with its executions, of which nothing is heard any more.
    pub(super) fn remove(&mut self, name: &PipelineName) -> Option<Pipeline> {
        let gone = self.pipelines.remove(name)?;
        let runs = gone.earlier + gone.runs.len();
        self.ended.insert(name.clone(), runs);
        Some(gone)
    }

    /// Deletes a pipeline. That of a subject that falls asleep must not be in use.
    pub(super) fn delete(&mut self, name: &PipelineName, falls_asleep: bool) {
        let pipeline = self.pipelines.get(name);
        let runs = pipeline.into_iter().flat_map(|pipeline| &pipeline.runs);
        let is_in_use = runs.filter(|run| !run.state.is_final()).count() > 0;
        if falls_asleep && is_in_use {
            let why = format!("'{name}' was removed as idle, and an execution was running");
            self.violations.push(why);
        }
        let given = self.remove(name).is_some_and(|pipeline| pipeline.given);
        assert!(!given, "'{name}' was not branchline's to delete");
    }
}

/// Returns the id of an execution.
pub(super) fn execution(name: &PipelineName, index: usize) -> String {
    let letters = name
        .as_str()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    format!("{letters}-{}", index + 1)
}

fn arn(name: &PipelineName) -> Result<PipelineArn, Fault> {
    PipelineArn::parse(format!("{ARN_PREFIX}:{name}"))
        .map_err(|why| Fault::new(Reason::AwsUnknown, why.to_string()))
}

fn mask(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == SECRET {
                    *value = Value::from(MASK);
                }
                mask(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
