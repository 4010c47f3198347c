//! What GitHub was shown for the commits of a subject, and what it should have been shown since.

use serde::Serialize;

use crate::domain::ids::{RepositoryName, SubjectKind};
use crate::domain::report::ReportState;
use crate::domain::report::comment::record::CommentRecord;
use crate::domain::report::deployment::record::{Deployment, DeploymentRecord};
use crate::domain::report::record::{CommitRecord, FailedReport};

/// How many commits are shown, the newest first.
const COMMITS: usize = 5;

/// What GitHub was shown of a subject.
#[derive(Debug, Default, Serialize)]
pub struct Reports {
    /// The reports about its last commits, the newest first.
    pub commits: Vec<CommitReport>,
    /// The comment of the pull request.
    pub comment: Option<CommentState>,
    /// The deployments of its environment.
    pub deployments: Option<Deployments>,
}

/// The deployments of an environment.
#[derive(Debug, Serialize)]
pub struct Deployments {
    /// Those that are not inactive, the oldest first.
    pub shown: Vec<DeploymentShown>,
    /// True if another state waits to be shown.
    pub is_unsent: bool,
    /// The failures since the last call to GitHub that succeeded.
    pub failure: Option<Failure>,
}

/// A deployment of a commit.
#[derive(Debug, Serialize)]
pub struct DeploymentShown {
    /// The name of the environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// GitHub's number; `None` while its creation is not confirmed.
    pub deployment: Option<u64>,
    /// The state that GitHub shows; `None` if that is not certain.
    pub state: Option<&'static str>,
    /// The page of the environment.
    pub url: Option<String>,
}

/// The report about a commit.
#[derive(Debug, Serialize)]
pub struct CommitReport {
    /// The commit.
    pub commit: String,
    /// `check` or `status`.
    pub form: &'static str,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// The state that GitHub shows; `None` before the first report.
    pub state: Option<&'static str>,
    /// The title that GitHub shows.
    pub title: Option<String>,
    /// When GitHub accepted it.
    pub at: Option<String>,
    /// GitHub's number of the check run.
    pub check_run: Option<u64>,
    /// The page of the check run.
    pub url: Option<String>,
    /// What GitHub should show instead.
    pub unsent: Option<Unsent>,
    /// The failures since GitHub accepted the last report.
    pub failure: Option<Failure>,
}

/// A report that GitHub does not have yet.
#[derive(Debug, Serialize)]
pub struct Unsent {
    /// The state.
    pub state: &'static str,
    /// The title.
    pub title: String,
}

/// Failures to send something to GitHub.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The kind of the last one.
    pub kind: &'static str,
    /// What failed, and what to do.
    pub detail: String,
    /// How many there were, one after the other.
    pub attempts: u32,
    /// When the first one was.
    pub since: String,
    /// The next attempt; `None` where it cannot help.
    pub retry_at: Option<String>,
}

/// The comment of a pull request.
#[derive(Debug, Serialize)]
pub struct CommentState {
    /// GitHub's number; `None` before it was created.
    pub comment: Option<u64>,
    /// Its page.
    pub url: Option<String>,
    /// The commit that it is about.
    pub commit: Option<String>,
    /// The state of that commit in the comment.
    pub state: Option<&'static str>,
    /// When GitHub accepted it.
    pub at: Option<String>,
    /// True if another text waits to be sent.
    pub is_unsent: bool,
    /// The failures since GitHub accepted the last text.
    pub failure: Option<Failure>,
}

impl Reports {
    /// Returns what the records of a subject say. `website` is the address of GitHub's pages.
    #[must_use]
    pub fn new(
        repository: &RepositoryName,
        mut commits: Vec<CommitRecord>,
        comment: Option<&CommentRecord>,
        deployments: Option<&DeploymentRecord>,
        website: &str,
        region: &str,
    ) -> Self {
        let order = |one: &CommitRecord| (one.event_time, one.superseded_by.is_none());
        commits.sort_by_key(|one| std::cmp::Reverse(order(one)));
        let pages = format!("{website}/{repository}");
        Self {
            commits: commits
                .iter()
                .take(COMMITS)
                .map(|record| commit(record, &pages, region))
                .collect(),
            comment: comment.map(|record| comment_state(record, &pages)),
            deployments: deployments.map(deployments_state),
        }
    }
}

fn commit(record: &CommitRecord, pages: &str, region: &str) -> CommitReport {
    let reported = record.reported.as_ref();
    let check_run = reported.and_then(|reported| reported.check_run);
    let wanted = record.report(region);
    let unsent =
        wanted.filter(|report| reported.is_none_or(|reported| reported.digest != report.digest()));
    CommitReport {
        commit: record.key.commit.to_string(),
        form: record.target.form.as_str(),
        context: record.target.context.clone(),
        state: reported.map(|reported| reported.state.as_str()),
        title: reported.map(|reported| reported.title.clone()),
        at: reported.map(|reported| reported.at.to_string()),
        check_run: check_run.map(|id| id.0),
        url: check_run.map(|id| format!("{pages}/runs/{id}")),
        unsent: unsent.map(|report| Unsent {
            state: report.state.as_str(),
            title: report.title,
        }),
        failure: record.failed.as_ref().map(failure),
    }
}

fn failure(failed: &FailedReport) -> Failure {
    Failure {
        kind: failed.kind.as_str(),
        detail: failed.detail.clone(),
        attempts: failed.attempts,
        since: failed.since.to_string(),
        retry_at: failed.retry_at.map(|at| at.to_string()),
    }
}

fn comment_state(record: &CommentRecord, pages: &str) -> CommentState {
    let shown = record.shown.as_ref();
    let page = |id| match record.subject().kind {
        SubjectKind::PullRequest(number) => {
            Some(format!("{pages}/pull/{number}#issuecomment-{id}"))
        }
        SubjectKind::Branch(_) => None,
    };
    CommentState {
        comment: record.id.map(|id| id.0),
        url: record.id.and_then(page),
        commit: shown.map(|shown| shown.commit.to_string()),
        state: shown.map(|shown| ReportState::as_str(shown.state)),
        at: shown.map(|shown| shown.at.to_string()),
        is_unsent: record.is_unsent,
        failure: record.failed.as_ref().map(failure),
    }
}

fn deployments_state(record: &DeploymentRecord) -> Deployments {
    let one = |one: &Deployment| DeploymentShown {
        environment: one.environment.clone(),
        commit: one.commit.to_string(),
        deployment: one.id.map(|id| id.0),
        state: one.shown.as_ref().map(|shown| shown.state.as_str()),
        url: one.shown.as_ref().and_then(|shown| shown.page.clone()),
    };
    Deployments {
        shown: record.deployments.iter().map(one).collect(),
        is_unsent: record.is_unsent,
        failure: record.failed.as_ref().map(failure),
    }
}
