//! Answers the readiness check of a load balancer or an orchestrator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Flags {
    queue: AtomicBool,
    table: AtomicBool,
    draining: AtomicBool,
}

/// The readiness of the worker. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Flags>);

impl Readiness {
    /// Returns true if the webhook queue answered the last poll.
    pub(super) fn queue_answers(&self) -> bool {
        self.0.queue.load(Ordering::Relaxed)
    }

    /// Returns why the worker is not ready. Returns `None` if it is ready: the webhook queue
    /// answered the last poll, AWS answers what processing needs, and no shutdown was requested.
    #[must_use]
    pub fn not_ready_reason(&self) -> Option<&'static str> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is(&self.0.draining) {
            Some("stopping: messages in work are finished first")
        } else if !is(&self.0.queue) {
            Some("the webhook queue does not answer")
        } else if !is(&self.0.table) {
            Some("the table, or another AWS service that processing needs, does not answer")
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
