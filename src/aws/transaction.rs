//! Writes several items, all or none, or one item.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem};

use crate::domain::fault::{Fault, Reason};

use crate::aws::call::measured;
use crate::aws::fault::{Service, fault, reason};
use crate::aws::records::CONDITION;

/// The result of a write.
pub(super) enum Written {
    Done,
    /// The reasons, one for each item, in order.
    Refused(Vec<CancellationReason>),
}

/// Writes all items or none. One item needs no transaction, which would take twice as many units.
/// The SDK gives each transaction a client token, so its retries are one transaction. A put that
/// the SDK repeats after a lost answer is refused, with the item that it has written.
pub(super) async fn write(
    client: &Client,
    table: &str,
    items: Vec<TransactWriteItem>,
) -> Result<Written, Fault> {
    if let [one] = items.as_slice()
        && let Some(put) = one.put()
    {
        return write_one(client, put).await;
    }
    let request = client.transact_write_items();
    let request = request.set_transact_items(Some(items));
    match measured(Service::DynamoDb, "TransactWriteItems", request.send()).await {
        Ok(_) => Ok(Written::Done),
        Err(error) => cancelled(table, error).map(Written::Refused),
    }
}

/// Writes one item on its condition.
async fn write_one(client: &Client, put: &Put) -> Result<Written, Fault> {
    let request = client
        .put_item()
        .table_name(put.table_name())
        .set_item(Some(put.item().clone()))
        .set_condition_expression(put.condition_expression().map(str::to_owned))
        .set_expression_attribute_names(put.expression_attribute_names().cloned())
        .set_expression_attribute_values(put.expression_attribute_values().cloned())
        .set_return_values_on_condition_check_failure(
            put.return_values_on_condition_check_failure().cloned(),
        );
    let error = match measured(Service::DynamoDb, "PutItem", request.send()).await {
        Ok(_) => return Ok(Written::Done),
        Err(error) => error,
    };
    if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
        let reason = CancellationReason::builder().code(CONDITION);
        let reason = reason.set_item(refused.item().cloned()).build();
        return Ok(Written::Refused(vec![reason]));
    }
    let call = format!("PutItem on {}", put.table_name());
    Err(fault(Service::DynamoDb, &call, error))
}

/// Returns the reasons if a condition was refused. Any other cancellation is a fault.
fn cancelled(
    table: &str,
    error: SdkError<TransactWriteItemsError>,
) -> Result<Vec<CancellationReason>, Fault> {
    let call = format!("TransactWriteItems on {table}");
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().to_vec()
        }
        Some(_) | None => return Err(fault(Service::DynamoDb, &call, error)),
    };
    if reasons
        .iter()
        .any(|reason| reason.code() == Some(CONDITION))
    {
        return Ok(reasons);
    }
    let cause = reasons
        .iter()
        .find(|reason| !matches!(reason.code(), None | Some("None")));
    let code = cause
        .and_then(CancellationReason::code)
        .unwrap_or("no reason");
    let message = cause
        .and_then(CancellationReason::message)
        .unwrap_or("no message");
    let reason = reason(Service::DynamoDb, code, message).unwrap_or(Reason::AwsUnknown);
    Err(Fault::new(
        reason,
        format!("{call}: cancelled: {code}: {message}"),
    ))
}
