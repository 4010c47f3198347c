//! What the table knows of the deployments of a subject's environment.

use crate::domain::ids::{
    CommitId, DeploymentId, InstallationId, RepositoryName, Subject, Timestamp,
};
use crate::domain::report::record::{CommitKey, CommitRecord, FailedReport, Sending};

/// The deployments of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRecord {
    /// The subject.
    pub subject: Subject,
    /// The repository's name.
    pub repository: RepositoryName,
    /// The App's installation, if the webhook named it.
    pub installation: Option<InstallationId>,
    /// The newest commit that is deployed.
    pub commit: CommitId,
    /// The deployments that may not be inactive, the oldest first.
    pub deployments: Vec<Deployment>,
    /// The worker that is showing something at GitHub.
    pub sender: Option<Sending>,
    /// The failures since the last call to GitHub that succeeded.
    pub failed: Option<FailedReport>,
    /// True if it is in the list of unsent deployments.
    pub is_unsent: bool,
    /// Counts the writes.
    pub version: u64,
    /// When the record was written last.
    pub updated_at: Timestamp,
}

/// A deployment of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The commit.
    pub commit: CommitId,
    /// The name of its environment.
    pub environment: String,
    /// GitHub's number; `None` while its creation is not confirmed.
    pub id: Option<DeploymentId>,
    /// True if GitHub did not show it when it was looked for. It is looked for again in the end.
    pub is_lost: bool,
    /// True if the removal of its environment has begun. It becomes inactive once that is done,
    /// also if the environment is deployed again.
    pub is_ending: bool,
    /// What GitHub shows of it; `None` if that is not certain.
    pub shown: Option<ShownDeployment>,
}

/// What GitHub shows of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDeployment {
    /// The state.
    pub state: DeploymentState,
    /// The page of the environment; always `http` or `https`.
    pub page: Option<String>,
}

/// The state of a deployment (GitHub Docs, "REST API endpoints for deployment statuses").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeploymentState {
    /// Its execution runs.
    InProgress,
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// It was cut off, or its source could not be fetched: not a fault of the commit.
    Error,
    /// It is not what the environment has any more. GitHub shows it as destroyed.
    Inactive,
}

impl DeploymentState {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::InProgress,
        Self::Success,
        Self::Failure,
        Self::Error,
        Self::Inactive,
    ];

    /// Returns the state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Returns GitHub's word, which is also that of the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
        }
    }
}

impl DeploymentRecord {
    /// Returns the key of the record of the newest commit.
    #[must_use]
    pub fn key(&self) -> CommitKey {
        CommitKey {
            subject: self.subject.clone(),
            commit: self.commit.clone(),
        }
    }

    /// Returns the record for its next write.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// Returns the record for a write that marks it as unsent, with this newest commit.
    #[must_use]
    pub fn about(seen: Option<Self>, head: &CommitRecord, now: Timestamp) -> Self {
        let version = seen.as_ref().map_or(0, |seen| seen.version) + 1;
        let same = |seen: &Self| seen.commit == head.key.commit;
        let is_same = seen.as_ref().is_some_and(same);
        let (deployments, sender, failed) = match seen {
            Some(seen) => (seen.deployments, seen.sender, seen.failed),
            None => (Vec::new(), None, None),
        };
        Self {
            subject: head.key.subject.clone(),
            repository: head.repository.clone(),
            installation: head.target.installation,
            commit: head.key.commit.clone(),
            deployments,
            sender,
            // A deployment of another commit may be possible.
            failed: failed.filter(|failed| is_same || failed.retry_at.is_some()),
            is_unsent: true,
            version,
            updated_at: now,
        }
    }

    /// Adds that the removal of the environment has begun.
    pub fn end(&mut self) {
        for one in &mut self.deployments {
            one.is_ending = true;
        }
    }

    /// Adds that the subject has ended. If it has begun anew since, the deployments of its present
    /// head count.
    pub fn end_but(&mut self, head: Option<&CommitId>) {
        let ended = self.deployments.iter_mut();
        for one in ended.filter(|one| head != Some(&one.commit)) {
            one.is_ending = true;
        }
    }

    /// Adds that a deployment is about to be created.
    pub fn creating(&mut self, commit: &CommitId, environment: &str) {
        self.add(commit, environment, None);
    }

    /// Adds that the state of a deployment is about to be shown: until that is confirmed, it
    /// is not certain what it shows.
    pub fn showing(&mut self, id: DeploymentId) {
        for one in self.of(id) {
            one.shown = None;
        }
    }

    /// Adds that a deployment was created.
    pub fn created(&mut self, commit: &CommitId, environment: &str, id: DeploymentId) {
        self.forget_unconfirmed(commit, environment);
        if self.of(id).next().is_none() {
            self.add(commit, environment, Some(id));
        }
    }

    /// Adds that a deployment was not created.
    pub fn not_created(&mut self, commit: &CommitId, environment: &str) {
        self.forget_unconfirmed(commit, environment);
    }

    /// Adds what was found of a deployment that may have been created. If nothing was, it is lost:
    /// its creation may still take effect. One that was lost already is forgotten.
    pub fn found(&mut self, commit: &CommitId, environment: &str, ids: &[DeploymentId]) {
        let is_it = |one: &Deployment| {
            one.commit == *commit && one.environment == environment && one.id.is_none()
        };
        let is_new = |one: &Deployment| is_it(one) && !one.is_lost;
        let is_lost_now = ids.is_empty() && self.deployments.iter().any(is_new);
        self.deployments.retain(|one| !is_it(one));
        for id in ids {
            if self.of(*id).next().is_none() {
                self.add(commit, environment, Some(*id));
            }
        }
        if is_lost_now {
            self.deployments.push(Deployment {
                commit: commit.clone(),
                environment: environment.to_owned(),
                id: None,
                is_lost: true,
                is_ending: false,
                shown: None,
            });
        }
    }

    /// Adds what GitHub shows of a deployment. One that is inactive needs nothing more.
    pub fn showed(&mut self, id: DeploymentId, shown: &ShownDeployment) {
        if shown.state == DeploymentState::Inactive {
            self.deleted(id);
        }
        for one in self.of(id) {
            one.shown = Some(shown.clone());
        }
    }

    /// Adds that GitHub has no such deployment any more.
    pub fn deleted(&mut self, id: DeploymentId) {
        self.deployments.retain(|one| one.id != Some(id));
    }

    fn forget_unconfirmed(&mut self, commit: &CommitId, environment: &str) {
        self.deployments.retain(|one| {
            let is_it = one.commit == *commit && one.environment == environment;
            !is_it || one.id.is_some() || one.is_lost
        });
    }

    fn add(&mut self, commit: &CommitId, environment: &str, id: Option<DeploymentId>) {
        self.deployments.push(Deployment {
            commit: commit.clone(),
            environment: environment.to_owned(),
            id,
            is_lost: false,
            is_ending: false,
            shown: None,
        });
    }

    fn of(&mut self, id: DeploymentId) -> impl Iterator<Item = &mut Deployment> {
        let all = self.deployments.iter_mut();
        all.filter(move |one| one.id == Some(id))
    }
}
