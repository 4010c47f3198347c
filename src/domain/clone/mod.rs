//! The clone: a template's declaration with the subject's name and branch and what its rule changes, and nothing else.

mod canonical_json;
pub mod declaration;
pub mod diff;
pub mod execution;
pub mod fingerprint;
pub(crate) mod limits;
pub mod overrides;
mod pipeline_type;
mod source;
pub mod tags;
pub mod variables;

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::fingerprint::{CloneFingerprint, digest};
use crate::domain::clone::pipeline_type as kind;
use crate::domain::clone::source::{repositories, set_source_branch, source};
use crate::domain::clone::tags::{Tags, all_tags, tags};
use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineArn, PipelineName, RepositoryName, Subject};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;

/// A template as GetPipeline showed it.
#[derive(Clone, Debug)]
pub struct Template {
    /// What it declares.
    pub declaration: Declaration,
    /// Its ARN; a clone's differs in the name alone.
    pub arn: PipelineArn,
    /// Its version, one more with every update.
    pub version: Option<i32>,
}

/// A pipeline ready to be created, or to replace its earlier declaration. Its declaration may hold secrets.
#[derive(Clone)]
pub struct NewPipeline {
    /// Its name.
    pub name: PipelineName,
    /// Its declaration.
    pub declaration: Declaration,
    /// Its tags.
    pub tags: Tags,
    /// The ARN that it will have.
    pub arn: PipelineArn,
    /// What the mapping keeps of it.
    pub fingerprint: CloneFingerprint,
}

/// Never the declaration.
impl std::fmt::Debug for NewPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPipeline")
            .field("name", &self.name)
            .field("print", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// What a clone is made for.
#[derive(Clone, Copy, Debug)]
pub struct CloneRequest<'a> {
    /// The subject that it is made for.
    pub subject: &'a Subject,
    /// The name of the clone.
    pub pipeline: &'a PipelineName,
    /// What the placeholders of the rule stand for; its repository and branch are what the clone fetches.
    pub values: PlaceholderValues<'a>,
    /// The rule, which says what differs in the clone.
    pub rule: &'a Rule,
    /// The name of the table, which marks the clone as ours.
    pub table: &'a str,
}

impl Template {
    /// The repositories of GitHub that its source actions fetch.
    pub fn repositories(&self) -> impl Iterator<Item = RepositoryName> {
        repositories(&self.declaration)
    }

    /// Makes the clone that a request describes.
    ///
    /// # Errors
    /// A permanent fault when not exactly one of its source actions fetches the repository, when what is left of the
    /// template holds a masked secret, when the rule's changes do not fit it, or AWS would not take the clone.
    pub fn clone_for(&self, request: &CloneRequest<'_>) -> Result<NewPipeline, Fault> {
        let CloneRequest {
            subject,
            pipeline,
            values,
            rule,
            table,
        } = *request;
        let changes = &rule.overrides;
        let mut clone = self.declaration.clone();
        kind::check(&clone, rule)?;
        changes.apply(&mut clone)?;
        let source = source(&clone, values.repository, changes.source_action.as_ref())?;
        set_source_branch(&mut clone, &source, values.branch, rule.start)?;
        kind::set_mode(&mut clone, changes.execution_mode);
        changes.set_environment(&mut clone, &values)?;
        changes.fill_masked_secrets(&mut clone)?;
        clone
            .0
            .insert("name".to_owned(), Value::from(pipeline.as_str()));
        // A new pipeline starts at version 1.
        clone.0.remove("version");
        let pinned_source = kind::pins(&clone, rule.start).then_some(source.action);
        let digest = digest(&clone, changes);
        let variables = changes.variables(&values)?;
        let fingerprint = CloneFingerprint {
            digest: Some(digest),
            pinned_source,
            variables: variables.iter().map(|(name, _)| name.clone()).collect(),
        };
        changes.declare(&mut clone, &variables);
        let tags = all_tags(changes, tags(subject, values.repository, table));
        limits::check(&clone, &tags)?;
        Ok(NewPipeline {
            arn: self.arn.with_name(pipeline),
            name: pipeline.clone(),
            declaration: clone,
            tags,
            fingerprint,
        })
    }
}

#[cfg(test)]
mod tests;
