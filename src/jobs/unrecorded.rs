//! Finds events that arrived at the webhook's URL and of which there is no record.

use crate::domain::deliveries::EventDeliveries;
use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, SubjectKind};
use crate::ports::{DeliveryReader, StoreReader};

/// The most events that are looked up in the table at once.
const MOST_READ: usize = 1_000;
/// The most events whose payload is read from GitHub at once.
const MOST_COMPARED: usize = 20;

/// What was found of the events that should have left a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// They have no record, and the mapping of their pull request is older than they are, or does
    /// not exist.
    pub events: Vec<EventDeliveries>,
    /// The number of events without a record whose mapping was not compared, or that were not
    /// looked up, because there are too many.
    pub uncompared: usize,
}

/// Looks for the records of these events. A webhook that comes after a later one of its pull
/// request changes nothing and leaves no record, so the mapping counts as well.
///
/// # Errors
/// A fault of reading the table. An event whose payload GitHub does not give counts as found.
pub async fn unrecorded<S: StoreReader, G: DeliveryReader>(
    store: &S,
    github: &G,
    events: Vec<EventDeliveries>,
) -> Result<Unrecorded, Fault> {
    let mut found = Unrecorded {
        uncompared: events.len().saturating_sub(MOST_READ),
        ..Unrecorded::default()
    };
    let mut compared = 0;
    for event in events.into_iter().take(MOST_READ) {
        if store.delivered(&event.delivery).await?.is_some() {
            continue;
        }
        if compared == MOST_COMPARED {
            found.uncompared += 1;
            continue;
        }
        compared += 1;
        if !has_newer_mapping(store, github, &event).await? {
            found.events.push(event);
        }
    }
    Ok(found)
}

async fn has_newer_mapping<S: StoreReader, G: DeliveryReader>(
    store: &S,
    github: &G,
    event: &EventDeliveries,
) -> Result<bool, Fault> {
    let newest = &event.newest;
    let pull_request = match github.delivered_pull_request(&newest.hook, newest.id).await {
        Ok(pull_request) => pull_request,
        Err(fault) => {
            tracing::debug!(%fault, delivery.id = event.delivery.as_str(), "The payload of a delivery could not be read");
            None
        }
    };
    let Some((pull_request, repository)) = pull_request.zip(newest.repository) else {
        return Ok(false);
    };
    let subject = Subject {
        repository,
        kind: SubjectKind::PullRequest(pull_request.number),
    };
    let mapping = store.mapping(&subject).await?;
    Ok(mapping.is_some_and(|row| row.order.event_time >= pull_request.updated_at))
}
