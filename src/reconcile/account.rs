//! Parks subjects before AWS refuses their pipelines, because the account's quota is used up.
//!
//! The job `pipeline-count` counts the pipelines of the Region, and each daemon reads the count
//! once a minute. In between it adds what it creates itself, and the reserve leaves some for
//! others. So the guard costs a message no call. Without a count, nothing is parked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::fault::{Fault, Reason};
use crate::domain::state::slots::{PipelineQuota, SlotUse, Waiter};

/// The pipelines of the account as this daemon knows them.
pub(super) struct AccountGuard {
    quota: PipelineQuota,
    seen: Mutex<SlotUse>,
    /// The count in the table when it was last read, from which the present estimate began.
    counted: Mutex<Option<usize>>,
}

impl AccountGuard {
    pub(super) fn new(quota: PipelineQuota) -> Self {
        Self {
            quota,
            seen: Mutex::default(),
            counted: Mutex::default(),
        }
    }

    /// Takes in a count that was just made.
    pub(super) fn counts(&self, seen: SlotUse) {
        *self.counted() = Some(seen.taken);
        *self.seen() = seen;
    }

    /// Takes in what the table has. While that is the same count, the pipelines that this daemon
    /// created and deleted since then are not forgotten.
    pub(super) fn reads(&self, read: SlotUse) {
        if *self.counted() == Some(read.taken) {
            self.waits(read.waiting);
        } else if read.counted {
            self.counts(read);
        }
    }

    /// Returns the subjects for which there is a pipeline.
    pub(super) fn in_turn(&self) -> Vec<Waiter> {
        self.seen().in_turn(self.quota.usable()).to_vec()
    }

    /// Returns how many pipelines there may be before branchline creates no more.
    pub(super) fn usable(&self) -> u32 {
        self.quota.usable()
    }

    /// Forgets that a subject waits.
    pub(super) fn forgets(&self, waiter: &Waiter) {
        let waiting = &mut self.seen().waiting;
        waiting.retain(|other| other.subject != waiter.subject);
    }

    /// Notes that this daemon created a pipeline.
    pub(super) fn created(&self) {
        self.seen().taken += 1;
    }

    /// Notes that this daemon deleted one.
    pub(super) fn deleted(&self) {
        let mut seen = self.seen();
        seen.taken = seen.taken.saturating_sub(1);
    }

    /// Takes in who waits.
    pub(super) fn waits(&self, waiting: Vec<Waiter>) {
        self.seen().waiting = waiting;
    }

    /// Locks the count. No code panics under this lock.
    fn counted(&self) -> MutexGuard<'_, Option<usize>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the view. No code panics under this lock.
    fn seen(&self) -> MutexGuard<'_, SlotUse> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fault of a pipeline too many.
    pub(super) fn refuses(&self, waiter: &Waiter) -> Option<Fault> {
        let seen = self.seen();
        let PipelineQuota { limit, reserve } = self.quota;
        let is_refused = seen.counted && !seen.admits(&waiter.subject, self.quota.usable());
        is_refused.then(|| {
            let taken = seen.taken;
            let detail = format!(
                "the account has {taken} of {limit} pipelines in the Region (aws.pipeline_limit), and branchline leaves {reserve} to others (aws.pipeline_reserve): one must be deleted before the next is made; `branchline quota` shows who waits"
            );
            Fault::new(Reason::AwsQuota, detail)
        })
    }
}
