//! What a change of a mapping means for the records of its commits.

use crate::domain::ids::{CommitId, ExecutionId};
use crate::domain::report::record::{CommitChange, CommitKey, CommitUpdate, Phase};
use crate::domain::state::desired::{AbsenceReason, Desired};
use crate::domain::state::mapping::{Mapping, State};

/// Returns the update for the head that the subject had until `next`, if that one was to be built:
/// another head takes its place, or the subject ends without one, as a deleted branch does.
#[must_use]
pub fn left_behind(seen: Option<&Mapping>, next: &Mapping) -> Option<CommitUpdate> {
    let seen = seen.filter(|seen| matches!(seen.desired, Some(Desired::Present(_))))?;
    let target = seen.report.clone()?;
    let old = seen.order.head.as_ref()?;
    let change = match (&next.order.head, next.absence()) {
        (Some(new), _) if new == old => return None,
        (Some(new), _) => CommitChange::Superseded(new.clone()),
        (None, Some(reason)) => CommitChange::Head {
            repository: next.repository.clone(),
            target,
            phase: Phase::Absent(reason),
            execution: None,
        },
        (None, None) => return None,
    };
    Some(CommitUpdate {
        key: key(seen, old),
        change,
    })
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
    let head = phase.and_then(|phase| head_update(next, phase, None));
    left_behind(seen, next).into_iter().chain(head).collect()
}

/// Returns the update for a row that is settled after an effect.
#[must_use]
pub fn settled(next: &Mapping, execution: Option<ExecutionId>) -> Option<CommitUpdate> {
    let phase = match next.absence() {
        Some(reason) => Phase::Absent(reason),
        None => building(next)?,
    };
    head_update(next, phase, execution)
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
) -> Option<CommitUpdate> {
    Some(CommitUpdate {
        key: key(row, row.order.head.as_ref()?),
        change: CommitChange::Head {
            repository: row.repository.clone(),
            target: row.report.clone()?,
            phase,
            execution,
        },
    })
}

fn key(row: &Mapping, commit: &CommitId) -> CommitKey {
    CommitKey {
        subject: row.subject.clone(),
        commit: commit.clone(),
    }
}
