//! The request to run a commit's checks again.

use crate::domain::ids::{BodyDigest, DeliveryId, RepositoryName, Timestamp};
use crate::domain::intake::event::Rerun;

/// A request to run a commit's checks again, as received. It is not an event of a subject's order:
/// the next event is compared with the mapping as if there had been no such request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerunRequest {
    /// The request.
    pub rerun: Rerun,
    /// The repository's name at that time.
    pub repository: RepositoryName,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The digest of the body. It becomes the token of the execution that is started.
    pub body: BodyDigest,
    /// When the message entered the queue.
    pub received_at: Timestamp,
}
