//! The fingerprint of a clone, which shows whether the clone still matches its template and rule.

use sha2::{Digest, Sha256};

use crate::domain::clone::canonical_json;
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::CloneOverrides;

/// The parts of a clone that its mapping keeps: to see later whether the clone still matches its
/// template and rule, and to start executions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneFingerprint {
    /// SHA-256 of the declaration without the values of its variables, which each execution gets
    /// anew, and without its rule's secrets. `None` if an attempt that did not settle created the
    /// clone.
    pub digest: Option<String>,
    /// SHA-256 of the digest and the rule's secrets. `None` if the rule has none, or if they were
    /// not read: a prediction compares everything but the secrets.
    pub secrets: Option<String>,
    /// The source action that fetches the subject's branch. Templates have other source actions,
    /// too, whose commits are not the subject's. `None` in a row that does not say.
    pub source: Option<String>,
    /// The source action whose commit each execution names; `None` if an execution builds the
    /// branch's head.
    pub pinned_source: Option<String>,
    /// The names of the variables that each execution gets.
    pub variables: Vec<String>,
    /// The stages of the template that the clone does not have.
    pub left_out_stages: Vec<String>,
}

impl CloneFingerprint {
    /// Returns true if the declaration that was written is also the one that is wanted. The commit
    /// that an execution fetches is not part of it.
    #[must_use]
    pub fn matches(&self, wanted: &Self) -> bool {
        let same_secrets = wanted.secrets.is_none() || self.secrets == wanted.secrets;
        self.digest.is_some() && self.digest == wanted.digest && same_secrets
    }
}

/// Returns the digest of a declaration before its secrets are filled in, without the values of the
/// rule's variables and secrets but with the names of both.
pub(super) fn digest(clone: &Declaration, overrides: &CloneOverrides) -> String {
    let mut hash = Sha256::new();
    hash.update(canonical_json::json(&clone.0));
    for (name, _) in &overrides.variables {
        hash.update(b"\n");
        hash.update(name);
    }
    for (path, key, _) in &overrides.secrets {
        hash.update(format!("\nsecret {path}/{key}"));
    }
    hex::encode(hash.finalize())
}

/// Returns the digest of the rule's secrets; `None` if there are none, or one was not read. It
/// includes the digest of the declaration, so that equal secrets have different digests.
pub(super) fn secrets_digest(digest: &str, overrides: &CloneOverrides) -> Option<String> {
    if overrides.secrets.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(digest);
    for (_, _, secret) in &overrides.secrets {
        let secret = secret.readable()?;
        // The length keeps "ab", "c" and "a", "bc" apart.
        hash.update(format!("\n{}:", secret.len()));
        hash.update(secret);
    }
    Some(hex::encode(hash.finalize()))
}
