//! Finds out what became of replayed messages, from the audit trail of their subjects.

use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::ports::StoreReader;

/// The outcome of a message that changed nothing, or whose outcome is not recorded.
pub const UNCHANGED: &str = "unchanged";
/// The outcome of a message that has none yet.
pub const PENDING: &str = "pending";
/// The outcome of a message that failed again.
const DEAD_LETTERED: &str = "dead-lettered";

/// What became of a replayed message. The field names are stable: they are the columns of `csv` and
/// the keys of `json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayOutcome {
    /// SQS's id of the message in the dead-letter queue.
    pub id: String,
    /// GitHub's delivery GUID.
    pub delivery: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The outcome in the audit trail, such as `created` or `dead-lettered`; `unchanged` if nothing
    /// was recorded and the queue is empty; `pending` if there is none yet.
    pub outcome: String,
    /// The last failure, of a message that failed.
    pub detail: Option<String>,
}

impl ReplayOutcome {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &["id", "delivery", "subject", "outcome", "detail"];

    fn new(message: &DeadLetter, outcome: &str, detail: Option<String>) -> Self {
        Self {
            id: message.id.clone(),
            delivery: message.delivery.clone(),
            subject: message.subject.clone(),
            outcome: outcome.to_owned(),
            detail,
        }
    }

    /// Returns true if the message succeeded.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.outcome != DEAD_LETTERED && self.outcome != PENDING
    }
}

/// A message that is about to be replayed, and the entries that its delivery has before.
pub struct WatchedReplay {
    message: DeadLetter,
    delivery: Option<DeliveryId>,
    entries_before: usize,
}

impl WatchedReplay {
    /// Counts the entries of the message's delivery, before it is replayed. The count does not
    /// depend on anybody's clock.
    ///
    /// # Errors
    /// The audit trail did not answer.
    pub async fn begin<S: StoreReader>(message: &DeadLetter, store: &S) -> Result<Self, Fault> {
        let delivery = message.delivery.clone();
        let mut watched = Self {
            message: message.clone(),
            delivery: delivery.and_then(|id| DeliveryId::parse(id).ok()),
            entries_before: 0,
        };
        watched.entries_before = watched.entries(store).await?.len();
        Ok(watched)
    }

    /// Returns the outcome, if it is recorded.
    ///
    /// # Errors
    /// The audit trail did not answer.
    pub async fn outcome<S: StoreReader>(&self, store: &S) -> Result<Option<ReplayOutcome>, Fault> {
        let entries = self.entries(store).await?;
        let last = entries
            .last()
            .filter(|_| entries.len() > self.entries_before);
        Ok(last.map(|last| ReplayOutcome::new(&self.message, &last.outcome, detail(last))))
    }

    /// Returns the outcome of a message for which nothing is recorded. `drained` is true if the
    /// queue that it was sent to is empty.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn without_entry<S: StoreReader>(
        &self,
        store: &S,
        drained: bool,
    ) -> Result<ReplayOutcome, Fault> {
        if drained {
            return Ok(ReplayOutcome::new(&self.message, UNCHANGED, None));
        }
        let row = match &self.message.key {
            Some(subject) => store.mapping(subject).await?,
            None => None,
        };
        let error = row.and_then(|row| row.last_error);
        Ok(ReplayOutcome::new(&self.message, PENDING, error))
    }

    /// Returns the entries that the daemon wrote for the delivery.
    async fn entries<S: StoreReader>(&self, store: &S) -> Result<Vec<AuditEntry>, Fault> {
        let (Some(subject), Some(delivery)) = (&self.message.key, &self.delivery) else {
            return Ok(Vec::new());
        };
        let mut entries = store.history(subject).await?;
        entries.retain(|entry| {
            let is_of_daemon = !matches!(Chain::from_text(&entry.chain), Some(Chain::Operators(_)));
            let cause = entry.cause();
            let of = cause.as_ref().and_then(|cause| cause.delivery());
            is_of_daemon && of == Some(delivery)
        });
        Ok(entries)
    }
}

/// Returns the detail in the journal of an entry.
fn detail(entry: &AuditEntry) -> Option<String> {
    let journal: serde_json::Value = serde_json::from_str(&entry.journal).ok()?;
    let word = |name: &str| journal.get(name)?.as_str().map(str::to_owned);
    match (word("outcome"), word("detail")) {
        (Some(reason), Some(detail)) if reason != entry.outcome => {
            Some(format!("{reason}: {detail}"))
        }
        (_, detail) => detail,
    }
}
