//! What a change of a mapping means for the records of its commits.

use crate::domain::ids::{CommitId, ExecutionId};
use crate::domain::report::record::{
    Attempt, CommitChange, CommitKey, CommitUpdate, Phase, ReportedHead,
};
use crate::domain::state::desired::{AbsenceReason, Desired};
use crate::domain::state::mapping::{Mapping, State};

/// Returns the update for the head that the subject had until `next`, if that one was to be built:
/// another head takes its place, or the branch was deleted, perhaps to be created again at a commit
/// that is not known yet.
#[must_use]
pub fn left_behind(seen: Option<&Mapping>, next: &Mapping) -> Option<CommitUpdate> {
    let seen = seen.filter(|seen| matches!(seen.desired, Some(Desired::Present(_))))?;
    let target = seen.report.clone()?;
    let old = seen.order.head.as_ref()?;
    let change = match &next.order.head {
        Some(new) if new == old => return None,
        Some(new) => CommitChange::Superseded(new.clone()),
        None => CommitChange::Head {
            repository: next.repository.clone(),
            target,
            phase: Phase::Absent(next.absence().unwrap_or(AbsenceReason::Deleted)),
            execution: None,
            outdated: None,
        },
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
    let head = phase.and_then(|phase| head_update(next, phase, None, None));
    left_behind(seen, next).into_iter().chain(head).collect()
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

/// Returns the change of a commit's record after a message that wanted it to be built changed
/// nothing: it is the head, it is not any more, or its subject has none. `None` if the row is in
/// the middle of a change, which is recorded when it is settled.
#[must_use]
pub fn what_counts(head: &ReportedHead, row: &Mapping) -> Option<CommitChange> {
    let phase = match &row.order.head {
        Some(other) if *other != head.key.commit => {
            return Some(CommitChange::Superseded(other.clone()));
        }
        Some(_) if matches!(row.state, State::Active | State::Gone) => match row.absence() {
            Some(reason) => Phase::Absent(reason),
            None => building(row)?,
        },
        Some(_) => return None,
        None => Phase::Absent(row.absence().unwrap_or(AbsenceReason::Deleted)),
    };
    Some(CommitChange::Head {
        repository: head.repository.clone(),
        target: head.target.clone(),
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
    Some(CommitUpdate {
        key: key(row, row.order.head.as_ref()?),
        change: CommitChange::Head {
            repository: row.repository.clone(),
            target: row.report.clone()?,
            phase,
            execution,
            outdated,
        },
    })
}

fn key(row: &Mapping, commit: &CommitId) -> CommitKey {
    CommitKey {
        subject: row.subject.clone(),
        commit: commit.clone(),
    }
}
