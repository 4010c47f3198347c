//! The attributes of DynamoDB items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::ids::RepositoryId;

/// One item of the table, or one map inside an item.
pub(in crate::aws) type Item = HashMap<String, AttributeValue>;

/// `desired.presence` of a subject that should have a pipeline.
pub(super) const PRESENT: &str = "present";
/// `desired.presence` of a subject that should have none.
pub(super) const ABSENT: &str = "absent";

/// Makes a text attribute.
pub(in crate::aws) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Makes a whole number.
pub(in crate::aws) fn n(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// Returns a truth value, which is left out if it is false.
pub(in crate::aws) fn flag(is: bool) -> Option<AttributeValue> {
    is.then_some(AttributeValue::Bool(true))
}

/// Makes the number of things that are in memory.
pub(in crate::aws) fn count(things: usize) -> AttributeValue {
    n(u64::try_from(things).unwrap_or(u64::MAX))
}

/// Returns the partition of a repository.
pub(in crate::aws) fn repository_key(repository: RepositoryId) -> String {
    format!("REPO#{repository}")
}
