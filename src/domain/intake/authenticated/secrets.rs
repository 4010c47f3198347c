//! The webhook secrets, each with its name and the repositories that it is bound to.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::RepositoryName;
use crate::domain::intake::object::Object;
use crate::domain::rules::glob::GlobFilter;

/// The name of a secret, and the repositories whose webhooks it proves. It does not contain the
/// secret.
#[derive(Debug)]
pub struct SecretScope {
    /// The name in logs, journals and metrics.
    pub name: String,
    /// The repositories; `None` for all.
    pub repositories: Option<GlobFilter>,
}

impl SecretScope {
    /// Returns true if the secret proves the webhooks of this repository.
    #[must_use]
    pub fn covers(&self, repository: &RepositoryName) -> bool {
        let bound = self.repositories.as_ref();
        bound.is_none_or(|globs| globs.is_match(repository.as_str()))
    }

    /// Returns the fault of a body that is signed with this secret, and names no repository.
    #[must_use]
    pub(super) fn without_repository(&self) -> Fault {
        let detail = format!(
            "the signature is valid under the secret '{}', which is bound to repositories, and the body names no repository (repository.full_name): give webhooks of an organization a secret that is not bound, in github.secrets",
            self.name
        );
        Fault::new(Reason::WrongSecret, detail)
    }

    /// Returns the fault of a body that is signed with this secret, and is about `what`.
    #[must_use]
    pub fn fault(&self, what: &str) -> Fault {
        let detail = format!(
            "the signature is valid under the secret '{}', which is bound to other repositories, and the webhook is about {what}: correct the secret at GitHub, or repositories in [[github.secret]]",
            self.name
        );
        Fault::new(Reason::WrongSecret, detail)
    }
}

/// A webhook secret as a keyed HMAC.
#[derive(Clone)]
struct WebhookSecret {
    scope: Arc<SecretScope>,
    key: Hmac<Sha256>,
}

/// The webhook secrets. There are several while a secret is rotated, or if repositories have
/// secrets of their own. They are never printed.
#[derive(Clone, Default)]
pub struct Secrets {
    readable: Vec<WebhookSecret>,
    /// True if others are configured that cannot be read here.
    has_unreadable: bool,
}

impl Secrets {
    /// Creates secrets for all repositories, with the names `secret 1`, `secret 2` and so on.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut all = Self::default();
        for (number, secret) in (1..).zip(secrets) {
            let scope = SecretScope {
                name: format!("secret {number}"),
                repositories: None,
            };
            all.add(scope, secret);
        }
        all
    }

    /// Adds a secret. An empty secret would authenticate anything, so it is left out.
    pub fn add(&mut self, scope: SecretScope, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        let key = Hmac::new_from_slice(secret).ok();
        let scope = Arc::new(scope);
        let added = key.map(|key| WebhookSecret { scope, key });
        self.readable.extend(added.filter(|_| !secret.is_empty()));
    }

    /// Records that others are configured that cannot be read here.
    pub fn add_unreadable(&mut self) {
        self.has_unreadable = true;
    }

    /// Returns true if a secret that cannot be read here may match where none of these does.
    #[must_use]
    pub fn has_unreadable(&self) -> bool {
        self.has_unreadable
    }

    /// Returns the names and repositories of the secrets.
    pub fn scopes(&self) -> impl Iterator<Item = &SecretScope> {
        self.readable.iter().map(|secret| secret.scope.as_ref())
    }

    /// Returns the signature of `body` under the first secret, as GitHub writes it. `None` without
    /// a secret.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Option<String> {
        let mut mac = self.readable.first()?.key.clone();
        mac.update(body);
        Some(format!(
            "sha256={}",
            hex::encode(mac.finalize().into_bytes())
        ))
    }

    /// Returns the secrets under which `signature` is the HMAC of `body`. The time that it takes
    /// does not depend on which of them match.
    pub(super) fn matching(&self, body: &[u8], signature: &[u8]) -> Vec<Arc<SecretScope>> {
        let matches = |secret: &&WebhookSecret| {
            let mut mac = secret.key.clone();
            mac.update(body);
            mac.verify_slice(signature).is_ok()
        };
        let matching = self.readable.iter().filter(matches);
        matching.map(|secret| Arc::clone(&secret.scope)).collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.readable.len())
    }
}

/// The field of every payload that decides which bound secrets prove it.
#[derive(Deserialize)]
struct RepositoryOnly {
    repository: Object<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

/// Returns the name of the repository that a body is about. The body must be proven under some
/// secret.
pub(super) fn repository_of(json: &str) -> Option<RepositoryName> {
    let Object(body): Object<RepositoryOnly> = serde_json::from_str(json).ok()?;
    RepositoryName::parse(body.repository.0.full_name).ok()
}
