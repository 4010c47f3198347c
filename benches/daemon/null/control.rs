//! The control pages, by which `scripts/bench` configures and reads the null AWS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::account::{Account, Mappings};
use super::chunks::Chunks;
use super::events::Events;
use super::queue::Bodies;
use super::throttle::Throttle;
use super::webhooks::{Event, Webhooks};
use super::{Null, TIMER_LATENESS};
use crate::Trouble;

/// Serves the pages: `/account` fills the account, `/send` starts a measurement, `/settled` counts,
/// `/report` returns all counts, `/samples` returns requests.
pub(super) fn answer(path: &str, body: &[u8], null: &Arc<Null>) -> Result<Chunks, Trouble> {
    match path {
        "/account" => account(body, null),
        "/send" => send(body, null),
        "/report" => Ok(Chunks::from(null.lock().tally.report().to_string())),
        "/settled" => Ok(Chunks::from(null.lock().tally.settled_count().to_string())),
        "/samples" => Ok(Chunks::from(null.lock().tally.samples().to_string())),
        other => Err(format!("{other} is no page of this server").into()),
    }
}

/// Fills the account, `{"pipelines", "mappings", "rate", "heartbeats"}`, and forgets what was
/// counted and what was there before. Mappings are copies of one that was kept. `rate` is how many
/// calls a second CodePipeline takes; without it, it takes any number.
fn account(body: &[u8], null: &Arc<Null>) -> Result<Chunks, Trouble> {
    let order: Value = serde_json::from_slice(body)?;
    let number = |name: &str| {
        let number = order.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| format!("'{name}' is missing"))
    };
    let (pipelines, mappings) = (number("pipelines")?, number("mappings")?);
    let rate = order.get("rate").and_then(Value::as_f64);
    let keeps_heartbeats = order.get("heartbeats") == Some(&Value::Bool(true));
    let mut state = null.lock();
    let mappings = match state.rows.mapping() {
        _ if mappings == 0 => Mappings::default(),
        Some(row) => Mappings::copies(mappings, row)?,
        None => return Err("open a pull request first, whose mapping can be copied".into()),
    };
    state.account = Account {
        pipelines,
        mappings,
        throttle: rate.map(Throttle::new),
        heartbeats: keeps_heartbeats.then(BTreeMap::new),
    };
    state.tally.reset();
    Ok(Chunks::from("{}"))
}

/// Sends webhooks, `{"count", "bytes", "latency_ms", "per_second", "action", "keep_rows"}`: all at
/// once, or evenly over time. Pushes are made to the pull requests that were opened while rows were
/// kept, in their order, and so are events.
fn send(body: &[u8], null: &Arc<Null>) -> Result<Chunks, Trouble> {
    let order: Value = serde_json::from_slice(body)?;
    let number = |name: &str| {
        let number = order.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| format!("'{name}' is missing"))
    };
    let count = number("count")?;
    let action = order.get("action").and_then(Value::as_str);
    let event = action.and_then(Event::parse).ok_or("no such 'action'")?;
    let bodies = if event.is_internal() {
        Bodies::Events(Events::new()?)
    } else {
        Bodies::Webhooks(Webhooks::of_size(
            event,
            usize::try_from(number("bytes")?)?,
        )?)
    };
    let keep_rows = order.get("keep_rows") == Some(&Value::Bool(true));
    {
        let mut state = null.lock();
        let latency = Duration::from_millis(number("latency_ms")?);
        state.latency = latency.saturating_sub(TIMER_LATENESS);
        state.event = event;
        state.tally.reset();
        state.rows.kept = keep_rows;
        let latency = state.latency;
        state.queue.prepare(event, bodies, latency);
        if keep_rows && event == Event::Opened {
            state.queue.begin_here();
        }
    }
    let per_second = order.get("per_second").and_then(Value::as_f64);
    match per_second {
        None => {
            let mut state = null.lock();
            for _ in 0..count {
                state.queue.send();
            }
            null.arrived.notify_waiters();
        }
        Some(per_second) => {
            let pause = Duration::from_secs_f64(1.0 / per_second);
            tokio::spawn(pace(count, pause, Arc::clone(null)));
        }
    }
    Ok(Chunks::from("{}"))
}

async fn pace(count: u64, pause: Duration, null: Arc<Null>) {
    let mut next = Instant::now();
    for _ in 0..count {
        sleep_until(next).await;
        null.lock().queue.send();
        null.arrived.notify_waiters();
        next += pause;
    }
}
