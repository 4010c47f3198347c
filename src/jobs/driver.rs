//! Begins the jobs that are due, under a lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::domain::fault::Fault;
use crate::domain::jobs::{Job, JobRecord, JobResult};
use crate::domain::text::plural;
use crate::ports::{Clock, GitHub, JobLog, PipelineReader, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reports::Reporter;
use crate::telemetry::metrics;

use crate::jobs::half_way_mappings;
use crate::jobs::status::JobStatus;

/// How often the items of the jobs are read.
const LOOK: Duration = Duration::from_secs(60);
/// The most that is added to [`LOOK`] at random, so that daemons do not look at the same time.
const LOOK_JITTER_MILLIS: u64 = 15_000;

/// What the jobs work with.
pub struct Jobs<S, P, R, G, C> {
    /// The reconciler.
    pub reconciler: Arc<Reconciler<S, P, C>>,
    /// The reporter; `None` without access to GitHub.
    pub reporter: Option<Arc<Reporter<S, R, G, C>>>,
}

impl<S: Store, P: Pipelines, R: PipelineReader, G: GitHub, C: Clock> Jobs<S, P, R, G, C> {
    /// Runs one job to its end, and returns what it did.
    ///
    /// # Errors
    /// The fault that ended it.
    ///
    /// If cancelled, the next run does the rest.
    pub async fn run(&self, job: Job) -> Result<String, Fault> {
        match job {
            Job::HalfWayMappings => half_way_mappings::run(&self.reconciler).await,
            Job::UnheardExecutions => match &self.reporter {
                Some(reporter) => reporter.find_unheard().await,
                None => Ok("no access to GitHub is configured".to_owned()),
            },
            Job::PipelineCount => {
                let (count, woken) = self.reconciler.count_pipelines().await?;
                Ok(format!("{}, {woken} woken", plural(count, "pipeline")))
            }
        }
    }
}

/// Begins the jobs that are due.
pub struct Driver<L, S, P, R, G, C> {
    log: L,
    clock: C,
    /// The name of this process, unique among all daemons.
    worker: String,
    jobs: Jobs<S, P, R, G, C>,
    status: JobStatus,
}

impl<L: JobLog, S: Store, P: Pipelines, R: PipelineReader, G: GitHub, C: Clock>
    Driver<L, S, P, R, G, C>
{
    /// Creates the driver of a daemon.
    pub fn new(log: L, clock: C, worker: String, jobs: Jobs<S, P, R, G, C>) -> Self {
        Self {
            log,
            clock,
            worker,
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
    /// then.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let work = async {
            loop {
                self.run_due().await;
                sleep(LOOK + Duration::from_millis(fastrand::u64(..LOOK_JITTER_MILLIS))).await;
            }
        };
        tokio::select! {
            biased;
            () = stop => {}
            () = work => {}
        }
    }

    /// Runs what is due now, one job after the other.
    ///
    /// If cancelled, the job in progress is cut off, and the next run begins when its lease ends.
    pub async fn run_due(&self) {
        self.jobs.reconciler.look_at_account().await;
        let records = match self.log.jobs().await {
            Ok(records) => records,
            Err(fault) => {
                tracing::warn!(%fault, "The jobs could not be looked up; the next attempt is in a minute");
                return;
            }
        };
        for record in records {
            if record.is_due(self.clock.now())
                && let Err(fault) = self.run_one(&record).await
            {
                tracing::warn!(%fault, job = record.job.as_str(), "A job could not be begun or recorded");
            }
        }
    }

    async fn run_one(&self, record: &JobRecord) -> Result<(), Fault> {
        let (job, worker) = (record.job, &self.worker);
        if !self.log.begin_job(record, worker, self.clock.now()).await? {
            // Another daemon runs it.
            return Ok(());
        }
        let begun = self.clock.now();
        let result = match timeout(job.lease(), self.jobs.run(job)).await {
            Ok(Ok(detail)) => JobResult::Done(detail),
            Ok(Err(fault)) => JobResult::Failed(fault.to_string()),
            Err(_) => JobResult::Failed(format!("cut off after {} s", job.lease().as_secs())),
        };
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
