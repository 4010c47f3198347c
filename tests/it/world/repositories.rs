//! What the fake GitHub knows of repositories, pull requests and branches, and its lists of them.
//!
//! It learns the truth from webhooks, whether they are sent or lost: of what they say about one
//! thing, that of the latest time counts.

use std::collections::BTreeMap;

use branchline::domain::ids::{
    Branch, CommitId, InstallationId, RepositoryId, RepositoryName, Timestamp,
};
use branchline::domain::intake::event::{Action, PullRequest};
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::ports::{ListPage, ListedPullRequest, ListedRepository, Listing, Place};
use serde_json::Value;

use super::github::FakeGitHub;
use super::webhook::Webhook;
use crate::world::fault_injection::Op;

/// Items on a page: few, so that there are several pages.
const PAGE: usize = 2;

/// The repositories by number.
#[derive(Default)]
pub(super) struct Repositories {
    all: BTreeMap<u64, Repository>,
    /// Repositories that cannot be read.
    hidden: Vec<u64>,
    /// Lists leave out items as if they had changed in the meantime, by this generator.
    shifting: Option<fastrand::Rng>,
    /// How many calls were made.
    calls: usize,
}

struct Repository {
    name: String,
    named_at: Timestamp,
    archived: bool,
    pulls: BTreeMap<u64, ListedPullRequest>,
    branches: BTreeMap<String, (Timestamp, Option<String>)>,
}

impl Repositories {
    fn learn(&mut self, event: &str, payload: &Value, at: Timestamp) {
        let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
        let number = |pointer: &str| payload.pointer(pointer).and_then(Value::as_u64);
        let (Some(id), Some(name)) = (number("/repository/id"), text("/repository/full_name"))
        else {
            return;
        };
        let repository = self.all.entry(id).or_insert_with(|| Repository {
            name: name.to_owned(),
            named_at: at,
            archived: false,
            pulls: BTreeMap::new(),
            branches: BTreeMap::new(),
        });
        if at >= repository.named_at {
            (repository.name, repository.named_at) = (name.to_owned(), at);
        }
        match event {
            "pull_request" => {
                let pull = pull_request(id, payload, at).expect("a pull request");
                let number = pull.pull_request.number;
                let known = repository.pulls.get(&number);
                if known.is_none_or(|known| known.updated_at <= at) {
                    repository.pulls.insert(number, pull);
                }
            }
            "push" | "delete" => {
                let branch = text("/ref").unwrap_or_default();
                let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
                let head = text("/after").filter(|sha| !sha.bytes().all(|byte| byte == b'0'));
                let known = repository.branches.get(branch);
                if known.is_none_or(|(since, _)| *since <= at) {
                    let head = head.map(str::to_owned);
                    repository.branches.insert(branch.to_owned(), (at, head));
                }
            }
            "repository" => repository.archived |= text("/action") == Some("archived"),
            _ => {}
        }
    }

    fn of(&self, place: &Place) -> Result<&Repository, GitHubFault> {
        let found = self.all.get(&place.id.0);
        found
            .filter(|_| !self.hidden.contains(&place.id.0))
            .ok_or_else(|| GitHubFault::new(GitHubFaultKind::Missing, "as the test ordered"))
    }

    /// Returns a page. If the list shifts, an item may be missing.
    fn page<T>(&mut self, mut items: Vec<T>, page: u32) -> ListPage<T> {
        if let Some(rng) = &mut self.shifting
            && !items.is_empty()
            && rng.bool()
        {
            items.remove(rng.usize(..items.len()));
        }
        let begin = PAGE * usize::try_from(page - 1).expect("a page");
        let has_next = items.len() > begin + PAGE;
        ListPage {
            items: items.into_iter().skip(begin).take(PAGE).collect(),
            has_next,
        }
    }
}

fn pull_request(repository: u64, payload: &Value, at: Timestamp) -> Option<ListedPullRequest> {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let flag = |pointer: &str| payload.pointer(pointer).and_then(Value::as_bool);
    let head_repository = payload.pointer("/pull_request/head/repo/id");
    let pull_request = PullRequest {
        number: payload.pointer("/number")?.as_u64()?,
        action: Action::Seen,
        open: text("/pull_request/state") == Some("open"),
        draft: flag("/pull_request/draft").unwrap_or(false),
        fork: head_repository.and_then(Value::as_u64) != Some(repository),
        head: Branch::parse(text("/pull_request/head/ref")?).ok()?,
        sha: CommitId::parse(text("/pull_request/head/sha")?).ok()?,
        before: None,
        base: Branch::parse(text("/pull_request/base/ref")?).ok()?,
        title: String::new(),
        author: None,
        skip: false,
        labels: labels(payload),
        label: None,
    };
    let author = text("/pull_request/user/login").map(str::to_owned);
    let title = text("/pull_request/title")?.to_owned();
    Some(ListedPullRequest {
        pull_request: pull_request.with_texts(title, author),
        repository: RepositoryId(repository),
        updated_at: at,
    })
}

