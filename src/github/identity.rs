//! Asks GitHub who branchline is, and what it may do.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::github::Credentials;
use crate::domain::ids::{InstallationId, RepositoryName, Timestamp};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::ports::{Clock, GitHubReader, Grants, Identity, Installation, SignedIn};

use crate::github::call::{Call, in_repository};
use crate::github::call_queues::Caller;
use crate::github::client::GitHubClient;
use crate::github::date::clock_ahead_ms;
use crate::github::transport::Answer;

#[derive(Deserialize)]
struct Granted {
    id: u64,
    slug: Option<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: BTreeSet<String>,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

impl<C: Clock> GitHubReader for GitHubClient<C> {
    async fn sign_in(&self) -> Result<SignedIn, GitHubFault> {
        let (answer, identity) = match &self.credentials {
            Credentials::App { .. } => {
                let (answer, app) = self.app().await?;
                let identity = Identity::App {
                    slug: app.slug.unwrap_or_default(),
                    grants: grants(app.permissions, app.events),
                };
                (answer, identity)
            }
            Credentials::Token(_) => {
                let (answer, user) = self.user().await?;
                let identity = Identity::Person {
                    login: user.login,
                    expires_at: expiry(&answer),
                };
                (answer, identity)
            }
        };
        Ok(SignedIn {
            identity,
            clock_ahead_ms: clock_ahead_ms(&answer.headers, self.clock.now()),
        })
    }

    async fn installation(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Installation>, GitHubFault> {
        let path = in_repository(repository, "installation");
        let call = Call::get("GetRepositoryInstallation", path);
        let answer = match self.as_app(&call).await {
            Err(failed) if failed.status == Some(404) => return Ok(None),
            answer => answer?,
        };
        let found: Granted = call.read(&answer)?;
        Ok(Some(Installation {
            id: InstallationId(found.id),
            grants: grants(found.permissions, found.events),
            is_suspended: found.suspended_at.is_some(),
        }))
    }
}

impl<C: Clock> GitHubClient<C> {
    /// Returns the number of the App, or of the token's owner. GitHub is asked once.
    pub(super) async fn own_id(&self) -> Result<u64, GitHubFault> {
        let ask = async || match &self.credentials {
            Credentials::App { id, .. } => match id.number() {
                Some(number) => Ok(number),
                None => self.app().await.map(|(_, app)| app.id),
            },
            Credentials::Token(_) => self.user().await.map(|(_, user)| user.id),
        };
        self.own_id.get_or_try_init(ask).await.copied()
    }

    async fn app(&self) -> Result<(Answer, Granted), GitHubFault> {
        let call = Call::get("GetApp", "/app".to_owned());
        let answer = self.as_app(&call).await?;
        let app = call.read(&answer)?;
        Ok((answer, app))
    }

    async fn user(&self) -> Result<(Answer, User), GitHubFault> {
        let call = Call::get("GetUser", "/user".to_owned());
        let Credentials::Token(token) = &self.credentials else {
            return Err(GitHubFault::new(
                GitHubFaultKind::Misconfigured,
                "GET /user: only a token has an owner",
            ));
        };
        let answer = self.exchange(Caller::Token, token, &call).await?;
        let user = call.read(&answer)?;
        Ok((answer, user))
    }
}

fn grants(permissions: BTreeMap<String, String>, events: BTreeSet<String>) -> Grants {
    Grants {
        permissions,
        events,
    }
}

/// Returns when the token expires, if it does (GitHub Docs, "Token expiration and revocation").
fn expiry(answer: &Answer) -> Option<Timestamp> {
    let header = answer.headers.get("github-authentication-token-expiration");
    expiry_time(header?.to_str().ok()?)
}

/// Parses `2026-12-31 10:00:00 UTC`, and the same with an offset, `-0800`.
fn expiry_time(text: &str) -> Option<Timestamp> {
    let mut parts = text.split(' ');
    let (date, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let zone = match zone.split_at_checked(3)? {
        ("UTC", "") => "Z".to_owned(),
        (hours, minutes) => format!("{hours}:{minutes}"),
    };
    Timestamp::from_rfc3339(&format!("{date}T{time}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_of_a_token_has_two_forms() {
        let expected = Timestamp::from_rfc3339("2026-12-31T10:00:00Z");
        assert_eq!(expiry_time("2026-12-31 10:00:00 UTC"), expected);
        assert_eq!(expiry_time("2026-12-31 02:00:00 -0800"), expected);
        for text in ["", "2026-12-31", "2026-12-31 10:00:00 é", "a b UTC"] {
            assert_eq!(expiry_time(text), None, "{text}");
        }
    }
}
