//! A daemon with its jobs for the table, which looks for work more often than a real one.

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::jobs::{Job, JobRecord};
use branchline::domain::rules::rule::Rule;
use branchline::jobs::Jobs;
use branchline::reports::Reporter;
use branchline::worker::{RunMode, Shutdown, ShutdownHandle, WorkerConfig};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::chaos::Chaos;
use super::clock::FakeClock;
use super::fault_injection::FaultInjection;
use super::github::FakeGitHub;
use super::pipelines::FakePipelines;
use super::store::FakeStore;
use super::story::World;

/// How often the jobs run.
pub(crate) const JOBS: Duration = Duration::from_secs(75);

/// One to three daemons under chaos, with their jobs for the table.
pub(crate) struct ChaoticDaemons {
    shutdown: ShutdownHandle,
    daemons: JoinSet<()>,
    faults: Vec<FaultInjection>,
}

impl ChaoticDaemons {
    /// Starts them with these rules.
    pub(crate) fn start(world: &Arc<World>, rules: &[Rule], rng: &mut fastrand::Rng) -> Self {
        let (shutdown, stop) = Shutdown::channel();
        let (mut daemons, mut faults_of_all) = (JoinSet::new(), Vec::new());
        for number in 0..rng.usize(1..=3) {
            let faults = FaultInjection::new(&world.clock);
            faults.start_chaos(Chaos::new(rng.u64(..)));
            faults_of_all.push(faults.clone());
            let (world, rules) = (Arc::clone(world), rules.to_vec());
            daemons.spawn(job_daemon(
                world,
                format!("w{number}"),
                rules,
                faults,
                stop.clone(),
            ));
        }
        Self {
            shutdown,
            daemons,
            faults: faults_of_all,
        }
    }

    /// Ends the chaos, and lets the daemons work on.
    pub(crate) fn stop_chaos(&self) {
        for faults in &self.faults {
            faults.stop_chaos();
        }
    }

    /// Stops the daemons, and says if one of them panicked.
    pub(crate) async fn end(mut self) -> Result<(), String> {
        self.shutdown.request();
        while let Some(ended) = self.daemons.join_next().await {
            ended.map_err(|error| format!("a daemon panicked: {error}"))?;
        }
        Ok(())
    }
}

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
