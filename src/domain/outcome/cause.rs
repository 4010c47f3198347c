//! The cause of a change to a mapping, or of a note in its audit trail.

use std::fmt;
use std::str::FromStr;

use crate::domain::ids::{CommitId, DeliveryId};

/// The cause of an audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A webhook, by GitHub's delivery GUID.
    Webhook(DeliveryId),
    /// What GitHub showed when branchline looked there, by the id of the message.
    Sighting(DeliveryId),
    /// A repair that an operator sent, by the id of the request.
    Repair(DeliveryId),
    /// A slot that became free, by the id of the wake.
    Wake(DeliveryId),
    /// A subject that was idle, by the id of the request.
    Sleep(DeliveryId),
    /// The sweep for abandoned mappings, by the owner of its claim.
    Sweep(String),
    /// An operator who replayed a dead letter, by its delivery.
    Replay(DeliveryId),
    /// An operator who dropped a dead letter, by its delivery.
    Drop(DeliveryId),
    /// A delivery that was dead-lettered.
    DeadLetter(DeliveryId),
    /// A message without a known delivery that was dead-lettered or quarantined, by SQS's id.
    Message(String),
    /// A report to GitHub, by its commit.
    Report(CommitId),
}

const SIGHTING: &str = "sighting";
const REPAIR: &str = "repair";
const WAKE: &str = "wake";
const SLEEP: &str = "sleep";
const SWEEP: &str = "sweep";
const REPLAY: &str = "replay";
const DROP: &str = "drop";
const DEAD_LETTER: &str = "dead-letter";
const MESSAGE: &str = "message";
const REPORT: &str = "report";

impl Cause {
    /// Returns the id of the delivery; `None` for a sweep, a message or a report, which have none.
    #[must_use]
    pub fn delivery(&self) -> Option<&DeliveryId> {
        match self {
            Self::Webhook(id)
            | Self::Sighting(id)
            | Self::Repair(id)
            | Self::Wake(id)
            | Self::Sleep(id)
            | Self::Replay(id)
            | Self::Drop(id)
            | Self::DeadLetter(id) => Some(id),
            Self::Sweep(_) | Self::Message(_) | Self::Report(_) => None,
        }
    }
}

/// Writes the prefix and the id. An id never contains a colon, so the prefix is unambiguous.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(id) => write!(f, "{id}"),
            Self::Sighting(id) => write!(f, "{SIGHTING}:{id}"),
            Self::Repair(id) => write!(f, "{REPAIR}:{id}"),
            Self::Wake(id) => write!(f, "{WAKE}:{id}"),
            Self::Sleep(id) => write!(f, "{SLEEP}:{id}"),
            Self::Sweep(owner) => write!(f, "{SWEEP}:{owner}"),
            Self::Replay(id) => write!(f, "{REPLAY}:{id}"),
            Self::Drop(id) => write!(f, "{DROP}:{id}"),
            Self::DeadLetter(id) => write!(f, "{DEAD_LETTER}:{id}"),
            Self::Message(id) => write!(f, "{MESSAGE}:{id}"),
            Self::Report(commit) => write!(f, "{REPORT}:{commit}"),
        }
    }
}

/// The error of a text that is not a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cause that branchline wrote")]
pub struct UnknownCause;

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        let id = |text: &str| DeliveryId::parse(text).map_err(|_| UnknownCause);
        match text.split_once(':') {
            None => id(text).map(Self::Webhook),
            Some((SIGHTING, rest)) => id(rest).map(Self::Sighting),
            Some((REPAIR, rest)) => id(rest).map(Self::Repair),
            Some((WAKE, rest)) => id(rest).map(Self::Wake),
            Some((SLEEP, rest)) => id(rest).map(Self::Sleep),
            Some((SWEEP, owner)) => Ok(Self::Sweep(owner.to_owned())),
            Some((REPLAY, rest)) => id(rest).map(Self::Replay),
            Some((DROP, rest)) => id(rest).map(Self::Drop),
            Some((DEAD_LETTER, rest)) => id(rest).map(Self::DeadLetter),
            Some((MESSAGE, id)) => Ok(Self::Message(id.to_owned())),
            Some((REPORT, sha)) => {
                let commit = CommitId::parse(sha).map_err(|_| UnknownCause)?;
                Ok(Self::Report(commit))
            }
            Some(_) => Err(UnknownCause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_back_as_it_was_written() {
        let id = || DeliveryId::parse("72d3162e-cc78").unwrap();
        let causes = [
            Cause::Webhook(id()),
            Cause::Sighting(id()),
            Cause::Repair(id()),
            Cause::Wake(id()),
            Cause::Sleep(id()),
            Cause::Sweep("0123/7".to_owned()),
            Cause::Replay(id()),
            Cause::Drop(id()),
            Cause::DeadLetter(id()),
            Cause::Message("0f3a".to_owned()),
            Cause::Report(CommitId::parse("a".repeat(40)).unwrap()),
        ];
        for cause in causes {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert_eq!("patch:72d3162e".parse::<Cause>(), Err(UnknownCause));
        assert_eq!("a b".parse::<Cause>(), Err(UnknownCause));
    }
}
