//! A mapping as one row of text, for operators and auditors.

use serde::Serialize;

use crate::domain::ids::Timestamp;
use crate::domain::report::render;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::text::plural;

/// A mapping in one row. The field names are stable: they are the columns of
/// `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The repository's name in its latest event.
    pub repository: String,
    /// GitHub's number of the repository.
    pub repository_id: u64,
    /// The subject, as people write it.
    pub subject: String,
    /// `creating`, `active`, `starting`, `deleting`, `retiring`, `gone` or `asleep`.
    pub state: &'static str,
    /// The branch that the clone fetches.
    pub branch: Option<String>,
    /// The name of the clone.
    pub pipeline: Option<String>,
    /// The ARN of the clone, once it was created.
    pub pipeline_arn: Option<String>,
    /// The name of its template.
    pub template: Option<String>,
    /// The version of the template from which the clone was created.
    pub template_version: Option<i32>,
    /// The stages of the template that the clone does not have, separated by commas.
    pub left_out_stages: Option<String>,
    /// The CodeBuild projects of the clone, separated by commas.
    pub projects: Option<String>,
    /// The stacks that are deleted before the clone, separated by commas.
    pub stacks: Option<String>,
    /// How the removal of the environment stands: `running`, `left-behind`, or when the next
    /// attempt is.
    pub teardown: Option<String>,
    /// The name of the rule.
    pub rule: Option<String>,
    /// The base branch of a pull request.
    pub base: Option<String>,
    /// The title of a pull request.
    pub title: Option<String>,
    /// The author of a pull request.
    pub author: Option<String>,
    /// The head commit.
    pub head: Option<String>,
    /// The commit that was built last.
    pub built: Option<String>,
    /// The reason why there is no pipeline.
    pub absence: Option<&'static str>,
    /// The time of the last activity.
    pub last_activity: Option<String>,
    /// When the pipeline will be removed, as the report says.
    pub removal_at: Option<String>,
    /// Why the pipeline of an open subject was removed: `idle`, `max-age` or `evicted`.
    pub asleep: Option<&'static str>,
    /// Since when it is asleep.
    pub asleep_since: Option<String>,
    /// The number of failed attempts since the mapping was last settled.
    pub attempts: u32,
    /// The last failure.
    pub last_error: Option<String>,
    /// The worker that holds the claim.
    pub claim_owner: Option<String>,
    /// When the claim expires.
    pub claim_until: Option<String>,
    /// When the mapping was first written.
    pub created_at: String,
    /// When the mapping was last written.
    pub updated_at: String,
    /// Seconds since the last write. Exports leave it out, so that equal mappings give equal
    /// exports at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
}

impl Row {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &[
        "repository",
        "repository_id",
        "subject",
        "state",
        "branch",
        "pipeline",
        "pipeline_arn",
        "template",
        "template_version",
        "left_out_stages",
        "projects",
        "stacks",
        "teardown",
        "rule",
        "base",
        "title",
        "author",
        "head",
        "built",
        "absence",
        "last_activity",
        "removal_at",
        "asleep",
        "asleep_since",
        "attempts",
        "last_error",
        "claim_owner",
        "claim_until",
        "created_at",
        "updated_at",
        "age_seconds",
    ];

