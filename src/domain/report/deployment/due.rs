//! The next thing that GitHub is to show of a subject's deployments.

use crate::domain::ids::{CommitId, DeploymentId, Owner, Subject, Timestamp};
use crate::domain::report::TITLE_LIMIT;
use crate::domain::report::deployment::record::{
    Deployment, DeploymentRecord, DeploymentState, ShownDeployment,
};
use crate::domain::report::execution::ExecutionState;
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::report::run::Run;
use crate::domain::rules::slug::slug_of;
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::text::title;

/// The longest name of an environment, in characters (GitHub Docs, "Managing environments for
/// deployment").
const NAME_LIMIT: usize = 255;

/// The thing that is due, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentDue {
    /// Nothing that GitHub does not show already.
    Nothing,
    /// This, but not yet: the last attempt failed.
    Later(Timestamp),
    /// This, once another worker has done its own part.
    Busy(Timestamp),
    /// This.
    Now(DeploymentStep),
}

/// One thing to do at GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentStep {
    /// Look for a deployment whose creation was not confirmed.
    Find {
        /// The commit.
        commit: CommitId,
        /// The name of the environment.
        environment: String,
    },
    /// Create a deployment.
    Create {
        /// The commit.
        commit: CommitId,
        /// The name of the environment.
        environment: String,
    },
    /// Show the state of a deployment.
    Show {
        /// The deployment.
        id: DeploymentId,
        /// What to show.
        status: DeploymentStatus,
    },
}

/// What GitHub is to show of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// The state, and the page of the environment.
    pub shown: ShownDeployment,
    /// One sentence of plain text, at most [`TITLE_LIMIT`] characters.
    pub description: String,
    /// The page of the execution.
    pub log: Option<String>,
}

impl DeploymentStep {
    /// Returns the step in words, for logs.
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Find { .. } => "find",
            Self::Create { .. } => "create",
            Self::Show { status, .. } => status.shown.state.as_str(),
        }
    }
}

/// How the environment of a subject is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// It is deployed to, or is about to be. A new deployment has this environment; `None` if there
    /// are to be none.
    Open(Option<String>),
    /// It is being removed.
    Closing,
    /// It was removed.
    Gone,
    /// Its repository was deleted or archived, so that GitHub accepts nothing about it.
    Unreachable,
}

/// What decides what is due.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The environment.
    pub environment: Environment,
    /// The record of the newest commit that is deployed; `None` if it has expired.
    pub head: Option<&'a CommitRecord>,
    /// The Region of the pipelines.
    pub region: &'a str,
}

impl Environment {
    /// Returns how the environment is, by the mapping of its subject and the record of the newest
    /// commit that is deployed.
    #[must_use]
    pub fn of(mapping: Option<&Mapping>, head: Option<&CommitRecord>) -> Self {
        let Some(mapping) = mapping else {
            return Self::Open(None);
        };
        let has_ended = head.is_some_and(CommitRecord::is_of_ended);
        match (mapping.absence(), mapping.state) {
            (
                Some(AbsenceReason::RepositoryDeleted | AbsenceReason::RepositoryArchived),
                State::Gone,
            ) => Self::Unreachable,
            (_, State::Gone | State::Asleep) => Self::Gone,
            (_, State::Deleting | State::Retiring) => Self::Closing,
            // A branch was created again, and nothing is known of its head yet.
            (_, State::Creating | State::Starting | State::Active) if has_ended => Self::Gone,
            (_, State::Creating | State::Starting | State::Active) => {
                let head = head.filter(|_| mapping.order.head.is_some());
                Self::Open(head.and_then(|head| name(head, mapping)))
            }
        }
    }
}

