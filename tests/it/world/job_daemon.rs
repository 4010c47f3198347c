//! A daemon with its jobs for the table, which looks for work more often than a real one.

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::jobs::{Job, JobRecord};
use branchline::domain::rules::rule::Rule;
use branchline::jobs::Jobs;
use branchline::reports::Reporter;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use tokio::time::sleep;

use super::clock::FakeClock;
use super::fault_injection::FaultInjection;
use super::github::FakeGitHub;
use super::pipelines::FakePipelines;
use super::store::FakeStore;
use super::story::World;

/// How often the jobs run.
pub(crate) const JOBS: Duration = Duration::from_secs(75);

type NoReporter = Option<Arc<Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock>>>;

/// Runs a daemon with its jobs for the table, and starts it again when it dies.
pub(crate) async fn job_daemon(
    world: Arc<World>,
    name: String,
    rules: Vec<Rule>,
    faults: FaultInjection,
    asked: Shutdown,
) {
    for start in 0.. {
        let settings = WorkerConfig {
            concurrency: 8,
            drain_timeout: Duration::from_secs(25),
            seed: start,
        };
        let name = format!("{name}-{start}");
        let daemon = world.daemon(&name, rules.clone(), &faults, &world.clock, settings);
        let jobs = Jobs {
            reconciler: daemon.reconciler(),
            reporter: None as NoReporter,
            github: None,
            queue: world.queue.under(&faults),
        };
        let jobs = async {
            loop {
                sleep(JOBS).await;
                for job in [
                    Job::HalfWayMappings,
                    Job::Teardowns,
                    Job::IdleSubjects,
                    Job::EvictIdle,
                ] {
                    // If it fails, it runs again.
                    let _ = jobs.run(&JobRecord::new(job)).await;
                }
            }
        };
        let (stop, stopped) = Shutdown::channel();
        let run = daemon.run(RunMode::Daemon, stopped);
        tokio::pin!(run);
        let died = tokio::select! {
            biased;
            _ = &mut run => true,
            () = faults.hangs() => true,
            () = asked.requested() => false,
            () = jobs => false,
        };
        if !died {
            stop.request();
            let _ = run.await;
            return;
        }
        sleep(Duration::from_secs(5)).await;
    }
}
