//! Writes the daemon's heartbeat: once at start, once a minute, and once when a shutdown is
//! requested. Nothing waits for it, and a heartbeat that cannot be written is missing: the outages
//! of the table are logged where messages meet them.
//!
//! After each heartbeat, the daemon counts those that run, because they share the rate of calls to
//! CodePipeline.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::domain::heartbeat::{HEARTBEAT_INTERVAL, Heartbeat};
use crate::domain::ids::Timestamp;
use crate::ports::{Clock, HeartbeatLog, HeartbeatReader};
use crate::worker::shutdown::Shutdown;

/// The time limit of the last heartbeat. It is written while messages in work are finished.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// The heartbeats of one daemon.
pub struct Heartbeats<L, C, F> {
    log: L,
    clock: C,
    counted: F,
    worker: String,
    version: &'static str,
    started_at: Timestamp,
}

impl<L, C, F> Heartbeats<L, C, F>
where
    L: HeartbeatLog + HeartbeatReader,
    C: Clock,
    F: Fn(NonZeroU32) + Send + Sync,
{
    /// Creates the heartbeats of a daemon that starts now. After each heartbeat but the last,
    /// `counted` is called with the number of running daemons, this one included.
    pub fn new(log: L, clock: C, worker: String, version: &'static str, counted: F) -> Self {
        Self {
            started_at: clock.now(),
            log,
            clock,
            counted,
            worker,
            version,
        }
    }

    /// Writes heartbeats until a shutdown is requested, and then the last one.
    ///
    /// If cancelled, the daemon looks as if it had been killed.
    pub async fn run(self, stop: Shutdown) {
        let mut ticks = interval(HEARTBEAT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => break,
                () = async { ticks.tick().await; self.beat(false).await; self.count().await; } => {}
            }
        }
        // A daemon that cannot write it in time is seen as running for three more minutes.
        let _ = timeout(LAST_TIMEOUT, self.beat(true)).await;
    }

    async fn beat(&self, stopped: bool) {
        let heartbeat = Heartbeat {
            worker: self.worker.clone(),
            version: self.version.to_owned(),
            started_at: self.started_at,
            seen_at: self.clock.now(),
            stopped,
        };
        if let Err(fault) = self.log.beat(&heartbeat).await {
            tracing::debug!(%fault, "A heartbeat could not be written");
        }
    }
    /// Counts the daemons. If they cannot be read, the last count holds.
    async fn count(&self) {
        match self.log.heartbeats().await {
            Ok(heartbeats) => (self.counted)(self.running(&heartbeats)),
            Err(fault) => tracing::debug!(%fault, "The heartbeats could not be read"),
        }
    }

    /// Returns how many daemons run. This one does, whether its own heartbeat was written or not.
    fn running(&self, heartbeats: &[Heartbeat]) -> NonZeroU32 {
        let now = self.clock.now();
        let others = heartbeats
            .iter()
            .filter(|other| other.worker != self.worker && other.is_alive(now));
        others.fold(NonZeroU32::MIN, |count, _| count.saturating_add(1))
    }
}
