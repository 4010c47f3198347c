//! Begins the jobs that are due, under a lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::domain::fault::Fault;
use crate::domain::jobs::{Job, JobRecord, JobResult, Periods};
use crate::domain::text::plural;
use crate::ports::{Clock, GitHub, JobLog, Listing, PipelineReader, Pipelines, Queue, Store};
use crate::reconcile::Reconciler;
use crate::reports::Reporter;
use crate::telemetry::metrics;

use crate::jobs::half_way_mappings;
use crate::jobs::reconcile;
use crate::jobs::status::JobStatus;

/// How often the items of the jobs are read.
const LOOK: Duration = Duration::from_secs(60);
/// The most that is added to [`LOOK`] at random, so that daemons do not look at the same time.
const LOOK_JITTER_MILLIS: u64 = 15_000;

/// What the jobs work with.
pub struct Jobs<S, P, R, G, Q, C> {
    /// The reconciler.
    pub reconciler: Arc<Reconciler<S, P, C>>,
    /// The reporter; `None` without access to GitHub.
    pub reporter: Option<Arc<Reporter<S, R, G, C>>>,
    /// The access to GitHub, if there is one.
    pub github: Option<Arc<G>>,
    /// The queues, to send to the internal one.
    pub queue: Q,
}

impl<S, P, R, G, Q, C> Jobs<S, P, R, G, Q, C>
where
    S: Store,
    P: Pipelines,
    R: PipelineReader,
    G: GitHub + Listing,
    Q: Queue,
    C: Clock,
{
    /// Runs one job to its end, and returns how it ended.
    ///
    /// If cancelled, the next run does the rest.
    pub async fn run(&self, job: Job) -> JobResult {
        let without_github = || Ok("no access to GitHub is configured".to_owned());
        let ended = match job {
            Job::HalfWayMappings => half_way_mappings::run(&self.reconciler).await,
            Job::UnheardExecutions => match &self.reporter {
                Some(reporter) => reporter.find_unheard().await,
                None => without_github(),
            },
            Job::PipelineCount => {
                let counted = self.reconciler.count_pipelines().await;
                counted
                    .map(|(count, woken)| format!("{}, {woken} woken", plural(count, "pipeline")))
            }
            Job::Reconcile => match &self.github {
                Some(github) => {
                    let (store, clock) = (self.reconciler.store(), self.reconciler.clock());
                    let rules = self.reconciler.rules();
                    let ended =
                        reconcile::run(store, github.as_ref(), rules, &self.queue, clock).await;
                    return ended.map_or_else(JobResult::Failed, JobResult::Done);
                }
                None => without_github(),
            },
        };
        ended.map_or_else(
            |fault| JobResult::Failed(fault.to_string()),
            JobResult::Done,
        )
    }
}

/// Begins the jobs that are due.
pub struct Driver<L, S, P, R, G, Q, C> {
    log: L,
    clock: C,
    /// The name of this process, unique among all daemons.
    worker: String,
    periods: Periods,
    jobs: Jobs<S, P, R, G, Q, C>,
    status: JobStatus,
}

impl<L, S, P, R, G, Q, C> Driver<L, S, P, R, G, Q, C>
where
    L: JobLog,
    S: Store,
    P: Pipelines,
    R: PipelineReader,
    G: GitHub + Listing,
    Q: Queue,
    C: Clock,
{
    /// Creates the driver of a daemon.
    pub fn new(
        log: L,
        clock: C,
        worker: String,
        periods: Periods,
        jobs: Jobs<S, P, R, G, Q, C>,
    ) -> Self {
        Self {
            log,
            clock,
            worker,
            periods,
            jobs,
            status: JobStatus::default(),
        }
    }

    /// Returns a view of what this driver did, which stays up to date.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.status.clone()
    }

    /// Runs what is due, again and again, until a stop is requested. A run in progress is cut off
    /// then. A long run delays no other job.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        // What is dropped with this set is cut off.
        let mut running = JoinSet::new();
        let work = async {
            loop {
                self.begin_due(&mut running).await;
                sleep(LOOK + Duration::from_millis(fastrand::u64(..LOOK_JITTER_MILLIS))).await;
            }
        };
        tokio::select! {
            biased;
            () = stop => {}
            () = work => {}
        }
    }

    /// Runs what is due now to its end, and returns what was run.
    ///
    /// If cancelled, the jobs in progress are cut off, and the next runs begin when their leases
    /// end.
    pub async fn run_due(self: &Arc<Self>) -> Vec<Job> {
        let mut running = JoinSet::new();
        let begun = self.begin_due(&mut running).await;
        running.join_all().await;
        begun
    }

    async fn begin_due(self: &Arc<Self>, running: &mut JoinSet<()>) -> Vec<Job> {
        while running.try_join_next().is_some() {}
        self.jobs.reconciler.look_at_account().await;
        let records = match self.log.jobs().await {
            Ok(records) => records,
            Err(fault) => {
                tracing::warn!(%fault, "The jobs could not be looked up; the next attempt is in a minute");
                return Vec::new();
            }
        };
        let now = self.clock.now();
        let due = records
            .into_iter()
            .filter(|one| one.is_due(self.periods, now));
        let mut begun = Vec::new();
        for record in due {
            begun.push(record.job);
            let driver = Arc::clone(self);
            running.spawn(async move {
                let job = record.job.as_str();
                if let Err(fault) = driver.run_one(&record).await {
                    tracing::warn!(%fault, job, "A job could not be begun or recorded");
                }
            });
        }
        begun
    }

    async fn run_one(&self, record: &JobRecord) -> Result<(), Fault> {
        let (job, worker) = (record.job, &self.worker);
        if !self.log.begin_job(record, worker, self.clock.now()).await? {
            // Another daemon runs it.
            return Ok(());
        }
        let begun = self.clock.now();
        let result = timeout(job.lease(), self.jobs.run(job)).await;
        let result = result.unwrap_or_else(|_| {
            JobResult::Failed(format!("cut off after {} s", job.lease().as_secs()))
        });
        let now = self.clock.now();
        metrics::job_ran(job, &result);
        match &result {
            JobResult::Done(detail) => {
                tracing::debug!(job = job.as_str(), detail, took = ?now.since(begun), "A job ended");
            }
            JobResult::Failed(why) => {
                tracing::warn!(job = job.as_str(), why, "A job failed; it runs again")
            }
        }
        self.status.ended(job, result.clone(), now);
        self.log.end_job(job, worker, &result, now).await
    }
}
