//! What the record of a commit has about the pipeline of an idle subject.

use crate::domain::ids::Timestamp;
use crate::domain::state::activity::SleepReason;

/// What is known of the pipeline of a commit that is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleNote {
    /// It will be removed at this time.
    RemovalAt {
        /// The time.
        at: Timestamp,
        /// True if the environment that it deployed is removed with it.
        with_environment: bool,
    },
    /// It was removed, and the next activity creates it again.
    Asleep(SleepReason),
}
