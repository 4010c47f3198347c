//! Mappings as operators and auditors read them.

use globset::GlobMatcher;
use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind, Timestamp};
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::Ledger;

use crate::inspect::listing::Listing;

/// A mapping in one row. The names are stable: they are the columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The repository's name when it was last heard of.
    pub repository: String,
    /// GitHub's number for it.
    pub repository_id: u64,
    /// The subject, as people write it.
    pub subject: String,
    /// `creating`, `active`, `starting`, `deleting` or `gone`.
    pub state: &'static str,
    /// The branch that the clone fetches.
    pub branch: Option<String>,
    /// The clone.
    pub pipeline: Option<String>,
    /// Its ARN, once it was made.
    pub pipeline_arn: Option<String>,
    /// What it is cloned from.
    pub template: Option<String>,
    /// In which version.
    pub template_version: Option<i32>,
    /// By which rule.
    pub rule: Option<String>,
    /// The base branch of a pull request.
    pub base: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its author.
    pub author: Option<String>,
    /// The head commit.
    pub head: Option<String>,
    /// The commit that was built last.
    pub built: Option<String>,
    /// Why there is no pipeline.
    pub absence: Option<&'static str>,
    /// Failures since it was last settled.
    pub attempts: u32,
    /// The last of them.
    pub last_error: Option<String>,
    /// Who works on it.
    pub claim_owner: Option<String>,
    /// Until when that counts.
    pub claim_until: Option<String>,
    /// When it was first written.
    pub created_at: String,
    /// When it was last written.
    pub updated_at: String,
    /// Seconds since then; not in exports, which say the same of the same mapping whenever they are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
}

impl Row {
    /// The names of the fields, in their order.
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
        "rule",
        "base",
        "title",
        "author",
        "head",
        "built",
        "absence",
        "attempts",
        "last_error",
        "claim_owner",
        "claim_until",
        "created_at",
        "updated_at",
        "age_seconds",
    ];

    /// Those of an export.
    #[must_use]
    pub fn exported_fields() -> &'static [&'static str] {
        Self::FIELDS.split_last().map_or(&[], |(_, rest)| rest)
    }

    /// Of a mapping, as it is exported.
    #[must_use]
    pub fn exported(mapping: &Mapping) -> Self {
        Self {
            age_seconds: None,
            ..Self::of(mapping, mapping.updated_at)
        }
    }

    /// Of a mapping.
    #[must_use]
    pub fn of(mapping: &Mapping, now: Timestamp) -> Self {
        let spec = mapping.spec.as_ref();
        Self {
            repository: mapping.repository.to_string(),
            repository_id: mapping.subject.repository.0,
            subject: mapping.subject.display(&mapping.repository),
            state: mapping.state.word(),
            branch: spec.map(|spec| spec.branch.to_string()),
            pipeline: spec.map(|spec| spec.pipeline.to_string()),
            pipeline_arn: mapping.arn.as_ref().map(ToString::to_string),
            template: spec.map(|spec| spec.template.to_string()),
            template_version: mapping.template_version,
            rule: spec.map(|spec| spec.rule.clone()),
            base: spec.and_then(|spec| Some(spec.base.as_ref()?.to_string())),
            title: spec.and_then(|spec| spec.title.clone()),
            author: spec.and_then(|spec| spec.author.clone()),
            head: mapping.moment.head.as_ref().map(ToString::to_string),
            built: mapping.built.as_ref().map(ToString::to_string),
            absence: mapping.absence.map(|why| why.word()),
            attempts: mapping.attempts,
            last_error: mapping.last_error.clone(),
            claim_owner: mapping.hold.as_ref().map(|hold| hold.owner.clone()),
            claim_until: mapping.hold.as_ref().map(|hold| hold.until.to_string()),
            created_at: mapping.created_at.to_string(),
            updated_at: mapping.updated_at.to_string(),
            age_seconds: Some(now.since(mapping.updated_at).as_secs()),
        }
    }
}

/// Which mappings. What is not said, every mapping is.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A glob over `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// A glob over the branch.
    pub branch: Option<GlobMatcher>,
    /// A glob over the pipeline's name.
    pub pipeline: Option<GlobMatcher>,
    /// A pull request.
    pub pull_request: Option<u64>,
    /// States; empty is any.
    pub states: Vec<State>,
    /// Only those that failed last.
    pub failed: bool,
    /// Only those that nobody wrote since then.
    pub unchanged_since: Option<Timestamp>,
}

