//! Shows the deployments of a subject's environment. Their record has a lease, as that of
//! a comment has. What is due is marked first and sent later, so that reports never wait for
//! deployments.
//!
//! Each call to GitHub is announced in the record before it is made, and its result is recorded
//! before the next one. So a deployment whose creation was not confirmed is looked for, and a state
//! whose answer was lost is shown again.

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{CommitId, DeploymentId, Subject, Timestamp};
use crate::domain::report::comment::record::is_newest_head;
use crate::domain::report::deployment::record::DeploymentRecord;
use crate::domain::report::deployment::{
    DeploymentDue, DeploymentStep, Environment, Situation, has_deployment, marker,
};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::report::record::{CommitRecord, Phase, Sending};
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, GitHub, PipelineReader, Place, Store, WantedDeployment};
use crate::telemetry::metrics;

use crate::reports::Reporter;
use crate::reports::outbox::Post;
use crate::reports::retry::failed;
use crate::reports::send::{CALL_TIME, WRITES};

/// The value of the label `form`.
const FORM: &str = "deployment";
/// The most calls about one environment before others have their turn.
const STEPS: usize = 20;

/// What a call to GitHub has done.
enum Done {
    /// It found these deployments.
    Found(Vec<DeploymentId>),
    /// It created this deployment.
    Created(DeploymentId),
    /// It showed the state of a deployment.
    Shown,
    /// GitHub has no such deployment any more.
    Deleted,
}

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Marks the deployments of a subject as unsent, if something is due about them now that the
    /// record of a commit has changed. A worker that is showing something else finds that
    /// the record has changed.
    pub(super) async fn mark_deployments(&self, record: &CommitRecord) -> Result<(), Fault> {
        let is_over = matches!(record.phase, Phase::Absent(_)) || record.asleep().is_some();
        if record.target.deployment.is_none() && !is_over {
            return Ok(());
        }
        let subject = &record.key.subject;
        for _ in 0..WRITES {
            let seen = self.store.deployments(subject).await?;
            if seen.is_none() && !has_deployment(record) {
                return Ok(());
            }
            let mapping = self.store.mapping(subject).await?;
            let now = self.clock.now();
            let is_new = has_deployment(record) && is_newest_head(record, mapping.as_ref());
            let mut next = match (&seen, is_new) {
                (None, false) => return Ok(()),
                (seen, true) => DeploymentRecord::about(seen.clone(), record, now),
                (Some(seen), false) => DeploymentRecord {
                    is_unsent: true,
                    ..seen.next(now)
                },
            };
            let head = match next.commit == record.key.commit {
                true => Some(record.clone()),
                false => self.store.commit(&next.key()).await?,
            };
            let situation = self.situation(mapping.as_ref(), head.as_ref());
            if situation.environment == Environment::Closing {
                next.end();
            }
            if record.is_of_ended() {
                // A branch that is created again has no head at first.
                next.end_but(mapping.as_ref().and_then(|row| row.order.head.as_ref()));
            }
            if situation.environment == Environment::Gone {
                // GitHub may accept the end of what it did not accept.
                next.failed.take_if(|failed| failed.retry_at.is_none());
            }
            let is_changed = seen
                .as_ref()
                .is_some_and(|seen| seen.deployments != next.deployments);
            let at = match next.due(&situation, now) {
                DeploymentDue::Nothing if !is_changed => return Ok(()),
                DeploymentDue::Nothing => now,
                DeploymentDue::Later(at) | DeploymentDue::Busy(at) => at,
                DeploymentDue::Now(_) => now,
            };
            // It may be marked already. A worker that has read an earlier state of the commit must
            // find that the record has changed.
            if self.store.replace_deployments(&next).await? {
                self.outbox.push_at(Post::Deployments(subject.clone()), at);
                return Ok(());
            }
        }
        Err(changed())
    }

    fn situation<'a>(
        &'a self,
        mapping: Option<&Mapping>,
        head: Option<&'a CommitRecord>,
    ) -> Situation<'a> {
        Situation {
            environment: Environment::of(mapping, head),
            head,
            region: &self.config.region,
        }
    }

    /// Tells GitHub what is due about the deployments of a subject, one thing after the other.
    pub(super) async fn send_deployments(&self, subject: &Subject) -> Result<(), Fault> {
        let post = Post::Deployments(subject.clone());
        for _ in 0..STEPS {
            let Some(seen) = self.store.deployments(subject).await? else {
                self.unsent.note(post, None);
                return Ok(());
            };
            let head = self.store.commit(&seen.key()).await?;
            let mapping = self.store.mapping(subject).await?;
            let now = self.clock.now();
            let due = seen.due(&self.situation(mapping.as_ref(), head.as_ref()), now);
            let denied_until = self.denied.until(subject.repository, now);
            let failed = seen.failed.as_ref();
            let since = failed.map_or(seen.updated_at, |failed| failed.since);
            // A missing permission is logged once, and nothing is late for it.
            let is_late = due != DeploymentDue::Nothing && denied_until.is_none();
            self.unsent.note(post.clone(), is_late.then_some(since));
            match due {
                DeploymentDue::Now(step) => match denied_until {
                    Some(until) => {
                        self.outbox.push_at(post, until);
                        return Ok(());
                    }
                    None => self.take(seen, &step, now).await?,
                },
                DeploymentDue::Later(at) | DeploymentDue::Busy(at) => {
                    self.outbox.push_at(post, at);
                    return Ok(());
                }
                DeploymentDue::Nothing => return self.unlist(seen, now).await,
            }
        }
        self.outbox.push_at(post, self.clock.now());
        Ok(())
    }

    /// Takes a record out of the list of unsent ones.
    async fn unlist(&self, seen: DeploymentRecord, now: Timestamp) -> Result<(), Fault> {
        if seen.is_unsent {
            let next = DeploymentRecord {
                is_unsent: false,
                ..seen.next(now)
            };
            self.store.replace_deployments(&next).await?;
        }
        Ok(())
    }

    /// Takes a step at GitHub, and records the result. If the record changes in the meantime, the
    /// step is not taken.
    async fn take(
        &self,
        seen: DeploymentRecord,
        step: &DeploymentStep,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let lease = self.lease(now);
        let mut leased = seen.next(now);
        leased.sender = Some(lease.clone());
        leased.is_unsent = true;
        leased.begin(step);
        let is_leased = self.store.replace_deployments(&leased).await?;
        // A process may have stood still in between.
        let is_late = self.clock.now().plus(CALL_TIME) > lease.until;
        if !is_leased || is_late {
            return Ok(());
        }
        let result = self.call(&leased, step).await;
        self.log_step(&leased, step, &result);
        self.finish_step(leased, &lease, step, &result).await
    }

    async fn call(
        &self,
        record: &DeploymentRecord,
        step: &DeploymentStep,
    ) -> Result<Done, GitHubFault> {
        let place = Place {
            id: record.subject.repository,
            name: record.repository.clone(),
            installation: record.installation,
        };
        let wanted = |commit: &CommitId, environment: &str| WantedDeployment {
            commit: commit.clone(),
            environment: environment.to_owned(),
            marker: marker(&record.subject, &self.config.owner),
        };
        match step {
            DeploymentStep::Find {
                commit,
                environment,
            } => {
                let wanted = wanted(commit, environment);
                let found = self.github.find_deployments(&place, &wanted);
                found.await.map(Done::Found)
            }
            DeploymentStep::Create {
                commit,
                environment,
            } => {
                let wanted = wanted(commit, environment);
                let created = self.github.create_deployment(&place, &wanted);
                created.await.map(Done::Created)
            }
            DeploymentStep::Show { id, status } => {
                let is_there = self.github.show_deployment(&place, *id, status).await?;
                Ok(if is_there { Done::Shown } else { Done::Deleted })
            }
        }
    }

    /// Records the result. If the record was changed at the same time, the result is added to that
    /// one.
    async fn finish_step(
        &self,
        leased: DeploymentRecord,
        lease: &Sending,
        step: &DeploymentStep,
        result: &Result<Done, GitHubFault>,
    ) -> Result<(), Fault> {
        let (subject, commit) = (leased.subject.clone(), leased.commit.clone());
        let mut seen = leased;
        for _ in 0..WRITES {
            let now = self.clock.now();
            let mut next = seen.next(now);
            next.note(step, result);
            let is_same = next.commit == commit;
            next.failed = match result {
                Ok(_) => None,
                Err(fault) if is_same => Some(failed(next.failed.as_ref(), fault, now)),
                Err(_) => next.failed,
            };
            next.sender.take_if(|sender| sender == lease);
            if self.store.replace_deployments(&next).await? {
                return Ok(());
            }
            match self.store.deployments(&subject).await? {
                Some(changed) => seen = changed,
                None => return Ok(()),
            }
        }
        Err(changed())
    }

    fn log_step(
        &self,
        record: &DeploymentRecord,
        step: &DeploymentStep,
        result: &Result<Done, GitHubFault>,
    ) {
        let subject = record.subject.display(&record.repository);
        let repository = record.subject.repository;
        let (commit, step) = (record.commit.as_str(), step.in_words());
        match result {
            Ok(done) => {
                if self.denied.end(repository) {
                    tracing::info!(subject, "GitHub accepts deployments again");
                }
                metrics::report_sent(FORM, "sent");
                let id = match done {
                    Done::Created(id) => Some(id.0),
                    Done::Found(_) | Done::Shown | Done::Deleted => None,
                };
                tracing::info!(
                    subject,
                    commit,
                    step,
                    deployment = id,
                    "A deployment is shown at GitHub"
                );
            }
            Err(fault) => {
                metrics::report_sent(FORM, fault.kind.as_str());
                let is_denied = fault.kind == GitHubFaultKind::Denied;
                if is_denied && !self.denied.begin(repository, self.clock.now()) {
                    return;
                }
                tracing::warn!(
                    %fault,
                    subject,
                    commit,
                    step,
                    "A deployment could not be shown at GitHub{}",
                    match is_denied {
                        true => "; this is said once for the repository, and tried again every hour. preview.deployment = false of the rule turns deployments off",
                        false => "",
                    }
                );
            }
        }
    }
}

