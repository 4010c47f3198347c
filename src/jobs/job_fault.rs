//! Why a run failed.

use crate::domain::fault::Fault;
use crate::domain::report::fault::GitHubFault;

/// The fault that ended a run.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// A call to AWS failed.
    #[error("{0}")]
    Aws(Fault),
    /// A call to GitHub failed.
    #[error("{0}")]
    GitHub(#[from] GitHubFault),
    /// Something else failed; the text says what.
    #[error("{0}")]
    Other(String),
}

impl From<Fault> for JobFault {
    fn from(fault: Fault) -> Self {
        Self::Aws(fault)
    }
}
