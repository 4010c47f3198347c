//! Begins the jobs that are due, under a lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::domain::fault::Fault;
use crate::domain::jobs::{Job, JobDone, JobRecord, JobResult, Periods};
use crate::domain::text::plural;
use crate::ports::{
    Clock, GitHub, JobLog, Listing, PipelineReader, Pipelines, Queue, Redelivery, Store,
};
use crate::reconcile::Reconciler;
use crate::reports::Reporter;
use crate::telemetry::metrics;

use crate::jobs::job_fault::JobFault;
use crate::jobs::status::JobStatus;
use crate::jobs::{
    evict_idle, half_way_mappings, idle_subjects, missed_deliveries, reconcile, teardowns,
};

/// How often the items of the jobs are read.
const LOOK: Duration = Duration::from_secs(60);
/// The most that is added to [`LOOK`] at random, so that daemons do not look at the same time.
const LOOK_JITTER_MILLIS: u64 = 15_000;

/// What a job says that needs access to GitHub.
const WITHOUT_GITHUB: &str = "no access to GitHub is configured";

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
    G: GitHub + Listing + Redelivery,
    Q: Queue,
    C: Clock,
{
    /// Runs one job to its end, and returns what it did. `record` is that of the job before the
    /// run.
    ///
    /// # Errors
    /// The fault that ended it.
    ///
    /// If cancelled, the next run does the rest.
    pub async fn run(&self, record: &JobRecord) -> Result<JobDone, JobFault> {
        let reconciler = &self.reconciler;
        let (store, clock) = (reconciler.store(), reconciler.clock());
        let rules = reconciler.rules();
        let detail = match record.job {
            Job::HalfWayMappings => half_way_mappings::run(reconciler).await?,
            Job::Teardowns => {
                let report = |commits| {
                    if let Some(reporter) = &self.reporter {
                        reporter.report(commits);
                    }
                };
                teardowns::run(reconciler, report).await?
            }
            Job::UnheardExecutions => match &self.reporter {
                Some(reporter) => reporter.find_unheard().await?,
                None => WITHOUT_GITHUB.to_owned(),
            },
            Job::PipelineCount => {
                let (count, woken) = reconciler.count_pipelines().await?;
                format!("{}, {woken} woken", plural(count, "pipeline"))
            }
            Job::MissedDeliveries => match self.github.as_deref() {
                Some(github) => {
                    let now = clock.now();
                    return missed_deliveries::run(store, github, rules, record.success, now).await;
                }
                None => WITHOUT_GITHUB.to_owned(),
            },
            Job::IdleSubjects => {
                let (owner, now) = (reconciler.owner(), clock.now());
                idle_subjects::run(store, rules, owner, &self.queue, now).await?
            }
            Job::EvictIdle => evict_idle::run(reconciler, &self.queue).await?,
            Job::Reconcile => match self.github.as_deref() {
                Some(github) => {
                    let ended = reconcile::run(store, github, rules, &self.queue, clock).await;
                    ended.map_err(JobFault::Other)?
                }
                None => WITHOUT_GITHUB.to_owned(),
            },
        };
        Ok(JobDone::with(detail))
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
    G: GitHub + Listing + Redelivery,
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
        let resumed_at = self.jobs.reconciler.resumed_at();
        let due = records.into_iter().filter(|one| {
            let after_outage = |at| one.is_due_after_outage(self.periods, at, now);
            one.is_due(self.periods, now) || resumed_at.is_some_and(after_outage)
        });
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
        let result = match timeout(job.lease(), self.jobs.run(record)).await {
            Ok(Ok(done)) => JobResult::Done(done),
            Ok(Err(fault)) => JobResult::Failed(fault.to_string()),
            Err(_) => JobResult::Failed(format!("cut off after {} s", job.lease().as_secs())),
        };
        let now = self.clock.now();
        metrics::job_ran(job, &result);
        match &result {
            JobResult::Done(JobDone { detail, .. }) => {
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
