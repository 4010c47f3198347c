//! Goes on with the teardowns of retiring subjects: events of CodePipeline may be lost,
//! CloudFormation sends none, and a failed teardown is repeated later.

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::report::record::CommitKey;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::teardown_is_due;
use crate::domain::text::{counted, plural};
use crate::ports::{Clock, MappingPages, Pipelines, Store};
use crate::reconcile::Reconciler;

/// The most subjects of one run: each costs one call to CodePipeline at least. The next run looks
/// at others.
const LOOKED_AT: usize = 100;

/// Looks at retiring subjects, one after the other, and returns what became of them. `report`
/// gets the commits of which GitHub has to hear.
///
/// # Errors
/// A fault of reading the table. A teardown that cannot go on is logged, and the next run tries it
/// again. If it was the last step of it that failed, the job for half-way mappings does.
///
/// If cancelled, the effect is that of a message whose processing is cancelled.
pub(super) async fn run<S: Store, P: Pipelines, C: Clock>(
    reconciler: &Reconciler<S, P, C>,
    report: impl Fn(Vec<CommitKey>),
) -> Result<String, Fault> {
    let (mut due, left_behind) = due(reconciler.store(), reconciler.clock().now()).await?;
    // A run is bounded, and those that take hours must not keep the others waiting.
    fastrand::shuffle(&mut due);
    let (mut moved, mut failed) = (0, 0);
    for row in due.iter().take(LOOKED_AT) {
        let subject = row.subject.display(&row.repository);
        match reconciler.continue_teardown(row).await {
            Ok(None) => {}
            Ok(Some((outcome, commits))) => {
                moved += 1;
                report(commits);
                tracing::info!(outcome = outcome.as_str(), subject, "A teardown continued");
            }
            Err(fault) => {
                failed += 1;
                tracing::warn!(%fault, subject, "A teardown, or the pipeline after it, could not be made; a later run of a job tries again");
            }
        }
    }
    if left_behind > 0 {
        // The alarm `stacks-left-behind` counts these lines.
        tracing::error!(
            left_behind,
            "Environments are left behind; see `branchline mappings list --state retiring`"
        );
    }
    let mut parts = vec![format!("{} continued", plural(moved, "teardown"))];
    parts.extend(counted([
        (due.len() - moved - failed, "waiting"),
        (failed, "failed"),
        (left_behind, "left behind"),
    ]));
    Ok(parts.join(", "))
}

/// Returns the subjects for which something is due, and the number of those whose environments are
/// left behind. A row that cannot be read is left to the audit.
async fn due<S: Store>(store: &S, now: Timestamp) -> Result<(Vec<Mapping>, usize), Fault> {
    let (mut due, mut left_behind) = (Vec::new(), 0);
    let mut pages = MappingPages::new(store, State::Retiring);
    while let Some(rows) = pages.next().await? {
        for row in rows.into_iter().flatten() {
            let teardown = row.resources.teardown.as_ref();
            left_behind += usize::from(teardown.is_some_and(|one| one.is_left_behind()));
            if teardown_is_due(&row, now) {
                due.push(row);
            }
        }
    }
    Ok((due, left_behind))
}
