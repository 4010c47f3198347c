//! Finishes, at start, mappings that are in the middle of a change because their worker died. Their
//! next event may never come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::fault::{Fault, Scope};
use crate::domain::ids::Subject;
use crate::domain::report::record::CommitKey;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::rule_of;
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
    until_answered(|| reconciler.check_trail()).await
}

/// Gives each clone of a rule with a limit a slot of the rule, if it has none: the limit may be
/// new, and the rule may have been renamed.
///
/// A clone that is being created acquires its slot itself, and one that is being deleted needs
/// none.
async fn count_slots<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<(), Fault> {
    let rules = reconciler.rules();
    let limited = rules.all().iter().filter(|rule| rule.max_active.is_some());
    let mut without: BTreeMap<&str, Vec<Subject>> = limited
        .map(|rule| (rule.name.as_str(), Vec::new()))
        .collect();
    if without.is_empty() {
        return Ok(());
    }
    for state in State::WITH_CLONE {
        let mut pages = MappingPages::new(reconciler.store(), state);
        while let Some(rows) = next_page(&mut pages).await? {
            // A row that cannot be read is reported by the sweep, or by the next event of its
            // subject.
            for row in rows.into_iter().flatten() {
                let rule = row.spec().and_then(|spec| rule_of(&row, spec, rules));
                let rule = rule.filter(|rule| row.slot.as_ref() != Some(&rule.name));
                if let Some(subjects) = rule.and_then(|rule| without.get_mut(rule.name.as_str())) {
                    subjects.push(row.subject);
                }
            }
        }
    }
    for (rule, subjects) in without {
        until_answered(|| reconciler.store().count_slots(rule, &subjects)).await?;
        for subject in &subjects {
            until_answered(|| reconciler.release_if_deleted(rule, subject)).await?;
        }
    }
    Ok(())
}

/// Repeats a request until the table answers.
async fn until_answered<T, F: Future<Output = Result<T, Fault>>>(
    request: impl Fn() -> F,
) -> Result<T, Fault> {
    let mut outage = TableOutage::default();
    loop {
        match request().await {
            Ok(answer) => return Ok(answer),
            Err(fault) => outage.wait(fault).await?,
        }
    }
}

/// Wakes the subjects for which there is a slot: `max_active` may have been raised.
async fn wake<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
) -> Result<Vec<CommitKey>, Fault> {
    let (_, commits) = until_answered(|| reconciler.wake_all_in_turn()).await?;
    Ok(commits)
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
