//! What the outcome of one message tells about AWS, for the circuit breaker.

use crate::domain::fault::{Blame, Class, Fault, Step};
use crate::domain::outcome::journal::Outcome;

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
    /// Reads the signal off the outcome of one message.
    #[must_use]
    pub fn of(outcome: &Result<Outcome, Fault>) -> Self {
        let fault = match outcome {
            Ok(Outcome::Ignored(_)) => return Self::Nothing,
            Ok(
                Outcome::Unchanged(_)
                | Outcome::Recorded(_)
                | Outcome::Created
                | Outcome::AlreadyCreated
                | Outcome::Started
                | Outcome::Updated
                | Outcome::Left(_)
                | Outcome::Deleted
                | Outcome::AlreadyDeleted
                | Outcome::LeftAlone,
            ) => return Self::Answered,
            Err(fault) => fault,
        };
        match (fault.blame(), fault.room) {
            (Blame::Weather | Blame::Setup, _) => Self::Failed(fault.clone()),
            // A full lane is answered without AWS.
            (Blame::Message, Step::Mapping | Step::Plan) if fault.reason.class() != Class::Busy => {
                Self::Answered
            }
            (
                Blame::Message,
                Step::Delivery
                | Step::Event
                | Step::Intent
                | Step::Mapping
                | Step::Plan
                | Step::Queue,
            ) => Self::Nothing,
        }
    }
}
