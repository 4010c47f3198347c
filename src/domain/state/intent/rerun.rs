//! The request to run a commit's checks again.

use std::time::Duration;

use crate::domain::ids::{BodyDigest, DeliveryId, RepositoryName, Timestamp};
use crate::domain::intake::event::{Rerun, RerunChecks};
use crate::domain::report::record::CommitRecord;

/// How far the clocks of GitHub and of this machine may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

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

impl RerunRequest {
    /// Returns true if the check run that GitHub shows was to run again. A check run that ended is
    /// replaced by another one as soon as its commit runs again, so a request that is repeated
    /// later names an older one, or an older time.
    #[must_use]
    pub fn is_about(&self, record: &CommitRecord) -> bool {
        let Some(reported) = &record.reported else {
            return false;
        };
        match &self.rerun.checks {
            RerunChecks::One(_, check_run) => reported.check_run == Some(*check_run),
            RerunChecks::All(_, at) => {
                reported.check_run.is_some() && reported.at <= at.plus(CLOCK_DIFFERENCE)
            }
        }
    }
}
