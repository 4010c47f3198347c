//! What an event says about every subject of a repository.

use crate::domain::ids::{BodyDigest, RepositoryId, RepositoryName, Timestamp};
use crate::domain::intake::event::RepositoryEnd;
use crate::domain::outcome::cause::Cause;
use crate::domain::state::desired::AbsenceReason;

/// The removal of every pipeline of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRemoval {
    /// The repository.
    pub repository: RepositoryId,
    /// Its name at that time.
    pub name: RepositoryName,
    /// The event's own time; `None` for a deletion, with which GitHub sends none.
    pub event_time: Option<Timestamp>,
    /// When the message entered the queue.
    pub received_at: Timestamp,
    /// The GitHub user who caused the event.
    pub actor: Option<String>,
    /// The cause of the changes that follow.
    pub cause: Cause,
    /// The digest of the event's body.
    pub body: BodyDigest,
    /// Whether it was deleted or archived.
    pub reason: AbsenceReason,
}

/// A repository that has another name or another owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRenaming {
    /// The repository.
    pub repository: RepositoryId,
    /// Its name since then.
    pub name: RepositoryName,
    /// Its name before, if the payload has it.
    pub before: Option<RepositoryName>,
    /// The event's own time.
    pub event_time: Timestamp,
    /// The cause of the changes that follow.
    pub cause: Cause,
}

/// Returns why the subjects of a repository have no pipeline after its end.
pub(super) fn removal_reason(end: RepositoryEnd) -> AbsenceReason {
    match end {
        RepositoryEnd::Deleted => AbsenceReason::RepositoryDeleted,
        RepositoryEnd::Archived => AbsenceReason::RepositoryArchived,
    }
}
