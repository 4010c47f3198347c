//! What a change of a mapping means for the records of its commits.

use crate::domain::fault::Reason;
use crate::domain::ids::{CommitId, ExecutionId};
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::record::{Attempt, CommitKey, CommitUpdate, Phase, ReportedHead};
use crate::domain::state::desired::{AbsenceReason, Desired};
use crate::domain::state::mapping::{Mapping, State};

/// Returns the update for the head that `next` replaces, if that one was to be built.
#[must_use]
pub fn superseded(seen: Option<&Mapping>, next: &Mapping) -> Option<CommitUpdate> {
    let seen = seen.filter(|seen| seen.report.is_some() && wants_build(seen))?;
    let (old, new) = (seen.order.head.as_ref()?, next.order.head.as_ref()?);
    (old != new).then(|| CommitUpdate::Superseded {
        key: key(seen, old),
        by: new.clone(),
    })
}

/// Returns the update for the head of a subject that has ended, if the event does not name it: the
/// deletion of a branch, or the end of a repository. A branch that is created was deleted before,
/// whether or not anything was heard of that.
#[must_use]
pub fn ended(seen: Option<&Mapping>, next: &Mapping) -> Option<CommitUpdate> {
    let seen = seen.filter(|_| next.order.head.is_none())?;
    let created_again = wants_build(seen).then_some(AbsenceReason::Deleted);
    let reason = next.absence().or(created_again)?;
    head_update(seen, Phase::Absent(reason), None, None)
}

fn wants_build(row: &Mapping) -> bool {
    matches!(row.desired, Some(Desired::Present(_)))
}

/// Returns the updates for a row that is written without an effect. `builds` is true if
/// CodePipeline builds the head by itself.
#[must_use]
pub fn recorded(seen: Option<&Mapping>, next: &Mapping, builds: bool) -> Vec<CommitUpdate> {
    let head = |row: &Mapping| row.order.head.clone();
    let is_new_head = seen.map(head) != Some(head(next));
    let is_new_reason = seen.and_then(Mapping::absence) != next.absence();
    let phase = match (next.absence(), &next.state) {
        (Some(reason), _) if is_new_head || is_new_reason => {
            let was_asleep = seen.is_some_and(|seen| seen.state == State::Asleep);
            let is_said = is_new_head || was_asleep || !reason.is_ending();
            Some(Phase::Absent(reason)).filter(|_| is_said)
        }
        (None, State::Active) if is_new_head => match builds {
            true => building(next),
            false => Some(Phase::Absent(AbsenceReason::Skipped)),
        },
        // Its pipeline is made again once the environment is removed.
        (None, State::Retiring) if is_new_head || is_new_reason => Some(Phase::Waiting {
            reason: Reason::SubjectBusy,
            ahead: None,
        }),
        // A commit that is to be built wakes the subject.
        (None, State::Asleep) if is_new_head => Some(Phase::Absent(AbsenceReason::Skipped)),
        (Some(_) | None, _) => None,
    };
    let head = phase.and_then(|phase| head_update(next, phase, None, None));
    let created_again = ended(seen, next).filter(|_| next.absence().is_none());
    let before = superseded(seen, next).into_iter().chain(created_again);
    let mut updates: Vec<_> = before.chain(head).collect();
    if let Some(withdrawn) = withdrawn(seen, next)
        && updates.iter().all(|update| update.key() != withdrawn.key())
    {
        updates.push(withdrawn);
    }
    updates
}

/// Returns the update for a removal of the pipeline that was announced, and does not follow.
fn withdrawn(seen: Option<&Mapping>, next: &Mapping) -> Option<CommitUpdate> {
    let seen = seen.filter(|seen| seen.activity.removal_at.is_some())?;
    let is_withdrawn = next.activity.removal_at.is_none() && seen.order.head == next.order.head;
    idle(next, None).filter(|_| is_withdrawn)
}

/// Returns the update for a row in which the removal of the pipeline was announced or withdrawn.
#[must_use]
pub fn announced(next: &Mapping) -> Option<CommitUpdate> {
    let note = |at| IdleNote::RemovalAt {
        at,
        with_environment: next.resources.may_be_torn_down(),
    };
    idle(next, next.activity.removal_at.map(note))
}

