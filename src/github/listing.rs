//! Reads repositories, pull requests and branches.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::domain::github::Credentials;
use crate::domain::ids::{
    Branch, CommitId, InstallationId, RepositoryId, RepositoryName, Timestamp,
};
use crate::domain::intake::event::{Action, PullRequest};
use crate::domain::report::fault::GitHubFault;
use crate::ports::{Clock, ListPage, ListedPullRequest, ListedRepository, Listing, Place};

use crate::github::call::{Call, in_repository};
use crate::github::call_queues::Caller;
use crate::github::client::GitHubClient;
use crate::github::fault;
use crate::github::tokens::Scope;

/// Items on a page, the most that GitHub offers.
const PAGE: usize = 100;
/// The most pages of installations that are read.
const PAGES: u32 = 100;

#[derive(Deserialize)]
struct Installed {
    id: u64,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
    #[serde(default)]
    archived: bool,
}

/// The few fields of a pull request that are kept with a page.
#[derive(Deserialize, Serialize)]
struct Pull {
    number: u64,
    state: String,
    draft: Option<bool>,
    title: String,
    user: Option<Author>,
    #[serde(default)]
    labels: Vec<Label>,
    head: Head,
    base: Base,
    updated_at: String,
}

#[derive(Deserialize, Serialize)]
struct Label {
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Author {
    login: String,
}

#[derive(Deserialize, Serialize)]
struct Head {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<Id>,
}

#[derive(Deserialize, Serialize)]
struct Base {
    #[serde(rename = "ref")]
    name: String,
    repo: Id,
}

#[derive(Deserialize, Serialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize, Serialize)]
struct Tip {
    name: String,
    commit: Commit,
}

#[derive(Deserialize, Serialize)]
struct Commit {
    sha: String,
}

impl<C: Clock> Listing for GitHubClient<C> {
    async fn installations(&self) -> Result<Vec<Option<InstallationId>>, GitHubFault> {
        if matches!(self.credentials, Credentials::Token(_)) {
            return Ok(vec![None]);
        }
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/app/installations?per_page={PAGE}&page={page}");
            let call = Call::get("ListInstallations", path).sparing();
            let answer = self.as_app(&call).await?;
            let installed: Vec<Installed> = call.read(&answer)?;
            let active = installed.iter().filter(|one| one.suspended_at.is_none());
            found.extend(active.map(|one| Some(InstallationId(one.id))));
            if installed.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }

    async fn repositories(
        &self,
        installation: Option<InstallationId>,
        page: u32,
    ) -> Result<ListPage<ListedRepository>, GitHubFault> {
        let query = format!("per_page={PAGE}&page={page}");
        let repositories = match (&self.credentials, installation) {
            (Credentials::Token(token), _) => {
                let path = format!("/user/repos?sort=full_name&{query}");
                let call = Call::get("ListUserRepositories", path).sparing();
                let answer = self.exchange(Caller::Token, token, &call).await?;
                call.read::<Vec<Repository>>(&answer)?
            }
            (Credentials::App { .. }, Some(installation)) => {
                let path = format!("/installation/repositories?{query}");
                let call = Call::get("ListInstallationRepositories", path).sparing();
                let answer = self.of_installation(installation, Scope::ReadPullRequests, &call);
                call.read::<Repositories>(&answer.await?)?.repositories
            }
            (Credentials::App { .. }, None) => Vec::new(),
        };
        Ok(list_page(repositories, |one| listed(one, installation)))
    }

    async fn repository(&self, place: &Place) -> Result<Option<ListedRepository>, GitHubFault> {
        let path = format!("/repos/{}/{}", place.name.owner(), place.name.name());
        let call = Call::get("GetRepository", path).sparing();
        match self.at(place, Scope::ReadPullRequests, &call).await {
            Ok(answer) => Ok(listed(call.read(&answer)?, place.installation)),
            Err(failed) if failed.status == Some(404) => Ok(None),
            Err(failed) => Err(failed.fault),
        }
    }

    async fn open_pull_requests(
        &self,
        place: &Place,
        page: u32,
    ) -> Result<ListPage<ListedPullRequest>, GitHubFault> {
        let path =
            format!("pulls?state=open&sort=created&direction=asc&per_page={PAGE}&page={page}");
        let call = Call::get("ListPullRequests", in_repository(&place.name, &path));
        let call = call.sparing().reduced::<Vec<Pull>>();
        let answer = self.at(place, Scope::ReadPullRequests, &call).await?;
        let pulls: Vec<Pull> = call.read(&answer)?;
        Ok(list_page(pulls, pull))
    }

