//! What a measurement finds in the account: pipelines, mappings in the index by state, heartbeats
//! of other daemons, and a limit of calls to CodePipeline.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::chunks::Chunks;
use super::throttle::Throttle;
use crate::Trouble;

/// The partition of the heartbeats.
const DAEMONS: &str = "DAEMONS";
/// The most pipelines on a page (API reference, ListPipelines, `maxResults`).
const PIPELINES_ON_PAGE: u64 = 1_000;
/// The most bytes on a page of a query (API reference, Query). Types and quotation marks count here
/// and not there.
const PAGE_BYTES: usize = 1_000_000;
/// The number of the first mapping, of as many digits as that of the one that is copied.
const FIRST: u64 = 2_000_000;
/// The state of every mapping in the index.
const STATE: &str = "active";

/// The account. By default it is empty, without a limit, and remembers no heartbeat.
#[derive(Default)]
pub(super) struct Account {
    pub(super) pipelines: u64,
    pub(super) mappings: Mappings,
    pub(super) throttle: Option<Throttle>,
    /// By worker; `None` if they are forgotten.
    pub(super) heartbeats: Option<BTreeMap<String, Value>>,
}

/// Copies of one mapping, which are written only when they are read.
#[derive(Default)]
pub(super) struct Mappings {
    count: u64,
    /// The row as JSON, and the number in it that differs from copy to copy.
    row: String,
    number: String,
}

impl Account {
    /// Keeps the item of PutItem if it is a heartbeat. Returns true if it is one.
    pub(super) fn beat(&mut self, item: &Map<String, Value>) -> bool {
        let text = |name: &str| item.get(name)?.get("S")?.as_str();
        if text("pk") != Some(DAEMONS) {
            return false;
        }
        if let Some((heartbeats, worker)) = self.heartbeats.as_mut().zip(text("sk")) {
            heartbeats.insert(worker.to_owned(), Value::Object(item.clone()));
        }
        true
    }

    /// Responds to Query, if it asks for heartbeats or for the index by state.
    pub(super) fn query(&self, request: &Value) -> Result<Option<Chunks>, Trouble> {
        let value = |name: &str| request.pointer(&format!("/ExpressionAttributeValues/:{name}/S"));
        let text = |name| value(name).and_then(Value::as_str);
        if text("pk") == Some(DAEMONS) {
            let beats: Vec<_> = self.heartbeats.iter().flat_map(BTreeMap::values).collect();
            let answer = json!({"Items": beats, "Count": beats.len(), "ScannedCount": beats.len()});
            return Ok(Some(Chunks::from(answer.to_string())));
        }
        let is_index = request.get("IndexName").and_then(Value::as_str) == Some("by-state");
        if !is_index || text("state") != Some(STATE) {
            return Ok(None);
        }
        self.mappings.page(request).map(Some)
    }

    /// Responds to ListPipelines.
    pub(super) fn list_pipelines(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        let request: Value = serde_json::from_slice(body)?;
        let token = request.get("nextToken").and_then(Value::as_str);
        let first: u64 = token.map_or(Ok(0), str::parse)?;
        let end = self.pipelines.min(first + PIPELINES_ON_PAGE);
        let summary = |number| json!({"name": format!("other-{number}"), "version": 1});
        let page: Vec<Value> = (first..end).map(summary).collect();
        let mut answer = json!({"pipelines": page});
        if let Some(answer) = answer.as_object_mut().filter(|_| end < self.pipelines) {
            answer.insert("nextToken".to_owned(), json!(end.to_string()));
        }
        Ok(Chunks::from(answer.to_string()))
    }
}

impl Mappings {
    /// Makes copies of a mapping of a pull request.
    pub(super) fn copies(count: u64, row: &Map<String, Value>) -> Result<Self, Trouble> {
        let sort_key = row.get("sk").and_then(|key| key.get("S")?.as_str());
        let number = sort_key.and_then(|key| key.strip_prefix("PR#"));
        let number = number.ok_or("not a pull request")?.trim_start_matches('0');
        Ok(Self {
            count,
            number: number.to_owned(),
            row: serde_json::to_string(row)?,
        })
    }

    fn page(&self, request: &Value) -> Result<Chunks, Trouble> {
        let after = request.pointer("/ExclusiveStartKey/sk/S");
        let after = after.and_then(Value::as_str);
        let after = after.and_then(|key| key.strip_prefix("PR#"));
        let first = match after {
            Some(number) => number.parse::<u64>()? + 1 - FIRST,
            None => 0,
        };
        let on_page = u64::try_from(PAGE_BYTES / self.row.len().max(1))?.max(1);
        let end = self.count.min(first + on_page);
        let copy = |number: u64| {
            let number = (FIRST + number).to_string();
            self.row.replace(&self.number, &number)
        };
        let rows: Vec<String> = (first..end).map(copy).collect();
        let mut answer = format!(r#"{{"Items":[{}],"Count":{}"#, rows.join(","), rows.len());
        if end < self.count
            && let Some(last) = rows.last()
        {
            let last: Map<String, Value> = serde_json::from_str(last)?;
            let key = ["pk", "sk", "state", "updated_at"];
            let key: Map<String, Value> = key
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), last.get(name)?.clone())))
                .collect();
            answer.push_str(&format!(r#","LastEvaluatedKey":{}"#, Value::Object(key)));
        }
        answer.push('}');
        Ok(Chunks::from(answer))
    }
}
