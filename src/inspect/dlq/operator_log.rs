//! What an operator does to a dead letter, in the audit trail of its subject.
//!
//! Guarantee: an entry is written before anything is done, and completed afterwards. Without the entry nothing is done.

use serde_json::{Value, json};

use crate::domain::fault::Fault;
use crate::domain::ids::{DeliveryId, Subject};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::ports::{AuditLog, Clock};

/// What an operator does to a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// Sends it back to its source queue.
    Replay,
    /// Deletes it.
    Drop,
}

impl OperatorAction {
    fn cause(self, delivery: DeliveryId) -> Cause {
        match self {
            Self::Replay => Cause::Replay(delivery),
            Self::Drop => Cause::Drop(delivery),
        }
    }

    /// The outcome while it is under way.
    fn begun(self) -> &'static str {
        match self {
            Self::Replay => "replaying",
            Self::Drop => "dropping",
        }
    }

    /// The outcome once it is done.
    fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Drop => "dropped",
        }
    }
}

/// Notes what one operator does.
pub struct OperatorLog<'a, L, C> {
    /// The audit trail.
    pub log: &'a L,
    /// The clock.
    pub clock: &'a C,
    /// Who the operator is.
    pub operator: &'a str,
    /// What the operator does.
    pub action: OperatorAction,
}

/// An entry that says what is about to be done. A message without a known subject has none.
#[must_use]
pub struct Begun(Option<(Subject, NewAuditEntry, Value)>);

impl<L: AuditLog, C: Clock> OperatorLog<'_, L, C> {
    /// Writes the entry, before anything is done.
    ///
    /// # Errors
    /// The entry was not written, so nothing may be done.
    pub async fn begin(&self, letter: &DeadLetter) -> Result<Begun, Fault> {
        let delivery = letter.delivery.clone();
        let delivery = delivery.and_then(|id| DeliveryId::parse(id).ok());
        let (Some(subject), Some(delivery)) = (&letter.of, delivery) else {
            return Ok(Begun(None));
        };
        let now = self.clock.now();
        let replays = match self.action {
            OperatorAction::Replay => letter.replays + 1,
            OperatorAction::Drop => letter.replays,
        };
        let begun = self.action.begun();
        let journal = json!({"outcome": begun, "delivery": delivery.as_str(),
            "actor": self.operator, "message": letter.id, "reason": letter.reason,
            "replays": replays});
        let entry = NewAuditEntry {
            time: now,
            cause: self.action.cause(delivery),
            processed_at: now,
            actor: Some(self.operator.to_owned()),
            outcome: begun.to_owned(),
            from: None,
            to: "-",
            pipeline: None,
            journal: journal.to_string(),
        };
        self.log.note(subject, &entry).await?;
        Ok(Begun(Some((subject.clone(), entry, journal))))
    }

    /// Completes the entry, once it is done. Returns a warning where the entry could not be completed: it then still says
    /// that the action was begun.
    pub async fn end(&self, begun: Begun) -> Option<String> {
        let (subject, mut entry, mut journal) = begun.0?;
        let (before, after) = (self.action.begun(), self.action.done());
        if let Some(fields) = journal.as_object_mut() {
            fields.insert("outcome".to_owned(), after.into());
        }
        entry.journal = journal.to_string();
        after.clone_into(&mut entry.outcome);
        let fault = self.log.note(&subject, &entry).await.err()?;
        Some(format!(
            "warning: the audit trail says '{before}' of {} and not '{after}': {fault}",
            entry.cause
        ))
    }
}