    async fn pull_request(
        &self,
        place: &Place,
        number: u64,
    ) -> Result<Option<ListedPullRequest>, GitHubFault> {
        let path = in_repository(&place.name, &format!("pulls/{number}"));
        let call = Call::get("GetPullRequest", path).sparing();
        match self.at(place, Scope::ReadPullRequests, &call).await {
            Ok(answer) => {
                let read = pull(call.read(&answer)?);
                read.map(Some)
                    .ok_or_else(|| fault::unreadable(&call.name()))
            }
            Err(failed) if failed.status == Some(404) => Ok(None),
            Err(failed) => Err(failed.fault),
        }
    }

    async fn branches(
        &self,
        place: &Place,
        page: u32,
    ) -> Result<ListPage<(Branch, CommitId)>, GitHubFault> {
        let path = format!("branches?per_page={PAGE}&page={page}");
        let call = Call::get("ListBranches", in_repository(&place.name, &path));
        let call = call.sparing().reduced::<Vec<Tip>>();
        let answer = self.at(place, Scope::ReadContents, &call).await?;
        let tips: Vec<Tip> = call.read(&answer)?;
        Ok(list_page(tips, tip))
    }

    async fn branch(
        &self,
        place: &Place,
        branch: &Branch,
    ) -> Result<Option<CommitId>, GitHubFault> {
        let call = branch_call(place, branch).sparing();
        self.head_of(place, branch, Scope::ReadContents, &call)
            .await
    }
}

impl<C: Clock> GitHubClient<C> {
    /// Returns the head of a branch; `None` if there is none of this name.
    pub(super) async fn head_of(
        &self,
        place: &Place,
        branch: &Branch,
        scope: Scope,
        call: &Call,
    ) -> Result<Option<CommitId>, GitHubFault> {
        match self.at(place, scope, call).await {
            Ok(answer) => {
                let (found, head) =
                    tip(call.read(&answer)?).ok_or_else(|| fault::unreadable(&call.name()))?;
                // The name of a renamed branch leads to the branch that it is now.
                Ok((found == *branch).then_some(head))
            }
            Err(failed) if failed.status == Some(404) => Ok(None),
            Err(failed) => Err(failed.fault),
        }
    }
}

/// Returns the call that reads a branch.
pub(super) fn branch_call(place: &Place, branch: &Branch) -> Call {
    let path = format!("branches/{}", encoded(branch));
    Call::get("GetBranch", in_repository(&place.name, &path))
}

/// Converts the items of a page. One that cannot be read is left out: looked for by itself, it is a
/// fault.
fn list_page<T, U>(items: Vec<T>, convert: impl Fn(T) -> Option<U>) -> ListPage<U> {
    ListPage {
        has_next: items.len() >= PAGE,
        items: items.into_iter().filter_map(convert).collect(),
    }
}

fn listed(one: Repository, installation: Option<InstallationId>) -> Option<ListedRepository> {
    Some(ListedRepository {
        place: Place {
            id: RepositoryId(one.id),
            name: RepositoryName::parse(one.full_name).ok()?,
            installation,
        },
        is_archived: one.archived,
    })
}

fn pull(one: Pull) -> Option<ListedPullRequest> {
    let repository = RepositoryId(one.base.repo.id);
    let author = one.user.map(|user| user.login);
    let labels = one.labels.into_iter().map(|label| label.name);
    Some(ListedPullRequest {
        updated_at: Timestamp::from_rfc3339(&one.updated_at)?,
        pull_request: PullRequest {
            number: one.number,
            open: one.state == "open",
            draft: one.draft.unwrap_or(false),
            fork: one.head.repo.is_none_or(|head| head.id != repository.0),
            head: Branch::parse(one.head.name).ok()?,
            sha: CommitId::parse(one.head.sha).ok()?,
            action: Action::Seen,
            before: None,
            base: Branch::parse(one.base.name).ok()?,
            title: String::new(),
            author: None,
            skip: false,
            labels: labels.collect(),
            label: None,
        }
        .with_texts(one.title, author),
        repository,
    })
}

fn tip(one: Tip) -> Option<(Branch, CommitId)> {
    let branch = Branch::parse(one.name).ok()?;
    Some((branch, CommitId::parse(one.commit.sha).ok()?))
}

/// Encodes the name of a branch as one part of a path.
fn encoded(branch: &Branch) -> String {
    let encode = || {
        let mut url = Url::parse("https://example.com").ok()?;
        url.path_segments_mut().ok()?.push(branch.as_str());
        Some(url.path().trim_start_matches('/').to_owned())
    };
    encode().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_one_part_of_the_path() {
        let encoded = |name: &str| encoded(&Branch::parse(name).unwrap());
        assert_eq!(encoded("main"), "main");
        assert_eq!(encoded("feature/x#1"), "feature%2Fx%231");
        assert_eq!(encoded("50%"), "50%25");
        assert_eq!(encoded("ä"), "%C3%A4");
    }
}
