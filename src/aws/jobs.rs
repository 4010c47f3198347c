//! Implements the jobs port with DynamoDB: one item for each job, all in one partition, which one
//! query reads.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::jobs::{Job, JobRecord, JobResult};
use crate::ports::{JobLog, JobReader};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
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
    let detail = row.text("detail")?.unwrap_or_default().to_owned();
    Ok(JobRecord {
        job,
        worker: row.text("worker")?.map(str::to_owned),
        started_at: time("started_at")?,
        until: time("until")?,
        ended_at: time("ended_at")?,
        result: row.optional("result", |word| JobResult::parse(word, detail.clone()))?,
        requested_at: time("requested_at")?,
    })
}

impl DynamoStore {
    /// Changes the item of a job. Returns false if the condition does not hold.
    async fn change_job(
        &self,
        job: Job,
        change: &str,
        condition: Option<&str>,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Result<bool, Fault> {
        let key = format!("{JOB}{}", job.as_str());
        let call = format!("UpdateItem {key} on {}", self.table());
        let names = ["until", "result"].map(|name| (format!("#{name}"), name.to_owned()));
        let used = |(placeholder, _): &(String, String)| {
            let is_in = |text: &str| text.contains(placeholder.as_str());
            is_in(change) || condition.is_some_and(is_in)
        };
        let names: HashMap<String, String> = names.into_iter().filter(used).collect();
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let request = self
            .client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(JOBS))
            .key("sk", s(key))
            .update_expression(change)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values(Some(values.collect()));
        match measured(Service::DynamoDb, &call, request.send()).await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault(Service::DynamoDb, &call, error)),
        }
    }
}

impl JobLog for DynamoStore {
    async fn begin_job(
        &self,
        seen: &JobRecord,
        worker: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let change = "SET worker = :worker, started_at = :now, #until = :until";
        let mut values = vec![
            (":worker", s(worker)),
            (":now", n(now.0)),
            (":until", n(now.plus(seen.job.lease()).0)),
        ];
        let condition = match seen.started_at {
            Some(started_at) => {
                values.push((":seen", n(started_at.0)));
                "started_at = :seen AND (attribute_not_exists(#until) OR #until <= :now)"
            }
            None => "attribute_not_exists(started_at)",
        };
        self.change_job(seen.job, change, Some(condition), values)
            .await
    }

    async fn end_job(
        &self,
        job: Job,
        worker: &str,
        result: &JobResult,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let change = "SET ended_at = :now, #result = :result, detail = :detail REMOVE #until";
        let values = [
            (":now", n(now.0)),
            (":result", s(result.as_str())),
            (":detail", s(result.detail())),
            (":worker", s(worker)),
        ];
        let condition = Some("worker = :worker AND attribute_exists(#until)");
        self.change_job(job, change, condition, values).await?;
        Ok(())
    }

    async fn request_job(&self, job: Job, now: Timestamp) -> Result<(), Fault> {
        let values = [(":now", n(now.0))];
        self.change_job(job, "SET requested_at = :now", None, values)
            .await?;
        Ok(())
    }
}
