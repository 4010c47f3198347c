//! Attributes that a newer branchline wrote into a row of this schema: read, kept and written back
//! as they were.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use serde_json::{Value, json};

use crate::domain::state::mapping::{UnknownAttribute, UnknownAttributes};

use crate::aws::row::item::Item;

/// Returns what `item` has and `known` has not, map by map.
pub(super) fn attributes(item: &Item, known: &Item) -> UnknownAttributes {
    let unknown = item.iter().filter_map(|(name, value)| {
        let unknown = match (value, known.get(name)) {
            (value, None) => UnknownAttribute::Whole(to_json(value)?),
            (AttributeValue::M(value), Some(AttributeValue::M(known))) => {
                let rest = attributes(value, known);
                (!rest.is_empty()).then_some(UnknownAttribute::PartOf(rest))?
            }
            (_, Some(_)) => return None,
        };
        Some((name.clone(), unknown))
    });
    unknown.collect()
}

/// Adds to `item` what it does not have. The unknown part of a known map goes where that map goes.
pub(super) fn merge(item: &mut Item, unknown: &UnknownAttributes) {
    for (name, value) in unknown {
        match (item.get_mut(name), value) {
            (None, UnknownAttribute::Whole(value)) => {
                item.extend(from_json(value).map(|value| (name.clone(), value)));
            }
            (Some(AttributeValue::M(known)), UnknownAttribute::PartOf(rest)) => merge(known, rest),
            (Some(_), _) | (None, UnknownAttribute::PartOf(_)) => {}
        }
    }
}

/// Converts to DynamoDB's JSON form
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>).
/// `None` for a type that this version of the SDK does not know.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK's enum is non-exhaustive, and its variant for unknown types is private"
)]
fn to_json(value: &AttributeValue) -> Option<Value> {
    let binary = |blob: &Blob| base64::encode(blob.as_ref());
    Some(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::B(blob) => json!({ "B": binary(blob) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(binary).collect::<Vec<_>>() }),
        AttributeValue::L(list) => {
            json!({ "L": list.iter().map(to_json).collect::<Option<Vec<_>>>()? })
        }
        AttributeValue::M(map) => {
            let entry = |(name, value): (&String, _)| Some((name.clone(), to_json(value)?));
            let map: Option<serde_json::Map<_, _>> = map.iter().map(entry).collect();
            json!({ "M": map? })
        }
        _ => return None,
    })
}

/// Converts back. `None` for what [`to_json`] does not make.
fn from_json(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let text = |text: &Value| text.as_str().map(str::to_owned);
    let texts = || -> Option<Vec<String>> { value.as_array()?.iter().map(text).collect() };
    let binary = |text: &str| base64::decode(text).ok().map(Blob::new);
    Some(match kind.as_str() {
        "S" => AttributeValue::S(value.as_str()?.to_owned()),
        "N" => AttributeValue::N(value.as_str()?.to_owned()),
        "B" => AttributeValue::B(binary(value.as_str()?)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(value.as_bool()?),
        "SS" => AttributeValue::Ss(texts()?),
        "NS" => AttributeValue::Ns(texts()?),
        "BS" => {
            let blobs: Option<Vec<_>> = texts()?.iter().map(|text| binary(text)).collect();
            AttributeValue::Bs(blobs?)
        }
        "L" => AttributeValue::L(
            value
                .as_array()?
                .iter()
                .map(from_json)
                .collect::<Option<_>>()?,
        ),
        "M" => {
            let entry = |(name, value): (&String, _)| Some((name.clone(), from_json(value)?));
            AttributeValue::M(
                value
                    .as_object()?
                    .iter()
                    .map(entry)
                    .collect::<Option<_>>()?,
            )
        }
        _ => return None,
    })
}
