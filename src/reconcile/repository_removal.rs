//! Deletes every pipeline of a repository that was deleted or archived.

use crate::domain::fault::{Class, Fault};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::RepositoryRemoval;
use crate::domain::state::mapping::State;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Handles one subject after the other. If one fails, the others are still handled; the message
    /// returns, and changes nothing for those that are done. A fault that may pass wins over one
    /// that no retry can help: the dead letter must not hide subjects that a retry would finish.
    pub(super) async fn remove_repository(
        &self,
        removal: &RepositoryRemoval,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repository_removal(removal);
        let time = match removal.event_time {
            Some(time) => time,
            // The first arrival stands in for the time of a deletion. If it were that of this
            // message, a captured deletion that is sent again after the repository was restored
            // would be later than everything.
            None => {
                let (body, received_at) = (&removal.body, removal.received_at);
                self.store().remember_received(body, received_at).await?
            }
        };
        let (mut handled, mut failed) = (0, None);
        let mut after = None;
        loop {
            let page = self
                .store()
                .of_repository(removal.repository, after)
                .await?;
            for row in page.rows {
                let row = match row {
                    Ok(row) if row.state == State::Gone => continue,
                    Ok(row) => row,
                    Err(fault) => {
                        keep(&mut failed, fault);
                        continue;
                    }
                };
                let mut part = journal.clone();
                let intent = removal.of(row.subject.clone(), time);
                let handling = self.reconcile(&intent, Some(Box::new(row)), lease, &mut part);
                match handling.await {
                    Ok(_) => handled += 1,
                    Err(fault) => {
                        if keep(&mut failed, fault) {
                            journal.step = part.step;
                        }
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        failed.map_or(Ok(Outcome::RepositoryRemoved(handled)), Err)
    }
}

/// Keeps the later fault, unless it is permanent and the earlier one is not. Returns true if the
/// later one was kept.
fn keep(failed: &mut Option<Fault>, fault: Fault) -> bool {
    let is_final =
        |fault: &Fault| matches!(fault.reason.class(), Class::Permanent | Class::Unverified);
    let keeps = !is_final(&fault) || failed.as_ref().is_none_or(is_final);
    if keeps {
        *failed = Some(fault);
    }
    keeps
}
