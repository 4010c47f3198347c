//! Finishes, at start, mappings that are in the middle of a change because their worker died. Their
//! next event may never come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::fault::{Fault, Scope};
use crate::domain::ids::Subject;
use crate::domain::report::record::CommitKey;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Clock, MappingPages, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reports::Outbox;
use crate::worker::shutdown::Shutdown;

/// The wait before a failed read of the table is repeated. Nothing else waits for the sweep.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Finishes every abandoned mapping, one after the other, until a shutdown is requested. Commits
/// that have to be reported go into the outbox.
///
/// # Errors
/// A fault of the first read that waiting does not fix: the table does not exist, or access is
/// denied.
///
/// If cancelled, the effect is that of a message whose processing is cancelled.
pub(super) async fn sweep<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    outbox: &Outbox,
    stop: Shutdown,
) -> Result<(), Fault> {
    tokio::select! {
        biased;
        () = stop.requested() => return Ok(()),
        checked = check_trail(reconciler) => checked?,
    }
    tokio::select! {
        biased;
        () = stop.requested() => return Ok(()),
        counted = count_slots(reconciler) => counted?,
    }
    let mut finished = 0_u32;
    for state in State::HALF_WAY {
        let mut pages = MappingPages::new(reconciler.store(), state);
        loop {
            let page = tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                page = next_page(&mut pages) => page?,
            };
            let Some(rows) = page else {
                break;
            };
            for row in rows {
                if stop.is_requested() {
                    return Ok(());
                }
                let commits = reconciler.finish_abandoned(row).await;
                finished += u32::from(commits.is_some());
                outbox.push(commits.into_iter().flatten());
            }
        }
    }
    let woken = tokio::select! {
        biased;
        () = stop.requested() => return Ok(()),
        woken = wake(reconciler) => woken?,
    };
    outbox.push(woken);
    tracing::debug!(finished, "The sweep is done");
    Ok(())
}

/// Finds out whether the table of the audit trail exists. Without it, a change could be made and
/// not settled.
async fn check_trail<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<(), Fault> {
    let mut outage = TableOutage::default();
    while let Err(fault) = reconciler.check_trail().await {
        outage.wait(fault).await?;
    }
    Ok(())
}

/// Counts the existing clones of each rule that has a limit for the first time.
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
    for state in State::ALL.into_iter().filter(|state| !state.is_removed()) {
        let mut pages = MappingPages::new(reconciler.store(), state);
        while let Some(rows) = next_page(&mut pages).await? {
            // A row that cannot be read is reported by the sweep, or by the next event of its
            // subject.
            for row in rows.into_iter().flatten() {
                // Without a name, the pipeline was never created.
                let rule = row.spec().filter(|_| row.pipeline_name().is_some());
                let rule = rule.map(|spec| spec.rule.as_str());
                if let Some(subjects) = rule.and_then(|rule| limited.get_mut(rule)) {
                    subjects.push(row.subject);
                }
            }
        }
    }
    for (rule, subjects) in limited {
        let mut outage = TableOutage::default();
        while let Err(fault) = reconciler.store().count_slots(rule, &subjects).await {
            outage.wait(fault).await?;
        }
    }
    Ok(())
}

/// Wakes the subjects for which there is a slot: `max_active` may have been raised.
async fn wake<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<Vec<CommitKey>, Fault> {
    let mut outage = TableOutage::default();
    loop {
        match reconciler.wake_all_in_turn().await {
            Ok((_, commits)) => return Ok(commits),
            Err(fault) => outage.wait(fault).await?,
        }
    }
}

/// Reads the next page, until the table answers.
async fn next_page<S: Store>(
    pages: &mut MappingPages<'_, S>,
) -> Result<Option<Vec<Result<Mapping, Fault>>>, Fault> {
    let mut outage = TableOutage::default();
    loop {
        match pages.next().await {
            Ok(rows) => return Ok(rows),
            Err(fault) => outage.wait(fault).await?,
        }
    }
}

/// An outage of the table during one request.
#[derive(Default)]
struct TableOutage {
    is_reported: bool,
}

impl TableOutage {
    /// Waits until the request can be repeated. Returns the fault if waiting does not fix it.
    async fn wait(&mut self, fault: Fault) -> Result<(), Fault> {
        if fault.reason.scope() == Scope::Account {
            return Err(fault);
        }
        if !self.is_reported {
            tracing::warn!(fault = %fault, "The sweep cannot read the table yet");
            self.is_reported = true;
        }
        sleep(RETRY_INTERVAL).await;
        Ok(())
    }
}
