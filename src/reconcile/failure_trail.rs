//! Records in the audit trail that a message was dead-lettered or quarantined.
//!
//! The queue has the message and its reason, whatever the trail has. So an entry that cannot be
//! written is logged, and holds nothing up: many a message is dead-lettered because the table does
//! not answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::Timestamp;
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::chain::Chain;
use crate::domain::outcome::journal::{About, Journal};
use crate::domain::outcome::outgoing::Destination;
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;

/// How long an entry may take. The message waits for it, and is deleted afterwards.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Adds an entry after a message was sent to the dead-letter queue or to quarantine. A message
    /// of a known subject is in that subject's trail, and any other one in the trail of this
    /// worker, up to [`super::UNKNOWN_PER_MINUTE`] for each kind of sender.
    ///
    /// If cancelled, the entry may be written. The message then returns, is sent again, and gets
    /// another entry.
    pub async fn record_failure(&self, journal: &Journal, destination: Destination) {
        let now = self.clock().now();
        let subject = match &journal.about {
            Some(About::Subject(subject)) if destination != Destination::Quarantine => {
                Some(subject.clone())
            }
            Some(About::Subject(_) | About::Repository) | None => None,
        };
        let Some(subject) = subject else {
            let entries = self.unknown_messages.of_sender(journal.sender());
            let Some(omitted) = entries.admit(now) else {
                return;
            };
            let entry = entry(journal, destination, now, omitted);
            if !self.add_failure(&self.messages_chain(), &entry).await {
                entries.give_back(omitted.saturating_add(1));
            }
            return;
        };
        let entry = entry(journal, destination, now, 0);
        self.add_failure(&Chain::DeadLetters(subject), &entry).await;
    }

    /// Returns the chain of the messages without a known subject of this worker.
    fn messages_chain(&self) -> Chain {
        Chain::Messages(self.worker.clone())
    }

    /// Reads the audit trail once, to find out whether there is one.
    ///
    /// # Errors
    /// The table of the audit trail does not exist, access is denied, or it did not answer.
    pub async fn check_trail(&self) -> Result<(), Fault> {
        let entries = self.store().chain(&self.messages_chain()).await?;
        drop(entries);
        Ok(())
    }

    /// Returns false if the entry was not written.
    async fn add_failure(&self, chain: &Chain, entry: &NewAuditEntry) -> bool {
        let written = timeout(WRITE_TIMEOUT, self.store().note(chain, entry)).await;
        let fault = match written {
            Ok(Ok(())) => return true,
            Ok(Err(fault)) => fault,
            Err(_) => Fault::new(
                Reason::AwsUnavailable,
                format!("no answer within {WRITE_TIMEOUT:?}"),
            ),
        };
        tracing::warn!(
            fault = %fault,
            chain = chain.to_string(),
            "A message that failed is missing in the audit trail"
        );
        false
    }
}

/// Makes the entry. That of a quarantined message has nothing of its headers and of its body, which
/// nobody has verified.
fn entry(
    journal: &Journal,
    destination: Destination,
    now: Timestamp,
    omitted: u64,
) -> NewAuditEntry {
    let is_verified = destination != Destination::Quarantine;
    let cause = match &journal.delivery {
        Some(delivery) if is_verified => Cause::DeadLetter(delivery.clone()),
        Some(_) | None => Cause::Message(journal.message.clone()),
    };
    let verified = |text: Option<String>| text.filter(|_| is_verified);
    let event_time = journal.event_time.filter(|_| is_verified);
    let outcome = match destination {
        Destination::Quarantine => "quarantined",
        Destination::DeadLetters | Destination::Webhooks | Destination::Internal => "dead-lettered",
    };
    let mut text = match destination {
        Destination::Quarantine => json!({
            "message": journal.message,
            "receives": journal.receives,
            "sent_at": journal.sent_at.map(|time| time.to_string()),
            "outcome": journal.outcome(),
        }),
        Destination::DeadLetters | Destination::Webhooks | Destination::Internal => {
            serde_json::to_value(journal).unwrap_or_default()
        }
    };
    if let (Some(fields), true) = (text.as_object_mut(), omitted > 0) {
        fields.insert("omitted".to_owned(), Value::from(omitted));
    }
    NewAuditEntry {
        cause,
        time: event_time.or(journal.sent_at).unwrap_or(now),
        processed_at: now,
        repository: verified(journal.repository.as_ref().map(ToString::to_string)),
        actor: verified(journal.actor.clone()),
        outcome: outcome.to_owned(),
        from: journal.from.map(|state| state.as_str()),
        to: journal.to.map_or("-", |state| state.as_str()),
        pipeline: verified(journal.pipeline.as_ref().map(ToString::to_string)),
        journal: text.to_string(),
    }
}
