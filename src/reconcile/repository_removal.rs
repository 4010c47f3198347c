//! A repository that is deleted or archived: every subject of it loses its pipeline.

use crate::domain::fault::Fault;
use crate::domain::outcome::journal::{Journal, Outcome};
use crate::domain::state::intent::RepositoryRemoval;
use crate::domain::state::mapping::State;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Sees to one subject after the other. One that fails does not keep the others: the message comes back for it, and
    /// for those that were done there is nothing to do any more.
    pub(super) async fn leave(
        &self,
        leave: &RepositoryRemoval,
        lease: &Lease,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.leave(leave);
        let (mut seen_to, mut failed) = (0, None);
        let mut after = None;
        loop {
            let page = self.store.of_repository(leave.repository, after).await?;
            for row in page.rows {
                let row = match row {
                    Ok(row) if row.state == State::Gone => continue,
                    Ok(row) => row,
                    Err(fault) => {
                        failed = Some(fault);
                        continue;
                    }
                };
                let mut part = journal.clone();
                let intent = leave.of(row.subject.clone());
                match self
                    .converge(&intent, Some(Box::new(row)), lease, &mut part)
                    .await
                {
                    Ok(_) => seen_to += 1,
                    Err(fault) => failed = Some(fault),
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        failed.map_or(Ok(Outcome::Left(seen_to)), Err)
    }
}
