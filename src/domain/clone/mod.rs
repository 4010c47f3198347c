//! The clone: a template's declaration with the subject's name and branch, and the overrides of its
//! rule. Everything else is copied unchanged.

mod canonical_json;
pub mod declaration;
pub mod diff;
pub mod execution;
pub mod file;
pub mod files;
pub mod fingerprint;
pub(crate) mod limits;
pub mod notes;
pub mod overrides;
mod pipeline_type;
mod private_values;
pub mod projects;
mod references;
pub mod side_effects;
mod source;
pub mod stacks;
pub mod tags;
mod targets;
pub mod teardown;
pub mod template_file;
pub mod variables;

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::fingerprint::{CloneFingerprint, digest, secrets_digest};
use crate::domain::clone::notes::Notes;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::projects::ProjectClone;
use crate::domain::clone::source::{repositories, set_source_branch, source};
use crate::domain::clone::stacks::{Stack, StackKey, own_stacks};
use crate::domain::clone::tags::{MadeFrom, Tags, all_tags, project_tags, tags};
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineArn, PipelineName, RepositoryName, Subject, Timestamp};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;

/// A template as GetPipeline returns it.
#[derive(Clone, Debug)]
pub struct Template {
    /// The declaration.
    pub declaration: Declaration,
    /// The ARN. A clone's ARN differs only in the name.
    pub arn: PipelineArn,
    /// The version, which each update increments.
    pub version: Option<i32>,
    /// When it was last updated, if that is known.
    pub updated_at: Option<Timestamp>,
}

/// A pipeline ready to be created, or to replace its earlier declaration. The declaration may
/// contain secrets.
#[derive(Clone)]
pub struct NewPipeline {
    /// The name.
    pub name: PipelineName,
    /// The name of the template that it was made from.
    pub template: String,
    /// The declaration.
    pub declaration: Declaration,
    /// The tags.
    pub tags: Tags,
    /// The CodeBuild projects that it needs.
    pub projects: Vec<ProjectClone>,
    /// The stacks that it deploys, that belong to its subject, and that are deleted with it.
    pub stacks: Vec<Stack>,
    /// The ARN that the pipeline will have.
    pub arn: PipelineArn,
    /// The fingerprint that the mapping keeps.
    pub fingerprint: CloneFingerprint,
    /// What a person should know about it; nothing unless the request asks for notes.
    pub notes: Notes,
}

impl NewPipeline {
    /// Returns the keys of the stacks that it deploys.
    #[must_use]
    pub fn stack_keys(&self) -> Vec<StackKey> {
        let stacks = self.stacks.iter();
        stacks.map(|stack| stack.key(&self.arn)).collect()
    }
}

/// Leaves out the declaration.
impl std::fmt::Debug for NewPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPipeline")
            .field("name", &self.name)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The subject of a clone, and what else its declaration is made from.
#[derive(Clone, Copy, Debug)]
pub struct CloneRequest<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// The name of the clone.
    pub pipeline: &'a PipelineName,
    /// The values of the rule's placeholders. The clone fetches their repository and branch.
    pub values: PlaceholderValues<'a>,
    /// The rule, whose overrides the clone gets.
    pub rule: &'a Rule,
    /// The name of this installation, with which the clone is tagged.
    pub owner: &'a Owner,
    /// Whether the clone gets its notes, which take as long as the rest of it.
    pub with_notes: bool,
}

impl Template {
    /// Returns the GitHub repositories that the template's source actions fetch.
    pub fn repositories(&self) -> impl Iterator<Item = RepositoryName> {
        repositories(&self.declaration)
    }

    /// Builds the clone for a request.
    ///
    /// # Errors
    /// A permanent fault when not exactly one source action fetches the repository, when a masked
    /// secret is left in the clone, when the rule's overrides do not match the template, or when
    /// AWS would refuse the clone.
    pub fn clone_for(&self, request: &CloneRequest<'_>) -> Result<NewPipeline, Fault> {
        let CloneRequest {
            subject,
            pipeline,
            values,
            rule,
            owner,
            with_notes,
        } = *request;
        let overrides = &rule.overrides;
        pipeline_type::check(&self.declaration, rule)?;
        let (mut clone, left_out_stages) = overrides.apply(&self.declaration)?;
        let source = source(&clone, values.repository, overrides.source_action.as_ref())?;
        set_source_branch(&mut clone, &source, values.branch, rule.start)?;
        pipeline_type::set_mode(&mut clone, overrides.execution_mode);
        overrides.set_stacks(&mut clone, &values)?;
        overrides.set_configuration(&mut clone, &values)?;
        overrides.check_stacks(&clone)?;
        overrides.set_environment(&mut clone, &values)?;
        let mut projects = overrides
            .build
            .set_projects(&mut clone, pipeline, &self.arn)?;
        clone
            .0
            .insert("name".to_owned(), Value::from(pipeline.as_str()));
        // A new pipeline starts at version 1.
        clone.0.remove("version");
        let digest = digest(&clone, overrides);
        overrides.fill_masked_secrets(&mut clone, self.declaration.name())?;
        let source = source.action;
        let pinned_source = pipeline_type::pins_commit(&clone, rule.start).then(|| source.clone());
        let variables = overrides.variables(&values)?;
        let fingerprint = CloneFingerprint {
            secrets: secrets_digest(&digest, overrides),
            digest: Some(digest),
            source: Some(source),
            pinned_source,
            variables: variables.iter().map(|(name, _)| name.clone()).collect(),
            left_out_stages,
        };
        overrides.declare(&mut clone, &variables);
        let made_from = MadeFrom {
            rule: &rule.name,
            template: self.declaration.name(),
            branch: values.branch,
        };
        let tags = all_tags(
            overrides,
            tags(subject, values.repository, owner, made_from),
        );
        targets::refuse_shared(&clone, rule)?;
        limits::check(&clone, &tags)?;
        for project in &mut projects {
            project.tags = project_tags(&tags, pipeline, &project.template);
        }
        let notes = match with_notes {
            true => Notes::new(&self.declaration, &clone, rule),
            false => Notes::default(),
        };
        let stacks = match overrides.preview.teardown {
            TeardownPolicy::None => Vec::new(),
            TeardownPolicy::Run | TeardownPolicy::Stacks | TeardownPolicy::Pipeline(_) => {
                own_stacks(&clone, rule)
            }
        };
        if overrides.preview.teardown == TeardownPolicy::Stacks {
            let mut checked = stacks
                .iter()
                .map(|stack| stack.refuse_other_account(&self.arn));
            checked.try_for_each(|one| one)?;
        }
        Ok(NewPipeline {
            arn: self.arn.with_name(pipeline),
            name: pipeline.clone(),
            template: self.declaration.name().to_owned(),
            declaration: clone,
            tags,
            projects,
            stacks,
            fingerprint,
            notes,
        })
    }
}

#[cfg(test)]
mod tests;
