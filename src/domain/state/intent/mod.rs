//! Step 4 of 7. In: [`Event`]. Out: [`Intent`], one for each subject concerned, or [`Ignored`].
//!
//! The rules turn an event into the desired state of a subject. `opened`, `synchronize` and
//! `edited` lead to the same intent: an intent has the current state of the pull request, not the
//! change.

use crate::domain::fault::Fault;
use crate::domain::ids::{
    BodyDigest, Branch, CommitId, RepositoryName, Subject, SubjectKind, Timestamp,
};
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::event::{Action, Change, Event, PullRequest, Tip};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::cause::Cause;
use crate::domain::report::target::ReportTarget;
use crate::domain::rules::merge_queue::merge_group_base;
use crate::domain::rules::placeholder::{Placeholder, PlaceholderValues};
use crate::domain::rules::rule::{On, Rules};
use crate::domain::state::activity::Signs;
use crate::domain::state::desired::{AbsenceReason, BuildPolicy, BuildTrigger, DesiredState};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::repository::RepositoryRecord;

mod received;
mod report;
mod repository;
mod rerun;
mod signs;
mod wanted;

pub use received::Received;
use report::admitting;
pub use report::report_target;
use repository::removal_reason;
pub use repository::{RepositoryRemoval, RepositoryRenaming};
pub use rerun::RerunRequest;
use signs::{is_about_kept, signs};
use wanted::{present, spec};

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
    /// The cause of the changes that follow.
    pub cause: Cause,
    /// The digest of the event's body. It becomes the token of the execution that the event starts.
    pub body: BodyDigest,
    /// The desired state.
    pub wanted: DesiredState,
    /// What the event says about the activity of the subject.
    pub signs: Signs,
    /// Where its head commit is reported; `None` where it is not.
    pub report: Option<ReportTarget>,
}

/// The subjects that an event concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// One subject.
    Subject(Box<Intent>),
    /// The end of one subject that no rule admits: it matters if the table knows the subject.
    KnownSubject(Box<Intent>),
    /// Every subject of a repository, which has ended.
    Repository(RepositoryRemoval),
    /// Every subject of a repository, which has another name.
    Renaming(RepositoryRenaming),
    /// The subjects of a commit whose checks are to run again.
    Rerun(RerunRequest),
    /// One subject, for a repair.
    Repair(Box<RepairRequest>),
    /// One subject, for which there is a slot, and the cause of what follows.
    Wake(Wake, Cause),
    /// One subject, which may be idle, and the cause of what follows.
    Sleep(SleepRequest, Cause),
}

impl Intent {
    /// Returns the intent without the build of its head commit, if it is about a pull request that
    /// would be built.
    #[must_use]
    pub fn without_build(&self) -> Option<Self> {
        let DesiredState::Present(spec, policy) = &self.wanted else {
            return None;
        };
        let is_pull_request = matches!(self.subject.kind, SubjectKind::PullRequest(_));
        let builds = policy.head != BuildTrigger::Skipped;
        (is_pull_request && builds).then(|| Self {
            wanted: DesiredState::Present(
                spec.clone(),
                BuildPolicy {
                    head: BuildTrigger::Skipped,
                    ..*policy
                },
            ),
            ..self.clone()
        })
    }

    /// Returns its head commit, if it is about a pull request that would be built.
    #[must_use]
    pub fn unbuilt_head(&self) -> Option<CommitId> {
        self.without_build()?;
        self.order.head.clone()
    }

