//! The periodic jobs: what each is called, how often it is due, and what is recorded of it.

use std::time::Duration;

use crate::domain::ids::Timestamp;

/// The time from the end of an outage of the webhook queue to the runs that look for lost webhooks.
/// Most of those that arrived in time are processed by then.
const AFTER_OUTAGE: Duration = Duration::from_secs(120);

/// A job. It takes no input; one daemon at a time runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Finishes mappings in the middle of a change whose worker ended.
    HalfWayMappings,
    /// Goes on with the deletion of stacks.
    Teardowns,
    /// Asks CodePipeline about executions of which nothing was heard for long.
    UnheardExecutions,
    /// Asks GitHub for the events that it could not deliver.
    MissedDeliveries,
    /// Counts the pipelines of the account in the Region.
    PipelineCount,
    /// Looks for open subjects that are idle.
    IdleSubjects,
    /// Evicts idle subjects for whose slots others wait.
    EvictIdle,
    /// Compares what is open at GitHub with the mappings.
    Reconcile,
}

impl Job {
    /// All jobs, in the order in which they run.
    pub const ALL: [Self; 8] = [
        Self::HalfWayMappings,
        Self::Teardowns,
        Self::UnheardExecutions,
        Self::MissedDeliveries,
        Self::PipelineCount,
        Self::IdleSubjects,
        Self::EvictIdle,
        Self::Reconcile,
    ];

    /// Returns the name in commands, in the table and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfWayMappings => "half-way-mappings",
            Self::Teardowns => "teardowns",
            Self::UnheardExecutions => "unheard-executions",
            Self::MissedDeliveries => "missed-deliveries",
            Self::PipelineCount => "pipeline-count",
            Self::IdleSubjects => "idle-subjects",
            Self::EvictIdle => "evict-idle",
            Self::Reconcile => "reconcile",
        }
    }

    /// Returns the job of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.as_str() == name)
    }

    /// Returns what it does, as a sentence without a full stop.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::HalfWayMappings => {
                "Finishes mappings in the middle of a change whose worker ended"
            }
            Self::Teardowns => {
                "Deletes pipelines whose subjects' environments are removed, and repeats what failed"
            }
            Self::UnheardExecutions => {
                "Asks CodePipeline about executions of which nothing was heard for long"
            }
            Self::MissedDeliveries => "Asks GitHub for the events that it could not deliver",
            Self::PipelineCount => {
                "Counts the pipelines in the Region, and wakes subjects that wait for the quota"
            }
            Self::IdleSubjects => {
                "Looks for open subjects that are idle, and asks for the removal of their pipelines"
            }
            Self::EvictIdle => {
                "Asks for the removal of idle pipelines whose slots other subjects wait for"
            }
            Self::Reconcile => "Compares what is open at GitHub with the mappings",
        }
    }

    /// Returns true if it looks for what lost webhooks would have changed.
    fn finds_lost_webhooks(self) -> bool {
        match self {
            Self::MissedDeliveries | Self::Reconcile => true,
            Self::HalfWayMappings
            | Self::Teardowns
            | Self::UnheardExecutions
            | Self::PipelineCount
            | Self::IdleSubjects
            | Self::EvictIdle => false,
        }
    }

    /// Returns the longest duration of a run. A run is cut off then, and another daemon may begin
    /// the next one.
    #[must_use]
    pub fn lease(self) -> Duration {
        match self {
            Self::HalfWayMappings | Self::Teardowns => Duration::from_secs(120),
            Self::UnheardExecutions | Self::PipelineCount | Self::EvictIdle => {
                Duration::from_secs(300)
            }
            Self::MissedDeliveries | Self::IdleSubjects => Duration::from_secs(600),
            Self::Reconcile => Duration::from_secs(1_800),
        }
    }
}

/// The time from one start of each job to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// That of [`Job::Reconcile`]; `None` if it runs only on request.
    pub reconcile: Option<Duration>,
}

impl Default for Periods {
    fn default() -> Self {
        Self {
            reconcile: Some(Duration::from_hours(1)),
        }
    }
}

impl Periods {
    /// Returns the time from one start of a job to the next; `None` if it runs only on request.
    #[must_use]
    pub fn of(self, job: Job) -> Option<Duration> {
        match job {
            Job::HalfWayMappings | Job::Teardowns => Some(Duration::from_secs(60)),
            Job::UnheardExecutions | Job::PipelineCount | Job::EvictIdle => {
                Some(Duration::from_secs(300))
            }
            Job::MissedDeliveries => Some(Duration::from_secs(900)),
            Job::IdleSubjects => Some(Duration::from_hours(1)),
            Job::Reconcile => self.reconcile,
        }
    }
}

/// A run that did its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDone {
    /// How much it did.
    pub detail: String,
    /// Since when there is something that a later run has to finish; `None` if there is nothing.
    pub open_since: Option<Timestamp>,
}

impl JobDone {
    /// Returns a run that leaves nothing to finish.
    #[must_use]
    pub fn with(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            open_since: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// It did its work.
    Done(JobDone),
    /// It failed; the text says why.
    Failed(String),
}

impl JobResult {
    /// Returns the word in the table, in logs and in metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }

