//! The fake records of jobs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Fault;
use branchline::domain::ids::Timestamp;
use branchline::domain::jobs::{Job, JobRecord, JobResult, JobSuccess};
use branchline::ports::{JobLog, JobReader};

use super::lock;
use super::store::FakeStore;
use crate::world::fault_injection::Op;

/// A handle to the records. Clones are handles to the same ones.
#[derive(Clone, Default)]
pub(super) struct FakeJobs(Arc<Mutex<BTreeMap<Job, JobRecord>>>);

impl FakeStore {
    fn change<T>(&self, job: Job, change: impl FnOnce(&mut JobRecord) -> T) -> T {
        let mut jobs = lock(&self.jobs.0);
        change(jobs.entry(job).or_insert_with(|| JobRecord::new(job)))
    }
}

impl JobReader for FakeStore {
    async fn jobs(&self) -> Result<Vec<JobRecord>, Fault> {
        let read = || {
            Ok(Job::ALL
                .map(|job| self.change(job, |one| one.clone()))
                .into())
        };
        self.faults.pass(Op::Jobs, read).await
    }
}

impl JobLog for FakeStore {
    async fn begin_job(
        &self,
        seen: &JobRecord,
        worker: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let begin = |one: &mut JobRecord| {
            if one.started_at != seen.started_at || one.is_running(now) {
                return false;
            }
            one.worker = Some(worker.to_owned());
            one.started_at = Some(now);
            one.until = Some(now.plus(one.job.lease()));
            true
        };
        let effect = || Ok(self.change(seen.job, begin));
        self.faults.pass(Op::BeginJob, effect).await
    }

    async fn end_job(
        &self,
        job: Job,
        worker: &str,
        result: &JobResult,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let end = |one: &mut JobRecord| {
            if one.worker.as_deref() == Some(worker) && one.until.is_some() {
                one.until = None;
                one.ended_at = Some(now);
                one.result = Some(result.clone());
                if let (JobResult::Done(done), Some(began_at)) = (result, one.started_at) {
                    one.success = Some(JobSuccess {
                        began_at,
                        open_since: done.open_since,
                    });
                }
            }
        };
        let effect = || {
            self.change(job, end);
            Ok(())
        };
        self.faults.pass(Op::EndJob, effect).await
    }

    async fn request_job(&self, job: Job, now: Timestamp) -> Result<(), Fault> {
        self.change(job, |one| one.requested_at = Some(now));
        Ok(())
    }
}