fn labels(payload: &Value) -> Vec<String> {
    let labels = payload.pointer("/pull_request/labels");
    let labels = labels.and_then(Value::as_array).into_iter().flatten();
    let names = labels.filter_map(|label| label["name"].as_str());
    names.map(str::to_owned).collect()
}

fn listed(id: u64, repository: &Repository) -> ListedRepository {
    ListedRepository {
        place: Place {
            id: RepositoryId(id),
            name: RepositoryName::parse(repository.name.clone()).expect("a name"),
            installation: None,
        },
        is_archived: repository.archived,
    }
}

impl FakeGitHub {
    /// Lets what a webhook says be so. Its time is in whole seconds, as GitHub's.
    pub(crate) fn learn(&self, webhook: &Webhook, now: Timestamp) {
        let at = webhook.time().unwrap_or(now).seconds();
        let at = Timestamp::from_seconds(at).expect("a time");
        let (event, payload) = webhook.content();
        self.repositories(|all| all.learn(event, payload, at));
    }

    /// Lets nobody read a repository.
    pub(crate) fn hide(&self, repository: u64) {
        self.repositories(|all| all.hidden.push(repository));
    }

    /// Lets lists leave out items that are there.
    pub(crate) fn shift_lists(&self, seed: u64) {
        self.repositories(|all| all.shifting = Some(fastrand::Rng::with_seed(seed)));
    }

    /// Lets lists have everything.
    pub(crate) fn settle_lists(&self) {
        self.repositories(|all| all.shifting = None);
    }

    /// Returns how many calls were made to read.
    pub(crate) fn reads(&self) -> usize {
        self.repositories(|all| all.calls)
    }

    async fn read<T>(
        &self,
        read: impl FnOnce(&mut Repositories) -> Result<T, GitHubFault>,
    ) -> Result<T, GitHubFault> {
        self.look_up(Op::List, |all| {
            all.calls += 1;
            read(all)
        })
        .await
    }
}

impl Listing for FakeGitHub {
    async fn installations(&self) -> Result<Vec<Option<InstallationId>>, GitHubFault> {
        self.read(|_| Ok(vec![None])).await
    }

    async fn repositories(
        &self,
        _: Option<InstallationId>,
        page: u32,
    ) -> Result<ListPage<ListedRepository>, GitHubFault> {
        let list = |all: &mut Repositories| {
            let visible = all.all.iter().filter(|(id, _)| !all.hidden.contains(id));
            let items = visible.map(|(id, one)| listed(*id, one)).collect();
            Ok(all.page(items, page))
        };
        self.read(list).await
    }

    async fn repository(&self, place: &Place) -> Result<Option<ListedRepository>, GitHubFault> {
        let id = place.id.0;
        self.read(|all| Ok(all.of(place).ok().map(|one| listed(id, one))))
            .await
    }

    async fn open_pull_requests(
        &self,
        place: &Place,
        page: u32,
    ) -> Result<ListPage<ListedPullRequest>, GitHubFault> {
        let list = |all: &mut Repositories| {
            let pulls = all.of(place)?.pulls.values();
            let open = pulls.filter(|pull| pull.pull_request.open).cloned();
            let open = open.collect();
            Ok(all.page(open, page))
        };
        self.read(list).await
    }

    async fn pull_request(
        &self,
        place: &Place,
        number: u64,
    ) -> Result<Option<ListedPullRequest>, GitHubFault> {
        self.read(|all| Ok(all.of(place)?.pulls.get(&number).cloned()))
            .await
    }

    async fn branches(
        &self,
        place: &Place,
        page: u32,
    ) -> Result<ListPage<(Branch, CommitId)>, GitHubFault> {
        let list = |all: &mut Repositories| {
            let there = all.of(place)?.branches.iter();
            let there = there.filter_map(|(name, (_, head))| {
                let head = CommitId::parse(head.clone()?).ok()?;
                Some((Branch::parse(name.as_str()).ok()?, head))
            });
            let there = there.collect();
            Ok(all.page(there, page))
        };
        self.read(list).await
    }

    async fn branch(
        &self,
        place: &Place,
        branch: &Branch,
    ) -> Result<Option<CommitId>, GitHubFault> {
        let find = |all: &mut Repositories| {
            let found = all.of(place)?.branches.get(branch.as_str());
            let head = found.and_then(|(_, head)| head.clone());
            Ok(head.and_then(|head| CommitId::parse(head).ok()))
        };
        self.read(find).await
    }
}
