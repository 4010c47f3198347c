//! Step 4 of 7. In: [`Event`]. Out: [`Intent`], one for each subject concerned, or [`Ignored`].
//!
//! The rules turn an event into the desired state of a subject. `opened`, `synchronize` and
//! `edited` lead to the same intent: an intent has the current state of the pull request, not the
//! change.

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, RepositoryId, RepositoryName, Subject, SubjectKind,
    Timestamp,
};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::event::{
    Action, Change, Decision, Event, Ignored, PullRequest, RepositoryEnd, Tip,
};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::rules::placeholder::{Placeholder, PlaceholderValues};
use crate::domain::rules::rule::{On, Rule, Rules, Start, Update};
use crate::domain::state::desired::{AbsenceReason, BuildPolicy, BuildTrigger, DesiredState, Spec};
use crate::domain::state::ordering::{EventKind, EventOrder};

/// The desired state of a subject, and its position in the order of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The subject.
    pub subject: Subject,
    /// The repository's name at that time.
    pub repository: RepositoryName,
    /// The order of the event.
    pub order: EventOrder,
    /// The GitHub user who caused the event, for the audit trail.
    pub actor: Option<String>,
    /// The delivery of the event.
    pub delivery: DeliveryId,
    /// The digest of the event's body. It becomes the token of the execution that the event starts.
    pub body: BodyDigest,
    /// The desired state.
    pub wanted: DesiredState,
}

/// The message of an event, as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The id of the delivery, which GitHub does not sign.
    pub delivery: DeliveryId,
    /// The digest of the body.
    pub body: BodyDigest,
    /// The time at which the message entered the queue.
    pub received_at: Timestamp,
}

impl From<&AuthenticatedMessage> for Received {
    fn from(message: &AuthenticatedMessage) -> Self {
        Self {
            delivery: message.id().clone(),
            body: message.digest(),
            received_at: message.received_at(),
        }
    }
}

/// The subjects that an event concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// One subject.
    Subject(Box<Intent>),
    /// Every subject of a repository.
    Repository(RepositoryRemoval),
    /// One subject, for a repair.
    Repair(Box<RepairRequest>),
}

/// The removal of every pipeline of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRemoval {
    /// The repository.
    pub repository: RepositoryId,
    /// Its name at that time.
    pub name: RepositoryName,
    /// The event's own time; `None` for a deletion, with which GitHub sends none.
    pub event_time: Option<Timestamp>,
    /// When the message entered the queue.
    pub received_at: Timestamp,
    /// The GitHub user who caused the event.
    actor: Option<String>,
    delivery: DeliveryId,
    /// The digest of the event's body.
    pub body: BodyDigest,
    why: AbsenceReason,
}

impl RepositoryRemoval {
    /// Returns the intent for one subject of the repository. `time` orders the event.
    #[must_use]
    pub fn of(&self, subject: Subject, time: Timestamp) -> Intent {
        let kind = match subject.kind {
            SubjectKind::PullRequest(_) => EventKind::Closed,
            SubjectKind::Branch(_) => EventKind::Deleted,
        };
        Intent {
            subject,
            repository: self.name.clone(),
            order: EventOrder {
                event_time: time,
                received_at: self.received_at,
                kind,
                head: None,
                before: None,
            },
            actor: self.actor.clone(),
            delivery: self.delivery.clone(),
            body: self.body.clone(),
            wanted: DesiredState::Absent(self.why),
        }
    }
}

impl Intent {
    /// Applies the rules. If GitHub sends no time with the event, the time of receipt replaces it.
    ///
    /// # Errors
    /// A permanent fault if the matching rule gives the clone an invalid name, or the name of a
    /// template.
    pub fn read(
        event: Event,
        rules: &Rules,
        received: Received,
    ) -> Result<Decision<Request>, Fault> {
        let Received {
            delivery,
            body,
            received_at,
        } = received;
        let Event {
            repository,
            name,
            actor,
            time,
            change,
        } = event;
        let order = |kind| EventOrder {
            event_time: time.unwrap_or(received_at),
            received_at,
            kind,
            head: None,
            before: None,
        };
        let (kind, order, wanted) = match change {
            Change::Repository(end) => {
                if !rules.covers(&name) {
                    return Ok(Decision::Ignore(Ignored::NoRule));
                }
                return Ok(Decision::Handle(Request::Repository(RepositoryRemoval {
                    repository,
                    event_time: time,
                    received_at,
                    actor,
                    delivery,
                    body,
                    why: removal_reason(end),
                    name,
                })));
            }
            Change::Repair(repair) => {
                return Ok(Decision::Handle(Request::Repair(Box::new(RepairRequest {
                    repair,
                    repository: name,
                    actor,
                    delivery,
                    received_at,
                }))));
            }
            Change::PullRequest(pull) => {
                let Some(wanted) = pull_request(&pull, &name, rules)? else {
                    return Ok(Decision::Ignore(Ignored::NoRule));
                };
                let order = EventOrder {
                    head: Some(pull.sha),
                    before: pull.before,
                    ..order(pull_request_kind(pull.open, pull.action))
                };
                (SubjectKind::PullRequest(pull.number), order, wanted)
            }
            Change::Branch(branch, tip) => {
                let wanted = match self::branch(&branch, &tip, &name, rules)? {
                    Decision::Handle(wanted) => wanted,
                    Decision::Ignore(why) => return Ok(Decision::Ignore(why)),
                };
                let (kind, head, before) = tip_order(tip);
                let order = EventOrder {
                    head,
                    before,
                    ..order(kind)
                };
                (SubjectKind::Branch(branch), order, wanted)
            }
        };
        Ok(Decision::Handle(Request::Subject(Box::new(Self {
            subject: Subject { repository, kind },
            repository: name,
            order,
            actor,
            delivery,
            body,
            wanted,
        }))))
    }
}