    /// Applies the rules. If GitHub sends no time with the event, the time of receipt replaces it.
    /// `report` is the event's [`report_target`].
    ///
    /// # Errors
    /// A permanent fault if the matching rule gives the clone an invalid name, or the name of a
    /// template.
    pub fn read(
        event: Event,
        rules: &Rules,
        report: Option<ReportTarget>,
        received: Received,
    ) -> Result<Decision<Request>, Fault> {
        let cause = received.cause();
        let Received {
            delivery,
            body,
            received_at,
            source: _,
        } = received;
        let Event {
            repository,
            name,
            actor,
            time,
            installation: _,
            change,
        } = event;
        let order = |kind| EventOrder {
            event_time: time.unwrap_or(received_at),
            received_at,
            kind,
            head: None,
            before: None,
        };
        let signs = signs(&change, &name, rules, &cause);
        let (kind, order, decided) = match change {
            Change::Repository(end) => {
                return Ok(Decision::Handle(Request::Repository(RepositoryRemoval {
                    repository,
                    event_time: time,
                    received_at,
                    actor,
                    cause,
                    body,
                    reason: removal_reason(end),
                    name,
                })));
            }
            Change::Renamed(before) => {
                return Ok(Decision::Handle(Request::Renaming(RepositoryRenaming {
                    repository,
                    event_time: time.unwrap_or(received_at),
                    cause,
                    name,
                    before,
                })));
            }
            Change::Rerun(rerun) => {
                return Ok(Decision::Handle(Request::Rerun(RerunRequest {
                    rerun,
                    repository: name,
                    delivery,
                    body,
                    received_at,
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
            Change::Wake(wake) => {
                return Ok(Decision::Handle(Request::Wake(wake, Cause::Wake(delivery))));
            }
            Change::Sleep(request) => {
                let cause = Cause::Sleep(delivery);
                return Ok(Decision::Handle(Request::Sleep(request, cause)));
            }
            Change::PullRequest(pull) => {
                let decided = pull_request(&pull, &name, rules)?;
                let order = EventOrder {
                    head: Some(pull.sha),
                    before: pull.before,
                    ..order(pull_request_kind(pull.open, pull.action))
                };
                (SubjectKind::PullRequest(pull.number), order, decided)
            }
            Change::Branch(branch, tip) => {
                let decided = self::branch(&branch, &tip, &name, rules, report.is_some())?;
                let (kind, head, before) = tip_order(tip);
                let order = EventOrder {
                    head,
                    before,
                    ..order(kind)
                };
                (SubjectKind::Branch(branch), order, decided)
            }
        };
        let (wanted, admitted) = match decided {
            Decided::Wanted(wanted) => (wanted, true),
            Decided::Ended(reason) => (DesiredState::Absent(reason), false),
            Decided::Ignored(why) => return Ok(Decision::Ignore(why)),
        };
        let intent = Box::new(Self {
            subject: Subject { repository, kind },
            repository: name,
            order,
            actor,
            cause,
            body,
            wanted,
            signs,
            report,
        });
        Ok(Decision::Handle(match admitted {
            true => Request::Subject(intent),
            false => Request::KnownSubject(intent),
        }))
    }

    /// Returns the intent for one subject of a repository that has ended. `time` orders the event.
    #[must_use]
    pub fn of_removal(removal: &RepositoryRemoval, subject: Subject, time: Timestamp) -> Self {
        let kind = match subject.kind {
            SubjectKind::PullRequest(_) => EventKind::Closed,
            SubjectKind::Branch(_) => EventKind::Deleted,
        };
        Self {
            subject,
            repository: removal.name.clone(),
            order: EventOrder {
                event_time: time,
                received_at: removal.received_at,
                kind,
                head: None,
                before: None,
            },
            actor: removal.actor.clone(),
            cause: removal.cause.clone(),
            body: removal.body.clone(),
            wanted: DesiredState::Absent(removal.reason),
            signs: Signs::default(),
            report: None,
        }
    }

    /// Returns true if a rule admits the subject under a name whose older events may still arrive.
    #[must_use]
    pub fn is_admitted_under(&self, record: &RepositoryRecord, rules: &Rules) -> bool {
        let admits = |name| match &self.subject.kind {
            SubjectKind::PullRequest(_) => rules.of(On::PullRequest, name).next().is_some(),
            SubjectKind::Branch(branch) => rules.for_branch(branch, name).is_some(),
        };
        record.names.iter().any(admits)
    }
}

/// The rules' decision about a subject.
enum Decided {
    /// The subject should be so.
    Wanted(DesiredState),
    /// No rule is about the subject, and it has ended.
    Ended(AbsenceReason),
    /// No rule is about the subject, or the event says too little.
    Ignored(Ignored),
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

fn pull_request(
    pull: &PullRequest,
    name: &RepositoryName,
    rules: &Rules,
) -> Result<Decided, Fault> {
    if rules.of(On::PullRequest, name).next().is_none() {
        return Ok(match pull.open {
            true => Decided::Ignored(Ignored::NoRule),
            false => Decided::Ended(AbsenceReason::Closed),
        });
    }
    let admitting = admitting(pull, name, rules);
    if pull.action.is_about_label() && !is_about_kept(pull, admitting) {
        return Ok(Decided::Ignored(Ignored::Label));
    }
    let why = match admitting {
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
            return Ok(Decided::Wanted(present(spec, rule, pull.skip)));
        }
    };
    Ok(Decided::Wanted(DesiredState::Absent(why)))
}

fn branch(
    branch: &Branch,
    tip: &Tip,
    name: &RepositoryName,
    rules: &Rules,
    is_reported: bool,
) -> Result<Decided, Fault> {
    let rule = rules.for_branch(branch, name);
    let (rule, sha, skip) = match (rule, tip) {
        (None, Tip::Gone { .. }) => return Ok(Decided::Ended(AbsenceReason::Deleted)),
        // The merge queue waits for a report.
        (None, Tip::At { .. }) if is_reported => {
            let absent = DesiredState::Absent(AbsenceReason::NoRule);
            return Ok(Decided::Wanted(absent));
        }
        (None, Tip::At { .. } | Tip::Somewhere) => return Ok(Decided::Ignored(Ignored::NoRule)),
        (Some(_), Tip::Gone { .. }) => {
            let absent = DesiredState::Absent(AbsenceReason::Deleted);
            return Ok(Decided::Wanted(absent));
        }
        (Some(rule), Tip::Somewhere) if rule.uses(Placeholder::Sha) => {
            return Ok(Decided::Ignored(Ignored::NoCommit));
        }
        (Some(rule), Tip::Somewhere) => (rule, None, false),
        (Some(rule), Tip::At { sha, skip, .. }) => (rule, Some(sha), *skip),
    };
    let base = merge_group_base(branch).filter(|_| rule.on == On::MergeGroup);
    // The message of a merge group quotes pull requests, which cannot ask to merge untested.
    let skip = skip && base.is_none();
    let fill = PlaceholderValues {
        repository: name,
        branch,
        number: None,
        sha,
        base: base.as_ref(),
        author: None,
        title: None,
    };
    let spec = spec(rule, rules, &fill)?;
    Ok(Decided::Wanted(present(spec, rule, skip)))
}

#[cfg(test)]
mod tests;
