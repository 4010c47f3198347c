//! The fingerprint of a clone: what a mapping keeps of it, to see later whether it still is what its template and rule say.

use sha2::{Digest, Sha256};

use crate::domain::clone::canonical_json;
use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::CloneOverrides;

/// What a mapping keeps of a clone, to see later whether it still is what its template and rule say, and to start it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneFingerprint {
    /// SHA-256 over the declaration, but for the values of its variables: an execution is told those. `None` where an
    /// attempt wrote it that could not settle.
    pub digest: Option<String>,
    /// The source action whose commit an execution is told; `None` where it fetches the branch's head.
    pub pinned_source: Option<String>,
    /// The variables that an execution is told.
    pub variables: Vec<String>,
}

/// Of the declaration without the values of the rule's variables, but with their names.
pub(super) fn digest(clone: &Declaration, changes: &CloneOverrides) -> String {
    let mut hash = Sha256::new();
    hash.update(canonical_json::json(&clone.0));
    for (name, _) in &changes.variables {
        hash.update(b"\n");
        hash.update(name);
    }
    hex::encode(hash.finalize())
}