fn removal_reason(end: RepositoryEnd) -> AbsenceReason {
    match end {
        RepositoryEnd::Deleted => AbsenceReason::RepositoryDeleted,
        RepositoryEnd::Archived => AbsenceReason::RepositoryArchived,
    }
}

fn pull_request_kind(open: bool, action: Action) -> EventKind {
    match (open, action == Action::Reopened) {
        (false, _) => EventKind::Closed,
        (true, true) => EventKind::Reopened,
        (true, false) => EventKind::Open,
    }
}

/// Returns the kind of a branch's event, its head commit, and the head commit before it.
fn tip_order(tip: Tip) -> (EventKind, Option<CommitId>, Option<CommitId>) {
    match tip {
        Tip::At { sha, before, .. } => (EventKind::Pushed, Some(sha), before),
        Tip::Somewhere => (EventKind::Pushed, None, None),
        Tip::Gone { before } => (EventKind::Deleted, None, before),
    }
}

/// Returns `None` if no rule is about pull requests of this repository.
fn pull_request(
    pull: &PullRequest,
    name: &RepositoryName,
    rules: &Rules,
) -> Result<Option<DesiredState>, Fault> {
    let mut about = rules.of(On::PullRequest, name).peekable();
    if about.peek().is_none() {
        return Ok(None);
    }
    let rule =
        about.find(|rule| rule.base.is_match(pull.base.as_str()) && rule.admits_branch(&pull.head));
    let why = match rule {
        _ if !pull.open => AbsenceReason::Closed,
        None => AbsenceReason::NoRule,
        Some(_) if pull.fork => AbsenceReason::Fork,
        Some(rule) if pull.draft && !rule.drafts => AbsenceReason::Draft,
        Some(rule) => {
            let fill = PlaceholderValues {
                repository: name,
                branch: &pull.head,
                number: Some(pull.number),
                sha: Some(&pull.sha),
                base: Some(&pull.base),
                author: pull.author.as_deref(),
                title: Some(&pull.title),
            };
            let spec = spec(rule, rules, &fill)?;
            return Ok(Some(present(spec, rule, pull.skip)));
        }
    };
    Ok(Some(DesiredState::Absent(why)))
}

fn branch(
    branch: &Branch,
    tip: &Tip,
    name: &RepositoryName,
    rules: &Rules,
) -> Result<Decision<DesiredState>, Fault> {
    // A branch keeps its name, so a branch that no rule admits never had a pipeline.
    let Some(rule) = rules
        .of(On::Branch, name)
        .find(|rule| rule.admits_branch(branch))
    else {
        return Ok(Decision::Ignore(Ignored::NoRule));
    };
    let (sha, skip): (Option<&CommitId>, bool) = match tip {
        Tip::Gone { .. } => {
            return Ok(Decision::Handle(DesiredState::Absent(
                AbsenceReason::Deleted,
            )));
        }
        Tip::Somewhere if rule.uses(Placeholder::Sha) => {
            return Ok(Decision::Ignore(Ignored::NoCommit));
        }
        Tip::Somewhere => (None, false),
        Tip::At { sha, skip, .. } => (Some(sha), *skip),
    };
    let fill = PlaceholderValues {
        repository: name,
        branch,
        number: None,
        sha,
        base: None,
        author: None,
        title: None,
    };
    let spec = spec(rule, rules, &fill)?;
    Ok(Decision::Handle(present(spec, rule, skip)))
}

fn present(spec: Spec, rule: &Rule, skip: bool) -> DesiredState {
    let head = match rule.start {
        _ if skip => BuildTrigger::Skipped,
        Start::Push => BuildTrigger::ChangeDetection,
        Start::Auto | Start::Commit | Start::Head => BuildTrigger::Branchline,
    };
    let call = BuildPolicy {
        head,
        follows: rule.update == Update::NextStart,
    };
    DesiredState::Present(Box::new(spec), call)
}

fn spec(rule: &Rule, rules: &Rules, fill: &PlaceholderValues<'_>) -> Result<Spec, Fault> {
    let fault = |reason, detail| Fault::new(reason, detail);
    if fill.branch.as_str().contains("#{") {
        let detail = format!(
            "the branch {} contains '#{{', which CodePipeline would read as a variable: rename the branch",
            fill.branch
        );
        return Err(fault(Reason::InvalidValue, detail));
    }
    let pipeline = rule.pipeline_name.name(fill).map_err(|why| {
        let detail = format!(
            "pipeline_name of rule '{}' makes no legal name for {}: {why}",
            rule.name, fill.repository
        );
        fault(Reason::PipelineNameInvalid, detail)
    })?;
    if rules.has_template(&pipeline) {
        let detail = format!(
            "rule '{}' would call the clone '{pipeline}', which is a template: change its pipeline_name or leave the branch out of its branches",
            rule.name
        );
        return Err(fault(Reason::PipelineIsTemplate, detail));
    }
    Ok(Spec {
        pipeline,
        template: rule.template.clone(),
        branch: fill.branch.clone(),
        rule: rule.name.clone(),
        base: fill.base.cloned(),
        title: fill.title.map(str::to_owned),
        author: fill.author.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
