//! The events that GitHub delivered, as `branchline deliveries list` shows them.

use serde::Serialize;

use crate::domain::deliveries::{EventDeliveries, Standing};
use crate::domain::ids::{RepositoryName, Timestamp};
use crate::domain::state::repository::RepositoryRecord;

/// An event and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// GitHub's GUID.
    pub delivery: String,
    /// The name of the event.
    pub event: String,
    /// Its action.
    pub action: Option<String>,
    /// The number of its repository.
    pub repository_id: Option<u64>,
    /// The names that the repository is known to have had; nothing if it is not known.
    pub repository: Option<String>,
    /// When the first attempt was made.
    pub first_at: String,
    /// When the newest attempt was made.
    pub last_at: String,
    /// GitHub's words about the newest attempt.
    pub status: String,
    /// The HTTP status of the newest attempt; 0 without an answer.
    pub status_code: u16,
    /// The attempts that were asked for.
    pub redeliveries: usize,
    /// How it stands.
    pub standing: &'static str,
    /// When the daemons ask for it again.
    pub next_at: Option<String>,
    /// The webhook of the newest attempt.
    pub hook: String,
}

impl DeliveryRow {
    /// The fields, in the order of CSV.
    pub const FIELDS: &[&str] = &[
        "delivery",
        "event",
        "action",
        "repository_id",
        "repository",
        "first_at",
        "last_at",
        "status",
        "status_code",
        "redeliveries",
        "standing",
        "next_at",
        "hook",
    ];

    /// Describes an event. It is unrecorded if it arrived and left no record.
    #[must_use]
    pub fn new(
        event: &EventDeliveries,
        repository: Option<&RepositoryRecord>,
        is_unrecorded: bool,
        now: Timestamp,
    ) -> Self {
        let newest = &event.newest;
        let standing = event.standing(now);
        let next_at = match standing {
            Standing::Waiting(until) => Some(until.to_string()),
            Standing::Arrived
            | Standing::Delayed
            | Standing::Missed
            | Standing::Exhausted
            | Standing::TooOld => None,
        };
        let names = repository.map(|record| {
            let names = record.names.iter().map(RepositoryName::as_str);
            names.collect::<Vec<_>>().join(", ")
        });
        Self {
            delivery: event.delivery.to_string(),
            event: newest.event.clone(),
            action: newest.action.clone(),
            repository_id: newest.repository.map(|id| id.0),
            repository: names,
            first_at: event.first_at.to_string(),
            last_at: newest.at.to_string(),
            status: newest.status.clone(),
            status_code: newest.status_code,
            redeliveries: event.redeliveries,
            standing: match is_unrecorded {
                true => "unrecorded",
                false => standing.as_str(),
            },
            next_at,
            hook: newest.hook.to_string(),
        }
    }

    /// Returns true unless the event arrived and, as far as that was looked up, left its record.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.standing != Standing::Arrived.as_str()
    }
}
