//! Exit codes that several commands share.

/// The exit code of a command that ended with an error, or was interrupted.
pub(crate) const ERROR: u8 = 2;
