//! The heartbeats of daemons: one item for each daemon, all in one partition, which one query
//! reads.

use crate::domain::fault::Fault;
use crate::domain::heartbeat::{HEARTBEAT_KEPT, Heartbeat};
use crate::domain::ids::Timestamp;
use crate::ports::{HeartbeatLog, HeartbeatReader};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{Item, n, s};

/// The partition of the heartbeats.
const DAEMONS: &str = "DAEMONS";
/// The beginning of a sort key.
const DAEMON: &str = "DAEMON#";

impl HeartbeatReader for DynamoStore {
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, Fault> {
        let call = format!("Query {DAEMONS} on {}", self.table());
        let mut heartbeats = Vec::new();
        let mut next = None;
        loop {
            let query = self
                .client()
                .query()
                .table_name(self.table())
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", s(DAEMONS))
                .consistent_read(true)
                .set_exclusive_start_key(next);
            let answer = measured(Service::DynamoDb, &call, query.send()).await;
            let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
            // An item that branchline does not write says nothing.
            heartbeats.extend(answer.items().iter().filter_map(heartbeat));
            next = answer.last_evaluated_key;
            if next.is_none() {
                return Ok(heartbeats);
            }
        }
    }
}

impl HeartbeatLog for DynamoStore {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<(), Fault> {
        let call = format!("PutItem {DAEMONS} on {}", self.table());
        let put = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(item(heartbeat)));
        let answer = measured(Service::DynamoDb, &call, put.send()).await;
        answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(())
    }
}

fn item(heartbeat: &Heartbeat) -> Item {
    let expires_at = heartbeat.seen_at.plus(HEARTBEAT_KEPT).seconds();
    Item::from([
        ("pk".to_owned(), s(DAEMONS)),
        ("sk".to_owned(), s(format!("{DAEMON}{}", heartbeat.worker))),
        ("version".to_owned(), s(heartbeat.version.as_str())),
        ("started_at".to_owned(), s(heartbeat.started_at.to_string())),
        ("seen_at".to_owned(), s(heartbeat.seen_at.to_string())),
        ("stopped".to_owned(), n(u8::from(heartbeat.stopped))),
        ("expires_at".to_owned(), n(expires_at)),
    ])
}

fn heartbeat(item: &Item) -> Option<Heartbeat> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let time = |name: &str| Timestamp::from_rfc3339(text(name)?);
    Some(Heartbeat {
        worker: text("sk")?.strip_prefix(DAEMON)?.to_owned(),
        version: text("version")?.clone(),
        started_at: time("started_at")?,
        seen_at: time("seen_at")?,
        stopped: item.get("stopped")?.as_n().ok()? != "0",
    })
}
