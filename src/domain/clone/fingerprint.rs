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
    /// anew. `None` if an attempt that did not settle created the clone.
    pub digest: Option<String>,
    /// The source action whose commit each execution names; `None` if an execution builds the
    /// branch's head.
    pub pinned_source: Option<String>,
    /// The names of the variables that each execution gets.
    pub variables: Vec<String>,
}

/// Returns the digest of a declaration, without the values of the rule's variables but with their
/// names.
pub(super) fn digest(clone: &Declaration, overrides: &CloneOverrides) -> String {
    let mut hash = Sha256::new();
    hash.update(canonical_json::json(&clone.0));
    for (name, _) in &overrides.variables {
        hash.update(b"\n");
        hash.update(name);
    }
    hex::encode(hash.finalize())
}
