//! What the table remembers of a repository as a whole.

use std::collections::BTreeSet;

use crate::domain::ids::{RepositoryName, Timestamp};
use crate::domain::state::desired::AbsenceReason;

/// The record of a repository of which an event was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryRecord {
    /// Every name that it is known to have had, in lower case.
    pub names: BTreeSet<RepositoryName>,
    /// Its last end.
    pub end: Option<RepositoryTombstone>,
}

/// The end of a repository: no subject of it outlives this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryTombstone {
    /// When it was deleted or archived.
    pub at: Timestamp,
    /// Whether it was deleted or archived.
    pub reason: AbsenceReason,
}

impl RepositoryRecord {
    /// Returns the end of the repository if an event of this time is not later.
    #[must_use]
    pub fn end_after(&self, event_time: Timestamp) -> Option<RepositoryTombstone> {
        self.end.filter(|end| event_time <= end.at)
    }

    /// Adds names, and an end unless a later one is recorded.
    #[must_use]
    pub fn with(
        mut self,
        names: impl IntoIterator<Item = RepositoryName>,
        end: Option<RepositoryTombstone>,
    ) -> Self {
        let lower = names.into_iter().map(|name| name.to_lower_case());
        self.names.extend(lower);
        self.end = match (self.end, end) {
            (Some(known), Some(new)) if known.at >= new.at => Some(known),
            (known, new) => new.or(known),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(at: i64) -> RepositoryTombstone {
        RepositoryTombstone {
            at: Timestamp(at),
            reason: AbsenceReason::RepositoryDeleted,
        }
    }

    #[test]
    fn the_latest_end_counts_in_any_order() {
        for ends in [[1, 2], [2, 1]] {
            let record = ends
                .into_iter()
                .fold(RepositoryRecord::default(), |record, at| {
                    record.with([], Some(end(at)))
                });
            assert_eq!(record.end, Some(end(2)));
            assert_eq!(record.end_after(Timestamp(2)), Some(end(2)));
            assert_eq!(record.end_after(Timestamp(3)), None);
        }
    }
}
