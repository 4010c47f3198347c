//! The GitHub port: what branchline asks GitHub, and what it shows there.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use crate::domain::ids::{
    CheckRunId, CommentId, CommitId, DeploymentId, InstallationId, RepositoryId, RepositoryName,
    Timestamp,
};
use crate::domain::report::deployment::DeploymentStatus;
use crate::domain::report::fault::GitHubFault;
use crate::domain::report::{Report, ReportForm};

/// A repository, as a call names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub id: RepositoryId,
    /// Its name. GitHub redirects from a name that it had before.
    pub name: RepositoryName,
    /// The App's installation, if the webhook had it. Otherwise GitHub is asked once.
    pub installation: Option<InstallationId>,
}

/// What is known of something that an earlier call may have created. GitHub has no token that makes
/// a repeated creation have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier<Id> {
    /// Nothing was created.
    Nothing,
    /// A call was made whose answer was lost: look for it first.
    Uncertain,
    /// This was created.
    Created(Id),
}

/// A deployment that a commit should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedDeployment {
    /// The commit.
    pub commit: CommitId,
    /// The name of the environment.
    pub environment: String,
    /// What tells it from those that others create for the same commit and environment.
    pub marker: String,
}

/// Access to GitHub. Calls for one installation are made one after the other, and mutations at
/// least one second apart; a limit that GitHub names is obeyed for every later call of the
/// installation (GitHub Docs, "Best practices for using the REST API").
pub trait GitHub: Send + Sync + 'static {
    /// Shows a report on its commit: creates a check run or updates `earlier`, or adds a commit
    /// status. Returns the check run; `None` for a status. A check run that was completed is
    /// replaced by a new one if the report is not completed; the caller then passes
    /// [`Earlier::Nothing`].
    ///
    /// # Errors
    /// One of each kind of [`GitHubFault`]. `github-denied` names the permission that is missing.
    ///
    /// If cancelled or failed: the report may be shown.
    fn report(
        &self,
        place: &Place,
        form: ReportForm,
        report: &Report,
        earlier: Earlier<CheckRunId>,
    ) -> impl Future<Output = Result<Option<CheckRunId>, GitHubFault>> + Send;

    /// Creates the comment of a pull request, or replaces its text. `marker` is in the text, and
    /// finds a comment whose creation was not confirmed. A comment that was deleted is created
    /// again.
    ///
    /// # Errors
    /// Those of [`GitHub::report`].
    ///
    /// If cancelled or failed: the comment may be there.
    fn comment(
        &self,
        place: &Place,
        pull_request: u64,
        text: &str,
        marker: &str,
        earlier: Earlier<CommentId>,
    ) -> impl Future<Output = Result<CommentId, GitHubFault>> + Send;

    /// Creates a deployment, of an environment that does not last and is not for production. No
    /// other commit is merged into it, and it waits for no check.
    ///
    /// # Errors
    /// Those of [`GitHub::report`].
    ///
    /// If cancelled, or if GitHub is unavailable: the deployment may be there.
    fn create_deployment(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> impl Future<Output = Result<DeploymentId, GitHubFault>> + Send;

    /// Returns the deployments of this commit, environment and marker that are not inactive.
    ///
    /// # Errors
    /// Those of [`GitHub::report`].
    fn find_deployments(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> impl Future<Output = Result<Vec<DeploymentId>, GitHubFault>> + Send;

    /// Shows the state of a deployment. Other deployments keep theirs. Returns false if GitHub has
    /// no such deployment.
    ///
    /// # Errors
    /// Those of [`GitHub::report`].
    ///
    /// If cancelled or failed: the state may be shown.
    fn show_deployment(
        &self,
        place: &Place,
        id: DeploymentId,
        status: &DeploymentStatus,
    ) -> impl Future<Output = Result<bool, GitHubFault>> + Send;
}

/// The permissions and events of an App, in GitHub's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// `read`, `write` or `admin`, by the permission's name.
    pub permissions: BTreeMap<String, String>,
    /// The events that its webhook sends.
    pub events: BTreeSet<String>,
}

/// Who GitHub takes branchline for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A GitHub App.
    App {
        /// The name in URLs.
        slug: String,
        /// What it asks for.
        grants: Grants,
    },
    /// The owner of a token.
    Person {
        /// The owner's name.
        login: String,
        /// When the token expires, if it does.
        expires_at: Option<Timestamp>,
    },
}

/// The answer to the question who branchline is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is.
    pub identity: Identity,
    /// The milliseconds by which this machine's clock is ahead; negative if it is behind. `None` if
    /// the answer has no time.
    pub clock_ahead_ms: Option<i64>,
}

/// The installation of an App in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its number.
    pub id: InstallationId,
    /// What the owner of the repository accepted.
    pub grants: Grants,
    /// True if it was suspended.
    pub is_suspended: bool,
}

/// Reads who branchline is for GitHub, and what it may do. For `branchline check`.
pub trait GitHubReader: Send + Sync + 'static {
    /// Asks who branchline is.
    ///
    /// # Errors
    /// `github-misconfigured`, `github-limited` and `github-unavailable`.
    fn sign_in(&self) -> impl Future<Output = Result<SignedIn, GitHubFault>> + Send;

    /// Returns the App's installation in a repository; `None` if there is none, or if the
    /// repository does not exist.
    ///
    /// # Errors
    /// Those of [`GitHubReader::sign_in`].
    fn installation(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<Option<Installation>, GitHubFault>> + Send;
}
