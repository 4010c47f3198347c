//! Everything that is known of a subject or a delivery.

use crate::domain::ids::{DeliveryId, RepositoryName, SubjectKind};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::state::mapping::Mapping;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::status::{Daemon, QueueStatus};
use crate::inspect::waiting::{Place, Waiting};

/// What is known of a subject, or of a delivery whose subject is not known.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The subject, as it was asked for or found.
    pub subject: Option<(RepositoryName, SubjectKind)>,
    /// The delivery that was asked for.
    pub delivery: Option<DeliveryId>,
    /// The mapping.
    pub mapping: Option<Mapping>,
    /// What the mapping waits for.
    pub waiting: Option<Waiting>,
    /// Its place in the line for a slot, if it waits for one.
    pub place: Option<Place>,
    /// True if the pipeline of the mapping exists; `None` if it has none, or if that is not known.
    pub pipeline_exists: Option<bool>,
    /// The audit entries, in the order in which they were made.
    pub history: Vec<AuditEntry>,
    /// Its messages in the dead-letter queue.
    pub dead_letters: Vec<DeadLetter>,
    /// Its messages in quarantine.
    pub quarantine: Vec<DeadLetter>,
    /// The queues.
    pub queues: Vec<QueueStatus>,
    /// The daemons that were seen within a day.
    pub daemons: Vec<Daemon>,
    /// The sources that could not be read, and why.
    pub unknown: Vec<String>,
}

impl Evidence {
    /// Returns how many messages the webhook queue has, visible or not; 0 if it could not be read.
    #[must_use]
    pub fn webhook_backlog(&self) -> usize {
        let mut queues = self.queues.iter();
        let webhooks = queues.find(|queue| queue.queue == "webhooks");
        let count = webhooks.map_or(0, |queue| queue.waiting + queue.in_flight);
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}
