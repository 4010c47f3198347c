//! DynamoDB's reasons for a cancelled transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, TransactionCanceledException,
};
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure,
};
use aws_smithy_mocks::{Rule, mock};
use branchline::domain::fault::Reason;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::domain::state::mapping::{Expect, State};
use branchline::ports::{ClaimResult, RecordResult, Store};

use super::clients;
use crate::world::samples::{at, created, creating, entry, pull};

type Item = HashMap<String, AttributeValue>;

fn claim() -> Transition {
    Transition::new(Expect::Unseen, creating(pull(7), "api-pr-7", "worker/1"))
}

fn cancelled(reasons: Vec<(&'static str, Option<Item>)>) -> Rule {
    mock!(aws_sdk_dynamodb::Client::transact_write_items).then_error(move || {
        let reasons = reasons.iter().map(|(code, item)| {
            CancellationReason::builder()
                .code(*code)
                .set_item(item.clone())
                .build()
        });
        TransactWriteItemsError::TransactionCanceledException(
            TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons.collect()))
                .build(),
        )
    })
}

async fn reason(reasons: Vec<(&'static str, Option<Item>)>) -> Reason {
    clients::store_of_new_repository(&[&cancelled(reasons)])
        .claim(claim())
        .await
        .unwrap_err()
        .reason
}

#[tokio::test]
async fn a_cancellation_without_a_refused_condition_is_a_fault_by_its_code() {
    assert_eq!(
        reason(vec![("None", None), ("TransactionConflict", None)]).await,
        Reason::AwsConflict
    );
    assert_eq!(
        reason(vec![("ThrottlingError", None), ("None", None)]).await,
        Reason::AwsThrottled
    );
    assert_eq!(
        reason(vec![("ProvisionedThroughputExceeded", None)]).await,
        Reason::AwsThrottled
    );
    assert_eq!(
        reason(vec![("ItemCollectionSizeLimitExceeded", None)]).await,
        Reason::AwsUnknown
    );
}

#[tokio::test]
async fn a_refused_name_returns_its_owner() {
    let holder = Item::from([(
        "subject".to_owned(),
        AttributeValue::S("REPO#2/PR#0000000009".to_owned()),
    )]);
    let rule = cancelled(vec![
        ("None", None),
        ("ConditionalCheckFailed", Some(holder)),
    ]);
    match clients::store_of_new_repository(&[&rule])
        .claim(claim())
        .await
        .unwrap()
    {
        ClaimResult::NameTaken(subject) => assert_eq!(subject, "REPO#2/PR#0000000009"),
        other @ (ClaimResult::Won(_)
        | ClaimResult::Lost(_)
        | ClaimResult::StackTaken(_)
        | ClaimResult::Skipped) => {
            panic!("{other:?}")
        }
    }
}

#[tokio::test]
async fn a_row_of_another_writer_is_reported_and_skipped() {
    let strange = Item::from([
        ("pk".to_owned(), AttributeValue::S("REPO#1001".to_owned())),
        (
            "sk".to_owned(),
            AttributeValue::S("PR#0000000007".to_owned()),
        ),
    ]);
    let rule = cancelled(vec![
        ("ConditionalCheckFailed", Some(strange)),
        ("None", None),
    ]);
    let fault = clients::store_of_new_repository(&[&rule])
        .claim(claim())
        .await
        .unwrap_err();
    assert_eq!(fault.reason, Reason::MappingUnreadable);
    assert!(
        fault.detail.contains("REPO#1001 / PR#0000000007"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_claim_whose_response_was_lost_is_won() {
    // The row as the first attempt wrote it, taken from the request itself.
    let rule =
        mock!(aws_sdk_dynamodb::Client::transact_write_items).then_compute_response(|request| {
            let item = request.transact_items()[0].put().unwrap().item().clone();
            let reason = CancellationReason::builder()
                .code("ConditionalCheckFailed")
                .set_item(Some(item))
                .build();
            let cancelled = TransactionCanceledException::builder()
                .cancellation_reasons(reason)
                .build();
            aws_smithy_mocks::MockResponse::Error(
                TransactWriteItemsError::TransactionCanceledException(cancelled),
            )
        });
    let claimed = clients::store_of_new_repository(&[&rule])
        .claim(claim())
        .await
        .unwrap();
    assert!(matches!(claimed, ClaimResult::Won(_)), "{claimed:?}");
}

/// Returns a claim that writes nothing but the row: its pipeline has a name.
fn deleting() -> Transition {
    let mut next = claim().next;
    next.state = State::Deleting;
    Transition::new(Expect::Unseen, next)
}

/// Returns the answer to a put whose condition did not hold, with the item that is there.
fn refused(item: Option<Item>) -> PutItemError {
    let refused = ConditionalCheckFailedException::builder().set_item(item);
    PutItemError::ConditionalCheckFailedException(refused.build())
}

#[tokio::test]
async fn a_claim_of_one_item_is_a_conditional_put() {
    let rule = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| {
            request.condition_expression() == Some("attribute_not_exists(pk)")
                && request.return_values_on_condition_check_failure()
                    == Some(&ReturnValuesOnConditionCheckFailure::AllOld)
        })
        .then_output(|| PutItemOutput::builder().build());
    let store = clients::store_of_new_repository(&[&rule]);
    let claimed = store.claim(deleting()).await.unwrap();
    assert!(matches!(claimed, ClaimResult::Won(_)), "{claimed:?}");

    let seen = deleting().next.as_seen();
    let rule = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| {
            let values = request.expression_attribute_values();
            let names = request.expression_attribute_names();
            names.is_some_and(|names| names.contains_key("#state"))
                && values.is_some_and(|values| values.contains_key(":owner"))
        })
        .then_output(|| PutItemOutput::builder().build());
    let store = clients::store_of_new_repository(&[&rule]);
    let claimed = store.claim(Transition::new(seen, deleting().next)).await;
    assert!(matches!(claimed, Ok(ClaimResult::Won(_))), "{claimed:?}");
}

#[tokio::test]
async fn a_refused_put_returns_the_row() {
    let rule = mock!(aws_sdk_dynamodb::Client::put_item).then_error(|| refused(None));
    let store = clients::store_of_new_repository(&[&rule]);
    let lost = store.claim(deleting()).await.unwrap();
    assert!(matches!(lost, ClaimResult::Lost(None)), "{lost:?}");

    // The row as an attempt wrote it whose response was lost, and that of another worker.
    for (owner, is_won) in [("worker/1", true), ("worker/2", false)] {
        let rule =
            mock!(aws_sdk_dynamodb::Client::put_item).then_compute_response(move |request| {
                let mut item = request.item().unwrap().clone();
                let owner = AttributeValue::S(owner.to_owned());
                item.insert("claim_owner".to_owned(), owner);
                aws_smithy_mocks::MockResponse::Error(refused(Some(item)))
            });
        let store = clients::store_of_new_repository(&[&rule]);
        let answer = store.claim(deleting()).await.unwrap();
        match answer {
            ClaimResult::Won(_) => assert!(is_won, "{owner}"),
            ClaimResult::Lost(Some(row)) => {
                assert!(!is_won, "{owner}");
                assert_eq!(row.claim.unwrap().owner, owner);
            }
            other @ (ClaimResult::Lost(None)
            | ClaimResult::NameTaken(_)
            | ClaimResult::StackTaken(_)
            | ClaimResult::Skipped) => {
                panic!("{other:?}")
            }
        }
    }
}

#[tokio::test]
async fn a_put_that_failed_is_a_fault_by_its_code() {
    for (code, reason) in [
        ("TransactionConflictException", Reason::AwsConflict),
        ("ThrottlingException", Reason::AwsThrottled),
        (
            "ProvisionedThroughputExceededException",
            Reason::AwsThrottled,
        ),
    ] {
        let rule = mock!(aws_sdk_dynamodb::Client::put_item).then_error(move || {
            let metadata = ErrorMetadata::builder().code(code).build();
            PutItemError::generic(metadata)
        });
        let store = clients::store_of_new_repository(&[&rule]);
        let fault = store.claim(deleting()).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{code}");
    }
}

/// Returns true for the item of a repository's name.
fn is_alias(item: &Item) -> bool {
    let key = item.get("pk").and_then(|key| key.as_s().ok());
    key.is_some_and(|key| key.starts_with("NAME#"))
}

#[tokio::test]
async fn the_name_of_a_repository_is_written_once_and_outside_of_the_transactions() {
    let transaction = || {
        mock!(aws_sdk_dynamodb::Client::transact_write_items)
            .match_requests(|request| {
                let puts = request.transact_items().iter();
                let mut puts = puts.filter_map(|item| item.put());
                !puts.any(|put| is_alias(put.item()))
            })
            .then_output(|| TransactWriteItemsOutput::builder().build())
    };
    let name = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| request.item().is_some_and(is_alias))
        .then_output(|| PutItemOutput::builder().build());
    let record = mock!(aws_sdk_dynamodb::Client::update_item)
        .match_requests(|request| request.update_expression() == Some("ADD known_names :names"))
        .then_output(|| UpdateItemOutput::builder().build());
    let (first, second) = (transaction(), transaction());
    let store = clients::store(&[&record, &name, &first, &second]);
    let claim = Claim::proven(claim().next);
    let settled = claim.settle(created("api-pr-7"), at(1_000));
    for delivery in ["guid-1", "guid-2"] {
        let recorded = store.record(&settled, &entry(delivery, "active")).await;
        assert!(matches!(recorded, Ok(RecordResult::Done)), "{recorded:?}");
    }
}

#[tokio::test]
async fn a_probe_is_answered_by_its_refusal() {
    let refused = cancelled(vec![("ConditionalCheckFailed", None); 2]);
    assert_eq!(clients::store(&[&refused]).probe().await, Ok(()));
    let conflict = cancelled(vec![("ThrottlingError", None), ("None", None)]);
    let fault = clients::store(&[&conflict]).probe().await.unwrap_err();
    assert_eq!(fault.reason, Reason::AwsThrottled);
}
