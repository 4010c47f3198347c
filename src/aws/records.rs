//! The table's other items: delivery records, names of pipelines and stacks, and commits that ask
//! for no build.

use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::domain::clone::stacks::StackKey;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{CommitId, DeliveryId, PipelineName, RepositoryId, Subject, Timestamp};
use crate::domain::state::mapping::Mapping;

use crate::aws::row::{self, Item, n, s};

/// The code of a condition that did not hold (API reference, CancellationReason).
pub(super) const CONDITION: &str = "ConditionalCheckFailed";

/// The sort key of a commit that asks for no build.
pub(super) const SKIPPED: &str = "COMMIT";

/// The sort key of the name of a stack.
pub(super) const STACK: &str = "STACK";

/// How long a delivery record is kept: 30 days, in seconds. Audit entries are kept longer.
const DELIVERY_RECORD: i64 = 30 * 24 * 60 * 60;

/// Returns the item that records which subject a delivery concerned, and what became of it. It
/// expires after 30 days.
pub(super) fn delivery_item(
    delivery: &DeliveryId,
    subject: &Subject,
    outcome: &str,
    at: Timestamp,
) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("DELIVERY#{delivery}"))),
        ("sk".to_owned(), s("DELIVERY")),
        ("subject".to_owned(), s(subject.table_key())),
        ("outcome".to_owned(), s(outcome)),
        ("processed_at".to_owned(), s(at.to_string())),
        (
            "expires_at".to_owned(),
            n(at.seconds().saturating_add(DELIVERY_RECORD)),
        ),
    ])
}

/// Returns the item of a delivery that failed for now, and waits for its next attempt.
pub(super) fn given_up_item(delivery: &DeliveryId, row: &Mapping) -> Item {
    delivery_item(delivery, &row.subject, "given-up", row.updated_at)
}

/// Returns the key of the item that reserves a pipeline's name.
pub(super) fn name_key(name: &PipelineName) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("PIPELINE#{name}"))),
        ("sk".to_owned(), s("PIPELINE")),
    ])
}

/// Returns the partition key of the item that reserves a stack.
pub(super) fn stack_key(stack: &StackKey) -> String {
    format!("STACK#{stack}")
}

/// Reserves a stack for the subject of a claimed row, unless another subject has it.
pub(super) fn stack_put(
    table: &str,
    stack: &StackKey,
    row: &Mapping,
) -> Result<TransactWriteItem, Fault> {
    let mut item = Item::from([
        ("pk".to_owned(), s(stack_key(stack))),
        ("sk".to_owned(), s(STACK)),
    ]);
    let claim = row.claim.as_ref().map(|claim| s(claim.owner.as_str()));
    item.extend(claim.map(|owner| ("claim_owner".to_owned(), owner)));
    reserving_put(table, item, &row.subject)
}

/// Returns the put of an item that a subject reserves, unless another subject has it.
pub(super) fn reserving_put(
    table: &str,
    mut item: Item,
    subject: &Subject,
) -> Result<TransactWriteItem, Fault> {
    item.insert("subject".to_owned(), s(subject.table_key()));
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk) OR subject = :subject")
        .expression_attribute_values(":subject", s(subject.table_key()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let put = put.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Returns the unconditional put of an item.
pub(super) fn plain_put(table: &str, item: Item) -> Result<TransactWriteItem, Fault> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = put.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Returns the put of a probe, which is never written: its condition does not hold.
pub(super) fn probe_put(table: &str) -> Result<TransactWriteItem, Fault> {
    let item = Item::from([("pk".to_owned(), s("PROBE")), ("sk".to_owned(), s("PROBE"))]);
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_exists(pk)");
    let put = put.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Returns the subject that has the name of the claim, from the second item.
pub(super) fn holder(reasons: &[CancellationReason]) -> String {
    let item = reasons.get(1).and_then(CancellationReason::item);
    let subject = item.and_then(|item| item.get("subject")?.as_s().ok());
    subject
        .cloned()
        .unwrap_or_else(|| "another subject".to_owned())
}

/// Returns the row that made the mapping's condition fail; `None` if another condition failed.
pub(super) fn refused_row(
    reasons: &[CancellationReason],
) -> Result<Option<Option<Box<Mapping>>>, Fault> {
    match reasons
        .first()
        .filter(|reason| reason.code() == Some(CONDITION))
    {
        None => Ok(None),
        Some(reason) => Ok(Some(
            reason.item().map(row::read).transpose()?.map(Box::new),
        )),
    }
}

/// Returns the partition key of the item of a commit that asks for no build.
pub(super) fn skipped_key(repository: RepositoryId, commit: &CommitId) -> String {
    format!("SKIPPED#{repository}/{commit}")
}

/// Returns the check that the commit is not remembered, as a part of a transaction.
pub(super) fn skipped_check(
    table: &str,
    repository: RepositoryId,
    commit: &CommitId,
) -> Result<TransactWriteItem, Fault> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .key("pk", s(skipped_key(repository, commit)))
        .key("sk", s(SKIPPED))
        .condition_expression("attribute_not_exists(pk)");
    Ok(TransactWriteItem::builder()
        .condition_check(check.build().map_err(incomplete)?)
        .build())
}

/// Returns the fault of a request without a required field, which is a bug.
pub(super) fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> Fault {
    Fault::new(
        Reason::AwsUnknown,
        format!("a request to DynamoDB is incomplete: {error}"),
    )
}
