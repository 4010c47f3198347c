//! The half-way row in which a clone is made again out of the pipeline that deletes its subject's
//! stacks, or that may do so.

use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::teardown::Teardown;

/// Returns true if the deletion of a subject that is open again goes on before its pipeline is made
/// again: the daemon may be deleting its stacks, and CloudFormation deploys nothing over a stack
/// that is being deleted.
pub(super) fn is_deleted_first(row: &Mapping) -> bool {
    let resources = &row.resources;
    row.state == State::Deleting
        && !resources.stacks.is_empty()
        && resources.teardown_policy == Some(TeardownPolicy::Stacks)
}

/// Returns true if the pipeline of a subject that is open again has to be made again at once: an
/// attempt to delete it that was cut off may have changed it, or nobody deletes its stacks any
/// more.
pub(super) fn is_to_be_remade(row: &Mapping) -> bool {
    let teardown = row.resources.teardown.as_ref();
    match row.state {
        State::Deleting => row.resources.may_be_torn_down(),
        State::Retiring => teardown.is_some_and(Teardown::is_left_behind),
        State::Creating | State::Active | State::Starting | State::Gone | State::Asleep => false,
    }
}

/// Returns the row whose clone is about to be written again and started. What is left of the
/// environment is deployed again, or removed with the clone the next time. The row keeps a teardown
/// until it settles, because no message of a change after it may return.
pub(super) fn remade(mut row: Mapping) -> Mapping {
    if let Some(pipeline) = &mut row.resources.pipeline {
        pipeline.fingerprint = None;
    }
    row.resources.teardown = row.resources.teardown.as_ref().map(Teardown::remade);
    row.state = State::Starting;
    row.last_error = None;
    row
}
