//! Mappings as operators and auditors read them.

use globset::GlobMatcher;
use serde::Serialize;

use crate::line::fault::Fault;
use crate::line::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind, Timestamp};
use crate::line::mapping::{Mapping, State};
use crate::ports::Ledger;

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
    /// Seconds since then.
    pub age_seconds: u64,
}

impl Row {
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
            age_seconds: now.since(mapping.updated_at).as_secs(),
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
    /// The states to look at.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        match self.states.as_slice() {
            [] => State::ALL.to_vec(),
            some => some.to_vec(),
        }
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
    let told = |fault: Fault| format!("branchline cannot look: {fault}");
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
    let owner = ledger.owner(&name).await.map_err(told)?;
    owner.ok_or_else(|| format!("no subject has the pipeline '{name}'"))
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
