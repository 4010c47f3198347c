//! The canned responses, in the format of the API references.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::Null;
use super::chunks::Chunks;
use super::events::EXECUTION;
use crate::Trouble;

/// The end of the URL of the internal queue.
const INTERNAL_QUEUE: &str = "/internal";
/// The template pipeline.
const TEMPLATE: &str = include_str!("template.json");
/// The answer about each queue.
const ATTRIBUTES: &str = r#"{"Attributes":{"ApproximateNumberOfMessages":"0"}}"#;

/// Responds to a call, after its latency.
pub(super) async fn answer(
    operation: &str,
    body: Bytes,
    null: &Arc<Null>,
) -> Result<Chunks, Trouble> {
    match operation {
        "ReceiveMessage" => receive(&body, null).await,
        "DeleteMessageBatch" => delete(&body, null),
        "DeleteMessage" => {
            let request: Value = serde_json::from_slice(&body)?;
            remove(&request, null);
            Ok(Chunks::from("{}"))
        }
        "ChangeMessageVisibilityBatch" => done(&body, |_| ()),
        "TransactWriteItems" => {
            null.lock().rows.transact(&body)?;
            Ok(Chunks::from("{}"))
        }
        "GetItem" => null.lock().rows.get_item(&body),
        "UpdateItem" => {
            null.lock().rows.update_item(&body)?;
            Ok(Chunks::from("{}"))
        }
        "BatchGetItem" => null.lock().rows.batch_get_item(&body),
        "PutItem" => {
            null.lock().rows.put_item(&body)?;
            Ok(Chunks::from("{}"))
        }
        "Query" => null.lock().rows.query(&body),
        "GetPipeline" => Ok(Chunks::from(TEMPLATE)),
        // It returns the pipeline that it was asked to create.
        "CreatePipeline" => {
            null.lock().rows.create(&body)?;
            Ok(Chunks::from(body))
        }
        "ListTagsForResource" => null.lock().rows.tags(&body),
        "StartPipelineExecution" => {
            let started = json!({"pipelineExecutionId": EXECUTION});
            Ok(Chunks::from(started.to_string()))
        }
        // Asked for at the start and once a minute.
        "ListPipelines" => Ok(Chunks::from(r#"{"pipelines":[]}"#)),
        "GetQueueAttributes" => Ok(Chunks::from(ATTRIBUTES)),
        "SendMessage" => Err("a message was dead-lettered".into()),
        other => Err(format!("{other} is not among the calls that a benchmark makes").into()),
    }
}

/// Waits for the first message as long as the request allows, as a long poll does.
async fn receive(body: &[u8], null: &Null) -> Result<Chunks, Trouble> {
    let request: Value = serde_json::from_slice(body)?;
    let number = |name: &str| request.get(name).and_then(Value::as_u64);
    let most = usize::try_from(number("MaxNumberOfMessages").unwrap_or(1))?;
    let wait = Duration::from_secs(number("WaitTimeSeconds").unwrap_or(0));
    let deadline = Instant::now() + wait;
    let url = request.get("QueueUrl").and_then(Value::as_str);
    let is_internal = url.is_some_and(|url| url.ends_with(INTERNAL_QUEUE));
    loop {
        let arrived = null.arrived.notified();
        tokio::pin!(arrived);
        arrived.as_mut().enable();
        let next = {
            let mut state = null.lock();
            let next = state.queue.next().map(Instant::from_std);
            let next = next.filter(|_| is_internal == state.event.is_internal());
            if next.is_some_and(|next| next <= Instant::now()) {
                state.tally.taken();
                return Ok(state.queue.receive(most));
            }
            next
        };
        let until = next.map_or(deadline, |next| next.min(deadline));
        if timeout_at(until, arrived).await.is_err() && until == deadline {
            return Ok(Chunks::from("{}"));
        }
    }
}

fn delete(body: &[u8], null: &Null) -> Result<Chunks, Trouble> {
    done(body, |entry| remove(entry, null))
}

fn remove(entry: &Value, null: &Null) {
    let mut state = null.lock();
    let receipt = entry.get("ReceiptHandle").and_then(Value::as_str);
    if let Some(times) = receipt.and_then(|receipt| state.queue.delete(receipt)) {
        state.tally.settled(&times);
    }
}

/// Handles each entry of a batch, and confirms it.
fn done(body: &[u8], each: impl Fn(&Value)) -> Result<Chunks, Trouble> {
    let request: Value = serde_json::from_slice(body)?;
    let entries = request.get("Entries").and_then(Value::as_array);
    let entries = entries.ok_or("a batch without entries")?;
    entries.iter().for_each(each);
    let ids: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"Id": entry.get("Id")}))
        .collect();
    Ok(Chunks::from(
        json!({"Successful": ids, "Failed": []}).to_string(),
    ))
}
