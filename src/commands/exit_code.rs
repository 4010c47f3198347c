//! Exit codes that several commands share.

/// Something that branchline was given or needs is wrong: configuration, environment, or a queue that does not answer.
pub(crate) const TROUBLE: u8 = 2;
