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
/// The visibility timeout of a queue in seconds, unless it is set (API reference, CreateQueue).
const DEFAULT_VISIBILITY: u64 = 30;
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
        "ChangeMessageVisibilityBatch" => done(&body, |entry| change_visibility(entry, null)),
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
        "PutItem" => put_item(&body, null),
        "Query" => query(&body, null),
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
        "ListPipelines" => null.lock().account.list_pipelines(&body),
        "GetQueueAttributes" => Ok(Chunks::from(ATTRIBUTES)),
        "SendMessage" => Err("a message was dead-lettered".into()),
        other => Err(format!("{other} is not among the calls that a benchmark makes").into()),
    }
}

fn put_item(body: &[u8], null: &Null) -> Result<Chunks, Trouble> {
    let request: Value = serde_json::from_slice(body)?;
    if let Some(item) = request.get("Item").and_then(Value::as_object) {
        let mut state = null.lock();
        if !state.account.beat(item) {
            state.rows.put_item(item);
        }
    }
    Ok(Chunks::from("{}"))
}

fn query(body: &[u8], null: &Null) -> Result<Chunks, Trouble> {
    let request: Value = serde_json::from_slice(body)?;
    let state = null.lock();
    match state.account.query(&request)? {
        Some(answer) => Ok(answer),
        None => Ok(state.rows.query(&request)),
    }
}

/// Waits for the first message as long as the request allows, as a long poll does.
async fn receive(body: &[u8], null: &Null) -> Result<Chunks, Trouble> {
    let request: Value = serde_json::from_slice(body)?;
    let number = |name: &str| request.get(name).and_then(Value::as_u64);
    let most = usize::try_from(number("MaxNumberOfMessages").unwrap_or(1))?;
    let wait = Duration::from_secs(number("WaitTimeSeconds").unwrap_or(0));
    let visibility = Duration::from_secs(number("VisibilityTimeout").unwrap_or(DEFAULT_VISIBILITY));
    let deadline = Instant::now() + wait;
    let url = request.get("QueueUrl").and_then(Value::as_str);
    let is_internal = url.is_some_and(|url| url.ends_with(INTERNAL_QUEUE));
    loop {
        let arrived = null.arrived.notified();
        tokio::pin!(arrived);
        arrived.as_mut().enable();
        let next = {
            let mut state = null.lock();
            state.queue.return_expired();
            let next = state.queue.next().map(Instant::from_std);
            let next = next.filter(|_| is_internal == state.event.is_internal());
            if next.is_some_and(|next| next <= Instant::now()) {
                state.tally.taken();
                return Ok(state.queue.receive(most, visibility));
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

fn change_visibility(entry: &Value, null: &Null) {
    let receipt = entry.get("ReceiptHandle").and_then(Value::as_str);
    let timeout = entry.get("VisibilityTimeout").and_then(Value::as_u64);
    if let Some((receipt, timeout)) = receipt.zip(timeout) {
        let timeout = Duration::from_secs(timeout);
        null.lock().queue.change_visibility(receipt, timeout);
    }
    null.arrived.notify_waiters();
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
