//! The daemon's requests, kept by the null AWS, as the SDK's types.

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_codepipeline::types::{
    PipelineDeclaration, SourceRevisionOverride, SourceRevisionType, Tag,
};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec;
use serde_json::Value;

use crate::Trouble;

/// The requests of one webhook.
pub(super) enum Samples {
    Opened(Box<Opened>),
    Push(Box<Push>),
}

/// The requests that make a new pipeline.
pub(super) struct Opened {
    pub(super) claim: Vec<TransactWriteItem>,
    /// If the daemon reads another row while it claims its own.
    pub(super) read: Option<Read>,
    pub(super) declaration: PipelineDeclaration,
    pub(super) tags: Vec<Tag>,
    pub(super) record: Vec<TransactWriteItem>,
}

/// The requests that start a pipeline.
pub(super) struct Push {
    pub(super) read: HashMap<String, KeysAndAttributes>,
    pub(super) claim: Put,
    pub(super) arn: String,
    pub(super) revisions: Vec<SourceRevisionOverride>,
    pub(super) token: Option<String>,
    pub(super) record: Vec<TransactWriteItem>,
}

/// A consistent read of a row.
pub(super) struct Read {
    pub(super) table: String,
    pub(super) key: HashMap<String, AttributeValue>,
}

impl Samples {
    /// Reads a file with the bodies of the requests by kind.
    pub(super) fn read(file: &Path, action: &str) -> Result<Self, Trouble> {
        let all: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let request = |kind: &str| -> Result<Value, Trouble> {
            let text = all.get(kind).and_then(Value::as_str);
            let text = text.ok_or_else(|| format!("no sample of '{kind}'"))?;
            Ok(serde_json::from_str(text)?)
        };
        if action == "opened" {
            let create = request("create")?;
            return Ok(Self::Opened(Box::new(Opened {
                claim: transaction(&request("claim")?)?,
                read: request("read").ok().as_ref().map(read).transpose()?,
                declaration: declaration(&create)?,
                tags: tags(&create)?,
                record: transaction(&request("record")?)?,
            })));
        }
        let (tags, start) = (request("push_tags")?, request("push_start")?);
        Ok(Self::Push(Box::new(Push {
            read: batch(&request("push_read")?)?,
            claim: put(&request("push_claim")?)?,
            arn: text(&tags, "resourceArn").ok_or("a request without an ARN")?,
            revisions: revisions(&start)?,
            token: text(&start, "clientRequestToken"),
            record: transaction(&request("push_record")?)?,
        })))
    }
}

fn text(request: &Value, name: &str) -> Option<String> {
    request.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn read(request: &Value) -> Result<Read, Trouble> {
    Ok(Read {
        table: text(request, "TableName").ok_or("a request without a table")?,
        key: attributes(request.get("Key").ok_or("a request without a key")?)?,
    })
}

fn batch(request: &Value) -> Result<HashMap<String, KeysAndAttributes>, Trouble> {
    let tables = request.get("RequestItems").and_then(Value::as_object);
    let tables = tables.ok_or("a request without tables")?;
    let table = |(name, asked): (&String, &Value)| {
        let keys = asked.get("Keys").and_then(Value::as_array);
        let keys = keys.into_iter().flatten().map(attributes);
        let built = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect::<Result<_, _>>()?))
            .consistent_read(true);
        Ok((name.clone(), built.build()?))
    };
    tables.iter().map(table).collect()
}

fn revisions(start: &Value) -> Result<Vec<SourceRevisionOverride>, Trouble> {
    let revisions = start.get("sourceRevisions").and_then(Value::as_array);
    let revision = |revision: &Value| {
        let kind = text(revision, "revisionType").unwrap_or_default();
        let built = SourceRevisionOverride::builder()
            .set_action_name(text(revision, "actionName"))
            .revision_type(SourceRevisionType::from(kind.as_str()))
            .set_revision_value(text(revision, "revisionValue"));
        Ok(built.build()?)
    };
    revisions.into_iter().flatten().map(revision).collect()
}

fn transaction(request: &Value) -> Result<Vec<TransactWriteItem>, Trouble> {
    let items = request.get("TransactItems").and_then(Value::as_array);
    let items = items.ok_or("a transaction without items")?;
    items.iter().map(item).collect()
}

fn item(item: &Value) -> Result<TransactWriteItem, Trouble> {
    let built = TransactWriteItem::builder();
    if let Some(check) = item.get("ConditionCheck") {
        return Ok(built.condition_check(condition_check(check)?).build());
    }
    let put = item.get("Put").ok_or("neither a put nor a check")?;
    Ok(built.put(self::put(put)?).build())
}

fn condition_check(check: &Value) -> Result<ConditionCheck, Trouble> {
    let built = ConditionCheck::builder()
        .set_table_name(text(check, "TableName"))
        .set_key(check.get("Key").map(attributes).transpose()?)
        .set_condition_expression(text(check, "ConditionExpression"));
    Ok(built.build()?)
}

fn put(put: &Value) -> Result<Put, Trouble> {
    let text = |name: &str| text(put, name);
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
        );
    Ok(built.build()?)
}

fn attributes(map: &Value) -> Result<HashMap<String, AttributeValue>, Trouble> {
    let map = map.as_object().ok_or("attributes are an object")?;
    let pair = |(name, value): (&String, &Value)| Ok((name.clone(), attribute(value)?));
    map.iter().map(pair).collect()
}

/// Converts text, numbers, lists and maps: the rows have no other type.
fn attribute(value: &Value) -> Result<AttributeValue, Trouble> {
    let of = |kind: &str| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    let list = value.get("L").and_then(Value::as_array);
    match (of("S"), of("N"), list, value.get("M")) {
        (Some(text), _, _, _) => Ok(AttributeValue::S(text)),
        (None, Some(number), _, _) => Ok(AttributeValue::N(number)),
        (None, None, Some(list), _) => {
            let values = list.iter().map(attribute).collect::<Result<_, _>>()?;
            Ok(AttributeValue::L(values))
        }
        (None, None, None, Some(map)) => Ok(AttributeValue::M(attributes(map)?)),
        (None, None, None, None) => Err(format!("an attribute of another kind: {value}").into()),
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
    let tag = |tag: &Value| {
        let built = Tag::builder()
            .set_key(text(tag, "key"))
            .set_value(text(tag, "value"));
        Ok(built.build()?)
    };
    tags.map(tag).collect()
}
