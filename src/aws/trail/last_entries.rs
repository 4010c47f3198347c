//! The last entries of the chains that this process wrote to last. They save reading them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;

/// How many entries are kept: less than 2 MB.
const KEPT: usize = 1_000;

/// The last entry of one chain; `None` if it has to be read. The lock is held while an entry is
/// added, so that two entries of one process do not race for the same place.
pub(super) type LastEntry = tokio::sync::Mutex<Option<AuditEntry>>;

/// The last entries, by chain.
#[derive(Default)]
pub(in crate::aws) struct LastEntries(Mutex<HashMap<Chain, Arc<LastEntry>>>);

impl LastEntries {
    /// Returns the last entry of a chain. Chains do not wait for each other. If there are too many,
    /// all of those that nobody writes to are forgotten.
    pub(super) fn of(&self, chain: &Chain) -> Arc<LastEntry> {
        // No code panics under this lock.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= KEPT && !entries.contains_key(chain) {
            entries.retain(|_, last| Arc::strong_count(last) > 1);
        }
        Arc::clone(entries.entry(chain.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_written_to_is_not_forgotten() {
        let entries = LastEntries::default();
        let chain = |number: usize| Chain::Messages(number.to_string());
        let first = entries.of(&chain(0));
        for number in 1..=KEPT {
            entries.of(&chain(number));
        }
        assert!(Arc::ptr_eq(&first, &entries.of(&chain(0))));
        let kept = entries.0.lock().map(|entries| entries.len());
        assert_eq!(kept.ok(), Some(2));
    }
}
