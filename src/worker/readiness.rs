//! Whether the daemon does its work: what a load balancer's or an orchestrator's readiness probe asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Known {
    queue: AtomicBool,
    table: AtomicBool,
    draining: AtomicBool,
}

/// What the worker knows of itself. Clones know the same.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Known>);

impl Readiness {
    /// Why it is not ready; `None` when it is: the queue answered the last poll, the table and what lies behind answer the
    /// walks, and nobody has told it to stop.
    #[must_use]
    pub fn not_ready_reason(&self) -> Option<&'static str> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is(&self.0.draining) {
            Some("stopping: what is in work is finished first")
        } else if !is(&self.0.queue) {
            Some("the queue does not answer")
        } else if !is(&self.0.table) {
            Some("the table, or what else a walk needs of AWS, does not answer")
        } else {
            None
        }
    }

    pub(super) fn queue(&self, answers: bool) {
        self.0.queue.store(answers, Ordering::Relaxed);
    }

    pub(super) fn table(&self, answers: bool) {
        self.0.table.store(answers, Ordering::Relaxed);
    }

    pub(super) fn draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }
}
