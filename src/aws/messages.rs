//! The times at which messages without a time of their own were first received: one item for each
//! body. The items do not expire, because a captured message can be sent again after any time.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{BodyDigest, Timestamp};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{Item, n, s};

const SORT_KEY: &str = "MESSAGE";

impl DynamoStore {
    pub(super) async fn remember(
        &self,
        body: &BodyDigest,
        received_at: Timestamp,
    ) -> Result<Timestamp, Fault> {
        let request = self
            .client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(partition_key(body)))
            .key("sk", s(SORT_KEY))
            .update_expression("SET received_at = if_not_exists(received_at, :now)")
            .expression_attribute_values(":now", n(received_at.0))
            .return_values(ReturnValue::AllNew);
        let call = format!("UpdateItem of {} on {}", partition_key(body), self.table());
        let answer = measured(Service::DynamoDb, "UpdateItem", request.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        answer.attributes().and_then(time).ok_or_else(|| {
            let detail = format!(
                "{call}: the item has no time, so something else wrote it: delete the item"
            );
            Fault::new(Reason::AwsUnknown, detail)
        })
    }

    pub(super) async fn remembered(&self, body: &BodyDigest) -> Result<Option<Timestamp>, Fault> {
        let item = self.item(partition_key(body), SORT_KEY.to_owned()).await?;
        Ok(item.as_ref().and_then(time))
    }
}

fn partition_key(body: &BodyDigest) -> String {
    format!("MESSAGE#{body}")
}

fn time(item: &Item) -> Option<Timestamp> {
    let millis = item.get("received_at")?.as_n().ok()?;
    millis.parse().ok().map(Timestamp)
}
