//! The faults of calls to GitHub. They are apart from [`Reason`](crate::domain::fault::Reason),
//! because no message is retried or dead-lettered for one: a report is sent again.

use std::fmt;

use crate::domain::ids::Timestamp;
use crate::domain::text::one_line;

/// The longest detail, in characters.
const DETAIL_LIMIT: usize = 1_000;

/// Why a call to GitHub failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GitHubFaultKind {
    /// GitHub failed, timed out, or could not be reached.
    Unavailable,
    /// A rate limit is reached.
    Limited,
    /// A permission is missing, or the installation is suspended.
    Denied,
    /// The repository, the commit or the pull request does not exist, or is not visible.
    Missing,
    /// GitHub does not accept the request. A repetition cannot help.
    Refused,
    /// GitHub does not accept the App's key or the token, or the configuration cannot work.
    Misconfigured,
}

impl GitHubFaultKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Unavailable,
        Self::Limited,
        Self::Denied,
        Self::Missing,
        Self::Refused,
        Self::Misconfigured,
    ];

    /// Returns the kind of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns the stable word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "github-unavailable",
            Self::Limited => "github-limited",
            Self::Denied => "github-denied",
            Self::Missing => "github-missing",
            Self::Refused => "github-refused",
            Self::Misconfigured => "github-misconfigured",
        }
    }

    /// Returns true if a later repetition of the same call may succeed without a person's help.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Unavailable | Self::Limited => true,
            Self::Denied | Self::Missing | Self::Refused | Self::Misconfigured => false,
        }
    }
}

/// One failed call to GitHub. It never contains a token, a key or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct GitHubFault {
    /// Why it failed.
    pub kind: GitHubFaultKind,
    /// One line for a person: what failed, where, and what to do.
    pub detail: String,
    /// When to try again, if GitHub's answer names a time.
    pub retry_at: Option<Timestamp>,
}

impl GitHubFault {
    /// Creates a fault. The detail is escaped to one line and cut to 1,000 characters.
    pub fn new(kind: GitHubFaultKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: one_line(&detail.into(), DETAIL_LIMIT),
            retry_at: None,
        }
    }
}

impl fmt::Display for GitHubFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.detail)
    }
}
