//! What a verification of the audit trail finds.

use serde::{Serialize, Serializer};

use crate::domain::fault::Fault;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::ChainHead;
use crate::domain::outcome::chain_check::Defect;
use crate::domain::state::mapping::Mapping;

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailFindingKind {
    /// The content of an entry does not match its hash.
    Altered,
    /// An entry is not the one that its successor follows.
    Replaced,
    /// Entries are missing in the middle, or at the beginning.
    Missing,
    /// The chain ends before the entry that the mapping names.
    Truncated,
    /// The chain does not end with the entry that the mapping names.
    Differs,
    /// The chain has no mapping any more.
    MappingGone,
    /// An entry or a mapping cannot be read.
    Unreadable,
}

impl TrailFindingKind {
    /// Returns the stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Replaced => "replaced",
            Self::Missing => "missing",
            Self::Truncated => "truncated",
            Self::Differs => "differs",
            Self::MappingGone => "mapping-gone",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Serialize for TrailFindingKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// A defect of the audit trail. The field names are stable: they are the columns of `csv` and the
/// keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct TrailFinding {
    /// `altered`, `replaced`, `missing`, `truncated`, `differs`, `mapping-gone` or `unreadable`.
    pub kind: TrailFindingKind,
    /// The subject, as people write it.
    pub subject: Option<String>,
    /// The chain.
    pub chain: String,
    /// The number of the entry concerned.
    pub sequence: Option<u64>,
    /// The details.
    pub detail: String,
}

impl TrailFinding {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &["kind", "subject", "chain", "sequence", "detail"];
}

/// Compares the end of a chain with the mapping that should have it.
pub(super) fn compare(
    mapping: Result<Option<Mapping>, Fault>,
    last: Option<&ChainHead>,
) -> Option<(TrailFindingKind, String)> {
    let mapping = match (mapping, last) {
        (Err(fault), _) => return Some((TrailFindingKind::Unreadable, fault.detail)),
        (Ok(None), None) => return None,
        (Ok(None), Some(_)) => {
            let detail = "the mapping of this subject was removed, which branchline never does; the next event of the subject creates it again";
            return Some((TrailFindingKind::MappingGone, detail.to_owned()));
        }
        (Ok(Some(mapping)), _) => mapping,
    };
    match (mapping.trail, last) {
        (None, None) => None,
        (Some(head), Some(last)) if head == *last => None,
        (Some(head), last) if last.is_none_or(|last| last.sequence < head.sequence) => {
            let detail = format!(
                "the mapping names entry {}, and the chain ends before it",
                head.sequence
            );
            Some((TrailFindingKind::Truncated, detail))
        }
        (head, _) => {
            let named = head.map_or("no entry".to_owned(), |head| {
                format!("entry {} with hash {}", head.sequence, head.hash)
            });
            let detail = format!("the mapping names {named}, and the chain ends with another one");
            Some((TrailFindingKind::Differs, detail))
        }
    }
}

/// Describes a defect: its kind, the number of the entry concerned, and the details.
pub(super) fn describe(defect: &Defect, entry: &AuditEntry) -> (TrailFindingKind, u64, String) {
    match defect {
        Defect::Altered(number) => {
            let detail = format!(
                "its content has the hash {}, and not {}",
                entry.computed_hash(),
                entry.hash
            );
            (TrailFindingKind::Altered, *number, detail)
        }
        Defect::Replaced(number) => {
            let before = number - 1;
            let detail = format!("entry {number} does not follow the entry {before} that is here");
            (TrailFindingKind::Replaced, before, detail)
        }
        Defect::Missing(first, last) => {
            let detail = match first == last {
                true => format!("entry {first} is missing"),
                false => format!("entries {first} to {last} are missing"),
            };
            (TrailFindingKind::Missing, *first, detail)
        }
        Defect::Misplaced(number) => {
            let detail = format!(
                "an item has a key that branchline does not write: {}",
                entry.chain
            );
            (TrailFindingKind::Unreadable, *number, detail)
        }
        Defect::Newer(number) => {
            let detail = format!(
                "it has schema {}, which this branchline does not know: upgrade it",
                entry.schema
            );
            (TrailFindingKind::Unreadable, *number, detail)
        }
    }
}

/// Makes the finding of an item that belongs to no chain.
pub(super) fn unknown(key: String) -> TrailFinding {
    TrailFinding {
        kind: TrailFindingKind::Unreadable,
        subject: None,
        chain: key,
        sequence: None,
        detail: "an item has a key that branchline does not write".to_owned(),
    }
}
