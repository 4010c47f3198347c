//! Deletes every pipeline of a repository that was deleted or archived.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::{Intent, RepositoryRemoval};
use crate::domain::state::mapping::State;
use crate::domain::state::repository::RepositoryTombstone;
use crate::domain::text::plural;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::lease::Lease;
use crate::reconcile::repository_look::LISTED_AFTER;
use crate::reconcile::{KnownRow, Reconciler};

/// How long one step of a removal takes, apart from its last subject. A drain cuts off a step, and
/// a queue allows for 100 of them: thousands of subjects.
const STEP: Duration = Duration::from_secs(60);

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Remembers the end of the repository, then handles one subject after the other, in steps of
    /// [`STEP`]: after each the message returns to the queue, and those that are done are not
    /// handled again. If one fails, the others are still handled; the message returns, and changes
    /// nothing for those that are done. Of several faults, the one whose message must stay in the
    /// queue the longest decides.
    ///
    /// The end is remembered first: a claim that is not in the last listing finds it
    /// (`repository_look.rs`).
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
        let last_listing = Instant::now() + LISTED_AFTER;
        let mut pass = Pass::new(removal, time, self.clock().now());
        // Those that failed before come last, so that they delay no other.
        for with_failed in [false, true] {
            if with_failed {
                sleep_until(last_listing).await;
            }
            self.remove_subjects(&mut pass, with_failed, lease, journal)
                .await?;
        }
        pass.failed
            .map_or(Ok(Outcome::RepositoryRemoved(pass.handled)), Err)
    }

    /// Removes the pipelines of all subjects, or of those that did not fail before. Another worker
    /// may settle a subject that failed between the two, so the second time leaves out none.
    async fn remove_subjects(
        &self,
        pass: &mut Pass<'_>,
        with_failed: bool,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let mut after = None;
        loop {
            let page = self
                .store()
                .of_repository(pass.removal.repository, after)
                .await?;
            for row in page.rows {
                let row = match row {
                    Ok(row) if row.state == State::Gone => continue,
                    Ok(row) if row.attempts > 0 && !with_failed => continue,
                    Ok(row) if pass.failed_subjects.contains(&row.subject) => continue,
                    Ok(row) => row,
                    Err(_) if with_failed => continue,
                    Err(fault) => {
                        keep(&mut pass.failed, fault);
                        continue;
                    }
                };
                if self.clock().now().since(pass.begun) > STEP {
                    return Err(pass.unfinished(with_failed));
                }
                let mut part = journal.clone();
                let intent = Intent::of_removal(pass.removal, row.subject.clone(), pass.time);
                let handling = self.reconcile(
                    &intent,
                    KnownRow::Read(Some(Box::new(row))),
                    lease,
                    &mut part,
                );
                let handled = handling.await;
                journal.commits.append(&mut part.commits);
                journal.wakes = part.wakes;
                match handled {
                    Ok(Outcome::Unchanged(_)) => {}
                    Ok(_) => pass.handled += 1,
                    Err(fault) => {
                        pass.failed_subjects.insert(intent.subject);
                        if keep(&mut pass.failed, fault) {
                            journal.step = part.step;
                            journal.attempts = part.attempts;
                        }
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// One step of a removal.
struct Pass<'a> {
    removal: &'a RepositoryRemoval,
    /// The time of the removal.
    time: Timestamp,
    begun: Timestamp,
    handled: usize,
    failed: Option<Fault>,
    /// The subjects that failed in this step.
    failed_subjects: BTreeSet<Subject>,
}

impl<'a> Pass<'a> {
    fn new(removal: &'a RepositoryRemoval, time: Timestamp, begun: Timestamp) -> Self {
        Self {
            removal,
            time,
            begun,
            handled: 0,
            failed: None,
            failed_subjects: BTreeSet::new(),
        }
    }

    /// Returns the fault of a step whose time is over. If only subjects that failed before are
    /// left, it is their fault, which counts.
    fn unfinished(&mut self, failed_before: bool) -> Fault {
        if let Some(fault) = self.failed.take_if(|_| failed_before) {
            return fault;
        }
        let detail = format!(
            "{} of {} were removed; the rest follows with the next receive",
            plural(self.handled, "subject"),
            self.removal.name
        );
        Fault::new(Reason::RepositoryUnfinished, detail)
    }
}

/// Keeps the fault whose message must stay in the queue the longest, and the first of two alike.
/// Returns true if the new one was kept.
pub(super) fn keep(failed: &mut Option<Fault>, fault: Fault) -> bool {
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
        Class::Busy | Class::Deferred => 6,
        Class::Transient if fault.reason == Reason::MappingNewer => 5,
        Class::Quota => 4,
        Class::Throttled => 3,
        Class::Transient => 2,
        Class::Unknown => 1,
        Class::Permanent | Class::Refused | Class::Unverified => 0,
    }
}
