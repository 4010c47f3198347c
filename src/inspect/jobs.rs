//! The periodic jobs, as `branchline jobs list` shows them.

use serde::Serialize;

use crate::domain::ids::Timestamp;
use crate::domain::jobs::{JobRecord, JobResult, Periods};

/// A job and its last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobRow {
    /// The name.
    pub job: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The seconds from one start to the next; `None` if it runs only on request.
    pub period_s: Option<u64>,
    /// `running`, `due` or `waiting`.
    pub state: &'static str,
    /// The daemon that began the last run.
    pub worker: Option<String>,
    /// When that was.
    pub started_at: Option<String>,
    /// When the last run that ended did so.
    pub ended_at: Option<String>,
    /// How that one ended: `done` or `failed`.
    pub result: Option<&'static str>,
    /// What it did, or why it failed.
    pub detail: Option<String>,
}

impl JobRow {
    /// The fields, in the order of CSV.
    pub const FIELDS: &[&str] = &[
        "job",
        "description",
        "period_s",
        "state",
        "worker",
        "started_at",
        "ended_at",
        "result",
        "detail",
    ];

    /// Describes a job at a time.
    #[must_use]
    pub fn new(record: &JobRecord, periods: Periods, now: Timestamp) -> Self {
        let state = match (record.is_running(now), record.is_due(periods, now)) {
            (true, _) => "running",
            (false, true) => "due",
            (false, false) => "waiting",
        };
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let result = record.result.as_ref();
        Self {
            job: record.job.as_str(),
            description: record.job.description(),
            period_s: periods.of(record.job).map(|period| period.as_secs()),
            state,
            worker: record.worker.clone(),
            started_at: time(record.started_at),
            ended_at: time(record.ended_at),
            result: result.map(JobResult::as_str),
            detail: result.map(|result| result.detail().to_owned()),
        }
    }

    /// Returns true if the last run that ended failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.result == Some("failed")
    }
}
