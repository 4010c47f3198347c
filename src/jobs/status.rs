//! What this daemon's driver did last, for the readiness page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::Timestamp;
use crate::domain::jobs::{Job, JobResult};

/// The last run of each job in this process. Clones share it.
#[derive(Clone, Default)]
pub struct JobStatus(Arc<Mutex<BTreeMap<Job, Ended>>>);

struct Ended {
    at: Timestamp,
    result: JobResult,
}

impl JobStatus {
    /// Returns one line for each job that this process ran.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |(job, ended): (&Job, &Ended)| {
            let (result, detail) = (ended.result.as_str(), ended.result.detail());
            format!("job {}: {result} at {}: {detail}", job.as_str(), ended.at)
        };
        self.lock().iter().map(line).collect()
    }

    pub(super) fn ended(&self, job: Job, result: JobResult, at: Timestamp) {
        self.lock().insert(job, Ended { at, result });
    }

    /// Locks the runs. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Job, Ended>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
