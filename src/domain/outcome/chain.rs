//! The chains of the audit trail: which entries follow which.

use std::fmt;

use crate::domain::ids::Subject;

/// The digits of an entry's number in its key, so that keys sort as numbers do.
const DIGITS: usize = 10;

/// A chain of audit entries. Each entry has the hash of the one before it, and who writes decides
/// which chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// The changes of a subject's mapping, which has the last link.
    Changes(Subject),
    /// The messages of a subject that were dead-lettered.
    DeadLetters(Subject),
    /// What operators did with a subject's dead letters.
    Operators(Subject),
    /// The final reports to GitHub about a subject's commits.
    Reports(Subject),
    /// What operators did with messages without a known subject.
    OperatorMessages,
    /// The messages without a known subject that one worker dead-lettered or quarantined.
    Messages(String),
}

/// The last link of a chain: what the next entry follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The number of the last entry. The first entry has number 1.
    pub sequence: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub hash: String,
}

const CHANGE: &str = "CHANGE";
const FAILURE: &str = "FAILURE";
const ACTION: &str = "ACTION";
const REPORT: &str = "REPORT";
const MESSAGE: &str = "MESSAGE";
/// The beginning of the partitions that operators may write to: infra/iam_daemon.tf has the same.
const OPERATOR: &str = "OPERATOR#";
/// The partition of operators' actions on messages without a known subject. No subject's key is the
/// same, since it begins with `REPO#`.
const OPERATOR_MESSAGES: &str = "OPERATOR#MESSAGES";
const WORKER: &str = "WORKER#";

impl Chain {
    /// Returns the chains of a subject.
    #[must_use]
    pub fn of(subject: &Subject) -> [Self; 4] {
        [
            Self::Changes(subject.clone()),
            Self::DeadLetters(subject.clone()),
            Self::Operators(subject.clone()),
            Self::Reports(subject.clone()),
        ]
    }

    /// Returns the subject; `None` for messages without one.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Changes(subject)
            | Self::DeadLetters(subject)
            | Self::Operators(subject)
            | Self::Reports(subject) => Some(subject),
            Self::OperatorMessages | Self::Messages(_) => None,
        }
    }

    /// Returns the key of the partition that has the chain.
    #[must_use]
    pub fn partition(&self) -> String {
        match self {
            Self::Changes(subject) | Self::DeadLetters(subject) | Self::Reports(subject) => {
                subject.table_key()
            }
            Self::Operators(subject) => format!("{OPERATOR}{}", subject.table_key()),
            Self::OperatorMessages => OPERATOR_MESSAGES.to_owned(),
            Self::Messages(worker) => format!("{WORKER}{worker}"),
        }
    }

    /// Returns the beginning of the chain's sort keys.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}#", self.kind())
    }

    /// Returns the sort key of the entry with this number.
    #[must_use]
    pub fn sort_key(&self, sequence: u64) -> String {
        format!("{}#{sequence:0DIGITS$}", self.kind())
    }

    /// Parses the key of an entry. `None` if branchline does not write such a key.
    #[must_use]
    pub fn from_key(partition: &str, sort_key: &str) -> Option<(Self, u64)> {
        let (kind, sequence) = sort_key.split_once('#')?;
        let chain = Self::parse(partition, kind)?;
        let sequence = sequence.parse().ok()?;
        let is_ours = chain.partition() == partition && chain.sort_key(sequence) == sort_key;
        is_ours.then_some((chain, sequence))
    }

    /// Parses what `Display` writes.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (partition, kind) = text.rsplit_once('/')?;
        Self::parse(partition, kind)
    }

    fn parse(partition: &str, kind: &str) -> Option<Self> {
        match kind {
            CHANGE => Subject::from_table_key(partition).map(Self::Changes),
            REPORT => Subject::from_table_key(partition).map(Self::Reports),
            FAILURE => Subject::from_table_key(partition).map(Self::DeadLetters),
            ACTION if partition == OPERATOR_MESSAGES => Some(Self::OperatorMessages),
            ACTION => {
                Subject::from_table_key(partition.strip_prefix(OPERATOR)?).map(Self::Operators)
            }
            MESSAGE => Some(Self::Messages(partition.strip_prefix(WORKER)?.to_owned())),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Changes(_) => CHANGE,
            Self::DeadLetters(_) => FAILURE,
            Self::Reports(_) => REPORT,
            Self::Operators(_) | Self::OperatorMessages => ACTION,
            Self::Messages(_) => MESSAGE,
        }
    }
}

/// Writes the name of the chain: `REPO#1001/PR#0000000007/CHANGE`.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition(), self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{Branch, RepositoryId, SubjectKind};

    #[test]
    fn a_chain_reads_back_from_its_keys_and_from_its_name() {
        let branch = SubjectKind::Branch(Branch::parse("a/b#CHANGE/CHANGE#1").unwrap());
        for kind in [SubjectKind::PullRequest(7), branch] {
            let subject = Subject {
                repository: RepositoryId(1_001),
                kind,
            };
            let of_subject = Chain::of(&subject).into_iter();
            let others = [
                Chain::OperatorMessages,
                Chain::Messages("0f/7#1".to_owned()),
            ];
            for chain in of_subject.chain(others) {
                let (partition, key) = (chain.partition(), chain.sort_key(12));
                assert!(key.starts_with(&chain.prefix()), "{key}");
                assert_eq!(Chain::from_key(&partition, &key), Some((chain.clone(), 12)));
                assert_eq!(Chain::from_text(&chain.to_string()), Some(chain));
            }
        }
    }

    #[test]
    fn a_key_that_branchline_does_not_write_is_no_key() {
        let keys = [
            ("REPO#1/PR#0000000007", "CHANGE#12"),
            ("REPO#1/PR#0000000007", "CHANGE#+000000012"),
            ("REPO#1/PR#0000000007", "ACTION#0000000012"),
            ("REPO#1/PR#0000000007", "DELIVERY"),
            ("REPO#1/PR#7", "CHANGE#0000000012"),
            ("DELIVERY#1", "CHANGE#0000000012"),
        ];
        for (partition, key) in keys {
            assert_eq!(Chain::from_key(partition, key), None, "{partition} {key}");
        }
    }
}
