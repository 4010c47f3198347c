//! The signal for the circuit breaker, derived from the journal of a message.

use crate::domain::fault::Step;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::{JournalResult, Outcome};

/// The behaviour of AWS while one message was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendSignal {
    /// No call to AWS was made.
    Nothing,
    /// AWS answered, whatever the answer was.
    Answered,
    /// AWS failed in a way that may affect every message. It may also be the fault of one rule, one
    /// template or one repository, so this proves nothing.
    Suspicious,
}

impl BackendSignal {
    /// Derives the signal from the journal of a message.
    #[must_use]
    pub fn from_journal(journal: &Journal) -> Self {
        let fault = match &journal.result {
            JournalResult::Open | JournalResult::Ended(Outcome::Ignored(_)) => {
                return Self::Nothing;
            }
            JournalResult::Ended(
                Outcome::Unchanged(_)
                | Outcome::Recorded(_)
                | Outcome::Created
                | Outcome::AlreadyCreated
                | Outcome::Adopted
                | Outcome::Started
                | Outcome::Retried
                | Outcome::Updated
                | Outcome::RepositoryRemoved(_)
                | Outcome::RepositoryRenamed { .. }
                | Outcome::ExecutionRecorded
                | Outcome::TeardownStarted
                | Outcome::TeardownFailed(_)
                | Outcome::LeftBehind
                | Outcome::Deleted
                | Outcome::AlreadyDeleted
                | Outcome::SkippedForeign
                | Outcome::AlreadyProcessed,
            ) => return Self::Answered,
            JournalResult::Failed(fault) => fault,
        };
        if fault.reason.scope().may_be_outage() {
            return Self::Suspicious;
        }
        match journal.step {
            // A full lane fails without a call to AWS.
            Step::Mapping | Step::Plan if !fault.reason.class().is_uncounted() => Self::Answered,
            Step::Authenticated | Step::Event | Step::Intent | Step::Mapping | Step::Plan => {
                Self::Nothing
            }
        }
    }
}
