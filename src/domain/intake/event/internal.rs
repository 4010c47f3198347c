//! The events of branchline itself, which arrive on the internal queue.

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, RepositoryName};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::payload::wrong;
use crate::domain::intake::repair_request::{self, REPAIR};
use crate::domain::intake::wake::{self, WAKE};

use crate::domain::intake::event::Change;

/// Reads what a message asks for, and about which repository.
pub(super) fn read(
    message: &AuthenticatedMessage,
) -> Result<(RepositoryId, RepositoryName, Change), Fault> {
    match message.event().as_str() {
        REPAIR => {
            let (repair, name) = repair_request::read(message)?;
            Ok((repair.subject.repository, name, Change::Repair(repair)))
        }
        WAKE => {
            let wake = wake::read(message)?;
            let waiter = &wake.waiter;
            let (id, name) = (waiter.subject.repository, waiter.repository.clone());
            Ok((id, name, Change::Wake(wake)))
        }
        _ => Err(wrong("branchline-event")),
    }
}
