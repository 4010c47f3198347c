//! What a running daemon says of itself, for operators who ask whether anything is running.

use std::time::Duration;

use crate::domain::ids::Timestamp;

/// The time between two heartbeats of a daemon. One write of less than 1 KB a minute makes 43,800 a
/// month, which cost less than 0.05 USD.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(60);
/// How long after its last heartbeat a daemon may have ended without a shutdown: the next one is
/// late by more than a slow write.
pub const LATE: Duration = Duration::from_secs(90);
/// How long after its last heartbeat a daemon counts as running: two heartbeats may be lost.
pub const ALIVE: Duration = Duration::from_secs(180);
/// How long the last heartbeat of a daemon is kept.
pub const HEARTBEAT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The last heartbeat of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The name of the process, as in claims. It is unique among all daemons.
    pub worker: String,
    /// The version of branchline.
    pub version: String,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// When the daemon was seen.
    pub seen_at: Timestamp,
    /// True if a shutdown was requested by then: no further heartbeat follows.
    pub stopped: bool,
}

impl Heartbeat {
    /// Returns true if the daemon runs, as far as its last heartbeat tells.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.stopped && now.since(self.seen_at) <= ALIVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_alive_until_two_heartbeats_are_missing() {
        let heartbeat = |stopped| Heartbeat {
            worker: "0f".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: Timestamp(0),
            seen_at: Timestamp(1_000),
            stopped,
        };
        let alive = |stopped, seconds| {
            let now = Timestamp(1_000).plus(Duration::from_secs(seconds));
            heartbeat(stopped).is_alive(now)
        };
        assert!(alive(false, 0) && alive(false, 180));
        assert!(!alive(false, 181) && !alive(true, 0));
        assert!(ALIVE >= HEARTBEAT_INTERVAL * 3 && HEARTBEAT_KEPT > ALIVE);
        assert!(LATE > HEARTBEAT_INTERVAL && LATE < ALIVE);
    }
}
