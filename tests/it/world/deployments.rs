//! The fake records of deployments, and the deployments at the fake GitHub.

use std::collections::BTreeMap;

use branchline::domain::fault::Fault;
use branchline::domain::ids::{DeploymentId, Subject, Timestamp};
use branchline::domain::report::TITLE_LIMIT;
use branchline::domain::report::deployment::DeploymentStatus;
use branchline::domain::report::deployment::record::{
    DeploymentRecord, DeploymentState, ShownDeployment,
};
use branchline::ports::{Cursor, DeploymentLog, SubjectPage, WantedDeployment};

use super::pages::page;
use super::store::FakeStore;
use crate::world::fault_injection::Op;

/// Subjects in one page of the list.
const PAGE: usize = 2;
/// The longest name of an environment.
const NAME_LIMIT: usize = 255;

/// The records, by subject.
pub(super) type DeploymentRecords = BTreeMap<Subject, DeploymentRecord>;

impl FakeStore {
    /// Returns the record of a subject's deployments.
    pub(crate) fn deployment_record(&self, subject: &Subject) -> Option<DeploymentRecord> {
        self.locked().deployments.get(subject).cloned()
    }
}

impl DeploymentLog for FakeStore {
    async fn deployments(&self, subject: &Subject) -> Result<Option<DeploymentRecord>, Fault> {
        let effect = || Ok(self.deployment_record(subject));
        self.faults.pass(Op::Deployments, effect).await
    }

    async fn replace_deployments(&self, record: &DeploymentRecord) -> Result<bool, Fault> {
        let effect = || {
            let mut table = self.locked();
            let seen = table.deployments.get(&record.subject);
            let is_seen = seen.map_or(0, |seen| seen.version) + 1 == record.version;
            if is_seen {
                let subject = record.subject.clone();
                table.deployments.insert(subject, record.clone());
            }
            Ok(is_seen)
        };
        self.faults.pass(Op::ReplaceDeployments, effect).await
    }

    async fn unsent_deployments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        let effect = || {
            let table = self.locked();
            let records = table.deployments.values();
            let unsent = records.filter(|record| record.is_unsent && record.updated_at < before);
            let listed = unsent.map(|record| {
                let subject = &record.subject;
                let position = format!("{} {}", record.updated_at, subject.table_key());
                (position, subject.clone())
            });
            let (subjects, next) = page(PAGE, listed, after);
            Ok(SubjectPage { subjects, next })
        };
        self.faults.pass(Op::ListDeployments, effect).await
    }
}

/// The deployments at GitHub.
#[derive(Default)]
pub(crate) struct Deployments(BTreeMap<DeploymentId, Deployment>);

struct Deployment {
    repository: u64,
    wanted: WantedDeployment,
    /// What it shows, the newest last.
    statuses: Vec<ShownDeployment>,
}

impl Deployment {
    fn state(&self) -> Option<DeploymentState> {
        self.statuses.last().map(|shown| shown.state)
    }

    fn is_in(&self, repository: u64, environment: &str) -> bool {
        self.repository == repository && self.wanted.environment == environment
    }

    fn is_inactive(&self) -> bool {
        self.state() == Some(DeploymentState::Inactive)
    }
}

impl Deployments {
    /// Creates a deployment. GitHub has no token that makes a repetition have no effect.
    pub(super) fn create(&mut self, repository: u64, wanted: &WantedDeployment) -> DeploymentId {
        assert!(wanted.environment.chars().count() <= NAME_LIMIT);
        let id = DeploymentId(u64::try_from(self.0.len()).unwrap_or(0) + 1);
        let deployment = Deployment {
            repository,
            wanted: wanted.clone(),
            statuses: Vec::new(),
        };
        self.0.insert(id, deployment);
        id
    }

    /// Returns those that are not inactive.
    pub(super) fn find(&self, repository: u64, wanted: &WantedDeployment) -> Vec<DeploymentId> {
        let is_it = |one: &Deployment| {
            one.repository == repository && one.wanted == *wanted && !one.is_inactive()
        };
        let found = self.0.iter().filter(|(_, one)| is_it(one));
        found.map(|(id, _)| *id).collect()
    }

    /// Shows a state.
    pub(super) fn show(
        &mut self,
        repository: u64,
        id: DeploymentId,
        status: &DeploymentStatus,
    ) -> bool {
        assert!(status.description.chars().count() <= TITLE_LIMIT);
        let found = self.0.get_mut(&id);
        let Some(found) = found.filter(|one| one.repository == repository) else {
            return false;
        };
        found.statuses.push(status.shown.clone());
        true
    }

    /// Deletes the inactive ones, as people may.
    pub(crate) fn delete_all(&mut self) {
        self.0.clear();
    }

    /// Returns the deployments of an environment, each with the first digit of its commit, and what
    /// it has shown: `1: in_progress, success https://x`.
    pub(crate) fn of(&self, environment: &str) -> Vec<String> {
        let all = self.0.values();
        let of_it = all.filter(|one| one.wanted.environment == environment);
        let shown = |one: &ShownDeployment| match &one.page {
            Some(page) => format!("{} {page}", one.state.as_str()),
            None => one.state.as_str().to_owned(),
        };
        let line = |one: &Deployment| {
            let commit = one.wanted.commit.as_str().trim_start_matches('0');
            let statuses: Vec<String> = one.statuses.iter().map(shown).collect();
            format!("{commit}: {}", statuses.join(", "))
        };
        of_it.map(line).collect()
    }

    /// Returns what the last deployment of a commit in an environment shows.
    pub(crate) fn state(
        &self,
        repository: u64,
        environment: &str,
        commit: &str,
    ) -> Option<DeploymentState> {
        let is_it = |one: &&Deployment| {
            one.is_in(repository, environment) && one.wanted.commit.as_str() == commit
        };
        self.0.values().rfind(is_it)?.state()
    }

    /// Returns what is wrong with the deployments of an environment, at rest. `current` is the
    /// commit that was deployed last; `None` if there is no environment.
    ///
    /// One deployment of that commit is not inactive. Beside it, the last one that succeeded stays
    /// until that one has. Every other one is inactive, and all of them are if there is no
    /// environment.
    pub(crate) fn wrong(
        &self,
        repository: u64,
        environment: &str,
        current: Option<&str>,
    ) -> Option<String> {
        let success = Some(DeploymentState::Success);
        let all = self.0.values();
        let active = all.filter(|one| one.is_in(repository, environment) && !one.is_inactive());
        let (own, others): (Vec<_>, Vec<_>) =
            active.partition(|one| current == Some(one.wanted.commit.as_str()));
        let is_right = match (own.as_slice(), others.as_slice()) {
            ([], []) => current.is_none(),
            ([_], []) => true,
            ([own], [before]) => own.state() != success && before.state() == success,
            (_, _) => false,
        };
        let shows = || format!("{environment} of {current:?}: {:?}", self.of(environment));
        (!is_right).then(shows)
    }
}
