//! Step 3 of 7. In: [`AuthenticatedMessage`]. Out: [`Event`] or [`Ignored`].
//!
//! Only the fields we act on are read; everything else GitHub sends is skipped unparsed. The action is not the intent:
//! `state`, the head and the time speak, and the action only tells whether the event concerns us and breaks ties.
//! Field by field as in <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use serde::de::DeserializeOwned;

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{
    ActionName, Branch, CommitId, ParseError, RepositoryId, RepositoryName, Timestamp,
};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::repair_request::{REPAIR, Repair};
use words::{
    Object, PullRequestWords, PushWords, ReferenceWords, RepositoryEventWords, RepositoryWords,
    UserWords,
};

mod repair;
mod skip;
mod words;

/// A message that we understood and do not act on: a normal outcome, told in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// GitHub's greeting to a new webhook.
    Ping,
    /// An event that we do not act on.
    Event,
    /// An action of `pull_request` that changes nothing about a pipeline.
    Action(ActionName),
    /// A ref that is not a branch.
    NotABranch,
    /// No rule names this repository for this kind of subject.
    NoRule,
    /// A branch was made, and its rule wants the commit, which only the push beside it tells.
    NoCommit,
    /// The repository has another name or owner. Its number is what counts, so no pipeline is concerned.
    Renamed,
}

impl Ignored {
    /// The stable word for logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Event => "event",
            Self::Action(_) => "action",
            Self::NotABranch => "not-a-branch",
            Self::NoRule => "no-rule",
            Self::NoCommit => "no-commit",
            Self::Renamed => "renamed",
        }
    }
}

/// Either the next noun, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    /// It concerns us.
    Handle(T),
    /// It does not.
    Ignore(Ignored),
}

/// What GitHub says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The repository's number.
    pub repository: RepositoryId,
    /// Its name at that time.
    pub name: RepositoryName,
    /// The login of whoever did it (`sender`), for the audit trail.
    pub actor: Option<String>,
    /// The event's own time; `None` where GitHub gives none.
    pub time: Option<Timestamp>,
    /// To what it happened.
    pub change: Change,
}

/// The kinds of things that change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The repository as a whole, from `repository`: every pipeline of it goes.
    Repository(RepositoryEnd),
    /// A pull request, from `pull_request`.
    PullRequest(Box<PullRequest>),
    /// A branch, from `push`, `create` or `delete`.
    Branch(Branch, Tip),
    /// A mapping that an operator's audit found wrong, from `branchline audit --repair`.
    Repair(Repair),
}

/// How a repository ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryEnd {
    /// It is deleted.
    Deleted,
    /// It is read-only.
    Archived,
}

/// A pull request as it stands after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Which action told us.
    pub action: Action,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether its head is in another repository, or in one that is gone.
    pub fork: bool,
    /// The head branch.
    pub head: Branch,
    /// The head commit.
    pub sha: CommitId,
    /// The head commit before a `synchronize`.
    pub before: Option<CommitId>,
    /// The base branch.
    pub base: Branch,
    /// Its title, cut to [`TEXT_LIMIT`] characters.
    pub title: String,
    /// The login of its author; `None` for a deleted account.
    pub author: Option<String>,
    /// Whether its title asks for no builds.
    pub skip: bool,
}

/// Where a branch stands after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tip {
    /// At a commit; `before` is the one it stood at.
    At {
        /// The commit it stands at.
        sha: CommitId,
        /// The commit it stood at, unless it is new.
        before: Option<CommitId>,
        /// Whether its message asks for no build.
        skip: bool,
    },
    /// It exists; `create` does not say where.
    Somewhere,
    /// It is gone; `before` is where it stood, where the event says so.
    Gone {
        /// The commit it stood at.
        before: Option<CommitId>,
    },
}

/// The actions of `pull_request` that may change whether and where a pipeline should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The first event of a pull request.
    Opened,
    /// Open again.
    Reopened,
    /// Its head moved.
    Synchronize,
    /// Title, body or base changed.
    Edited,
    /// No longer a draft.
    ReadyForReview,
    /// A draft again.
    ConvertedToDraft,
    /// Closed, merged or not.
    Closed,
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "opened" => Self::Opened,
            "reopened" => Self::Reopened,
            "synchronize" => Self::Synchronize,
            "edited" => Self::Edited,
            "ready_for_review" => Self::ReadyForReview,
            "converted_to_draft" => Self::ConvertedToDraft,
            "closed" => Self::Closed,
            _ => return None,
        })
    }
}

/// The longest title or login that is kept, in characters. GitHub's own limit for a title is 256.
pub const TEXT_LIMIT: usize = 256;

impl Event {
    /// Reads what a proven body says.
    ///
    /// # Errors
    /// [`Reason::BodyNotGitHubs`] when it is not what GitHub documents for this event. The detail tells where, by
    /// line and column, and never quotes the body.
    pub fn read(delivery: &AuthenticatedMessage) -> Result<Decision<Self>, Fault> {
        match delivery.event().as_str() {
            "pull_request" => pull_request(parse(delivery)?),
            "push" => push(parse(delivery)?),
            "create" => reference(parse(delivery)?, Tip::Somewhere),
            "delete" => reference(parse(delivery)?, Tip::Gone { before: None }),
            "repository" => repository(parse(delivery)?),
            REPAIR => repair::read(parse(delivery)?),
            "ping" => Ok(Decision::Ignore(Ignored::Ping)),
            _ => Ok(Decision::Ignore(Ignored::Event)),
        }
    }
}

