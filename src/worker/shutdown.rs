//! The way to tell a run to stop, and the way to hear it.
//!
//! Not a `watch` channel: that wakes its waiters in an order that it draws by lot, and a simulated world could not be played
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

#[derive(Default)]
struct Signal {
    told: AtomicBool,
    bell: Notify,
}

/// Hears that a run is to stop polling and finish. Every clone of it hears the same.
#[derive(Clone)]
pub struct Shutdown(Arc<Signal>);

/// Tells it. Once it is dropped, nobody could ever stop the run, so it counts as told.
pub struct ShutdownHandle(Arc<Signal>);

impl Shutdown {
    /// The way to tell, and the way to hear it.
    #[must_use]
    pub fn channel() -> (ShutdownHandle, Self) {
        let told = Arc::<Signal>::default();
        (ShutdownHandle(Arc::clone(&told)), Self(told))
    }

    /// Whether it was told.
    pub(super) fn is_told(&self) -> bool {
        self.0.told.load(Ordering::SeqCst)
    }

    /// Returns once it is told.
    pub async fn told(&self) {
        let rings = self.0.bell.notified();
        tokio::pin!(rings);
        // From here on no bell is missed, so the look comes after.
        rings.as_mut().enable();
        if !self.is_told() {
            rings.await;
        }
    }
}

impl ShutdownHandle {
    /// Tells every one who hears.
    pub fn tell(&self) {
        self.0.told.store(true, Ordering::SeqCst);
        self.0.bell.notify_waiters();
    }
}

impl Drop for ShutdownHandle {
    fn drop(&mut self) {
        self.tell();
    }
}
