//! `check_run` and `check_suite`: the buttons "Re-run" and "Re-run all checks". GitHub sends
//! `rerequested` to the App that created the check runs, and to nobody else
//! (<https://docs.github.com/webhooks/webhook-events-and-payloads#check_run>).

use serde::Deserialize;

use crate::domain::fault::Fault;
use crate::domain::ids::{
    ActionName, Branch, CheckRunId, CommitId, RepositoryId, Subject, SubjectKind, Timestamp,
};
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::event::payloads::{AppPayload, RepositoryPayload, UserPayload};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, wrong};

/// A request to run the checks of a commit again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerun {
    /// The commit.
    pub commit: CommitId,
    /// The checks.
    pub checks: RerunChecks,
}

/// The checks that are to run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RerunChecks {
    /// One check run, which reports on this subject.
    One(Subject, CheckRunId),
    /// All check runs of the commit, at this time. The payload names the pull requests of a branch
    /// of this repository, and the branch; for the head of a fork it names neither.
    All(Vec<Subject>, Timestamp),
}

impl Rerun {
    /// Returns the subject, if there is only one.
    pub(super) fn subject(&self) -> Option<&Subject> {
        match self.subjects() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns the subjects.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        match &self.checks {
            RerunChecks::One(subject, _) => std::slice::from_ref(subject),
            RerunChecks::All(subjects, _) => subjects,
        }
    }
}

/// A request as it was read, with the parts of its payload that every event has.
pub(super) struct Requested {
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    pub(super) installation: Option<Object<AppPayload>>,
    pub(super) rerun: Rerun,
}

/// The action of both events that asks for a repetition.
const REREQUESTED: &str = "rerequested";

/// `check_run`. Only `rerequested` acts, which no other event has.
#[derive(Deserialize)]
pub(super) struct CheckRunPayload {
    action: String,
    check_run: Object<RunPayload>,
    repository: Object<RepositoryPayload>,
    sender: Option<Object<UserPayload>>,
    installation: Option<Object<AppPayload>>,
}

#[derive(Deserialize)]
struct RunPayload {
    id: u64,
    name: String,
    head_sha: String,
    external_id: Option<String>,
}

/// `check_suite`. No other event has a top-level `check_suite`.
#[derive(Deserialize)]
pub(super) struct CheckSuitePayload {
    action: String,
    check_suite: Object<SuitePayload>,
    repository: Object<RepositoryPayload>,
    sender: Option<Object<UserPayload>>,
    installation: Option<Object<AppPayload>>,
}

#[derive(Deserialize)]
struct SuitePayload {
    head_sha: String,
    head_branch: Option<String>,
    pull_requests: Vec<Object<NumberPayload>>,
    updated_at: String,
}

#[derive(Deserialize)]
struct NumberPayload {
    number: u64,
    base: Object<BasePayload>,
}

#[derive(Deserialize)]
struct BasePayload {
    repo: Object<IdPayload>,
}

#[derive(Deserialize)]
struct IdPayload {
    id: u64,
}

/// Reads `check_run`.
pub(super) fn check_run(payload: CheckRunPayload) -> Result<Decision<Requested>, Fault> {
    if payload.action != REREQUESTED {
        return ignored(payload.action);
    }
    let Object(run) = payload.check_run;
    let commit = CommitId::parse(run.head_sha).map_err(|why| not_a("check_run.head_sha", &why))?;
    let repository = RepositoryId(payload.repository.0.id);
    let subject = run.external_id.as_deref().and_then(|id| {
        // The id ends with the name of the check run, and either may contain slashes.
        let key = id.strip_suffix(&run.name)?.strip_suffix('/')?;
        Subject::from_table_key(key).filter(|subject| subject.repository == repository)
    });
    let Some(subject) = subject else {
        return Ok(Decision::Ignore(Ignored::ForeignCheck));
    };
    let checks = RerunChecks::One(subject, CheckRunId(run.id));
    Ok(Decision::Handle(Requested {
        repository: payload.repository,
        sender: payload.sender,
        installation: payload.installation,
        rerun: Rerun { commit, checks },
    }))
}

/// Reads `check_suite`.
pub(super) fn check_suite(payload: CheckSuitePayload) -> Result<Decision<Requested>, Fault> {
    if payload.action != REREQUESTED {
        return ignored(payload.action);
    }
    let Object(suite) = payload.check_suite;
    let commit = CommitId::parse(suite.head_sha);
    let commit = commit.map_err(|why| not_a("check_suite.head_sha", &why))?;
    let updated_at = Timestamp::from_rfc3339(&suite.updated_at);
    let updated_at = updated_at.ok_or_else(|| wrong("check_suite.updated_at"))?;
    let repository = RepositoryId(payload.repository.0.id);
    let here = |Object(pull): Object<NumberPayload>| {
        // A pull request of the same commit may be in a fork.
        let is_here = pull.base.0.repo.0.id == repository.0;
        is_here.then_some(SubjectKind::PullRequest(pull.number))
    };
    let pulls = suite.pull_requests.into_iter().filter_map(here);
    let branch = suite.head_branch.map(Branch::parse).transpose();
    let branch = branch.map_err(|why| not_a("check_suite.head_branch", &why))?;
    let kinds = pulls.chain(branch.map(SubjectKind::Branch));
    let subjects = kinds.map(|kind| Subject { repository, kind }).collect();
    let checks = RerunChecks::All(subjects, updated_at);
    Ok(Decision::Handle(Requested {
        repository: payload.repository,
        sender: payload.sender,
        installation: payload.installation,
        rerun: Rerun { commit, checks },
    }))
}

/// `created`, `completed` and `requested` come with each report of any App.
fn ignored(action: String) -> Result<Decision<Requested>, Fault> {
    let action = ActionName::parse(action).map_err(|_| wrong("action"))?;
    Ok(Decision::Ignore(Ignored::Action(action)))
}
