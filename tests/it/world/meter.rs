//! Counts the capacity units that DynamoDB takes for the calls of a client (developer guide,
//! "DynamoDB on-demand capacity mode", "DynamoDB Item sizes and formats" and "Global secondary
//! indexes"). The emulator does not count the units of transactions and indexes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use super::lock;

type Item = HashMap<String, AttributeValue>;
/// A table, and the keys of an item in it.
type Key = (String, String, String);

/// One write unit is 1 KB, and one read unit is 4 KB.
const WRITE_UNIT: usize = 1_024;
const READ_UNIT: usize = 4_096;
/// What a transaction takes for each unit.
const TRANSACTION: usize = 2;

/// The keys of the two indexes. An item without one of them is not in the index.
const INDEXES: [(&str, &str); 2] = [("state", "updated_at"), ("day", "processed_at")];

/// What calls took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    /// The calls.
    pub(crate) calls: usize,
    /// The read units.
    pub(crate) read: usize,
    /// The write units of the tables.
    pub(crate) tables: usize,
    /// The write units of the indexes.
    pub(crate) indexes: usize,
}

#[derive(Debug, Default)]
struct State {
    items: HashMap<Key, Item>,
    units: Units,
}

/// What a call in progress writes and reads.
#[derive(Clone, Debug)]
struct Call {
    writes: Vec<Write>,
    factor: usize,
    reads: usize,
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

#[derive(Clone, Debug)]
struct Write {
    key: Key,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Put(Item),
    Delete,
    Check,
    /// An update of an item that is smaller than a unit and in no index.
    Update,
}

/// A meter of a client that never writes an item twice at the same time, in tables that are empty
/// at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<State>>);

impl Meter {
    /// Returns what the calls took since the last time.
    pub(crate) fn take(&self) -> Units {
        std::mem::take(&mut lock(&self.0).units)
    }

    /// Returns the size of the item with this sort key, in bytes.
    pub(crate) fn size(&self, sort: &str) -> usize {
        let state = lock(&self.0);
        let mut items = state.items.iter();
        let found = items.find(|((_, _, key), _)| key == sort);
        found.map_or(0, |(_, item)| size(item))
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call_state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        let mut call = Call {
            writes: Vec::new(),
            factor: 1,
            reads: 0,
        };
        if let Some(input) = input.downcast_ref::<TransactWriteItemsInput>() {
            call.factor = TRANSACTION;
            call.writes = input.transact_items().iter().map(part).collect();
        } else if let Some(input) = input.downcast_ref::<PutItemInput>() {
            let item = input.item().unwrap().clone();
            let key = key(input.table_name().unwrap(), &item);
            let change = Change::Put(item);
            call.writes.push(Write { key, change });
        } else if let Some(input) = input.downcast_ref::<UpdateItemInput>() {
            let key = key(input.table_name().unwrap(), input.key().unwrap());
            let change = Change::Update;
            call.writes.push(Write { key, change });
        } else if let Some(input) = input.downcast_ref::<BatchGetItemInput>() {
            let tables = input.request_items().unwrap().values();
            call.reads = tables.map(|keys| keys.keys().len()).sum();
        } else if input.downcast_ref::<GetItemInput>().is_some() {
            call.reads = 1;
        } else {
            panic!("a call that the meter does not know: {input:?}");
        }
        call_state.interceptor_state().store_put(call);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call_state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = call_state.load::<Call>().unwrap();
        let mut state = lock(&self.0);
        state.units.calls += 1;
        let answer = context.output_or_error().and_then(Result::ok);
        if let Some(output) = answer {
            let items: Vec<&Item> = if let Some(found) = output.downcast_ref::<GetItemOutput>() {
                found.item().into_iter().collect()
            } else if let Some(found) = output.downcast_ref::<BatchGetItemOutput>() {
                let tables = found.responses().unwrap().values();
                tables.flatten().collect()
            } else {
                Vec::new()
            };
            // An item that is not there takes one unit.
            let missing = call.reads - items.len();
            let found = items.iter().map(|item| size(item).div_ceil(READ_UNIT));
            state.units.read += missing + found.sum::<usize>();
        }
        for write in call.writes.clone() {
            state.write(write, call.factor, answer.is_some());
        }
        Ok(())
    }
}

impl State {
    /// Counts a write. A refused one takes as much in the table, and nothing in the indexes.
    fn write(&mut self, Write { key, change }: Write, factor: usize, is_done: bool) {
        let old = self.items.get(&key);
        let new = match &change {
            Change::Put(item) => Some(item),
            Change::Delete => None,
            Change::Check | Change::Update => old,
        };
        let larger = [old, new].into_iter().flatten().map(size).max();
        self.units.tables += factor * units(larger.unwrap_or(1));
        if !is_done {
            return;
        }
        if !matches!(change, Change::Check) {
            let indexes = INDEXES.into_iter();
            let all = indexes.map(|(hash, range)| index(hash, range, old, new));
            self.units.indexes += all.sum::<usize>();
        }
        match change {
            Change::Put(item) => drop(self.items.insert(key, item)),
            Change::Delete => drop(self.items.remove(&key)),
            Change::Check | Change::Update => {}
        }
    }
}

/// Returns the write units of an index that has a copy of each item: to move an item in the index
/// is a deletion and a put.
fn index(hash: &str, range: &str, old: Option<&Item>, new: Option<&Item>) -> usize {
    let place = |item: &Item| Some((item.get(hash)?.clone(), item.get(range)?.clone()));
    let in_index = |item: &&Item| place(item).is_some();
    let (old, new) = (old.filter(in_index), new.filter(in_index));
    match (old, new) {
        (None, None) => 0,
        (Some(old), Some(new)) if old == new => 0,
        (Some(old), Some(new)) if place(old) == place(new) => units(size(old).max(size(new))),
        (old, new) => {
            let both = [old, new].into_iter().flatten();
            both.map(|item| units(size(item))).sum()
        }
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(WRITE_UNIT).max(1)
}

fn part(part: &TransactWriteItem) -> Write {
    if let Some(put) = part.put() {
        let key = key(put.table_name(), put.item());
        let change = Change::Put(put.item().clone());
        return Write { key, change };
    }
    if let Some(delete) = part.delete() {
        let key = key(delete.table_name(), delete.key());
        let change = Change::Delete;
        return Write { key, change };
    }
    let check = part.condition_check();
    let check = check.expect("a part that the meter does not know");
    let key = key(check.table_name(), check.key());
    let change = Change::Check;
    Write { key, change }
}

fn key(table: &str, item: &Item) -> Key {
    let text = |name: &str| item.get(name).unwrap().as_s().unwrap().clone();
    (table.to_owned(), text("pk"), text("sk"))
}

/// Returns the size of an item: the lengths of its names and values.
fn size(item: &Item) -> usize {
    let attributes = item.iter();
    let sizes = attributes.map(|(name, value)| name.len() + value_size(value));
    sizes.sum()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "AttributeValue is non_exhaustive"
)]
fn value_size(value: &AttributeValue) -> usize {
    /// A list or a map, and each of its elements.
    const DOCUMENT: usize = 3;
    const ELEMENT: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::L(values) => {
            DOCUMENT
                + values
                    .iter()
                    .map(|one| ELEMENT + value_size(one))
                    .sum::<usize>()
        }
        AttributeValue::M(values) => DOCUMENT + values.len() * ELEMENT + size(values),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        other => panic!("a value that branchline does not write: {other:?}"),
    }
}