impl DeploymentRecord {
    /// Adds that a step is about to be taken.
    fn begin(&mut self, step: &DeploymentStep) {
        match step {
            DeploymentStep::Find { .. } => {}
            DeploymentStep::Create {
                commit,
                environment,
            } => self.creating(commit, environment),
            DeploymentStep::Show { id, .. } => self.showing(*id),
        }
    }

    /// Adds the result of a step. After a call without an answer, its effect stays uncertain.
    fn note(&mut self, step: &DeploymentStep, result: &Result<Done, GitHubFault>) {
        match (step, result) {
            (
                DeploymentStep::Find {
                    commit,
                    environment,
                },
                Ok(Done::Found(ids)),
            ) => self.found(commit, environment, ids),
            (
                DeploymentStep::Create {
                    commit,
                    environment,
                },
                Ok(Done::Created(id)),
            ) => self.created(commit, environment, *id),
            (
                DeploymentStep::Create {
                    commit,
                    environment,
                },
                Err(fault),
            ) if fault.kind != GitHubFaultKind::Unavailable => {
                self.not_created(commit, environment);
            }
            (DeploymentStep::Show { id, status }, Ok(Done::Shown)) => {
                self.showed(*id, &status.shown);
            }
            (DeploymentStep::Show { id, .. }, Ok(Done::Deleted)) => self.deleted(*id),
            (_, Ok(_) | Err(_)) => {}
        }
    }
}

fn changed() -> Fault {
    let detail = format!("the record of deployments changed {WRITES} times in the meantime");
    Fault::new(Reason::ClaimLost, detail)
}