fn idle(row: &Mapping, note: Option<IdleNote>) -> Option<CommitUpdate> {
    let commit = row.order.head.as_ref().filter(|_| row.report.is_some())?;
    Some(CommitUpdate::Idle {
        key: key(row, commit),
        note,
    })
}

/// Returns the update for a row that is settled after an effect. `outdated` is the attempt after
/// which the head runs again. The event that ended a branch names no head: then it is that of the
/// last execution, `built`, whose environment is gone only now.
#[must_use]
pub fn settled(
    next: &Mapping,
    built: Option<&CommitId>,
    execution: Option<ExecutionId>,
    outdated: Option<Attempt>,
) -> Option<CommitUpdate> {
    let sleep = next.activity.sleep.filter(|_| next.state != State::Active);
    let phase = match (next.absence(), sleep) {
        (Some(reason), _) => Phase::Absent(reason),
        (None, Some(sleep)) => return idle(next, Some(IdleNote::Asleep(sleep.reason))),
        // Its next start says so.
        (None, None) if next.state == State::Retiring => return None,
        (None, None) => building(next)?,
    };
    let target = next.report.as_ref();
    let built = built.filter(|_| target.is_some_and(|target| target.deployment.is_some()));
    let commit = next.order.head.as_ref().or(built)?;
    update_of(next, commit, phase, execution, outdated)
}

/// Returns the update for a commit after a message that wanted it to be built changed nothing: it
/// is the head, it is not any more, or its subject has none. `None` if the row is in the middle of
/// a change, which is recorded when it is settled.
#[must_use]
pub fn what_counts(head: &ReportedHead, row: &Mapping) -> Option<CommitUpdate> {
    let phase = match &row.order.head {
        Some(other) if *other != head.key.commit => {
            return Some(CommitUpdate::Superseded {
                key: head.key.clone(),
                by: other.clone(),
            });
        }
        Some(_) if matches!(row.state, State::Active | State::Gone) => match row.absence() {
            Some(reason) => Phase::Absent(reason),
            None => building(row)?,
        },
        Some(_) => return None,
        None => Phase::Absent(row.absence().unwrap_or(AbsenceReason::Deleted)),
    };
    Some(CommitUpdate::Head {
        head: head.clone(),
        phase,
        execution: None,
        outdated: None,
    })
}

fn building(row: &Mapping) -> Option<Phase> {
    let fingerprint = row.fingerprint();
    Some(Phase::Building {
        pipeline: row.pipeline_name()?.clone(),
        left_out_stages: fingerprint.map_or_else(Vec::new, |clone| clone.left_out_stages.clone()),
    })
}

fn head_update(
    row: &Mapping,
    phase: Phase,
    execution: Option<ExecutionId>,
    outdated: Option<Attempt>,
) -> Option<CommitUpdate> {
    let head = row.order.head.as_ref()?;
    update_of(row, head, phase, execution, outdated)
}

fn update_of(
    row: &Mapping,
    commit: &CommitId,
    phase: Phase,
    execution: Option<ExecutionId>,
    outdated: Option<Attempt>,
) -> Option<CommitUpdate> {
    Some(CommitUpdate::Head {
        head: reported(row, commit)?,
        phase,
        execution,
        outdated,
    })
}

/// Returns the head that a row wants to be built, if it is reported.
#[must_use]
pub fn wanted_head(row: &Mapping) -> Option<ReportedHead> {
    let commit = row.order.head.as_ref().filter(|_| wants_build(row))?;
    reported(row, commit)
}

fn reported(row: &Mapping, commit: &CommitId) -> Option<ReportedHead> {
    Some(ReportedHead {
        key: key(row, commit),
        repository: row.repository.clone(),
        target: row.report.clone()?,
        event_time: row.order.event_time,
    })
}

fn key(row: &Mapping, commit: &CommitId) -> CommitKey {
    CommitKey {
        subject: row.subject.clone(),
        commit: commit.clone(),
    }
}
