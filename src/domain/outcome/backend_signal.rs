//! What the end of one message tells about AWS, for the circuit breaker.

use crate::domain::fault::{Class, Fault, Step};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::{JournalResult, Outcome};

/// What the end of one message tells about AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendSignal {
    /// Nothing: AWS was not asked.
    Nothing,
    /// AWS answered, whatever it answered about this message.
    Answered,
    /// AWS failed in a way that concerns every message.
    Failed(Fault),
}

impl BackendSignal {
    /// Reads the signal off the journal of a message.
    #[must_use]
    pub fn of(journal: &Journal) -> Self {
        let fault = match &journal.result {
            JournalResult::Open | JournalResult::Ended(Outcome::Ignored(_)) => {
                return Self::Nothing;
            }
            JournalResult::Ended(
                Outcome::Unchanged(_)
                | Outcome::Recorded(_)
                | Outcome::Created
                | Outcome::AlreadyCreated
                | Outcome::Started
                | Outcome::Updated
                | Outcome::RepositoryRemoved(_)
                | Outcome::Deleted
                | Outcome::AlreadyDeleted
                | Outcome::SkippedForeign
                | Outcome::AlreadyProcessed,
            ) => return Self::Answered,
            JournalResult::Failed(fault) => fault,
        };
        if fault.reason.scope().is_outage() {
            return Self::Failed(fault.clone());
        }
        match journal.step {
            // A full lane fails without asking AWS.
            Step::Mapping | Step::Plan if fault.reason.class() != Class::Busy => Self::Answered,
            Step::Authenticated | Step::Event | Step::Intent | Step::Mapping | Step::Plan => {
                Self::Nothing
            }
        }
    }
}
