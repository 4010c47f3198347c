//! The jobs port: what is recorded of the periodic jobs, so that several daemons run each once.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::jobs::{Job, JobRecord, JobResult};

/// Read access to the jobs.
pub trait JobReader: Send + Sync + 'static {
    /// Returns the record of each job as it is now, in the order of [`Job::ALL`].
    fn jobs(&self) -> impl Future<Output = Result<Vec<JobRecord>, Fault>> + Send;
}

/// Write access to the jobs.
pub trait JobLog: JobReader {
    /// Begins a run, and returns true, if the record is as `seen` and the run in progress, if there
    /// was one, was cut off.
    ///
    /// If cancelled or failed: the run may have begun, and its lease has to end before the next
    /// one.
    fn begin_job(
        &self,
        seen: &JobRecord,
        worker: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Records the end of a run, unless another one has begun since. A run that did its work
    /// becomes the job's last success.
    ///
    /// If cancelled or failed: it may be recorded.
    fn end_job(
        &self,
        job: Job,
        worker: &str,
        result: &JobResult,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Asks for a run at the next opportunity.
    ///
    /// If cancelled or failed: it may be asked for.
    fn request_job(
        &self,
        job: Job,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
