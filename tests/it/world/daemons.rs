//! Daemons that work in a world, each with its own faults and its own clock.

use std::sync::Arc;

use branchline::domain::jobs::Periods;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::jobs::{Driver, Jobs};
use branchline::reports::{Outbox, Reporter, ReporterConfig};
use branchline::worker::{RunMode, Shutdown, Worker, WorkerConfig};

use super::clock::FakeClock;
use super::fault_injection::FaultInjection;
use super::github::FakeGitHub;
use super::pipelines::FakePipelines;
use super::queue::FakeQueue;
use super::reconcilers::new_reconciler;
use super::store::FakeStore;
use super::story::{REGION, World, owner};

/// A worker over the fakes.
type FakeWorker = Worker<FakeQueue, FakeStore, FakePipelines, FakeClock>;
/// A reporter over the fakes.
pub(super) type FakeReporter = Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock>;

/// The driver of jobs over the fakes.
pub(crate) type FakeDriver =
    Driver<FakeStore, FakeStore, FakePipelines, FakePipelines, FakeGitHub, FakeQueue, FakeClock>;

/// A daemon: its worker, its jobs, and what tells GitHub, if anything does.
pub(crate) struct FakeDaemon {
    worker: FakeWorker,
    reporter: Option<Arc<FakeReporter>>,
    driver: Arc<FakeDriver>,
}

impl FakeDaemon {
    /// Runs until a shutdown is requested, as the `run` command does.
    pub(crate) async fn run(&self, stop: Shutdown) {
        let (stop_reports, no_reports) = Shutdown::channel();
        let stop_jobs = stop.clone();
        let work = async {
            // A supervisor starts one that failed at start again.
            let _ = self.worker.run(RunMode::Daemon, stop).await;
            stop_reports.request();
        };
        let report = async {
            let Some(reporter) = &self.reporter else {
                return;
            };
            reporter.run(|| no_reports.requested()).await;
            reporter.drain().await;
        };
        let jobs = Arc::clone(&self.driver).run(stop_jobs.requested());
        tokio::join!(biased; work, report, jobs);
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
            Arc::new(Reporter::new(
                self.store.under(faults),
                self.account.under(faults),
                Arc::new(self.github.under(faults)),
                clock.clone(),
                outbox.clone(),
                reporter_config(name, &rules),
            ))
        });
        let worker = self.worker_for(name, rules, faults, clock, settings, outbox);
        let jobs = Jobs {
            reconciler: worker.reconciler(),
            reporter: reporter.clone(),
            github: Some(Arc::new(self.github.under(faults))),
            queue: self.queue.under(faults).internal(),
        };
        let log = self.store.under(faults);
        let periods = Periods::default();
        let driver = Driver::new(log, clock.clone(), name.to_owned(), periods, jobs);
        FakeDaemon {
            worker,
            reporter,
            driver: Arc::new(driver),
        }
    }

    /// Returns the driver of a daemon in this world.
    pub(crate) fn driver(&self, name: &str) -> Arc<FakeDriver> {
        let jobs = Jobs {
            reconciler: self.reconciler(),
            reporter: Some(Arc::new(self.reporter(name))),
            github: Some(Arc::new(self.github.clone())),
            queue: self.queue.internal(),
        };
        let (log, clock) = (self.store.clone(), self.clock.clone());
        let driver = Driver::new(log, clock, name.to_owned(), Periods::default(), jobs);
        Arc::new(driver)
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
pub(super) fn reporter_config(name: &str, rules: &[Rule]) -> ReporterConfig {
    ReporterConfig {
        rules: Rules::new(rules.to_vec()),
        worker: name.to_owned(),
        region: REGION.to_owned(),
        owner: owner(),
    }
}