fn pull_request(words: PullRequestWords) -> Result<Decision<Event>, Fault> {
    let Some(action) = Action::parse(&words.action) else {
        // GitHub adds actions from time to time. They are told by name, so it must be one.
        let unknown = ActionName::parse(words.action).map_err(|_| wrong("action"))?;
        return Ok(Decision::Ignore(Ignored::Action(unknown)));
    };
    let Object(pull) = words.pull_request;
    let (Object(head), Object(base)) = (pull.head, pull.base);
    let time = Timestamp::from_rfc3339(&pull.updated_at)
        .ok_or_else(|| wrong("pull_request.updated_at"))?;
    let open = match pull.state.as_str() {
        "open" => true,
        "closed" => false,
        _ => return Err(wrong("pull_request.state")),
    };
    let change = PullRequest {
        number: words.number,
        action,
        open,
        draft: pull.draft.unwrap_or(false),
        fork: head
            .repo
            .is_none_or(|Object(head)| head.id != words.repository.0.id),
        head: Branch::parse(head.name).map_err(|why| not_a("pull_request.head.ref", &why))?,
        sha: CommitId::parse(head.sha).map_err(|why| not_a("pull_request.head.sha", &why))?,
        before: words
            .before
            .map(CommitId::parse)
            .transpose()
            .map_err(|why| not_a("before", &why))?,
        base: Branch::parse(base.name).map_err(|why| not_a("pull_request.base.ref", &why))?,
        skip: skip::asks(&pull.title),
        title: cut(pull.title),
        author: pull.user.map(|Object(user)| cut(user.login)),
    };
    event(
        words.repository,
        words.sender,
        Some(time),
        Change::PullRequest(Box::new(change)),
    )
}

fn push(words: PushWords) -> Result<Decision<Event>, Fault> {
    let Some(branch) = words.reference.strip_prefix("refs/heads/") else {
        return Ok(Decision::Ignore(Ignored::NotABranch));
    };
    let commit = |text: String, field: &str| {
        let id = CommitId::parse(text).map_err(|why| not_a(field, &why))?;
        Ok(Some(id).filter(|id| !id.is_zero()))
    };
    let branch = Branch::parse(branch).map_err(|why| not_a("ref", &why))?;
    let before = commit(words.before, "before")?;
    let tip = match commit(words.after, "after")? {
        Some(sha) => {
            let message = words.head_commit.map(|Object(commit)| commit.message);
            let skip = message.is_some_and(|message| skip::asks(&message));
            Tip::At { sha, before, skip }
        }
        None => Tip::Gone { before },
    };
    let time = words.repository.0.pushed_at();
    event(
        words.repository,
        words.sender,
        time,
        Change::Branch(branch, tip),
    )
}

fn reference(words: ReferenceWords, tip: Tip) -> Result<Decision<Event>, Fault> {
    if words.ref_type != "branch" {
        return Ok(Decision::Ignore(Ignored::NotABranch));
    }
    let branch = Branch::parse(words.reference).map_err(|why| not_a("ref", &why))?;
    let time = words.repository.0.pushed_at();
    event(
        words.repository,
        words.sender,
        time,
        Change::Branch(branch, tip),
    )
}

fn repository(words: RepositoryEventWords) -> Result<Decision<Event>, Fault> {
    let farewell = match words.action.as_str() {
        "deleted" => RepositoryEnd::Deleted,
        "archived" => RepositoryEnd::Archived,
        "renamed" | "transferred" => return Ok(Decision::Ignore(Ignored::Renamed)),
        _ => {
            let unknown = ActionName::parse(words.action).map_err(|_| wrong("action"))?;
            return Ok(Decision::Ignore(Ignored::Action(unknown)));
        }
    };
    // What is deleted says nothing any more, and nothing that GitHub wrote into it tells when that was.
    let time = match farewell {
        RepositoryEnd::Deleted => None,
        RepositoryEnd::Archived => words.repository.0.updated_at(),
    };
    event(
        words.repository,
        words.sender,
        time,
        Change::Repository(farewell),
    )
}

fn event(
    Object(repository): Object<RepositoryWords>,
    sender: Option<Object<UserWords>>,
    time: Option<Timestamp>,
    change: Change,
) -> Result<Decision<Event>, Fault> {
    Ok(Decision::Handle(Event {
        repository: RepositoryId(repository.id),
        name: RepositoryName::parse(repository.full_name)
            .map_err(|why| not_a("repository.full_name", &why))?,
        actor: sender.map(|Object(user)| cut(user.login)),
        time,
        change,
    }))
}

/// serde_json's own messages may quote the value that did not fit; only what cannot quote is repeated.
fn parse<T: DeserializeOwned>(delivery: &AuthenticatedMessage) -> Result<T, Fault> {
    let json = delivery
        .json()
        .ok_or_else(|| fault("the form body has no payload field".to_owned()))?;
    let read = serde_json::from_str(&json).map(|Object(words)| words);
    read.map_err(|error| {
        let message = error.to_string();
        let what = match error.classify() {
            serde_json::error::Category::Data if message.starts_with("missing field `") => message
                .split(" at line")
                .next()
                .unwrap_or_default()
                .to_owned(),
            serde_json::error::Category::Data => "a field is not of its documented type".to_owned(),
            serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "not JSON".to_owned()
            }
        };
        fault(format!(
            "{what}, at line {} column {}",
            error.line(),
            error.column()
        ))
    })
}

fn fault(detail: String) -> Fault {
    Fault::new(Step::Event, Reason::BodyNotGitHubs, detail)
}

fn wrong(field: &str) -> Fault {
    fault(format!("{field} is not of its documented form"))
}

fn not_a(field: &str, why: &ParseError) -> Fault {
    fault(format!("{field}: {why}"))
}

fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT_LIMIT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
