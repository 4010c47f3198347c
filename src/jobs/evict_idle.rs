//! Asks for the removal of idle pipelines whose slots other subjects wait for (`on_full`).
//!
//! A removal releases the slot, and wakes the subject that waited longest.

use std::cmp::Reverse;

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::state::idle;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::slots::Line;
use crate::domain::text::plural;
use crate::ports::{Clock, MappingPages, Pipelines, Queue, Store};
use crate::reconcile::{Reconciler, Shortage};

/// The most pipelines whose executions one run reads: those that are in use come again in the next
/// one.
const READ: usize = 50;

/// Reads the lines in which subjects may wait, and, if one of them lacks slots, every mapping with
/// a pipeline once. Sends a request for each slot that is lacking. Drafts come first, then those
/// that have been idle for longest. Returns what it did.
///
/// # Errors
/// The table, the queue or CodePipeline does not answer.
///
/// If cancelled, some requests are sent.
pub(super) async fn run<S: Store, P: Pipelines, C: Clock, Q: Queue>(
    reconciler: &Reconciler<S, P, C>,
    queue: &Q,
) -> Result<String, Fault> {
    let shortages = reconciler.shortages().await?;
    if shortages.is_empty() {
        return Ok("nobody waits for the slot of an idle pipeline".to_owned());
    }
    let now = reconciler.clock().now();
    let mut candidates = candidates(reconciler, now).await?;
    let (mut sent, mut reads) = (0, 0);
    for Shortage { line, mut subjects } in shortages {
        let mut rest = Vec::new();
        for row in candidates {
            if subjects == 0 || reads == READ || !is_of(&row, &line, reconciler) {
                rest.push(row);
                continue;
            }
            reads += 1;
            if is_in_use(&row, reconciler, now).await? {
                continue;
            }
            let request = SleepRequest::new(&row, Some(line.clone()));
            let message = request.to_message(reconciler.owner());
            queue.send(Destination::Internal, message).await?;
            subjects -= 1;
            sent += 1;
        }
        candidates = rest;
    }
    Ok(format!("{} sent", plural(sent, "request")))
}

/// Returns the rows of the subjects that may be evicted, in order.
async fn candidates<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    now: Timestamp,
) -> Result<Vec<Mapping>, Fault> {
    let mut found = Vec::new();
    let mut pages = MappingPages::new(reconciler.store(), State::Active);
    while let Some(rows) = pages.next().await? {
        let may_be_evicted = |row: &Mapping| idle::may_be_evicted(row, reconciler.rules(), now);
        found.extend(rows.into_iter().flatten().filter(may_be_evicted));
    }
    found.sort_by_cached_key(|row| {
        let is_draft = Reverse(row.activity.is_draft);
        (is_draft, idle::last_activity(row), row.subject.clone())
    });
    Ok(found)
}

/// Returns true if the removal of a row's pipeline helps those who wait in this line.
fn is_of<S: Store, P: Pipelines, C: Clock>(
    row: &Mapping,
    line: &Line,
    reconciler: &Reconciler<S, P, C>,
) -> bool {
    let rule = idle::rule_of_active(row, reconciler.rules());
    match line {
        Line::Account => true,
        Line::Rule(name) => rule.is_some_and(|rule| rule.name == *name),
    }
}

async fn is_in_use<S: Store, P: Pipelines, C: Clock>(
    row: &Mapping,
    reconciler: &Reconciler<S, P, C>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(name) = row.pipeline_name() else {
        return Ok(true);
    };
    let executions = reconciler.pipelines().executions(name, row.source_action());
    let executions = executions.await?;
    Ok(idle::is_in_use(&executions, row, reconciler.rules(), now))
}
