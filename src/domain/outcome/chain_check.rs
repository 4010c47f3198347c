//! Checks the entries of one chain, one after the other.

use crate::domain::outcome::audit_entry::{AuditEntry, ENTRY_SCHEMA};
use crate::domain::outcome::chain::ChainHead;

/// What is wrong with an entry, or between two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The content of this entry is not the one that was hashed.
    Altered(u64),
    /// The entry before this one is not the one that this one follows.
    Replaced(u64),
    /// These entries are missing, from the first to the last.
    Missing(u64, u64),
    /// This entry comes after one with the same or a higher number, or its key has no number (0).
    Misplaced(u64),
    /// A newer branchline wrote this entry, so its hash cannot be checked.
    Newer(u64),
}

/// A check of one chain in progress.
#[derive(Clone, Debug, Default)]
pub struct ChainCheck {
    last: Option<ChainHead>,
}

impl ChainCheck {
    /// Returns the last link so far.
    #[must_use]
    pub fn last(&self) -> Option<&ChainHead> {
        self.last.as_ref()
    }

    /// Checks the next entry, in the order of their numbers.
    pub fn push(&mut self, entry: &AuditEntry) -> Vec<Defect> {
        let number = entry.sequence;
        let last = self.last.as_ref().map_or(0, |last| last.sequence);
        if number <= last {
            return vec![Defect::Misplaced(number)];
        }
        let mut defects = Vec::new();
        let expected = last.saturating_add(1);
        if number == expected {
            let hash = self.last.as_ref().map(|last| last.hash.as_str());
            if entry.previous.as_deref() != hash {
                defects.push(Defect::Replaced(number));
            }
        } else {
            defects.push(Defect::Missing(expected, number - 1));
        }
        if entry.schema > ENTRY_SCHEMA {
            defects.push(Defect::Newer(number));
        } else if entry.computed_hash() != entry.hash {
            defects.push(Defect::Altered(number));
        }
        self.last = Some(entry.head());
        defects
    }
}
