//! Finishes mappings in the middle of a change whose worker ended: their next event may never come.

use crate::domain::fault::Fault;
use crate::domain::report::record::CommitKey;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Finishes a mapping if it is abandoned. If it was finished here, returns the commits whose
    /// records changed. A fault is logged: the next event of the subject tries again.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn finish_abandoned(&self, row: Result<Mapping, Fault>) -> Option<Vec<CommitKey>> {
        let row = match row {
            Ok(row) => row,
            Err(fault) => {
                tracing::error!(fault = %fault, "A mapping cannot be read");
                return None;
            }
        };
        if !row.is_abandoned(self.clock().now()) {
            return None;
        }
        let subject = row.subject.display(&row.repository);
        match self.resume(&row).await {
            Ok(None) => None,
            Ok(Some((outcome, commits))) => {
                tracing::info!(
                    outcome = outcome.as_str(),
                    subject,
                    mapping.from = row.state.as_str(),
                    "A half-way mapping was finished"
                );
                Some(commits)
            }
            Err(fault) => {
                tracing::warn!(fault = %fault, subject, "A half-way mapping could not be finished; its next event tries again");
                None
            }
        }
    }
}
