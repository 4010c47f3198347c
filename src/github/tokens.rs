//! The tokens of an App's installations (GitHub Docs, "Generating an installation access token").
//! Each is for one permission, and for one repository unless it is for lists. It lives in memory
//! only, and is renewed before it expires. Callers that need the same token wait for one request.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;

use crate::domain::ids::{InstallationId, RepositoryId, Timestamp};
use crate::domain::secret::Secret;

use crate::github::bounded::Bounded;

/// The time before its expiry at which a token is renewed.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);
/// The most tokens that are kept.
const TOKENS: usize = 1_000;

/// What a call needs, so that its token may do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Check runs.
    Checks,
    /// Commit statuses.
    Statuses,
    /// Comments of pull requests.
    PullRequests,
    /// Deployments and their statuses.
    Deployments,
    /// Lists of repositories and pull requests.
    ReadPullRequests,
    /// Lists of branches.
    ReadContents,
    /// Branches and files of a repository.
    ReadFiles,
}

impl Scope {
    /// Returns the permissions of the token, as GitHub names them.
    fn permissions(self) -> Value {
        match self {
            Self::Checks => json!({ "checks": "write" }),
            Self::Statuses => json!({ "statuses": "write" }),
            Self::PullRequests => json!({ "pull_requests": "write" }),
            Self::Deployments => json!({ "deployments": "write" }),
            Self::ReadPullRequests => json!({ "pull_requests": "read" }),
            Self::ReadContents | Self::ReadFiles => json!({ "contents": "read" }),
        }
    }

    /// Returns the permission as GitHub's settings name it.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Checks => "Checks: write",
            Self::Statuses => "Commit statuses: write",
            Self::PullRequests => "Pull requests: write",
            Self::Deployments => "Deployments: write",
            Self::ReadPullRequests => "Pull requests: read",
            Self::ReadContents | Self::ReadFiles => "Contents: read",
        }
    }

    /// Returns true if its tokens are for one repository. What reads all repositories one after the
    /// other would need a token for each.
    pub(super) fn is_of_repository(self) -> bool {
        match self {
            Self::Checks
            | Self::Statuses
            | Self::PullRequests
            | Self::Deployments
            | Self::ReadFiles => true,
            Self::ReadPullRequests | Self::ReadContents => false,
        }
    }
}

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Purpose {
    pub(super) installation: InstallationId,
    /// `None` for all that the App can see there.
    pub(super) repository: Option<RepositoryId>,
    pub(super) scope: Scope,
}

impl Purpose {
    /// Returns the path of the request for such a token.
    pub(super) fn path(&self) -> String {
        format!("/app/installations/{}/access_tokens", self.installation.0)
    }

    /// Returns the body of the request for such a token.
    pub(super) fn body(&self) -> Value {
        let permissions = self.scope.permissions();
        match self.repository {
            Some(repository) => json!({
                "repository_ids": [repository.0],
                "permissions": permissions,
            }),
            None => json!({ "permissions": permissions }),
        }
    }
}

/// A token and the time from which it is not used any more.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: String,
    expires_at: String,
}

impl Token {
    /// Reads the answer to the request. `answered_at` is the time of GitHub's own clock, and `now`
    /// that of this machine's. Returns `None` if it has no token.
    pub(super) fn read(content: &[u8], answered_at: Timestamp, now: Timestamp) -> Option<Self> {
        let answer: TokenAnswer = serde_json::from_slice(content).ok()?;
        let lifetime = Timestamp::from_rfc3339(&answer.expires_at)?.since(answered_at);
        Some(Self {
            secret: Secret::new(answer.token),
            renew_at: now.plus(lifetime.saturating_sub(RENEWED_BEFORE)),
        })
    }
}

/// The token of one purpose. The lock is held while it is renewed.
pub(super) type Slot = Arc<AsyncMutex<Option<Token>>>;

/// All tokens.
pub(super) struct Tokens(Bounded<Purpose, Slot>);

impl Tokens {
    pub(super) fn new() -> Self {
        Self(Bounded::new(TOKENS))
    }

    /// Returns where the token of a purpose is kept.
    pub(super) fn slot(&self, purpose: Purpose) -> Slot {
        self.0.get_or_set(purpose, Slot::default)
    }
}

/// Returns the token in a slot, if it can still be used and is not the one that was refused.
pub(super) fn usable(
    token: Option<&Token>,
    refused: Option<&Secret>,
    now: Timestamp,
) -> Option<Secret> {
    let token = token.filter(|token| token.renew_at > now)?;
    (Some(&token.secret) != refused).then(|| token.secret.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_until_five_minutes_before_its_end_by_githubs_clock() {
        let content = br#"{"token":"ghs_1","expires_at":"2026-01-01T01:00:00Z","permissions":{}}"#;
        let github = Timestamp::from_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let own = Timestamp::from_rfc3339("2026-01-01T09:00:00Z").unwrap();
        let token = Token::read(content, github, own).unwrap();
        let minutes = |count| own.plus(Duration::from_mins(count));
        let secret = Secret::new("ghs_1".to_owned());
        assert_eq!(
            usable(Some(&token), None, minutes(54)),
            Some(secret.clone())
        );
        assert_eq!(usable(Some(&token), None, minutes(55)), None);
        assert_eq!(usable(Some(&token), Some(&secret), own), None);
        assert!(Token::read(b"{}", github, own).is_none());
    }
}
