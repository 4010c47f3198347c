//! Implements the jobs port with DynamoDB: one item for each job, all in one partition, which one
//! query reads.

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::jobs::{Job, JobDone, JobRecord, JobResult, JobSuccess};
use crate::ports::{JobLog, JobReader};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::expression::Expression;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{Item, Part, n, s};

/// The partition of the jobs.
const JOBS: &str = "JOBS";
/// The beginning of a sort key.
const JOB: &str = "JOB#";

impl JobReader for DynamoStore {
    async fn jobs(&self) -> Result<Vec<JobRecord>, Fault> {
        let call = format!("Query {JOBS} on {}", self.table());
        let query = self
            .client()
            .query()
            .table_name(self.table())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(JOBS))
            .consistent_read(true);
        let answer = measured(Service::DynamoDb, &call, query.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        let mut records: Vec<JobRecord> = Job::ALL.map(JobRecord::new).into();
        for item in answer.items() {
            // A newer branchline may have other jobs.
            let name = Part::row(item).owned("sk")?;
            let job = name.strip_prefix(JOB).and_then(Job::parse);
            if let Some(record) = records.iter_mut().find(|one| Some(one.job) == job) {
                *record = read(record.job, item)?;
            }
        }
        Ok(records)
    }
}

fn read(job: Job, item: &Item) -> Result<JobRecord, Fault> {
    let row = Part::row(item);
    let time = |name| Ok::<_, Fault>(row.number(name)?.map(Timestamp));
    let done = JobDone {
        detail: row.text("detail")?.unwrap_or_default().to_owned(),
        open_since: time("open_since")?,
    };
    let success = time("succeeded_from")?.map(|began_at| JobSuccess {
        began_at,
        open_since: done.open_since,
    });
    Ok(JobRecord {
        job,
        worker: row.text("worker")?.map(str::to_owned),
        started_at: time("started_at")?,
        until: time("until")?,
        ended_at: time("ended_at")?,
        result: row.optional("result", |word| JobResult::parse(word, done.clone()))?,
        success,
        requested_at: time("requested_at")?,
    })
}

impl DynamoStore {
    async fn change_job(
        &self,
        job: Job,
        change: Expression,
        condition: Option<&str>,
    ) -> Result<bool, Fault> {
        let sort_key = format!("{JOB}{}", job.as_str());
        self.update_item(JOBS.to_owned(), sort_key, change, condition)
            .await
    }
}

impl JobLog for DynamoStore {
    async fn begin_job(
        &self,
        seen: &JobRecord,
        worker: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let mut change = Expression::default();
        change.set("worker", Some(s(worker)));
        change.set("started_at", Some(n(now.0)));
        change.set("until", Some(n(now.plus(seen.job.lease()).0)));
        let condition = match seen.started_at {
            Some(started_at) => {
                change.compare("started_at", ":seen", n(started_at.0));
                "#started_at = :seen AND (attribute_not_exists(#until) OR #until <= :started_at)"
            }
            None => "attribute_not_exists(#started_at)",
        };
        self.change_job(seen.job, change, Some(condition)).await
    }

    async fn end_job(
        &self,
        job: Job,
        worker: &str,
        result: &JobResult,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut change = Expression::default();
        change.set("ended_at", Some(n(now.0)));
        change.set("result", Some(s(result.as_str())));
        change.set("detail", Some(s(result.detail())));
        change.set("until", None);
        if let JobResult::Done(done) = result {
            change.copy("started_at", "succeeded_from");
            change.set("open_since", done.open_since.map(|since| n(since.0)));
        }
        change.compare("worker", ":worker", s(worker));
        let condition = "#worker = :worker AND attribute_exists(#until)";
        self.change_job(job, change, Some(condition)).await?;
        Ok(())
    }

    async fn request_job(&self, job: Job, now: Timestamp) -> Result<(), Fault> {
        let mut change = Expression::default();
        change.set("requested_at", Some(n(now.0)));
        self.change_job(job, change, None).await?;
        Ok(())
    }
}
