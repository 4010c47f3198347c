//! The daemon under failures: leases, drain, attempts, settling, the sweep at start,
//! outages.
//!
//! These are stories over the fakes, in tokio's paused time. `simulation.rs` covers any mixture of
//! failures.

#![expect(clippy::unwrap_used, reason = "a daemon that fails, fails the test")]

mod attempts;
mod drain;
mod failure_queues;
mod heartbeats;
mod leases;
mod outages;
mod settling;
mod slow_subjects;
mod sweep;

use std::time::Duration;

use branchline::domain::fault::Fault;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::time::sleep;

use crate::world::rules::pull_request_rule;
use crate::world::story::World;

const SETTINGS: WorkerConfig = WorkerConfig {
    concurrency: 8,
    drain_timeout: Duration::from_secs(25),
    seed: 1,
};

/// Runs a daemon of this world with the world's own faults, until it ends or its shutdown is
/// requested.
async fn run(world: &World, mode: RunMode, stop: Shutdown) -> Result<(), Fault> {
    let rules = vec![pull_request_rule()];
    let daemon = world.daemon("daemon", rules, &world.faults, &world.clock, SETTINGS);
    daemon.run(mode, stop).await
}

/// Runs a daemon with its periodic jobs beside a story, and requests its shutdown when the story is
/// over.
async fn beside_jobs(world: &World, story: impl Future<Output = ()>) {
    let (shutdown, stop) = Shutdown::channel();
    let story = async {
        story.await;
        shutdown.request();
    };
    let rules = vec![pull_request_rule()];
    let daemon = world.reporting_daemon("daemon", rules, &world.faults, &world.clock, SETTINGS);
    tokio::join!(daemon.run(stop), story);
}

/// Runs a daemon beside a story, and requests its shutdown when the story is over.
pub(crate) async fn beside<T>(world: &World, story: impl Future<Output = T>) -> T {
    let (shutdown, stop) = Shutdown::channel();
    let story = async {
        let end = story.await;
        shutdown.request();
        end
    };
    let (ended, end) = tokio::join!(run(world, RunMode::Daemon, stop), story);
    ended.unwrap();
    end
}

/// Waits until the source queues are empty.
pub(crate) async fn quiet(world: &World) {
    while !world.queue.waiting().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
}
