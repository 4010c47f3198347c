//! Step 3 of 7. In: [`AuthenticatedMessage`]. Out: [`Event`] or [`Ignored`].
//!
//! The name of the event is not signed, so each event is read only from a body that has the fields
//! of this event and no other (`payloads.rs`). Beyond that, only the fields that branchline needs
//! are read; everything else in a payload is skipped. `state`, the head commit and the time decide
//! what the event means. The action only says whether the event is relevant, and breaks ties. Each
//! field is documented at <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use std::time::Duration;

use crate::domain::fault::Fault;
use crate::domain::ids::{
    ActionName, Branch, CommitId, InstallationId, RepositoryId, RepositoryName, Subject,
    SubjectKind, Timestamp,
};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::envelope::Source;
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::intake::repair_request::Repair;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::intake::wake::Wake;
use internal::Asked;
use payloads::{
    AppPayload, CreatePayload, DeletePayload, LabelPayload, MergeGroupPayload, PullRequestPayload,
    PushPayload, RepositoryEventPayload, RepositoryPayload, UserPayload,
};
use pull_request::cut;

mod action;
mod handled;
mod internal;
mod merge_group;
mod payloads;
mod pull_request;
mod rerun;
mod skip;
mod tip;

pub use action::Action;
pub use handled::is_handled;
pub use pull_request::{PullRequest, TEXT_LIMIT};
pub use rerun::{Rerun, RerunChecks};
pub use tip::Tip;

/// An event, as GitHub or an operator reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The repository's number.
    pub repository: RepositoryId,
    /// The repository's name at that time.
    pub name: RepositoryName,
    /// The login of the user who caused the event (`sender`), for the audit trail.
    pub actor: Option<String>,
    /// The event's own time; `None` if GitHub sends none.
    pub time: Option<Timestamp>,
    /// The installation whose App sent it; `None` for the webhooks of a repository or an
    /// organisation.
    pub installation: Option<InstallationId>,
    /// The change.
    pub change: Change,
}

/// The things that can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The repository as a whole, from `repository`. All its pipelines are removed.
    Repository(RepositoryEnd),
    /// The name or the owner of a repository, from `repository`, with the name before if the
    /// payload has it.
    Renamed(Option<RepositoryName>),
    /// A pull request, from `pull_request`.
    PullRequest(Box<PullRequest>),
    /// A branch, from `push`, `create` or `delete`.
    Branch(Branch, Tip),
    /// The checks of a commit, which a person asked to run again, from `check_run` or
    /// `check_suite`.
    Rerun(Rerun),
    /// A mapping for which an operator requested a repair, with `branchline audit --repair`.
    Repair(Repair),
    /// A subject for which there is a slot, from a daemon that released one.
    Wake(Wake),
    /// A subject that may be idle, from the job that looks for such.
    Sleep(SleepRequest),
}

/// The reason why a repository's pipelines are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryEnd {
    /// The repository was deleted.
    Deleted,
    /// The repository was archived, so it is read-only.
    Archived,
}

/// An archived repository is read-only, so every other event of that second was before.
pub(super) const END_OF_SECOND: Duration = Duration::from_millis(999);

