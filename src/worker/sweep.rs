//! Finishes, at start, mappings that are in the middle of a change because their worker died. Their
//! next event may never come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::fault::{Fault, Scope};
use crate::domain::ids::Subject;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Clock, Cursor, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::worker::shutdown::Shutdown;

/// The wait before a failed read of the table is repeated. Nothing else waits for the sweep.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Finishes every abandoned mapping, one after the other, until a shutdown is requested.
///
/// # Errors
/// A fault of the first read that waiting does not fix: the table does not exist, or access is
/// denied.
///
/// If cancelled, the effect is that of a message whose processing is cancelled.
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
        let mut pages = Pages::new(reconciler.store(), state);
        loop {
            let page = tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                page = pages.next() => page?,
            };
            let Some(rows) = page else {
                break;
            };
            for row in rows {
                if stop.is_requested() {
                    return Ok(());
                }
                finished += u32::from(finish(reconciler, row).await);
            }
        }
    }
    tracing::debug!(finished, "The sweep is done");
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
    for state in State::ALL.into_iter().filter(|state| *state != State::Gone) {
        let mut pages = Pages::new(reconciler.store(), state);
        while let Some(rows) = pages.next().await? {
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
        until_answered(|| reconciler.store().count_slots(rule, &subjects)).await?;
    }
    Ok(())
}

/// Reads the mappings in one state, page by page.
struct Pages<'a, S> {
    store: &'a S,
    state: State,
    after: Option<Cursor>,
    ended: bool,
}

impl<'a, S: Store> Pages<'a, S> {
    fn new(store: &'a S, state: State) -> Self {
        Self {
            store,
            state,
            after: None,
            ended: false,
        }
    }

    /// Returns the rows of the next page; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<Result<Mapping, Fault>>>, Fault> {
        if self.ended {
            return Ok(None);
        }
        let page = until_answered(|| self.store.in_state(self.state, self.after.clone())).await?;
        self.ended = page.next.is_none();
        self.after = page.next;
        Ok(Some(page.rows))
    }
}

/// Repeats a request until the table answers. Returns a fault only if waiting does not fix it.
async fn until_answered<T, F>(request: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut reported = false;
    loop {
        match request().await {
            Ok(answer) => return Ok(answer),
            Err(fault) => {
                if fault.reason.scope() == Scope::Account {
                    return Err(fault);
                }
                if !reported {
                    tracing::warn!(fault = %fault, "The sweep cannot read the table yet");
                    reported = true;
                }
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// Finishes a mapping if it is abandoned. Returns true if it was finished here.
async fn finish<S: Store, P: Pipelines, C: Clock>(
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