impl Filter {
    /// The states to look at, each once.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let asked = |state: &State| self.states.is_empty() || self.states.contains(state);
        State::ALL.into_iter().filter(asked).collect()
    }

    /// Whether the mapping is meant.
    #[must_use]
    pub fn admits(&self, mapping: &Mapping) -> bool {
        let spec = mapping.spec.as_ref();
        let glob = |glob: &Option<GlobMatcher>, text: Option<&str>| {
            glob.as_ref()
                .is_none_or(|glob| text.is_some_and(|text| glob.is_match(text)))
        };
        let pull = match mapping.subject.kind {
            SubjectKind::PullRequest(number) => Some(number),
            SubjectKind::Branch(_) => None,
        };
        glob(&self.repository, Some(mapping.repository.as_str()))
            && glob(&self.branch, spec.map(|spec| spec.branch.as_str()))
            && glob(&self.pipeline, spec.map(|spec| spec.pipeline.as_str()))
            && (self.pull_request.is_none() || pull == self.pull_request)
            && (!self.failed || mapping.last_error.is_some())
            && self
                .unchanged_since
                .is_none_or(|since| mapping.updated_at <= since)
    }
}

/// Whom somebody means by `acme/api#7`, `acme/api@feature/x` or the name of a pipeline.
///
/// # Errors
/// One sentence: it is none of these, or the table knows no such thing; or the table did not answer.
pub async fn subject<L: Ledger>(text: &str, ledger: &L) -> Result<Subject, String> {
    let parts = text
        .split_once('#')
        .map(|(name, number)| (name, Some(number), None));
    // A branch may hold a '#', a repository's name holds neither.
    let branch = text
        .split_once('@')
        .map(|(name, branch)| (name, None, Some(branch)));
    let whole = [branch, parts].into_iter().flatten();
    let mut whole = whole.filter_map(|(name, number, branch)| {
        Some((RepositoryName::parse(name).ok()?, number, branch))
    });
    if let Some((name, number, branch)) = whole.next() {
        let kind = match (number.map(str::parse), branch.map(Branch::parse)) {
            (Some(Ok(number)), _) => SubjectKind::PullRequest(number),
            (_, Some(Ok(branch))) => SubjectKind::Branch(branch),
            _ => {
                return Err(format!(
                    "'{text}' names no pull request and no branch: want acme/api#7 or acme/api@feature/x"
                ));
            }
        };
        let repository = ledger.repository(&name).await.map_err(told)?;
        let repository =
            repository.ok_or_else(|| format!("the table knows no repository '{name}'"))?;
        return Ok(Subject { repository, kind });
    }
    let name = PipelineName::parse(text)
        .map_err(|_| format!("'{text}' is neither a subject (acme/api#7, acme/api@feature/x) nor the name of a pipeline"))?;
    match ledger.owner(&name).await.map_err(told)? {
        Some(owner) => Ok(owner),
        None => gone(&name, ledger).await,
    }
}

/// Whose pipeline it was, by the mappings that are gone: a pipeline that is deleted has its name no longer.
async fn gone<L: Ledger>(name: &PipelineName, ledger: &L) -> Result<Subject, String> {
    let filter = Filter {
        states: vec![State::Gone],
        ..Filter::default()
    };
    let mut listing = Listing::of(ledger, filter);
    let mut had = Vec::new();
    while let Some(batch) = listing.next().await.map_err(told)? {
        let rows = batch.rows.into_iter();
        had.extend(rows.filter(|row| row.spec.as_ref().is_some_and(|spec| spec.pipeline == *name)));
    }
    match had.as_slice() {
        [] => Err(format!(
            "no subject has the pipeline '{name}', and none that is gone had it last"
        )),
        [one] => Ok(one.subject.clone()),
        several => {
            let display = |row: &Mapping| row.subject.display(&row.repository);
            let several: Vec<_> = several.iter().map(display).collect();
            Err(format!(
                "no subject has the pipeline '{name}' any more; name one of those that had it: {}",
                several.join(", ")
            ))
        }
    }
}

fn told(fault: Fault) -> String {
    format!("branchline cannot look: {fault}")
}

/// The pipeline's page in the console.
#[must_use]
pub fn console(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", "aws", _, region, _, name] => Some(format!(
            "https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{name}/view?region={region}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepositoryId;
    use crate::domain::state::ordering::{Kind, Moment};

    fn mapping() -> Mapping {
        let subject = Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(7),
        };
        let moment = Moment {
            event: Timestamp(0),
            arrival: Timestamp(0),
            kind: Kind::Open,
            head: None,
            before: None,
        };
        let name = RepositoryName::parse("acme/api").unwrap();
        Mapping::unseen(subject, name, moment, Timestamp(0))
    }

    #[test]
    fn fields_are_named_as_they_are_written() {
        let head = |row: Row| {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.serialize(row).unwrap();
            let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            text.lines().next().unwrap().to_owned()
        };
        let row = Row::of(&mapping(), Timestamp(5_000));
        assert_eq!(head(row), Row::FIELDS.join(","));
        assert_eq!(
            head(Row::exported(&mapping())),
            Row::exported_fields().join(",")
        );
    }

    #[test]
    fn a_state_that_is_asked_for_twice_is_looked_at_once() {
        let filter = Filter {
            states: vec![State::Gone, State::Active, State::Gone],
            ..Filter::default()
        };
        assert_eq!(filter.states(), [State::Active, State::Gone]);
    }
}
