//! Asks GitHub for the events that it could not deliver, and names those that are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::deliveries::{
    DeliveryAttempt, EventDeliveries, KnownRepository, Look, MissedPlan, Standing, by_event, plan,
};
use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, Timestamp};
use crate::domain::jobs::{JobDone, JobSuccess};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::rules::rule::Rules;
use crate::domain::state::repository::RepositoryRecord;
use crate::domain::text::{counted, plural};
use crate::ports::{ReadAttempts, Redelivery, StoreReader, attempts_since};
use crate::telemetry::metrics;

use crate::jobs::job_fault::JobFault;
use crate::jobs::unrecorded::{Unrecorded, unrecorded};

/// The time between two requests. GitHub recommends a second between mutations.
pub const REQUEST_GAP: Duration = Duration::from_secs(1);

/// Writes a log line about an event.
macro_rules! event_line {
    ($level:ident, $event:expr, $($more:tt)+) => {{
        let event: &EventDeliveries = $event;
        let newest = &event.newest;
        tracing::$level!(
            delivery.id = event.delivery.as_str(),
            delivery.event = newest.event.as_str(),
            delivery.action = newest.action.as_deref(),
            delivery.status = newest.status.as_str(),
            delivery.status_code = newest.status_code,
            delivery.redeliveries = event.redeliveries,
            repository.id = newest.repository.map(|id| id.0),
            hook = newest.hook.to_string(),
            $($more)+
        );
    }};
}

/// Looks at what GitHub delivered since the last run, and asks for what did not arrive.
///
/// # Errors
/// A fault of GitHub or of reading the table. The next run looks at the same time again.
///
/// If cancelled, GitHub may deliver what it was asked for. The next run does the rest.
pub(super) async fn run<S: StoreReader, G: Redelivery>(
    store: &S,
    github: &G,
    rules: &Rules,
    success: Option<JobSuccess>,
    now: Timestamp,
) -> Result<JobDone, JobFault> {
    if github.hooks().is_empty() {
        return Ok(JobDone::with("no webhook is configured (github.hooks)"));
    }
    let look = Look::after(success, now);
    let read = attempts_since(github, look.since, || {}).await?;
    let records = repository_records(store, &read.attempts).await?;
    let known = records
        .iter()
        .map(|(id, record)| (*id, KnownRepository::new(record, rules)));
    let known = known.collect();
    let mut plan = plan(by_event(read.attempts.clone()), &known, look);
    let expected = std::mem::take(&mut plan.expect_record);
    let unrecorded = unrecorded(store, github, expected).await?;
    let refused = request(github, &plan.requests).await?;
    name(&plan, &unrecorded);
    Ok(JobDone {
        detail: detail(&read, &plan, refused, &unrecorded),
        open_since: plan.open_since,
    })
}

/// Reads the records of the attempts' repositories. One without a record is not known.
///
/// # Errors
/// A fault of reading the table.
pub async fn repository_records<S: StoreReader>(
    store: &S,
    attempts: &[DeliveryAttempt],
) -> Result<BTreeMap<RepositoryId, RepositoryRecord>, Fault> {
    let ids: BTreeSet<RepositoryId> = attempts.iter().filter_map(|one| one.repository).collect();
    let mut records = BTreeMap::new();
    for id in ids {
        if let Some(record) = store.repository_record(id).await? {
            records.insert(id, record);
        }
    }
    Ok(records)
}

/// Asks for each event, and returns how many GitHub does not deliver again.
async fn request<G: Redelivery>(
    github: &G,
    events: &[EventDeliveries],
) -> Result<usize, GitHubFault> {
    let mut refused = 0;
    for (number, event) in events.iter().enumerate() {
        if number > 0 {
            sleep(REQUEST_GAP).await;
        }
        let newest = &event.newest;
        match github.redeliver(&newest.hook, newest.id).await {
            Ok(()) => {
                metrics::missed_delivery("requested");
                event_line!(
                    info,
                    event,
                    "GitHub could not deliver an event, and was asked to deliver it again"
                );
            }
            Err(fault) if is_about_the_event(fault.kind) => {
                refused += 1;
                metrics::missed_delivery("refused");
                event_line!(warn, event, fault = %fault, "GitHub could not deliver an event, and does not deliver it again");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(refused)
}

/// Returns true for a fault of one event; false for one that the others would have as well.
#[must_use]
pub fn is_about_the_event(kind: GitHubFaultKind) -> bool {
    match kind {
        GitHubFaultKind::Refused | GitHubFaultKind::Missing => true,
        GitHubFaultKind::Unavailable
        | GitHubFaultKind::Limited
        | GitHubFaultKind::Denied
        | GitHubFaultKind::Misconfigured => false,
    }
}

/// Logs and counts what is lost, unless a person does something.
fn name(plan: &MissedPlan, unrecorded: &Unrecorded) {
    for (event, standing) in &plan.given_up {
        metrics::missed_delivery(standing.as_str());
        let why = match standing {
            Standing::TooOld => "GitHub keeps it for three days",
            Standing::Arrived
            | Standing::Delayed
            | Standing::Missed
            | Standing::Waiting(_)
            | Standing::Exhausted => "it was asked for three times",
        };
        event_line!(
            warn,
            event,
            why,
            "GitHub could not deliver an event, and is not asked for it any more"
        );
    }
    for event in &unrecorded.events {
        metrics::missed_delivery("unrecorded");
        event_line!(
            warn,
            event,
            "GitHub delivered an event of which there is no record: `branchline explain --delivery` says where it may be"
        );
    }
}

fn detail(
    read: &ReadAttempts,
    plan: &MissedPlan,
    refused: usize,
    unrecorded: &Unrecorded,
) -> String {
    let requested = plan.requests.len() - refused;
    let waiting = plan.open - plan.requests.len();
    let mut parts = vec![
        format!("{} read", plural(read.pages, "page")),
        format!("{} requested", plural(requested, "event")),
    ];
    let rest = [
        (refused, "refused by GitHub"),
        (waiting, "waiting for a later run"),
        (plan.given_up.len(), "given up"),
        (unrecorded.events.len(), "without a record"),
        (unrecorded.uncompared, "not compared with the table"),
    ];
    parts.extend(counted(rest));
    if let Some(before) = read.unread_before {
        parts.push(format!("attempts before {before} were not read"));
    }
    parts.join(", ")
}
