//! The messages of branchline itself, which arrive on the internal queue.

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, RepositoryName};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::payload::wrong;
use crate::domain::intake::repair_request::{self, REPAIR, Repair};
use crate::domain::intake::sleep_request::{self, SLEEP, SleepRequest};
use crate::domain::intake::wake::{self, WAKE, Wake};

/// What a message asks for.
pub(super) enum Asked {
    /// To repair a mapping.
    Repair(Repair),
    /// To wake a subject.
    Wake(Wake),
    /// To look whether a subject is idle.
    Sleep(SleepRequest),
}

/// Reads what a message asks for, and about which repository.
pub(super) fn read(
    message: &AuthenticatedMessage,
) -> Result<(RepositoryId, RepositoryName, Asked), Fault> {
    match message.event().as_str() {
        REPAIR => {
            let (repair, name) = repair_request::read(message)?;
            Ok((repair.subject.repository, name, Asked::Repair(repair)))
        }
        WAKE => {
            let wake = wake::read(message)?;
            let waiter = &wake.waiter;
            let (id, name) = (waiter.subject.repository, waiter.repository.clone());
            Ok((id, name, Asked::Wake(wake)))
        }
        SLEEP => {
            let request = sleep_request::read(message)?;
            let (id, name) = (request.subject.repository, request.repository.clone());
            Ok((id, name, Asked::Sleep(request)))
        }
        _ => Err(wrong("branchline-event")),
    }
}