    /// Returns the details.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Done(done) => &done.detail,
            Self::Failed(why) => why,
        }
    }

    /// Returns the result of this word and these details.
    #[must_use]
    pub fn parse(word: &str, done: JobDone) -> Option<Self> {
        match word {
            "done" => Some(Self::Done(done)),
            "failed" => Some(Self::Failed(done.detail)),
            _ => None,
        }
    }
}

/// The last run that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSuccess {
    /// When it began.
    pub began_at: Timestamp,
    /// Since when there is something that a later run has to finish.
    pub open_since: Option<Timestamp>,
}

/// What is recorded of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// The job.
    pub job: Job,
    /// The daemon that began the last run; `None` if the job never ran.
    pub worker: Option<String>,
    /// When the last run began.
    pub started_at: Option<Timestamp>,
    /// When the run in progress is cut off at the latest; `None` if none is in progress.
    pub until: Option<Timestamp>,
    /// When the last run that ended did so.
    pub ended_at: Option<Timestamp>,
    /// How that one ended.
    pub result: Option<JobResult>,
    /// The last run that did its work; `None` if no run did.
    pub success: Option<JobSuccess>,
    /// When an operator last asked for a run.
    pub requested_at: Option<Timestamp>,
}

impl JobRecord {
    /// Returns the record of a job that never ran.
    #[must_use]
    pub fn new(job: Job) -> Self {
        Self {
            job,
            worker: None,
            started_at: None,
            until: None,
            ended_at: None,
            result: None,
            success: None,
            requested_at: None,
        }
    }

    /// Returns true if a run is in progress, and was not cut off.
    #[must_use]
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Returns true if a run should begin: an operator asked for one, or the period is over.
    #[must_use]
    pub fn is_due(&self, periods: Periods, now: Timestamp) -> bool {
        let period = periods.of(self.job);
        let is_requested = self.requested_at > self.started_at;
        let is_over = |period| {
            self.started_at
                .is_none_or(|started_at| started_at.plus(period) <= now)
        };
        !self.is_running(now) && (is_requested || period.is_some_and(is_over))
    }

    /// Returns true if a run should begin because webhooks may be lost: the webhook queue did not
    /// answer until `resumed_at`, and no run has begun since the messages that it held were
    /// handled.
    #[must_use]
    pub fn is_due_after_outage(
        &self,
        periods: Periods,
        resumed_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let due_at = resumed_at.plus(AFTER_OUTAGE);
        let is_periodic = periods.of(self.job).is_some();
        let is_to_run = due_at <= now && self.started_at < Some(due_at);
        self.job.finds_lost_webhooks() && is_periodic && is_to_run && !self.is_running(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_due_after_its_period_or_a_request_and_never_while_it_runs() {
        let job = Job::HalfWayMappings;
        let second = |seconds: i64| Timestamp(seconds * 1_000);
        let record = JobRecord::new(job);
        assert!(record.is_due(Periods::default(), second(0)));
        let ran = JobRecord {
            started_at: Some(second(100)),
            ..record
        };
        assert!(!ran.is_due(Periods::default(), second(159)));
        assert!(ran.is_due(Periods::default(), second(160)));
        let requested = JobRecord {
            requested_at: Some(second(101)),
            ..ran.clone()
        };
        assert!(requested.is_due(Periods::default(), second(101)));
        let running = JobRecord {
            until: Some(second(400)),
            ..requested
        };
        assert!(!running.is_due(Periods::default(), second(399)));
        assert!(
            running.is_due(Periods::default(), second(400)),
            "it was cut off"
        );
        let off = Periods { reconcile: None };
        let never = JobRecord::new(Job::Reconcile);
        assert!(never.is_due(Periods::default(), second(0)) && !never.is_due(off, second(0)));
        let requested = JobRecord {
            requested_at: Some(second(1)),
            ..never
        };
        assert!(requested.is_due(off, second(1)));
        for job in Job::ALL {
            assert_eq!(Job::parse(job.as_str()), Some(job));
        }
    }

    #[test]
    fn an_outage_of_the_queue_makes_the_jobs_due_that_find_lost_webhooks() {
        let second = |seconds: i64| Timestamp(seconds * 1_000);
        let due = |job: Job, periods: Periods, now: i64| {
            let record = JobRecord {
                started_at: Some(second(150)),
                ..JobRecord::new(job)
            };
            record.is_due_after_outage(periods, second(100), second(now))
        };
        let (on, off) = (Periods::default(), Periods { reconcile: None });
        assert!(!due(Job::Reconcile, on, 219), "messages are being handled");
        assert!(due(Job::Reconcile, on, 220) && due(Job::MissedDeliveries, on, 220));
        assert!(!due(Job::Reconcile, off, 220), "it is switched off");
        assert!(!due(Job::UnheardExecutions, on, 220));
        let begun = JobRecord {
            started_at: Some(second(220)),
            ..JobRecord::new(Job::Reconcile)
        };
        assert!(!begun.is_due_after_outage(on, second(100), second(221)));
    }
}
