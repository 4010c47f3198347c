//! Looks at what is open at GitHub, and compares it with the mappings. Changes nothing.
//!
//! The mappings are read before GitHub's lists, so that one that is made in the meantime does not
//! look like one that GitHub does not have. A list may leave an item out while it changes, so that
//! what is not in a list is looked for by itself before anything follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::fault::Fault;
use crate::domain::ids::{Branch, CommitId, RepositoryId, SubjectKind, Timestamp};
use crate::domain::intake::event::{Action, PullRequest};
use crate::domain::intake::sighting::{Seen, Sighting};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::rules::rule::{On, Rules};
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{
    CommitLog, ListedPullRequest, ListedRepository, Listing, MappingPages, Place, StoreReader,
};

use crate::jobs::reconcile::finding::{Compare, Finding};

/// The most pages of a list that are read: 100,000 items. What is not in a list is looked for by
/// itself.
const PAGES: u32 = 1_000;

/// Something that could not be read, and is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The repository or the installation.
    pub what: String,
    /// Why.
    pub fault: GitHubFault,
}

/// Why a repository could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookFault {
    /// The table does not answer.
    Table(Fault),
    /// GitHub does not answer, or refuses.
    GitHub(GitHubFault),
}

impl From<Fault> for LookFault {
    fn from(fault: Fault) -> Self {
        Self::Table(fault)
    }
}

impl From<GitHubFault> for LookFault {
    fn from(fault: GitHubFault) -> Self {
        Self::GitHub(fault)
    }
}

/// One look at GitHub, with the mappings of all subjects that have a pipeline.
pub struct Comparison<'a, S, L> {
    store: &'a S,
    github: &'a L,
    rules: &'a Rules,
    begun: Timestamp,
    live: BTreeMap<RepositoryId, Vec<Mapping>>,
}

