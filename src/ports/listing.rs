//! The listing port: what branchline reads at GitHub of repositories, pull requests and branches.

use std::future::Future;

use crate::domain::ids::{Branch, CommitId, InstallationId, RepositoryId, Timestamp};
use crate::domain::intake::event::PullRequest;
use crate::domain::report::fault::GitHubFault;
use crate::ports::github::Place;

/// A page of a list. GitHub counts pages by offset, so that an item may be missing or be on two
/// pages if the list changes in the meantime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// True if there may be another page.
    pub has_next: bool,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepository {
    /// Its number, its name and the installation through which it was listed.
    pub place: Place,
    /// True if it is archived, and therefore read-only.
    pub is_archived: bool,
}

/// A pull request as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPullRequest {
    /// The pull request.
    pub pull_request: PullRequest,
    /// The repository that it belongs to.
    pub repository: RepositoryId,
    /// When it was last changed, in whole seconds.
    pub updated_at: Timestamp,
}

/// Read access to what is at GitHub. Every method ends with `github-limited` if less than a fifth
/// of the caller's rate limit is left: the rest is for reports.
///
/// Reading leaves nothing behind if it is cancelled.
pub trait Listing: Send + Sync + 'static {
    /// Returns the App's installations that are not suspended; `None` alone for a token, which has
    /// no installation.
    ///
    /// # Errors
    /// One of each kind of [`GitHubFault`].
    fn installations(
        &self,
    ) -> impl Future<Output = Result<Vec<Option<InstallationId>>, GitHubFault>> + Send;

    /// Returns a page of the repositories of an installation, or of those that the token can see.
    /// `page` counts from 1.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn repositories(
        &self,
        installation: Option<InstallationId>,
        page: u32,
    ) -> impl Future<Output = Result<ListPage<ListedRepository>, GitHubFault>> + Send;

    /// Returns a repository, by its name; `None` if GitHub shows none of this name. The number may
    /// be another one than that of `place`.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn repository(
        &self,
        place: &Place,
    ) -> impl Future<Output = Result<Option<ListedRepository>, GitHubFault>> + Send;

    /// Returns a page of the open pull requests, the oldest first. `page` counts from 1.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn open_pull_requests(
        &self,
        place: &Place,
        page: u32,
    ) -> impl Future<Output = Result<ListPage<ListedPullRequest>, GitHubFault>> + Send;

    /// Returns a pull request, open or closed; `None` if GitHub shows none of this number.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn pull_request(
        &self,
        place: &Place,
        number: u64,
    ) -> impl Future<Output = Result<Option<ListedPullRequest>, GitHubFault>> + Send;

    /// Returns a page of the branches with their head commits. `page` counts from 1.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn branches(
        &self,
        place: &Place,
        page: u32,
    ) -> impl Future<Output = Result<ListPage<(Branch, CommitId)>, GitHubFault>> + Send;

    /// Returns the head commit of a branch; `None` if there is no such branch.
    ///
    /// # Errors
    /// Those of [`Listing::installations`].
    fn branch(
        &self,
        place: &Place,
        branch: &Branch,
    ) -> impl Future<Output = Result<Option<CommitId>, GitHubFault>> + Send;
}
