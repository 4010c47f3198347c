//! When a run ends.

/// When a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// When it is told to.
    Daemon,
    /// When a poll finds nothing and nothing is in work.
    UntilEmpty,
}
