//! Reads the configuration and the state of the queues and the table, for `branchline check` and
//! for gauges.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{KeySchemaElement, Projection, ProjectionType, TimeToLiveStatus};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::domain::fault::Fault;
use crate::ports::{
    IndexDescription, QueueAttributes, QueueCounts, RedrivePolicy, TableDescription,
};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};
use crate::aws::store_reader::BY_STATE;
use crate::aws::trail::BY_TIME;

impl Aws {
    /// Returns the configuration of a queue.
    ///
    /// # Errors
    /// The queue does not exist, access is denied, or SQS did not answer.
    pub async fn queue_attributes(&self, url: &str) -> Result<QueueAttributes, Fault> {
        let attributes = self
            .get_queue_attributes(url, vec![QueueAttributeName::All])
            .await?;
        Ok(QueueAttributes {
            url: url.to_owned(),
            arn: attributes
                .text(&QueueAttributeName::QueueArn)
                .unwrap_or_default()
                .to_owned(),
            retention_seconds: attributes.number(&QueueAttributeName::MessageRetentionPeriod),
            visibility_seconds: attributes.number(&QueueAttributeName::VisibilityTimeout),
            max_message_bytes: attributes.number(&QueueAttributeName::MaximumMessageSize),
            redrive: attributes
                .text(&QueueAttributeName::RedrivePolicy)
                .and_then(redrive),
            policy: attributes
                .text(&QueueAttributeName::Policy)
                .map(str::to_owned),
        })
    }

    /// Returns how many messages wait in a queue. The number is approximate and up to a minute old
    /// (API reference, GetQueueAttributes).
    ///
    /// # Errors
    /// The queue does not exist, access is denied, or SQS did not answer.
    pub async fn queue_depth(&self, url: &str) -> Result<u64, Fault> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let attributes = self
            .get_queue_attributes(url, vec![waiting.clone()])
            .await?;
        Ok(attributes.number(&waiting))
    }

    /// Returns how many messages a queue has.
    ///
    /// # Errors
    /// The queue does not exist, access is denied, or SQS did not answer.
    pub async fn queue_counts(&self, url: &str) -> Result<QueueCounts, Fault> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let attributes = self
            .get_queue_attributes(url, vec![waiting.clone(), in_flight.clone()])
            .await?;
        Ok(QueueCounts {
            waiting: attributes.number(&waiting),
            in_flight: attributes.number(&in_flight),
        })
    }

    /// Returns how many messages of a queue are in flight, and the queue's visibility timeout,
    /// which is how long they stay so unless their consumer chose another time. The number is
    /// approximate and up to a minute old (API reference, GetQueueAttributes).
    ///
    /// # Errors
    /// The queue does not exist, access is denied, or SQS did not answer.
    pub async fn queue_in_flight(&self, url: &str) -> Result<(u64, Duration), Fault> {
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let visibility = QueueAttributeName::VisibilityTimeout;
        let attributes = self
            .get_queue_attributes(url, vec![in_flight.clone(), visibility.clone()])
            .await?;
        let visibility = Duration::from_secs(attributes.number(&visibility));
        Ok((attributes.number(&in_flight), visibility))
    }

    async fn get_queue_attributes(
        &self,
        url: &str,
        names: Vec<QueueAttributeName>,
    ) -> Result<Attributes, Fault> {
        let client = aws_sdk_sqs::Client::new(&self.0);
        let call = format!("GetQueueAttributes of {url}");
        let request = client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names));
        let answer = measured(Service::Sqs, &call, request.send())
            .await
            .map_err(|error| fault(Service::Sqs, &call, error))?;
        Ok(Attributes(answer.attributes.unwrap_or_default()))
    }

    /// Returns the configuration of a table.
    ///
    /// # Errors
    /// The table does not exist, access is denied, or DynamoDB did not answer. If only its time to
    /// live cannot be read, that is a fault within the description.
    pub async fn describe_table(&self, name: &str) -> Result<TableDescription, Fault> {
        let client = aws_sdk_dynamodb::Client::new(&self.0);
        let call = format!("DescribeTable {name}");
        let request = client.describe_table().table_name(name);
        let answer = measured(Service::DynamoDb, &call, request.send())
            .await
            .map_err(|error| fault(Service::DynamoDb, &call, error))?;
        let table = answer.table.as_ref();
        let table_keys = table.map(|table| table.key_schema()).unwrap_or_default();
        let index = table
            .map(|table| table.global_secondary_indexes())
            .unwrap_or_default()
            .iter()
            .find(|index| matches!(index.index_name(), Some(BY_STATE | BY_TIME)));
        Ok(TableDescription {
            name: name.to_owned(),
            keys: keys(table_keys),
            index: index.map(|index| IndexDescription {
                keys: keys(index.key_schema()),
                whole: index.projection().and_then(Projection::projection_type)
                    == Some(&ProjectionType::All),
            }),
            ttl: time_to_live(&client, name).await,
        })
    }
}

/// The answer of GetQueueAttributes. An attribute that is missing or not a number reads as 0.
struct Attributes(HashMap<QueueAttributeName, String>);

impl Attributes {
    fn text(&self, name: &QueueAttributeName) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &QueueAttributeName) -> u64 {
        self.text(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }
}

/// Returns the attribute by which rows expire; `None` if time to live is off.
async fn time_to_live(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Result<Option<String>, Fault> {
    let call = format!("DescribeTimeToLive {table}");
    let request = client.describe_time_to_live().table_name(table);
    let answer = measured(Service::DynamoDb, &call, request.send())
        .await
        .map_err(|error| fault(Service::DynamoDb, &call, error))?;
    let enabled = answer
        .time_to_live_description
        .filter(|description| description.time_to_live_status == Some(TimeToLiveStatus::Enabled));
    Ok(enabled.and_then(|description| description.attribute_name))
}

fn keys(schema: &[KeySchemaElement]) -> Vec<String> {
    schema
        .iter()
        .map(|key| key.attribute_name().to_owned())
        .collect()
}

/// Parses a redrive policy. SQS writes `maxReceiveCount` as a number or as text.
fn redrive(policy: &str) -> Option<RedrivePolicy> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    Some(RedrivePolicy {
        target: policy.get("deadLetterTargetArn")?.as_str()?.to_owned(),
        max_receives: u32::try_from(count).ok()?,
    })
}