/// Returns the name of the environment in which a commit is deployed.
fn name(head: &CommitRecord, mapping: &Mapping) -> Option<String> {
    let values = mapping.placeholder_values(mapping.spec()?);
    let name = head.target.deployment.as_ref()?.text(&values).ok()?;
    let is_legal = |c: char| !c.is_control();
    Some(
        match name.len() <= NAME_LIMIT && name.chars().all(is_legal) {
            true => name,
            false => slug_of(&name, NAME_LIMIT, |c| c.is_ascii_graphic()),
        },
    )
}

/// Returns the text that only the deployments of a subject have. The hash
/// tells two installations apart, and does not publish their names.
#[must_use]
pub fn marker(subject: &Subject, owner: &Owner) -> String {
    format!("branchline {} {}", owner.short_hash(), subject.table_key())
}

/// Returns true if a commit is deployed, or is about to be, and has a deployment for it.
#[must_use]
pub fn has_deployment(record: &CommitRecord) -> bool {
    record.target.deployment.is_some() && record.is_building() && record.asleep().is_none()
}

impl DeploymentRecord {
    /// Returns what is due.
    #[must_use]
    pub fn due(&self, situation: &Situation<'_>, now: Timestamp) -> DeploymentDue {
        let Some(step) = self.step(situation) else {
            return DeploymentDue::Nothing;
        };
        if let Some(sender) = self.sender.as_ref().filter(|sender| sender.until > now) {
            return DeploymentDue::Busy(sender.until);
        }
        match self.failed.as_ref().map(|failed| failed.retry_at) {
            None => DeploymentDue::Now(step),
            Some(None) => DeploymentDue::Nothing,
            Some(Some(at)) if at > now => DeploymentDue::Later(at),
            Some(Some(_)) => DeploymentDue::Now(step),
        }
    }

    /// Returns the next thing to do at GitHub, if no other worker is doing something there.
    #[must_use]
    pub fn step(&self, situation: &Situation<'_>) -> Option<DeploymentStep> {
        if situation.environment == Environment::Unreachable {
            return None;
        }
        let find = |one: &Deployment| DeploymentStep::Find {
            commit: one.commit.clone(),
            environment: one.environment.clone(),
        };
        let is_unconfirmed = |one: &&Deployment| one.id.is_none() && !one.is_lost;
        if let Some(unconfirmed) = self.deployments.iter().find(is_unconfirmed) {
            return Some(find(unconfirmed));
        }
        if let Some(environment) = self.missing(situation) {
            return Some(DeploymentStep::Create {
                commit: self.commit.clone(),
                environment,
            });
        }
        let mut all = self.deployments.iter();
        if let Some(show) = all.find_map(|one| self.show(one, situation)) {
            return Some(show);
        }
        let is_over = situation.environment == Environment::Gone;
        let mut all = self.deployments.iter();
        let lost = all.find(|one| one.is_lost && (is_over || one.commit != self.commit));
        lost.map(find)
    }

    /// Returns the environment of the deployment that the newest commit lacks.
    fn missing(&self, situation: &Situation<'_>) -> Option<String> {
        let Environment::Open(Some(name)) = &situation.environment else {
            return None;
        };
        let is_wanted = situation.head.is_some_and(has_deployment);
        let counts =
            |one: &Deployment| one.commit == self.commit && one.id.is_some() && !one.is_ending;
        let is_there = self.deployments.iter().any(counts);
        (is_wanted && !is_there).then(|| name.clone())
    }

    /// Returns the deployment of the newest commit. Of several, the last one counts.
    #[must_use]
    pub fn newest(&self) -> Option<DeploymentId> {
        let all = self.deployments.iter();
        let of_commit = all.filter(|one| one.commit == self.commit);
        of_commit.filter_map(|one| one.id).max()
    }

