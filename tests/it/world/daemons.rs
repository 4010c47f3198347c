//! Daemons that work in a world, each with its own faults and its own clock.

use std::time::Duration;

use branchline::domain::rules::rule::Rule;
use branchline::reports::{Outbox, Reporter, ReporterConfig};
use branchline::worker::{RunMode, Shutdown, Worker, WorkerConfig};

use tokio::time::sleep;

use super::clock::FakeClock;
use super::fault_injection::FaultInjection;
use super::github::FakeGitHub;
use super::pipelines::FakePipelines;
use super::queue::FakeQueue;
use super::store::FakeStore;
use super::story::{REGION, World, new_reconciler, owner};

/// How often CodePipeline is asked about executions of which nothing was heard, by the job.
const UNHEARD: Duration = Duration::from_secs(300);

/// A worker over the fakes.
type FakeWorker = Worker<FakeQueue, FakeStore, FakePipelines, FakeClock>;
/// A reporter over the fakes.
pub(super) type FakeReporter = Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock>;

/// A daemon: its worker, and what tells GitHub, if anything does.
pub(crate) struct FakeDaemon {
    worker: FakeWorker,
    reporter: Option<FakeReporter>,
}

impl FakeDaemon {
    /// Runs until a shutdown is requested, as the `run` command does.
    pub(crate) async fn run(&self, stop: Shutdown) {
        let (stop_reports, no_reports) = Shutdown::channel();
        let work = async {
            // A supervisor starts one that failed at start again.
            let _ = self.worker.run(RunMode::Daemon, stop).await;
            stop_reports.request();
        };
        let report = async {
            let Some(reporter) = &self.reporter else {
                return;
            };
            let ask = async {
                loop {
                    sleep(UNHEARD).await;
                    let _ = reporter.find_unheard().await;
                }
            };
            tokio::select! {
                biased;
                () = reporter.run(|| no_reports.requested()) => {}
                () = ask => {}
            }
            reporter.drain().await;
        };
        tokio::join!(biased; work, report);
    }
}

impl World {
    /// Returns the worker of a daemon in this world, with faults and a clock of its own.
    pub(crate) fn daemon(
        &self,
        name: &str,
        rules: Vec<Rule>,
        faults: &FaultInjection,
        clock: &FakeClock,
        settings: WorkerConfig,
    ) -> FakeWorker {
        self.worker_for(name, rules, faults, clock, settings, self.outbox())
    }

    /// Returns a whole daemon. It tells GitHub if a rule says so.
    pub(crate) fn reporting_daemon(
        &self,
        name: &str,
        rules: Vec<Rule>,
        faults: &FaultInjection,
        clock: &FakeClock,
        settings: WorkerConfig,
    ) -> FakeDaemon {
        let outbox = Outbox::default();
        let reporter = rules.iter().any(|rule| rule.report.is_some()).then(|| {
            Reporter::new(
                self.store.under(faults),
                self.account.under(faults),
                self.github.under(faults),
                clock.clone(),
                outbox.clone(),
                reporter_config(name),
            )
        });
        let worker = self.worker_for(name, rules, faults, clock, settings, outbox);
        FakeDaemon { worker, reporter }
    }

    fn worker_for(
        &self,
        name: &str,
        rules: Vec<Rule>,
        faults: &FaultInjection,
        clock: &FakeClock,
        settings: WorkerConfig,
        outbox: Outbox,
    ) -> FakeWorker {
        let (store, account) = (self.store.under(faults), self.account.under(faults));
        let reconciler = new_reconciler(&store, &account, clock, rules, name);
        let queue = self.queue.under(faults);
        let internal = queue.internal();
        Worker::new(queue, internal, reconciler, settings, outbox)
    }
}

/// Returns the configuration of a reporter.
pub(super) fn reporter_config(name: &str) -> ReporterConfig {
    ReporterConfig {
        worker: name.to_owned(),
        region: REGION.to_owned(),
        owner: owner(),
    }
}
