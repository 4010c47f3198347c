//! The daemon's requests, kept by the null AWS, as the SDK's types.

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_codepipeline::types::{PipelineDeclaration, Tag};
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec;
use serde_json::Value;

use crate::Trouble;

/// The requests that make a new pipeline.
pub(super) struct Samples {
    pub(super) claim: Vec<TransactWriteItem>,
    pub(super) declaration: PipelineDeclaration,
    pub(super) tags: Vec<Tag>,
    pub(super) record: Vec<TransactWriteItem>,
}

impl Samples {
    /// Reads a file with the bodies of the requests by kind.
    pub(super) fn read(file: &Path) -> Result<Self, Trouble> {
        let all: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let request = |kind: &str| -> Result<Value, Trouble> {
            let text = all.get(kind).and_then(Value::as_str);
            let text = text.ok_or_else(|| format!("no sample of '{kind}'"))?;
            Ok(serde_json::from_str(text)?)
        };
        let create = request("create")?;
        Ok(Self {
            claim: transaction(&request("claim")?)?,
            declaration: declaration(&create)?,
            tags: tags(&create)?,
            record: transaction(&request("record")?)?,
        })
    }
}

fn transaction(request: &Value) -> Result<Vec<TransactWriteItem>, Trouble> {
    let items = request.get("TransactItems").and_then(Value::as_array);
    let items = items.ok_or("a transaction without items")?;
    items.iter().map(put).collect()
}

fn put(item: &Value) -> Result<TransactWriteItem, Trouble> {
    let put = item
        .get("Put")
        .ok_or("a transaction of something but puts")?;
    let text = |name: &str| put.get(name).and_then(Value::as_str).map(str::to_owned);
    let names = put
        .get("ExpressionAttributeNames")
        .and_then(Value::as_object);
    let names = names.map(|names| {
        let names = names.iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        names
            .map(|(key, value)| (key.clone(), text(value)))
            .collect()
    });
    let built = Put::builder()
        .set_table_name(text("TableName"))
        .set_item(put.get("Item").map(attributes).transpose()?)
        .set_condition_expression(text("ConditionExpression"))
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(
            put.get("ExpressionAttributeValues")
                .map(attributes)
                .transpose()?,
        )
        .set_return_values_on_condition_check_failure(
            text("ReturnValuesOnConditionCheckFailure")
                .map(|word| ReturnValuesOnConditionCheckFailure::from(word.as_str())),
        )
        .build()?;
    Ok(TransactWriteItem::builder().put(built).build())
}

fn attributes(map: &Value) -> Result<HashMap<String, AttributeValue>, Trouble> {
    let map = map.as_object().ok_or("attributes are an object")?;
    let pair = |(name, value): (&String, &Value)| Ok((name.clone(), attribute(value)?));
    map.iter().map(pair).collect()
}

/// Converts text, numbers and lists: the rows have no other type.
fn attribute(value: &Value) -> Result<AttributeValue, Trouble> {
    let of = |kind: &str| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    let list = value.get("L").and_then(Value::as_array);
    match (of("S"), of("N"), list) {
        (Some(text), _, _) => Ok(AttributeValue::S(text)),
        (None, Some(number), _) => Ok(AttributeValue::N(number)),
        (None, None, Some(list)) => {
            let values = list.iter().map(attribute).collect::<Result<_, _>>()?;
            Ok(AttributeValue::L(values))
        }
        (None, None, None) => Err(format!("an attribute of another kind: {value}").into()),
    }
}

fn declaration(create: &Value) -> Result<PipelineDeclaration, Trouble> {
    let json = create
        .get("pipeline")
        .ok_or("a request without a pipeline")?
        .to_string();
    let codec = JsonCodec::new(JsonCodecSettings::builder().use_json_name(false).build());
    Ok(PipelineDeclaration::deserialize(
        &mut codec.create_deserializer(json.as_bytes()),
    )?)
}

fn tags(create: &Value) -> Result<Vec<Tag>, Trouble> {
    let tags = create
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
    let tag = |tag: &Value| {
        let built = Tag::builder()
            .set_key(text(tag, "key"))
            .set_value(text(tag, "value"));
        Ok(built.build()?)
    };
    tags.map(tag).collect()
}