impl Event {
    /// Returns the subject of the event; `None` for a repository as a whole.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let kind = match &self.change {
            Change::Repository(_) | Change::Renamed(_) => return None,
            Change::Repair(repair) => return Some(repair.subject.clone()),
            Change::Wake(wake) => return Some(wake.waiter.subject.clone()),
            Change::Sleep(request) => return Some(request.subject.clone()),
            Change::Rerun(rerun) => return rerun.subject().cloned(),
            Change::PullRequest(pull) => SubjectKind::PullRequest(pull.number),
            Change::Branch(branch, _) => SubjectKind::Branch(branch.clone()),
        };
        Some(Subject {
            repository: self.repository,
            kind,
        })
    }

    /// Returns true if it is nearly always the first event of its subject: a pull request was
    /// opened, or a branch was created by a push.
    #[must_use]
    pub fn begins_subject(&self) -> bool {
        let is_opened =
            matches!(&self.change, Change::PullRequest(pull) if pull.action == Action::Opened);
        let is_created = matches!(self.change, Change::Branch(_, Tip::At { before: None, .. }));
        is_opened || is_created
    }

    /// Returns true if it nearly always names a commit that is to be built, of a pull request that
    /// was heard of before: a push, or a reopening.
    #[must_use]
    pub fn brings_head(&self) -> bool {
        let Change::PullRequest(pull) = &self.change else {
            return false;
        };
        matches!(pull.action, Action::Synchronize | Action::Reopened)
    }

    /// Returns the head commit, if the subject is open and the event names it.
    #[must_use]
    pub fn open_head(&self) -> Option<&CommitId> {
        match &self.change {
            Change::PullRequest(pull) if pull.open => Some(&pull.sha),
            Change::Branch(_, Tip::At { sha, .. }) => Some(sha),
            Change::PullRequest(_)
            | Change::Branch(_, Tip::Somewhere | Tip::Gone { .. })
            | Change::Repository(_)
            | Change::Renamed(_)
            | Change::Rerun(_)
            | Change::Repair(_)
            | Change::Wake(_)
            | Change::Sleep(_) => None,
        }
    }

    /// Reads an event from an authenticated body.
    ///
    /// # Errors
    /// [`Reason::InvalidPayload`](crate::domain::fault::Reason::InvalidPayload) when the body is
    /// not what its sender documents for this event. The detail gives the line and the column, and
    /// never quotes the body.
    pub fn read(message: &AuthenticatedMessage) -> Result<Decision<Self>, Fault> {
        match message.envelope().source {
            Source::Webhooks => Self::from_github(message),
            Source::Internal => Self::internal(message),
        }
    }

    fn from_github(message: &AuthenticatedMessage) -> Result<Decision<Self>, Fault> {
        match message.event().as_str() {
            "pull_request" => pull_request(parse(message)?),
            "push" => push(parse(message)?),
            "create" => create(parse(message)?),
            "delete" => delete(parse(message)?),
            "repository" => repository(parse(message)?),
            "merge_group" => merge_group(parse(message)?),
            "check_run" => requested(rerun::check_run(parse(message)?)?),
            "check_suite" => requested(rerun::check_suite(parse(message)?)?),
            "ping" => Ok(Decision::Ignore(Ignored::Ping)),
            _ => Ok(Decision::Ignore(Ignored::Event)),
        }
    }

    /// Reads a message of the internal queue. The actor is the sender according to SQS, never a
    /// field of the body.
    fn internal(message: &AuthenticatedMessage) -> Result<Decision<Self>, Fault> {
        let (repository, name, asked) = internal::read(message)?;
        let change = match asked {
            Asked::Repair(repair) => Change::Repair(repair),
            Asked::Wake(wake) => Change::Wake(wake),
            Asked::Sleep(request) => Change::Sleep(request),
        };
        Ok(Decision::Handle(Self {
            repository,
            name,
            actor: message.envelope().sender.clone(),
            time: None,
            installation: None,
            change,
        }))
    }
}

fn pull_request(payload: PullRequestPayload) -> Result<Decision<Event>, Fault> {
    let Some(action) = Action::parse(&payload.action) else {
        // GitHub adds actions from time to time. The journal records the name, so it must be valid.
        let unknown = ActionName::parse(payload.action).map_err(|_| wrong("action"))?;
        return Ok(Decision::Ignore(Ignored::Action(unknown)));
    };
    let Object(pull) = payload.pull_request;
    let label = payload.label.map(|Object(label)| label.name);
    let (Object(head), Object(base)) = (pull.head, pull.base);
    let time = Timestamp::from_rfc3339(&pull.updated_at)
        .ok_or_else(|| wrong("pull_request.updated_at"))?;
    let open = match pull.state.as_str() {
        "open" => true,
        "closed" => false,
        _ => return Err(wrong("pull_request.state")),
    };
    let change = PullRequest {
        number: payload.number,
        action,
        open,
        draft: pull.draft.unwrap_or(false),
        fork: head
            .repo
            .is_none_or(|Object(head)| head.id != payload.repository.0.id),
        head: Branch::parse(head.name).map_err(|why| not_a("pull_request.head.ref", &why))?,
        sha: CommitId::parse(head.sha).map_err(|why| not_a("pull_request.head.sha", &why))?,
        before: payload
            .before
            .map(CommitId::parse)
            .transpose()
            .map_err(|why| not_a("before", &why))?,
        base: Branch::parse(base.name).map_err(|why| not_a("pull_request.base.ref", &why))?,
        skip: false,
        title: String::new(),
        author: None,
        labels: names(pull.labels),
        label,
    };
    let change = change.with_texts(pull.title, pull.user.map(|Object(user)| user.login));
    event(
        payload.repository,
        payload.sender,
        payload.installation,
        Some(time),
        Change::PullRequest(Box::new(change)),
    )
}

fn names(labels: Vec<Object<LabelPayload>>) -> Vec<String> {
    let names = labels.into_iter().map(|Object(label)| label.name);
    names.collect()
}

