//! When a run ends.

/// When a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// When a poll finds nothing and nothing is in work.
    Empty,
}
