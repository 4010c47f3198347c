//! The clone: a template's declaration with the subject's name and branch, and nothing else changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::declaration::{Action, Declaration};
use super::fault::{Fault, Reason, Room};
use super::ids::{PipelineArn, PipelineName, RepositoryName, Subject, SubjectKind, short_hash};
use super::intent::Spec;
use super::mapping::Mapping;

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

/// A pipeline ready to be created.
#[derive(Clone, Debug)]
pub struct NewPipeline {
    /// Its name.
    pub name: PipelineName,
    /// Its declaration.
    pub declaration: Declaration,
    /// Its tags.
    pub tags: Tags,
    /// The ARN that it will have.
    pub arn: PipelineArn,
}

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that says which branchline made a pipeline: the name of its table.
pub const MANAGED_BY: &str = "branchline:managed-by";
/// The tag that tells people the repository.
pub const REPOSITORY: &str = "branchline:repository";
/// The tag that says whose pipeline it is.
pub const SUBJECT: &str = "branchline:subject";

/// The source provider of GitHub, Bitbucket and GitLab repositories
/// (user guide, "CodeStarSourceConnection for Bitbucket Cloud, GitHub, ...").
const CONNECTION: &str = "CodeStarSourceConnection";
/// What GetPipeline shows instead of a secret.
const MASK: &str = "****";
/// The longest tag value, in characters (API reference, `Tag.value`).
const TAG_LIMIT: usize = 256;

impl Template {
    /// The clone for the subject of `mapping`, marked as made by the branchline of `table`.
    ///
    /// # Errors
    /// A permanent fault when the template holds a masked secret, or when not exactly one of its source actions
    /// fetches the repository.
    pub fn clone_for(
        &self,
        mapping: &Mapping,
        spec: &Spec,
        table: &str,
    ) -> Result<NewPipeline, Fault> {
        self.refuse_masked()?;
        let (stage, action) = self.source(&mapping.repository)?;
        let mut declaration = self.declaration.clone();
        declaration
            .0
            .insert("name".to_owned(), Value::from(spec.pipeline.as_str()));
        // A new pipeline starts at version 1; a cloned trigger would fire on every push to the template's branch.
        declaration.0.remove("version");
        declaration.0.remove("triggers");
        if let Some(configuration) = declaration.configuration_mut(&stage, &action) {
            configuration.insert("BranchName".to_owned(), Value::from(spec.branch.as_str()));
            configuration.insert("DetectChanges".to_owned(), Value::from("true"));
        }
        Ok(NewPipeline {
            arn: self.arn.sibling(&spec.pipeline),
            name: spec.pipeline.clone(),
            declaration,
            tags: tags(&mapping.subject, &mapping.repository, table),
        })
    }

    /// The one source action that fetches `repository`, as stage and action.
    fn source(&self, repository: &RepositoryName) -> Result<(String, String), Fault> {
        let connections = || {
            self.declaration
                .actions()
                .filter(|a| a.category == "Source" && a.provider == CONNECTION)
        };
        let fetches = |action: &Action<'_>| {
            let id = action
                .configuration
                .and_then(|words| words.get("FullRepositoryId"))
                .and_then(Value::as_str);
            // GitHub compares names without case.
            id.is_some_and(|id| id.eq_ignore_ascii_case(repository.as_str()))
        };
        let fault = |problem: String| {
            let candidates: Vec<String> = connections()
                .map(|a| format!("{}/{}", a.stage, a.name))
                .collect();
            let candidates = if candidates.is_empty() {
                "none".to_owned()
            } else {
                candidates.join(", ")
            };
            let name = self.declaration.name();
            let detail =
                format!("{problem} in template '{name}' (its {CONNECTION} actions: {candidates})");
            Fault::new(Room::Plan, Reason::TemplateSource, detail)
        };
        let mut found = connections().filter(fetches);
        match (found.next(), found.next()) {
            (Some(action), None) => Ok((action.stage.to_owned(), action.name.to_owned())),
            (None, _) => Err(fault(format!("no source action fetches {repository}"))),
            (Some(_), Some(_)) => Err(fault(format!("several source actions fetch {repository}"))),
        }
    }

    fn refuse_masked(&self) -> Result<(), Fault> {
        let masked = self.declaration.actions().find_map(|action| {
            let is_masked = |(_, value): &(&String, &Value)| value.as_str() == Some(MASK);
            let (key, _) = action
                .configuration
                .into_iter()
                .flat_map(Map::iter)
                .find(is_masked)?;
            Some(format!("{key} of {}/{}", action.stage, action.name))
        });
        match masked {
            None => Ok(()),
            Some(place) => {
                let name = self.declaration.name();
                let detail = format!(
                    "{place} in template '{name}' is a secret that GetPipeline masks, so a clone would not have it: use a CodeStarSourceConnection, or keep the secret out of the template"
                );
                Err(Fault::new(Room::Plan, Reason::TemplateMasked, detail))
            }
        }
    }
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
    let is = |key: &str, value: &str| {
        tags.get(key)
            .is_some_and(|found| *found == tag_value(value))
    };
    is(MANAGED_BY, table) && is(SUBJECT, &subject_tag(subject))
}

fn subject_tag(subject: &Subject) -> String {
    match &subject.kind {
        SubjectKind::PullRequest(number) => format!("{}/pull/{number}", subject.repository),
        SubjectKind::Branch(branch) => format!("{}/branch/{branch}", subject.repository),
    }
}

/// The text itself where AWS takes it (API reference, `Tag.value`); else what AWS takes of it and a hash of all of it.
fn tag_value(text: &str) -> String {
    let legal = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    let fits = text.chars().count() <= TAG_LIMIT && text.chars().all(legal) && text.trim() == text;
    if fits {
        return text.to_owned();
    }
    let kept: String = text
        .chars()
        .map(|c| if legal(c) { c } else { '_' })
        .take(TAG_LIMIT - 9)
        .collect();
    format!("{}-{}", kept.trim(), short_hash(text))
}

#[cfg(test)]
mod tests;
