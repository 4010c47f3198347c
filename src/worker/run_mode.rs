//! The two ways in which a run ends.

/// The way in which a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// The run ends when a shutdown is requested.
    Daemon,
    /// The run ends when a poll returns nothing and no message is in work.
    UntilEmpty,
}
