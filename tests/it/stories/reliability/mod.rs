//! What the daemon does when things go wrong: leases, drain, attempts, the sweep at start, outages.
//!
//! Stories over the fakes, in tokio's paused time. What any mixture of troubles comes to is `simulation.rs`'s.

#![expect(
    clippy::unwrap_used,
    reason = "a daemon that does not do its part fails the test"
)]

mod attempts;
mod drain;
mod leases;
mod outages;
mod sweep;

use std::time::Duration;

use branchline::domain::fault::Fault;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::time::sleep;

use crate::world::rules::pull_request_rule;
use crate::world::world::World;

/// A daemon of this world under its own weather, which runs until it ends or is told to.
async fn run(world: &World, mode: RunMode, stop: Shutdown) -> Result<(), Fault> {
    let settings = WorkerConfig {
        concurrency: 8,
        drain_timeout: Duration::from_secs(25),
        seed: 1,
    };
    let rules = vec![pull_request_rule()];
    let daemon = world.daemon("daemon", rules, &world.weather, &world.clock, settings);
    daemon.run(mode, stop).await
}

/// A daemon runs beside a story, and is told to stop when that is over.
async fn beside<T>(world: &World, story: impl Future<Output = T>) -> T {
    let (told, stop) = Shutdown::channel();
    let story = async {
        let end = story.await;
        told.tell();
        end
    };
    let (ended, end) = tokio::join!(run(world, RunMode::Daemon, stop), story);
    ended.unwrap();
    end
}

/// Waits until the source queue is empty.
async fn quiet(world: &World) {
    while !world.queue.waiting().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
}
