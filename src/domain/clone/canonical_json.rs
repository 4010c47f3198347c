//! Writes JSON with sorted keys, whatever the order in the map, so that its digest is the same in
//! every build.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Returns the JSON text, without spaces.
pub(super) fn json(fields: &Map<String, Value>) -> Vec<u8> {
    // Writing JSON into memory does not fail.
    serde_json::to_vec(&Fields(fields)).unwrap_or_default()
}

struct Fields<'a>(&'a Map<String, Value>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<_> = self.0.iter().collect();
        fields.sort_unstable_by_key(|(name, _)| name.as_str());
        serializer.collect_map(
            fields
                .into_iter()
                .map(|(name, value)| (name, Sorted(value))),
        )
    }
}

struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => Fields(fields).serialize(serializer),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Sorted)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.0.serialize(serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_what_a_sorted_value_prints() {
        let mut value = json!({
            "b": [{"z": 1.50, "a": null}, [], "\u{1}\"ü"], "a": {"ü": true, "u": -7, "Z": {}}, "": 18_446_744_073_709_551_615_u64,
        });
        let written = json(value.as_object().unwrap());
        value.sort_all_objects();
        assert_eq!(String::from_utf8(written).unwrap(), value.to_string());
    }
}
