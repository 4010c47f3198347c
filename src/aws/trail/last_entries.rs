//! The last entries of the chains that this process wrote to last. They save reading them again.

use std::collections::HashMap;

use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;

/// How many entries are kept: less than 2 MB.
const KEPT: usize = 1_000;

/// The last entries, by chain.
#[derive(Default)]
pub(in crate::aws) struct LastEntries(HashMap<Chain, AuditEntry>);

impl LastEntries {
    /// Takes the last entry of a chain, which its next writer puts back.
    pub(super) fn take(&mut self, chain: &Chain) -> Option<AuditEntry> {
        self.0.remove(chain)
    }

    /// Keeps the last entry of a chain. If there are too many, all others are forgotten.
    pub(super) fn keep(&mut self, chain: &Chain, entry: AuditEntry) {
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(chain.clone(), entry);
    }
}
