//! The heartbeat port: which daemons were seen lately.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::heartbeat::Heartbeat;

/// Read access to the heartbeats.
pub trait HeartbeatReader: Send + Sync + 'static {
    /// Returns the last heartbeat of each daemon that was seen within the last day, in any order.
    /// An older one may be among them.
    fn heartbeats(&self) -> impl Future<Output = Result<Vec<Heartbeat>, Fault>> + Send;
}

/// Write access to the heartbeats.
pub trait HeartbeatLog: Send + Sync + 'static {
    /// Writes the last heartbeat of a daemon, in the place of the one before.
    ///
    /// If cancelled or failed: it may be written.
    fn beat(&self, heartbeat: &Heartbeat) -> impl Future<Output = Result<(), Fault>> + Send;
}
