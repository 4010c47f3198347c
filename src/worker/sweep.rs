//! The sweep at start: half-way mappings whose worker died, and whose next event may never come, are finished.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::fault::{Fault, Scope};
use crate::domain::ids::Subject;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Clock, Cursor, Page, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::worker::shutdown::Shutdown;

/// The wait before the table is asked again, where it did not answer. Nothing waits for the sweep.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Finishes every abandoned mapping, one after the other, until told to stop.
///
/// # Errors
/// A fault that waiting cannot mend, of the first look at the table: it is not there, or not for us.
///
/// Cancelled: as one walk that is cancelled.
pub(super) async fn sweep<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    stop: Shutdown,
) -> Result<(), Fault> {
    tokio::select! {
        biased;
        () = stop.requested() => return Ok(()),
        counted = count_slots(reconciler) => counted?,
    }
    let mut finished = 0_u32;
    for state in State::HALF_WAY {
        let mut after = None;
        loop {
            let page = tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                page = look(reconciler, state, after.take()) => page?,
            };
            for row in page.rows {
                if stop.is_requested() {
                    return Ok(());
                }
                finished += u32::from(visit(reconciler, row).await);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    tracing::debug!(finished, "The sweep is done");
    Ok(())
}

/// The clones that a rule has already count, the first time that somebody limits it.
async fn count_slots<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<(), Fault> {
    let rules = reconciler.rules().0.iter();
    let mut limited: BTreeMap<&str, Vec<Subject>> = rules
        .filter(|rule| rule.max_active.is_some())
        .map(|rule| (rule.name.as_str(), Vec::new()))
        .collect();
    if limited.is_empty() {
        return Ok(());
    }
    for state in State::ALL.into_iter().filter(|state| *state != State::Gone) {
        let mut after = None;
        loop {
            let page = look(reconciler, state, after.take()).await?;
            // One that cannot be read is told where it is swept; an active one, with its next event.
            for row in page.rows.into_iter().flatten() {
                let rule = row.spec().map(|spec| spec.rule.as_str());
                if let Some(subjects) = rule.and_then(|rule| limited.get_mut(rule)) {
                    subjects.push(row.subject);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    for (rule, subjects) in limited {
        answered(|| reconciler.store().count_slots(rule, &subjects)).await?;
    }
    Ok(())
}

async fn look<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    state: State,
    after: Option<Cursor>,
) -> Result<Page, Fault> {
    answered(|| reconciler.store().in_state(state, after.clone())).await
}

/// Asks until the table answers.
async fn answered<T, F>(ask: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut told = false;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(fault) => {
                if fault.reason.scope() == Scope::Account {
                    return Err(fault);
                }
                if !told {
                    tracing::warn!(fault = %fault, "Mappings cannot be looked for yet");
                    told = true;
                }
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// Whether a mapping was finished here.
async fn visit<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    row: Result<Mapping, Fault>,
) -> bool {
    let row = match row {
        Ok(row) => row,
        Err(fault) => {
            tracing::error!(fault = %fault, "A mapping cannot be read");
            return false;
        }
    };
    if !row.is_abandoned(reconciler.clock().now()) {
        return false;
    }
    let subject = row.subject.display(&row.repository);
    match reconciler.resume(&row).await {
        Ok(None) => false,
        Ok(Some(outcome)) => {
            tracing::info!(
                outcome = outcome.as_str(),
                subject,
                mapping.from = row.state.as_str(),
                "A half-way mapping was finished"
            );
            true
        }
        Err(fault) => {
            tracing::warn!(fault = %fault, subject, "A half-way mapping could not be finished; its next event tries again");
            false
        }
    }
}