    /// Returns the names of the fields of an export.
    #[must_use]
    pub fn exported_fields() -> &'static [&'static str] {
        Self::FIELDS.split_last().map_or(&[], |(_, rest)| rest)
    }

    /// Converts a mapping for an export.
    #[must_use]
    pub fn exported(mapping: &Mapping) -> Self {
        Self {
            age_seconds: None,
            ..Self::new(mapping, mapping.updated_at)
        }
    }

    /// Converts a mapping.
    #[must_use]
    pub fn new(mapping: &Mapping, now: Timestamp) -> Self {
        let spec = mapping.spec();
        let activity = &mapping.activity;
        Self {
            repository: mapping.repository.to_string(),
            repository_id: mapping.subject.repository.0,
            subject: mapping.subject.display(&mapping.repository),
            state: mapping.state.as_str(),
            branch: spec.map(|spec| spec.branch.to_string()),
            pipeline: mapping.last_pipeline_name().map(ToString::to_string),
            pipeline_arn: mapping.pipeline_arn().map(ToString::to_string),
            template: spec.map(|spec| spec.template.to_string()),
            template_version: mapping.template_version(),
            left_out_stages: mapping
                .fingerprint()
                .map(|clone| clone.left_out_stages.join(", "))
                .filter(|stages| !stages.is_empty()),
            projects: projects(mapping),
            stacks: Some(mapping.resources.stack_names()).filter(|names| !names.is_empty()),
            teardown: teardown(mapping),
            rule: spec.map(|spec| spec.rule.clone()),
            base: spec.and_then(|spec| Some(spec.base.as_ref()?.to_string())),
            title: spec.and_then(|spec| spec.title.clone()),
            author: spec.and_then(|spec| spec.author.clone()),
            head: mapping.order.head.as_ref().map(ToString::to_string),
            built: mapping.observed.built.as_ref().map(ToString::to_string),
            absence: mapping.absence().map(|why| why.as_str()),
            last_activity: activity.last.as_ref().map(ToString::to_string),
            removal_at: activity.removal_at.as_ref().map(ToString::to_string),
            asleep: activity.sleep.map(|sleep| sleep.reason.as_str()),
            asleep_since: activity.sleep.map(|sleep| sleep.since.to_string()),
            attempts: mapping.attempts,
            last_error: mapping.last_error.clone(),
            claim_owner: mapping.claim.as_ref().map(|claim| claim.owner.clone()),
            claim_until: mapping.claim.as_ref().map(|claim| claim.until.to_string()),
            created_at: mapping.created_at.to_string(),
            updated_at: mapping.updated_at.to_string(),
            age_seconds: Some(now.since(mapping.updated_at).as_secs()),
        }
    }
}

fn teardown(mapping: &Mapping) -> Option<String> {
    let teardown = mapping.resources.teardown.as_ref();
    let teardown = teardown.filter(|_| mapping.state == State::Retiring)?;
    Some(match (teardown.is_left_behind(), teardown.retry_at) {
        (true, _) => "left-behind".to_owned(),
        (false, None) => "running".to_owned(),
        (false, Some(at)) if teardown.failures == 0 => format!("looks again at {at}"),
        (false, Some(at)) => {
            let failures = usize::try_from(teardown.failures).unwrap_or(usize::MAX);
            let failures = plural(failures, "failed attempt");
            format!("{failures}, the next at {at}")
        }
    })
}

fn projects(mapping: &Mapping) -> Option<String> {
    let projects = mapping.resources.projects.iter();
    let names: Vec<&str> = projects.map(|project| project.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the URL of the pipeline's page in the AWS console.
#[must_use]
pub fn console(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", "aws", _, region, _, name] => Some(render::console(region, name, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepositoryId, RepositoryName, Subject, SubjectKind};
    use crate::domain::state::ordering::{EventKind, EventOrder};

    fn mapping() -> Mapping {
        let subject = Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(7),
        };
        let order = EventOrder {
            event_time: Timestamp(0),
            received_at: Timestamp(0),
            kind: EventKind::Open,
            head: None,
            before: None,
        };
        let name = RepositoryName::parse("acme/api").unwrap();
        Mapping::unseen(subject, name, order, Timestamp(0))
    }

    #[test]
    fn the_names_of_the_fields_are_those_that_serde_writes() {
        let head = |row: Row| {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.serialize(row).unwrap();
            let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            text.lines().next().unwrap().to_owned()
        };
        let row = Row::new(&mapping(), Timestamp(5_000));
        assert_eq!(head(row), Row::FIELDS.join(","));
        assert_eq!(
            head(Row::exported(&mapping())),
            Row::exported_fields().join(",")
        );
    }
}