fn push(payload: PushPayload) -> Result<Decision<Event>, Fault> {
    let Some(branch) = payload.reference.strip_prefix("refs/heads/") else {
        return Ok(Decision::Ignore(Ignored::NotABranch));
    };
    let commit = |text: String, field: &str| {
        let id = CommitId::parse(text).map_err(|why| not_a(field, &why))?;
        Ok(Some(id).filter(|id| !id.is_zero()))
    };
    let branch = Branch::parse(branch).map_err(|why| not_a("ref", &why))?;
    let before = commit(payload.before, "before")?;
    let tip = match commit(payload.after, "after")? {
        Some(sha) => {
            let message = payload.head_commit.map(|Object(commit)| commit.message);
            let skip = message.is_some_and(|message| skip::is_requested(&message));
            Tip::At { sha, before, skip }
        }
        None => Tip::Gone { before },
    };
    branch_event(
        payload.repository,
        payload.sender,
        payload.installation,
        branch,
        tip,
    )
}

fn merge_group(payload: MergeGroupPayload) -> Result<Decision<Event>, Fault> {
    let (branch, tip) = match merge_group::read(payload.merge_group, payload.action)? {
        Decision::Handle(group) => group,
        Decision::Ignore(why) => return Ok(Decision::Ignore(why)),
    };
    branch_event(
        payload.repository,
        payload.sender,
        payload.installation,
        branch,
        tip,
    )
}

fn create(payload: CreatePayload) -> Result<Decision<Event>, Fault> {
    if payload.ref_type != "branch" {
        return Ok(Decision::Ignore(Ignored::NotABranch));
    }
    let branch = Branch::parse(payload.reference).map_err(|why| not_a("ref", &why))?;
    let tip = Tip::Somewhere;
    branch_event(payload.repository, payload.sender, None, branch, tip)
}

fn delete(payload: DeletePayload) -> Result<Decision<Event>, Fault> {
    if payload.ref_type != "branch" {
        return Ok(Decision::Ignore(Ignored::NotABranch));
    }
    let branch = Branch::parse(payload.reference).map_err(|why| not_a("ref", &why))?;
    let tip = Tip::Gone { before: None };
    branch_event(payload.repository, payload.sender, None, branch, tip)
}

/// The time is part of the signed body. The arrival must not stand in for it: a captured message
/// that is sent again arrives later than everything else.
fn branch_event(
    repository: Object<RepositoryPayload>,
    sender: Option<Object<UserPayload>>,
    installation: Option<Object<AppPayload>>,
    branch: Branch,
    tip: Tip,
) -> Result<Decision<Event>, Fault> {
    let time = repository.0.pushed_at();
    let time = time.ok_or_else(|| wrong("repository.pushed_at"))?;
    let change = Change::Branch(branch, tip);
    event(repository, sender, installation, Some(time), change)
}

fn repository(payload: RepositoryEventPayload) -> Result<Decision<Event>, Fault> {
    let updated_at = || {
        let time = payload.repository.0.updated_at();
        time.ok_or_else(|| wrong("repository.updated_at"))
    };
    let (time, change) = match payload.action.as_str() {
        // A deleted repository sends no further events, and its payload does not contain the time
        // of the deletion.
        "deleted" => (None, Change::Repository(RepositoryEnd::Deleted)),
        "archived" => {
            let end = updated_at()?.plus(END_OF_SECOND);
            (Some(end), Change::Repository(RepositoryEnd::Archived))
        }
        "renamed" | "transferred" => (Some(updated_at()?), Change::Renamed(payload.name_before())),
        _ => {
            let unknown = ActionName::parse(payload.action).map_err(|_| wrong("action"))?;
            return Ok(Decision::Ignore(Ignored::Action(unknown)));
        }
    };
    event(payload.repository, payload.sender, None, time, change)
}

fn requested(decision: Decision<rerun::Requested>) -> Result<Decision<Event>, Fault> {
    let read = match decision {
        Decision::Handle(read) => read,
        Decision::Ignore(why) => return Ok(Decision::Ignore(why)),
    };
    let change = Change::Rerun(read.rerun);
    event(
        read.repository,
        read.sender,
        read.installation,
        None,
        change,
    )
}

fn event(
    Object(repository): Object<RepositoryPayload>,
    sender: Option<Object<UserPayload>>,
    installation: Option<Object<AppPayload>>,
    time: Option<Timestamp>,
    change: Change,
) -> Result<Decision<Event>, Fault> {
    Ok(Decision::Handle(Event {
        repository: RepositoryId(repository.id),
        name: RepositoryName::parse(repository.full_name)
            .map_err(|why| not_a("repository.full_name", &why))?,
        actor: sender.map(|Object(user)| cut(user.login)),
        time,
        installation: installation.map(|Object(app)| InstallationId(app.id)),
        change,
    }))
}

#[cfg(test)]
mod tests;
