//! The rows and the tags of pull requests, which a push finds. Only runs with pushes keep them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::chunks::Chunks;
use crate::Trouble;

/// What was written last, by the number of the pull request.
#[derive(Default)]
pub(super) struct Rows {
    /// True if what is written from now on is kept.
    pub(super) kept: bool,
    rows: HashMap<u64, Value>,
    tags: HashMap<u64, Value>,
}

impl Rows {
    /// Keeps the row of TransactWriteItems, or the tags of CreatePipeline.
    pub(super) fn keep(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if !self.kept {
            return Ok(());
        }
        let mut request: Value = serde_json::from_slice(body)?;
        let of_row = request.pointer("/TransactItems/0/Put/Item/sk/S");
        if let Some(number) = of_row.and_then(Value::as_str).and_then(number) {
            if let Some(row) = request.pointer_mut("/TransactItems/0/Put/Item") {
                self.rows.insert(number, row.take());
            }
            return Ok(());
        }
        let of_pipeline = request.pointer("/pipeline/name");
        if let Some(number) = of_pipeline.and_then(Value::as_str).and_then(number)
            && let Some(tags) = request.get_mut("tags")
        {
            self.tags.insert(number, tags.take());
        }
        Ok(())
    }

    /// Responds to GetItem.
    pub(super) fn get_item(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        if !self.kept {
            return Ok(Chunks::from("{}"));
        }
        let request: Value = serde_json::from_slice(body)?;
        let key = request.pointer("/Key/sk/S").and_then(Value::as_str);
        let row = key
            .and_then(number)
            .and_then(|number| self.rows.get(&number));
        Ok(row.map_or(Chunks::from("{}"), |row| {
            Chunks::from(json!({"Item": row}).to_string())
        }))
    }

    /// Responds to ListTagsForResource.
    pub(super) fn tags(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        let request: Value = serde_json::from_slice(body)?;
        let arn = request.get("resourceArn").and_then(Value::as_str);
        let tags = arn
            .and_then(number)
            .and_then(|number| self.tags.get(&number));
        let tags = tags.ok_or_else(|| format!("no pipeline {arn:?} was created"))?;
        Ok(Chunks::from(json!({"tags": tags}).to_string()))
    }
}

/// Returns the number of the pull request at the end of a row's key (`PR#0001000000`), of a
/// pipeline's name or of its ARN (`api-pr-1000000`).
fn number(text: &str) -> Option<u64> {
    let (before, digits) = text.rsplit_once(['#', '-'])?;
    let ours = before.ends_with("PR") || before.ends_with("pr");
    digits.parse().ok().filter(|_| ours)
}

/// Returns the number of the pull request whose pipeline this request creates or starts.
pub(super) fn pipeline_number(body: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"api-pr-";
    let start = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let rest = body.get(start..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}