impl<'a, S: StoreReader + CommitLog, L: Listing> Comparison<'a, S, L> {
    /// Reads the mappings.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn begin(
        store: &'a S,
        github: &'a L,
        rules: &'a Rules,
        begun: Timestamp,
    ) -> Result<Self, Fault> {
        let mut live: BTreeMap<RepositoryId, Vec<Mapping>> = BTreeMap::new();
        let open = [State::Active, State::Asleep];
        for state in State::HALF_WAY.into_iter().chain(open) {
            let mut pages = MappingPages::new(store, state);
            while let Some(rows) = pages.next().await? {
                // An audit names the rows that cannot be read.
                for row in rows.into_iter().flatten() {
                    live.entry(row.subject.repository).or_default().push(row);
                }
            }
        }
        Ok(Self {
            store,
            github,
            rules,
            begun,
            live,
        })
    }

    /// Returns the repositories that a rule names, or that have a pipeline, and what could not be
    /// listed.
    ///
    /// # Errors
    /// GitHub does not say which installations there are.
    pub async fn repositories(
        &self,
    ) -> Result<(Vec<ListedRepository>, Vec<Unreadable>), GitHubFault> {
        let mut found: BTreeMap<RepositoryId, ListedRepository> = BTreeMap::new();
        let mut unreadable = Vec::new();
        for installation in self.github.installations().await? {
            for page in 1..=PAGES {
                let listed = match self.github.repositories(installation, page).await {
                    Ok(listed) => listed,
                    Err(fault) => {
                        let what = installation.map_or_else(
                            || "the repositories of the token".to_owned(),
                            |id| format!("installation {}", id.0),
                        );
                        unreadable.push(Unreadable { what, fault });
                        break;
                    }
                };
                let concerned = listed
                    .items
                    .into_iter()
                    .filter(|one| self.concerns(&one.place));
                found.extend(concerned.map(|one| (one.place.id, one)));
                if !listed.has_next {
                    break;
                }
            }
        }
        for (id, rows) in &self.live {
            let Some(row) = rows.first().filter(|_| !found.contains_key(id)) else {
                continue;
            };
            match self.unlisted(row).await {
                Ok(one) => {
                    found.insert(*id, one);
                }
                Err(fault) => unreadable.push(Unreadable {
                    what: row.repository.to_string(),
                    fault,
                }),
            }
        }
        Ok((found.into_values().collect(), unreadable))
    }

    fn concerns(&self, place: &Place) -> bool {
        self.rules.covers(&place.name) || self.live.contains_key(&place.id)
    }

    /// Looks for a repository that has pipelines and is in no list.
    async fn unlisted(&self, row: &Mapping) -> Result<ListedRepository, GitHubFault> {
        let report = row.report.as_ref();
        let place = Place {
            id: row.subject.repository,
            name: row.repository.clone(),
            installation: report.and_then(|report| report.installation),
        };
        let found = self.github.repository(&place).await?;
        found
            .filter(|one| one.place.id == place.id)
            .ok_or_else(|| another_repository(&place))
    }

    /// Compares one repository with its mappings.
    ///
    /// # Errors
    /// [`LookFault`]. Nothing is known of the repository then.
    pub async fn look_at(&self, repository: &ListedRepository) -> Result<Vec<Finding>, LookFault> {
        let place = &repository.place;
        let rows = self.live.get(&place.id).map(Vec::as_slice);
        let rows = rows.unwrap_or_default();
        let mut compare = Compare::new(self.store, self.rules, self.begun, rows);
        if repository.is_archived {
            if !rows.is_empty() {
                compare.repository(self.listed_now(place, Seen::Archived), rows.len());
            }
            return Ok(compare.findings);
        }
        let name = place.name.to_lower_case();
        let is_renamed = |row: &&Mapping| row.repository.to_lower_case() != name;
        if let Some(row) = rows.iter().find(is_renamed) {
            let renamed = Seen::RenamedFrom(row.repository.clone());
            compare.repository(self.listed_now(place, renamed), rows.len());
        }
        self.pull_requests(place, rows, &mut compare).await?;
        self.branches(place, rows, &mut compare).await?;
        Ok(compare.findings)
    }

    async fn pull_requests(
        &self,
        place: &Place,
        rows: &[Mapping],
        compare: &mut Compare<'_, S>,
    ) -> Result<(), LookFault> {
        let mut listed = BTreeSet::new();
        let mut has_next = self.rules.of(On::PullRequest, &place.name).next().is_some();
        for page in 1..=PAGES {
            if !has_next {
                break;
            }
            let open = self.github.open_pull_requests(place, page).await?;
            has_next = open.has_next;
            for one in open.items {
                listed.insert(one.pull_request.number);
                self.pull_request(place, one, compare).await?;
            }
        }
        for row in rows {
            let SubjectKind::PullRequest(number) = row.subject.kind else {
                continue;
            };
            if listed.contains(&number) {
                continue;
            }
            match self.github.pull_request(place, number).await? {
                Some(one) => self.pull_request(place, one, compare).await?,
                None => {
                    if let Some(pull) = closed(row, number) {
                        let seen = Seen::PullRequest(Box::new(pull));
                        compare.subject(self.listed_now(place, seen), None).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn pull_request(
        &self,
        place: &Place,
        one: ListedPullRequest,
        compare: &mut Compare<'_, S>,
    ) -> Result<(), LookFault> {
        if one.repository != place.id {
            return Err(another_repository(place).into());
        }
        let sighting = Sighting {
            repository: place.id,
            name: place.name.clone(),
            installation: place.installation,
            at: Sighting::order_of(one.updated_at),
            seen: Seen::PullRequest(Box::new(one.pull_request)),
        };
        compare.subject(sighting, Some(one.updated_at)).await?;
        Ok(())
    }

    async fn branches(
        &self,
        place: &Place,
        rows: &[Mapping],
        compare: &mut Compare<'_, S>,
    ) -> Result<(), LookFault> {
        let mut listed = BTreeSet::new();
        let kinds = [On::Branch, On::MergeGroup];
        let has_rule = |on| self.rules.of(on, &place.name).next().is_some();
        let mut has_next = kinds.into_iter().any(has_rule);
        for page in 1..=PAGES {
            if !has_next {
                break;
            }
            let branches = self.github.branches(place, page).await?;
            has_next = branches.has_next;
            for (branch, head) in branches.items {
                if self.rules.for_branch(&branch, &place.name).is_some() {
                    let seen = self.branch(place, branch.clone(), Some(head));
                    compare.subject(seen, None).await?;
                }
                listed.insert(branch);
            }
        }
        for row in rows {
            let SubjectKind::Branch(branch) = &row.subject.kind else {
                continue;
            };
            if !listed.contains(branch) {
                let head = self.github.branch(place, branch).await?;
                compare
                    .subject(self.branch(place, branch.clone(), head), None)
                    .await?;
            }
        }
        Ok(())
    }

    fn branch(&self, place: &Place, branch: Branch, head: Option<CommitId>) -> Sighting {
        self.listed_now(place, Seen::Branch(branch, head))
    }

    fn listed_now(&self, place: &Place, seen: Seen) -> Sighting {
        Sighting {
            repository: place.id,
            name: place.name.clone(),
            installation: place.installation,
            at: Sighting::order_of_list(self.begun),
            seen,
        }
    }
}

fn another_repository(place: &Place) -> GitHubFault {
    let detail = format!(
        "GitHub shows no repository number {} as {}: let the App or the token see it",
        place.id, place.name
    );
    GitHubFault::new(GitHubFaultKind::Missing, detail)
}

/// Returns a pull request that GitHub does not have any more, as far as its row describes it.
fn closed(row: &Mapping, number: u64) -> Option<PullRequest> {
    let spec = row.spec()?;
    let pull = PullRequest {
        number,
        action: Action::Seen,
        open: false,
        draft: false,
        fork: false,
        head: spec.branch.clone(),
        sha: row.order.head.clone()?,
        before: None,
        base: spec.base.clone().unwrap_or_else(|| spec.branch.clone()),
        title: String::new(),
        author: None,
        skip: false,
        labels: Vec::new(),
        label: None,
    };
    Some(pull.with_texts(spec.title.clone().unwrap_or_default(), spec.author.clone()))
}
