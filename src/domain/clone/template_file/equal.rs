//! Compares what the file declares with the template's, which CodePipeline printed.

use serde_json::{Map, Value};

/// Compares two parts of a declaration. Nothing, an empty list and an empty object are equal, and
/// so are no `runOrder` and the first.
pub(super) fn is_equal(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let has = |(key, value): (&String, &Value), other: &Map<String, Value>| {
                is_default(key, value) || other.get(key).is_some_and(|two| is_equal(value, two))
            };
            one.iter().all(|field| has(field, two)) && two.iter().all(|field| has(field, one))
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_equal(one, two))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => one == two,
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => key == "runOrder" && number.as_u64() == Some(1),
        Value::Bool(_) | Value::String(_) => false,
    }
}
