//! The rows and the tags of pull requests, which pushes and events find. Only runs with those keep
//! them. Conditions are not checked: one daemon writes, and each pull request has one message.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::chunks::Chunks;
use crate::Trouble;

/// The beginnings of the kept rows' partition keys: pull requests, commits and pipelines' names.
const KEPT: [&str; 3] = ["REPO#", "COMMITS#", "PIPELINE#"];
/// The record of a repository, which all pull requests share, is not kept.
const REPOSITORY: &str = "REPOSITORY";

/// A row, in the format of DynamoDB.
type Row = Map<String, Value>;

/// What was written last.
#[derive(Default)]
pub(super) struct Rows {
    /// True if what is written from now on is kept.
    pub(super) kept: bool,
    /// By partition key and sort key.
    rows: HashMap<(String, String), Row>,
    /// By the number of the pull request.
    tags: HashMap<u64, Value>,
}

impl Rows {
    /// Keeps the rows of TransactWriteItems.
    pub(super) fn transact(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if !self.kept {
            return Ok(());
        }
        let request: Value = serde_json::from_slice(body)?;
        let items = request.get("TransactItems").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let Some(row) = item.pointer("/Put/Item").and_then(Value::as_object) {
                if let Some(key) = key(row) {
                    self.rows.insert(key, row.clone());
                }
            } else if let Some(update) = item.get("Update") {
                self.update(update)?;
            }
        }
        Ok(())
    }

    /// Keeps the row of PutItem.
    pub(super) fn put_item(&mut self, row: &Row) {
        if let Some(key) = key(row).filter(|_| self.kept) {
            self.rows.insert(key, row.clone());
        }
    }

    /// Returns a mapping of an open pull request, if one was kept.
    pub(super) fn mapping(&self) -> Option<&Row> {
        let is_active = |row: &&Row| row.get("state") == Some(&json!({"S": "active"}));
        self.rows.values().find(is_active)
    }

    /// Keeps the row of UpdateItem.
    pub(super) fn update_item(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if !self.kept {
            return Ok(());
        }
        self.update(&serde_json::from_slice(body)?)
    }

    /// Keeps the tags of CreatePipeline.
    pub(super) fn create(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if !self.kept {
            return Ok(());
        }
        let mut request: Value = serde_json::from_slice(body)?;
        let tags = request.get_mut("tags").map(Value::take);
        if let Some((number, tags)) = pipeline_number(body).zip(tags) {
            self.tags.insert(number, tags);
        }
        Ok(())
    }

    /// Responds to GetItem.
    pub(super) fn get_item(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        if !self.kept {
            return Ok(Chunks::from("{}"));
        }
        let request: Value = serde_json::from_slice(body)?;
        let key = request.get("Key").and_then(Value::as_object).and_then(key);
        let row = key.and_then(|key| self.rows.get(&key));
        let answer = row.map_or_else(|| json!({}), |row| json!({"Item": row}));
        Ok(Chunks::from(answer.to_string()))
    }

    /// Responds to BatchGetItem.
    pub(super) fn batch_get_item(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        let request: Value = serde_json::from_slice(body)?;
        let tables = request.get("RequestItems").and_then(Value::as_object);
        let mut found = Map::new();
        for (table, asked) in tables.into_iter().flatten() {
            let keys = asked.get("Keys").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_object);
            let rows = keys.filter_map(|asked| self.rows.get(&key(asked)?));
            found.insert(table.clone(), rows.cloned().map(Value::Object).collect());
        }
        let answer = json!({"Responses": found, "UnprocessedKeys": {}});
        Ok(Chunks::from(answer.to_string()))
    }

    /// Responds to Query. The indexes are empty.
    pub(super) fn query(&self, request: &Value) -> Chunks {
        if !self.kept {
            return Chunks::from(r#"{"Items":[],"Count":0,"ScannedCount":0}"#);
        }
        let value = |name| request.pointer(&format!("/ExpressionAttributeValues/:{name}/S"));
        let text = |name| value(name).and_then(Value::as_str);
        let of_index = request.get("IndexName").is_some();
        let mut found = Vec::new();
        if let (false, Some(pk), Some(sk)) = (of_index, text("pk"), text("sk")) {
            let rows = self.rows.iter();
            let matching = rows.filter(|((one, two), _)| one == pk && two.starts_with(sk));
            found.extend(matching.map(|(_, row)| row));
        }
        let answer = json!({"Items": found, "Count": found.len(), "ScannedCount": found.len()});
        Chunks::from(answer.to_string())
    }

    /// Responds to ListTagsForResource.
    pub(super) fn tags(&self, body: &[u8]) -> Result<Chunks, Trouble> {
        let tags = pipeline_number(body).and_then(|number| self.tags.get(&number));
        let tags = tags.ok_or("tags of a pipeline that was not created")?;
        Ok(Chunks::from(json!({"tags": tags}).to_string()))
    }

    /// Changes a row by an update expression, as `src/aws/expression.rs` writes it.
    fn update(&mut self, update: &Value) -> Result<(), Trouble> {
        let row_key = update.get("Key").and_then(Value::as_object);
        let Some((row_key, kept)) = row_key.and_then(|row| Some((row, key(row)?))) else {
            return Ok(());
        };
        let row = self.rows.entry(kept).or_insert_with(|| row_key.clone());
        let text = update.get("UpdateExpression").and_then(Value::as_str);
        let mut words = text.unwrap_or_default().split_whitespace();
        let placeholder = |word: Option<&str>, kind: &str| -> Result<Value, Trouble> {
            let word = word.unwrap_or_default().trim_end_matches([',', ')']);
            let found = update.get(kind).and_then(|all| all.get(word)).cloned();
            found.ok_or_else(|| format!("no '{word}' in {kind}").into())
        };
        let name = |word| placeholder(word, "ExpressionAttributeNames");
        let name = |word| Ok::<_, Trouble>(name(word)?.as_str().unwrap_or_default().to_owned());
        let value = |word| placeholder(word, "ExpressionAttributeValues");
        let mut clause = "";
        while let Some(word) = words.next() {
            match (clause, word) {
                (_, "SET" | "REMOVE" | "ADD") => clause = word,
                ("SET", _) => {
                    let (to, _) = (name(Some(word))?, words.next());
                    let from = words.next();
                    let set = match from.and_then(|word| word.strip_prefix("if_not_exists(")) {
                        None => value(from)?,
                        Some(from) => {
                            let nothing = value(words.next())?;
                            row.get(&name(Some(from))?).cloned().unwrap_or(nothing)
                        }
                    };
                    row.insert(to, set);
                }
                ("REMOVE", _) => {
                    row.remove(&name(Some(word))?);
                }
                _ => {
                    let to = name(Some(word))?;
                    let sum = number(row.get(&to)) + number(Some(&value(words.next())?));
                    row.insert(to, json!({"N": sum.to_string()}));
                }
            }
        }
        Ok(())
    }
}

/// Returns the key of a row; `None` if such rows are not kept.
fn key(row: &Row) -> Option<(String, String)> {
    let text = |name: &str| row.get(name)?.get("S")?.as_str();
    let (pk, sk) = (text("pk")?, text("sk")?);
    let kept = KEPT.iter().any(|start| pk.starts_with(start)) && sk != REPOSITORY;
    kept.then(|| (pk.to_owned(), sk.to_owned()))
}

fn number(attribute: Option<&Value>) -> u64 {
    let digits = attribute.and_then(|attribute| attribute.get("N")?.as_str());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Returns the number of the pull request whose pipeline a request names.
pub(super) fn pipeline_number(body: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"api-pr-";
    let start = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let digits = body.get(start..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}
