//! How queues and the table are set up, for `branchline check`.

use std::time::Duration;

use aws_sdk_dynamodb::types::{KeySchemaElement, Projection, ProjectionType, TimeToLiveStatus};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::domain::fault::Fault;
use crate::ports::{IndexDescription, QueueAttributes, RedrivePolicy, TableDescription};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::dynamodb::BY_STATE;
use crate::aws::fault::{Service, fault};

impl Aws {
    /// What a queue is set to.
    ///
    /// # Errors
    /// It is not there, not for us, or SQS did not answer.
    pub async fn queue_facts(&self, url: &str) -> Result<QueueAttributes, Fault> {
        let client = aws_sdk_sqs::Client::new(&self.0);
        let call = format!("GetQueueAttributes of {url}");
        let request = client.get_queue_attributes().queue_url(url);
        let request = request.attribute_names(QueueAttributeName::All);
        let answer = measured(Service::Sqs, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let text = |name| attributes.get(&name).map(String::as_str);
        let number = |name| {
            let number = text(name).and_then(|text| text.parse().ok());
            number.unwrap_or_default()
        };
        Ok(QueueAttributes {
            url: url.to_owned(),
            arn: text(QueueAttributeName::QueueArn)
                .unwrap_or_default()
                .to_owned(),
            retention_seconds: number(QueueAttributeName::MessageRetentionPeriod),
            visibility_seconds: number(QueueAttributeName::VisibilityTimeout),
            max_message_bytes: number(QueueAttributeName::MaximumMessageSize),
            redrive: text(QueueAttributeName::RedrivePolicy).and_then(redrive),
        })
    }

    /// How many messages wait in a queue: about, and a minute ago (API reference, GetQueueAttributes).
    ///
    /// # Errors
    /// It is not there, not for us, or SQS did not answer.
    pub async fn queue_depth(&self, url: &str) -> Result<u64, Fault> {
        let client = aws_sdk_sqs::Client::new(&self.0);
        let call = format!("GetQueueAttributes of {url}");
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let request = client.get_queue_attributes().queue_url(url);
        let request = request.attribute_names(waiting.clone());
        let answer = measured(Service::Sqs, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let text = attributes.get(&waiting).map(String::as_str);
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// How many messages of a queue are in flight: about, and a minute ago (API reference, GetQueueAttributes); and how
    /// long they are, unless whoever received them said otherwise.
    ///
    /// # Errors
    /// It is not there, not for us, or SQS did not answer.
    pub async fn queue_in_flight(&self, url: &str) -> Result<(u64, Duration), Fault> {
        let client = aws_sdk_sqs::Client::new(&self.0);
        let call = format!("GetQueueAttributes of {url}");
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let visibility = QueueAttributeName::VisibilityTimeout;
        let request = client.get_queue_attributes().queue_url(url);
        let request = request
            .attribute_names(in_flight.clone())
            .attribute_names(visibility.clone());
        let answer = measured(Service::Sqs, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Sqs, &call, error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| {
            let text = attributes.get(&name).map(String::as_str);
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        Ok((number(in_flight), Duration::from_secs(number(visibility))))
    }

    /// How a table is made.
    ///
    /// # Errors
    /// It is not there, not for us, or DynamoDB did not answer. What cannot be asked beside it is a fault in what is told.
    pub async fn table_facts(&self, name: &str) -> Result<TableDescription, Fault> {
        let client = aws_sdk_dynamodb::Client::new(&self.0);
        let call = format!("DescribeTable {name}");
        let request = client.describe_table().table_name(name);
        let answer = measured(Service::DynamoDb, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        let table = answer.table;
        let indexes = table
            .as_ref()
            .map(|table| table.global_secondary_indexes())
            .unwrap_or_default();
        let index = indexes
            .iter()
            .find(|index| index.index_name() == Some(BY_STATE));
        Ok(TableDescription {
            name: name.to_owned(),
            keys: keys(
                table
                    .as_ref()
                    .map(|table| table.key_schema())
                    .unwrap_or_default(),
            ),
            index: index.map(|index| IndexDescription {
                keys: keys(index.key_schema()),
                whole: index.projection().and_then(Projection::projection_type)
                    == Some(&ProjectionType::All),
            }),
            ttl: time_to_live(&client, name).await,
        })
    }
}

async fn time_to_live(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Result<Option<String>, Fault> {
    let call = format!("DescribeTimeToLive {table}");
    let request = client.describe_time_to_live().table_name(table);
    let answer = measured(Service::DynamoDb, &call, request.send()).await;
    let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
    let told = answer
        .time_to_live_description
        .filter(|told| told.time_to_live_status == Some(TimeToLiveStatus::Enabled));
    Ok(told.and_then(|told| told.attribute_name))
}

fn keys(schema: &[KeySchemaElement]) -> Vec<String> {
    schema
        .iter()
        .map(|key| key.attribute_name().to_owned())
        .collect()
}

/// `maxReceiveCount` comes as a number or as text.
fn redrive(policy: &str) -> Option<RedrivePolicy> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    Some(RedrivePolicy {
        target: policy.get("deadLetterTargetArn")?.as_str()?.to_owned(),
        max_receives: u32::try_from(count).ok()?,
    })
}