    /// Returns the step that shows the right state of a deployment, if GitHub does not.
    fn show(&self, one: &Deployment, situation: &Situation<'_>) -> Option<DeploymentStep> {
        let id = one.id?;
        let is_newest = self.newest() == Some(id);
        let is_removed = match situation.environment {
            Environment::Gone => true,
            Environment::Open(_) => one.is_ending,
            Environment::Closing | Environment::Unreachable => false,
        };
        let head = situation.head.filter(|_| is_newest);
        let state = if is_removed {
            DeploymentState::Inactive
        } else if is_newest {
            head?.deployment_state()?
        } else if self.stays(one, situation) {
            return None;
        } else {
            DeploymentState::Inactive
        };
        let page = head.and_then(|head| head.counted_run()?.deployed_environment());
        let shown = ShownDeployment {
            state,
            page: page
                .filter(|_| state == DeploymentState::Success)
                .map(str::to_owned),
        };
        if one.shown.as_ref() == Some(&shown) {
            return None;
        }
        let description = match (state, head.and_then(CommitRecord::text)) {
            (DeploymentState::Inactive, _) if is_removed => {
                let phase = situation.head.map(|head| &head.phase);
                match phase == Some(&Phase::Absent(AbsenceReason::Forgotten)) {
                    true => "What is left of the environment is not managed any more".to_owned(),
                    false => "The pipeline of this environment was removed".to_owned(),
                }
            }
            (DeploymentState::Inactive, _) => "A later commit was deployed".to_owned(),
            (_, Some(text)) => title(&text.title, TITLE_LIMIT),
            (_, None) => String::new(),
        };
        let log = head.filter(|_| state != DeploymentState::Inactive);
        let status = DeploymentStatus {
            shown,
            description,
            log: log.and_then(|head| head.url(situation.region)),
        };
        Some(DeploymentStep::Show { id, status })
    }

    /// Returns true for the last deployment that succeeded, while the one of the newest commit has
    /// not: the environment has what it deployed.
    fn stays(&self, one: &Deployment, situation: &Situation<'_>) -> bool {
        let has_succeeded = |one: &Deployment| {
            let shown = one.shown.as_ref();
            shown.is_some_and(|shown| shown.state == DeploymentState::Success)
        };
        let before = self.deployments.iter();
        let before = before.filter(|one| one.commit != self.commit && has_succeeded(one));
        let last = before.filter_map(|one| one.id).max();
        let newest = situation.head.and_then(CommitRecord::deployment_state);
        last == one.id && newest != Some(DeploymentState::Success)
    }
}

impl CommitRecord {
    /// Returns true if the subject ended with this commit.
    #[must_use]
    pub fn is_of_ended(&self) -> bool {
        matches!(self.phase, Phase::Absent(reason) if reason.is_ending())
    }

    /// Returns the state of the commit's deployment; `None` if what GitHub shows stays right.
    #[must_use]
    pub fn deployment_state(&self) -> Option<DeploymentState> {
        let ended = self.counted_run().filter(|run| run.is_final());
        match (&self.phase, ended) {
            (Phase::Building { .. }, _) if self.asleep().is_some() => None,
            (Phase::Building { .. }, None) => Some(DeploymentState::InProgress),
            (Phase::Building { .. }, Some(run)) => Some(result(run)),
            (Phase::PipelineLost(_), None) => Some(DeploymentState::Error),
            (
                Phase::PipelineLost(_)
                | Phase::Waiting { .. }
                | Phase::Absent(_)
                | Phase::Refused(_)
                | Phase::InvalidFile(_),
                _,
            ) => None,
        }
    }
}

fn result(run: &Run) -> DeploymentState {
    let is_of_source = |run: &Run| {
        let failure = run.current_failure();
        failure.is_some_and(|failure| failure.category == "Source")
    };
    match run.state {
        ExecutionState::Started | ExecutionState::Resumed | ExecutionState::Stopping => {
            DeploymentState::InProgress
        }
        ExecutionState::Succeeded => DeploymentState::Success,
        ExecutionState::Failed if is_of_source(run) => DeploymentState::Error,
        ExecutionState::Failed => DeploymentState::Failure,
        ExecutionState::Stopped | ExecutionState::Canceled | ExecutionState::Superseded => {
            DeploymentState::Error
        }
    }
}
