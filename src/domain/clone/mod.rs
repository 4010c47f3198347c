//! The clone: a template's declaration with the subject's name and branch and what its rule changes, and nothing else.

mod canonical_json;
pub mod declaration;
pub mod diff;
pub mod execution;
pub(crate) mod limits;
pub mod overrides;
mod pipeline_type;
mod source;
pub mod variables;

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::Changes;
use crate::domain::clone::source::{point, repositories, source};
use crate::domain::clone::{canonical_json as canonical, pipeline_type as kind};
use crate::domain::fault::Fault;
use crate::domain::ids::{
    Branch, PipelineArn, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind,
    short_hash,
};
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::Mapping;

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
    pub print: Print,
}

/// Never the declaration.
impl std::fmt::Debug for NewPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPipeline")
            .field("name", &self.name)
            .field("print", &self.print)
            .finish_non_exhaustive()
    }
}

/// What a mapping keeps of a clone, to see later whether it still is what its template and rule say, and to start it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Print {
    /// SHA-256 over the declaration, but for the values of its variables: an execution is told those. `None` where an
    /// attempt wrote it that could not settle.
    pub digest: Option<String>,
    /// The source action whose commit an execution is told; `None` where it fetches the branch's head.
    pub pin: Option<String>,
    /// The variables that an execution is told.
    pub variables: Vec<String>,
}

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that says which branchline made a pipeline: the name of its table.
pub const MANAGED_BY: &str = "branchline:managed-by";
/// The tag that tells people the repository.
pub const REPOSITORY: &str = "branchline:repository";
/// The tag that says whose pipeline it is.
pub const SUBJECT: &str = "branchline:subject";

/// The longest tag key, in characters (API reference, `Tag.key`).
const KEY_LIMIT: usize = 128;
/// The longest tag value, in characters (API reference, `Tag.value`).
const TAG_LIMIT: usize = 256;

impl Template {
    /// The repositories of GitHub that its source actions fetch.
    pub fn repositories(&self) -> impl Iterator<Item = RepositoryName> {
        repositories(&self.declaration)
    }

    /// The clone for the subject of `mapping`, marked as made by the branchline of `table`.
    ///
    /// # Errors
    /// A permanent fault when not exactly one of its source actions fetches the repository, when what is left of the
    /// template holds a masked secret, when the rule's changes do not fit it, or AWS would not take the clone.
    pub fn clone_for(
        &self,
        mapping: &Mapping,
        spec: &Spec,
        rule: &Rule,
        table: &str,
    ) -> Result<NewPipeline, Fault> {
        let changes = &rule.changes;
        let fill = spec.fill(mapping);
        let mut clone = self.declaration.clone();
        kind::check(&clone, rule)?;
        changes.apply(&mut clone)?;
        let source = source(&clone, &mapping.repository, changes.source_action.as_ref())?;
        point(&mut clone, &source, &spec.branch, rule.start)?;
        kind::set_mode(&mut clone, changes.execution_mode);
        changes.set_environment(&mut clone, &fill)?;
        changes.unmask(&mut clone)?;
        clone
            .0
            .insert("name".to_owned(), Value::from(spec.pipeline.as_str()));
        // A new pipeline starts at version 1.
        clone.0.remove("version");
        let pin = kind::pins(&clone, rule.start).then_some(source.action);
        let digest = digest(&clone, changes);
        let variables = changes.variables(&fill)?;
        let print = Print {
            digest: Some(digest),
            pin,
            variables: variables.iter().map(|(name, _)| name.clone()).collect(),
        };
        changes.declare(&mut clone, &variables);
        let tags = all_tags(changes, tags(&mapping.subject, &mapping.repository, table));
        limits::check(&clone, &tags)?;
        Ok(NewPipeline {
            arn: self.arn.sibling(&spec.pipeline),
            name: spec.pipeline.clone(),
            declaration: clone,
            tags,
            print,
        })
    }
}

/// Of the declaration without the values of the rule's variables, but with their names.
fn digest(clone: &Declaration, changes: &Changes) -> String {
    let mut hash = Sha256::new();
    hash.update(canonical::json(&clone.0));
    for (name, _) in &changes.variables {
        hash.update(b"\n");
        hash.update(name);
    }
    hex::encode(hash.finalize())
}

/// Ours win over the rule's.
fn all_tags(changes: &Changes, ours: Tags) -> Tags {
    let mut tags = changes.tags.clone();
    tags.extend(ours);
    tags
}

/// The tags of a clone.
#[must_use]
pub fn tags(subject: &Subject, repository: &RepositoryName, table: &str) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), tag_value(value));
    BTreeMap::from([
        tag(MANAGED_BY, table),
        tag(REPOSITORY, repository.as_str()),
        tag(SUBJECT, &subject_tag(subject)),
    ])
}

/// Whether a pipeline with these tags was made for `subject` by the branchline of `table`. The repository's name does
/// not count: repositories are renamed.
#[must_use]
pub fn is_ours(tags: &Tags, subject: &Subject, table: &str) -> bool {
    let told = tags.get(SUBJECT);
    is_of_table(tags, table) && told.is_some_and(|told| *told == tag_value(&subject_tag(subject)))
}

/// The subject that a pipeline of the branchline of `table` was made for, as its tags tell. A branch's long name does not
/// fit into a tag: such a pipeline is known by its mapping alone.
#[must_use]
pub fn subject_of(tags: &Tags, table: &str) -> Option<Subject> {
    let (repository, rest) = tags.get(SUBJECT)?.split_once('/')?;
    let kind = match rest.split_once('/')? {
        ("pull", number) => SubjectKind::PullRequest(number.parse().ok()?),
        ("branch", branch) => SubjectKind::Branch(Branch::parse(branch).ok()?),
        _ => return None,
    };
    let repository = RepositoryId(repository.parse().ok()?);
    Some(Subject { repository, kind }).filter(|subject| is_ours(tags, subject, table))
}

/// Whether the branchline of `table` made the pipeline with these tags.
#[must_use]
pub fn is_of_table(tags: &Tags, table: &str) -> bool {
    tags.get(MANAGED_BY)
        .is_some_and(|found| *found == tag_value(table))
}

fn subject_tag(subject: &Subject) -> String {
    match &subject.kind {
        SubjectKind::PullRequest(number) => format!("{}/pull/{number}", subject.repository),
        SubjectKind::Branch(branch) => format!("{}/branch/{branch}", subject.repository),
    }
}

/// Whether AWS takes this tag (API reference, `Tag`; keys beginning with `aws:` are AWS's own).
#[must_use]
pub fn is_tag(key: &str, value: &str) -> bool {
    let length = |text: &str| text.chars().count();
    let fits = (1..=KEY_LIMIT).contains(&length(key)) && length(value) <= TAG_LIMIT;
    let legal = [key, value]
        .iter()
        .all(|text| text.chars().all(is_tag_character) && text.trim() == *text);
    fits && legal && !key.starts_with("aws:")
}

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || " +-=._:/@".contains(c)
}

/// The text itself where AWS takes it (API reference, `Tag.value`); else what AWS takes of it and a hash of all of it.
fn tag_value(text: &str) -> String {
    if is_tag("key", text) {
        return text.to_owned();
    }
    let kept: String = text
        .chars()
        .map(|c| if is_tag_character(c) { c } else { '_' })
        .take(TAG_LIMIT - 9)
        .collect();
    format!("{}-{}", kept.trim(), short_hash(text))
}

#[cfg(test)]
mod tests;
