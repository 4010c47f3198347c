//! Requests and observes the shutdown of a run. The daemon and the commands use it.
//!
//! It is not a `watch` channel, which wakes its waiters in random order, so that a simulated world
//! could not be repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

#[derive(Default)]
struct Signal {
    requested: AtomicBool,
    waiters: Notify,
}

/// Observes whether a shutdown is requested. Clones observe the same shutdown.
#[derive(Clone)]
pub struct Shutdown(Arc<Signal>);

/// Requests the shutdown. Dropping the handle requests it as well, because nothing else could end
/// the run.
pub struct ShutdownHandle(Arc<Signal>);

impl Shutdown {
    /// Creates a handle and the shutdown that it requests.
    #[must_use]
    pub fn channel() -> (ShutdownHandle, Self) {
        let signal = Arc::<Signal>::default();
        (ShutdownHandle(Arc::clone(&signal)), Self(signal))
    }

    /// Returns true once the shutdown is requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        let notified = self.0.waiters.notified();
        tokio::pin!(notified);
        // No notification is missed after this, so the flag is read afterwards.
        notified.as_mut().enable();
        if !self.is_requested() {
            notified.await;
        }
    }
}

impl ShutdownHandle {
    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        self.0.waiters.notify_waiters();
    }
}

impl Drop for ShutdownHandle {
    fn drop(&mut self) {
        self.request();
    }
}
