//! What a change of a mapping means for the records of its commits.

use crate::domain::ids::{CommitId, ExecutionId};
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
            Some(Phase::Absent(reason)).filter(|_| is_new_head || !reason.is_ending())
        }
        (None, State::Active) if is_new_head => match builds {
            true => building(next),
            false => Some(Phase::Absent(AbsenceReason::Skipped)),
        },
        (Some(_) | None, _) => None,
    };
    let head = phase.and_then(|phase| head_update(next, phase, None, None));
    let created_again = ended(seen, next).filter(|_| next.absence().is_none());
    let before = superseded(seen, next).into_iter().chain(created_again);
    before.chain(head).collect()
}

/// Returns the update for a row that is settled after an effect. `outdated` is the attempt after
/// which the head runs again.
#[must_use]
pub fn settled(
    next: &Mapping,
    execution: Option<ExecutionId>,
    outdated: Option<Attempt>,
) -> Option<CommitUpdate> {
    let phase = match next.absence() {
        Some(reason) => Phase::Absent(reason),
        None => building(next)?,
    };
    head_update(next, phase, execution, outdated)
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
    Some(CommitUpdate::Head {
        head: ReportedHead {
            key: key(row, row.order.head.as_ref()?),
            repository: row.repository.clone(),
            target: row.report.clone()?,
            event_time: row.order.event_time,
        },
        phase,
        execution,
        outdated,
    })
}

fn key(row: &Mapping, commit: &CommitId) -> CommitKey {
    CommitKey {
        subject: row.subject.clone(),
        commit: commit.clone(),
    }
}
