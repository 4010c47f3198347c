//! Looks for open subjects that are idle, and asks for the removal of their pipelines.
//!
//! The job only finds them. Each request goes through the internal queue and decides by the row as
//! it is then, so that a webhook that comes meanwhile wins, and several daemons do it once.

use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, Timestamp};
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::rules::rule::Rules;
use crate::domain::state::idle::{self, Due};
use crate::domain::state::mapping::State;
use crate::domain::text::{counted, plural};
use crate::ports::{MappingPages, Queue, StoreReader};

/// The most requests of one run: a time that is too short is noticed before it has removed
/// thousands of pipelines. The next run asks for the rest.
const SENT: usize = 200;

/// Reads every mapping with a pipeline once, whatever the number of rules, and sends a request for
/// each subject about which something is due. Returns what it did. Without a rule that limits how
/// long pipelines are kept, it reads nothing.
///
/// # Errors
/// The table or the queue does not answer. A row that cannot be read is left to the audit.
///
/// If cancelled, some requests are sent.
pub(super) async fn run<S: StoreReader, Q: Queue>(
    store: &S,
    rules: &Rules,
    owner: &Owner,
    queue: &Q,
    now: Timestamp,
) -> Result<String, Fault> {
    if !rules.all().iter().any(|rule| rule.retention.is_limited()) {
        return Ok("no rule has idle or max_age".to_owned());
    }
    let (mut sent, mut left) = (0, 0);
    let mut pages = MappingPages::new(store, State::Active);
    while let Some(rows) = pages.next().await? {
        for row in rows.into_iter().flatten() {
            if idle::due(&row, rules, now) == Due::Nothing {
                continue;
            }
            if sent == SENT {
                left += 1;
                continue;
            }
            let message = SleepRequest::new(&row, None).to_message(owner);
            queue.send(Destination::Internal, message).await?;
            sent += 1;
        }
    }
    let mut parts = vec![format!("{} sent", plural(sent, "request"))];
    parts.extend(counted([(left, "left for the next run")]));
    Ok(parts.join(", "))
}
