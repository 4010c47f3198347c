//! Records what an operator does to a dead letter, in the audit trail of its subject, or, if the
//! subject is not known, in the trail of all such messages.
//!
//! Guarantee: an entry is written before the action, and another one afterwards. No action
//! is taken without the first one.

use serde_json::{Value, json};

use crate::domain::fault::Fault;
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::chain::Chain;
use crate::domain::text::one_line;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::ports::{AuditLog, Clock};

/// An operator's action on a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// Sends the message back to its source queue.
    Replay,
    /// Deletes the message.
    Drop,
}

impl OperatorAction {
    fn cause(self, delivery: DeliveryId) -> Cause {
        match self {
            Self::Replay => Cause::Replay(delivery),
            Self::Drop => Cause::Drop(delivery),
        }
    }

    /// Returns the outcome to record before the action.
    fn begun(self) -> &'static str {
        match self {
            Self::Replay => "replaying",
            Self::Drop => "dropping",
        }
    }

    /// Returns the outcome to record after the action.
    fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Drop => "dropped",
        }
    }
}

/// Records the actions of one operator.
pub struct OperatorLog<'a, L, C> {
    /// The audit trail.
    pub log: &'a L,
    /// The clock.
    pub clock: &'a C,
    /// The operator's name.
    pub operator: &'a str,
    /// The action.
    pub action: OperatorAction,
}

/// The entry of an action that has begun.
#[must_use]
pub struct Begun {
    chain: Chain,
    entry: NewAuditEntry,
    journal: Value,
}

/// The longest text of a message in an entry, in characters. What a queue has may be long.
const TEXT: usize = 200;

impl<L: AuditLog, C: Clock> OperatorLog<'_, L, C> {
    /// Writes the entry, before the action.
    ///
    /// # Errors
    /// The entry was not written, so there must be no action.
    pub async fn begin(&self, message: &DeadLetter) -> Result<Begun, Fault> {
        let (chain, cause) = self.place(message);
        let now = self.clock.now();
        let replays = match self.action {
            OperatorAction::Replay => message.replays + 1,
            OperatorAction::Drop => message.replays,
        };
        let begun = self.action.begun();
        let text = |text: &String| one_line(text, TEXT);
        let journal = json!({"outcome": begun, "delivery": cause.delivery().map(DeliveryId::as_str),
            "actor": self.operator, "message": text(&message.id),
            "reason": message.reason.as_ref().map(text), "replays": replays});
        let entry = NewAuditEntry {
            time: now,
            cause,
            processed_at: now,
            repository: message.repository.clone(),
            actor: Some(self.operator.to_owned()),
            outcome: begun.to_owned(),
            from: None,
            to: "-",
            pipeline: None,
            journal: journal.to_string(),
        };
        self.log.note(&chain, &entry).await?;
        Ok(Begun {
            chain,
            entry,
            journal,
        })
    }

    /// Returns the chain and the cause of the entries of a message. A delivery id is recorded only
    /// if the message is authenticated, as it is if its subject is known.
    fn place(&self, message: &DeadLetter) -> (Chain, Cause) {
        let delivery = message
            .delivery
            .clone()
            .and_then(|id| DeliveryId::parse(id).ok());
        match (&message.key, delivery) {
            (Some(subject), Some(delivery)) => {
                let chain = Chain::Operators(subject.clone());
                (chain, self.action.cause(delivery))
            }
            (Some(_) | None, _) => {
                let cause = Cause::Message(one_line(&message.id, TEXT));
                (Chain::OperatorMessages, cause)
            }
        }
    }

    /// Writes the second entry, after the action. Returns a warning if it was not written: the
    /// trail then has an action that has begun.
    pub async fn end(&self, begun: Begun) -> Option<String> {
        let Begun {
            chain,
            mut entry,
            mut journal,
        } = begun;
        let (before, after) = (self.action.begun(), self.action.done());
        if let Some(fields) = journal.as_object_mut() {
            fields.insert("outcome".to_owned(), after.into());
        }
        entry.journal = journal.to_string();
        after.clone_into(&mut entry.outcome);
        entry.processed_at = self.clock.now();
        let fault = self.log.note(&chain, &entry).await.err()?;
        Some(format!(
            "warning: the audit trail says '{before}' of {} and not '{after}': {fault}",
            entry.cause
        ))
    }
}
