//! Deletes every pipeline of a repository that was deleted or archived.

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::{Intent, RepositoryRemoval};
use crate::domain::state::mapping::State;
use crate::domain::state::repository::RepositoryTombstone;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Remembers the end of the repository, then handles one subject after the other. If one fails,
    /// the others are still handled; the message returns, and changes nothing for those that are
    /// done. Of several faults, the one whose message must stay in the queue the longest decides.
    ///
    /// The end is remembered first: a claim that is not in the listing yet finds it
    /// (`effects/create.rs`).
    pub(super) async fn remove_repository(
        &self,
        removal: &RepositoryRemoval,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repository(&removal.name);
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
        let end = RepositoryTombstone {
            at: time,
            reason: removal.reason,
        };
        self.store().remember_end(removal.repository, end).await?;
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
                let intent = Intent::of_removal(removal, row.subject.clone(), time);
                let handling = self.reconcile(&intent, Some(Box::new(row)), lease, &mut part);
                match handling.await {
                    Ok(Outcome::Unchanged(_)) => {}
                    Ok(_) => handled += 1,
                    Err(fault) => {
                        if keep(&mut failed, fault) {
                            journal.step = part.step;
                            journal.attempts = part.attempts;
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

/// Keeps the fault whose message must stay in the queue the longest, and the first of two alike.
/// Returns true if the new one was kept.
fn keep(failed: &mut Option<Fault>, fault: Fault) -> bool {
    let keeps = failed
        .as_ref()
        .is_none_or(|kept| patience(&fault) > patience(kept));
    if keeps {
        *failed = Some(fault);
    }
    keeps
}

/// Ranks a fault by how long its message would be retried. A dead letter must not hide subjects
/// that a retry would finish.
fn patience(fault: &Fault) -> u8 {
    match fault.reason.class() {
        Class::Busy => 6,
        Class::Transient if fault.reason == Reason::MappingNewer => 5,
        Class::Quota => 4,
        Class::Throttled => 3,
        Class::Transient => 2,
        Class::Unknown => 1,
        Class::Permanent | Class::Unverified => 0,
    }
}
