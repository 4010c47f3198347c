//! The table from AWS's errors to our reasons, seen through the adapters.

use std::time::Duration;

use aws_sdk_codepipeline::operation::delete_pipeline::DeletePipelineError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_sqs::error::ErrorMetadata;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
use aws_smithy_mocks::mock;
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::PipelineName;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::ports::{Pipelines, Queue, Store};

use super::clients;
use crate::world::samples::{creating, pull};

fn metadata(code: &str, message: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message(message).build()
}

async fn from_sqs(code: &'static str) -> Fault {
    let rule = mock!(aws_sdk_sqs::Client::receive_message)
        .then_error(move || ReceiveMessageError::generic(metadata(code, "the message")));
    clients::queue(&[&rule])
        .receive(10, Duration::ZERO)
        .await
        .unwrap_err()
}

async fn from_dynamodb(code: &'static str) -> Fault {
    let rule = mock!(aws_sdk_dynamodb::Client::transact_write_items)
        .then_error(move || TransactWriteItemsError::generic(metadata(code, "the message")));
    clients::store_of_new_repository(&[&rule])
        .claim(claim())
        .await
        .unwrap_err()
}

async fn from_codepipeline(code: &'static str, message: &'static str) -> Fault {
    let rule = mock!(aws_sdk_codepipeline::Client::delete_pipeline)
        .then_error(move || DeletePipelineError::generic(metadata(code, message)));
    let claim = Claim::proven(claim().next);
    let name = PipelineName::parse("api-pr-7").unwrap();
    clients::pipelines(&[&rule])
        .delete(&name, &claim)
        .await
        .unwrap_err()
}

fn claim() -> Transition {
    let next = creating(pull(7), "api-pr-7", "worker/1");
    Transition::new(branchline::domain::state::mapping::Expect::Unseen, next)
}

#[tokio::test]
async fn sqs_errors_have_their_reasons() {
    let cases = [
        ("AccessDenied", Reason::AwsDenied),
        ("ExpiredToken", Reason::AwsDenied),
        ("RequestTimeTooSkewed", Reason::AwsDenied),
        ("QueueDoesNotExist", Reason::AwsMissing),
        (
            "AWS.SimpleQueueService.NonExistentQueue",
            Reason::AwsMissing,
        ),
        ("OverLimit", Reason::AwsThrottled),
        ("RequestThrottled", Reason::AwsThrottled),
        ("InternalError", Reason::AwsUnavailable),
        ("InvalidParameterValue", Reason::MessageRefused),
        ("InvalidMessageContents", Reason::MessageRefused),
        ("SomethingNew", Reason::AwsUnknown),
    ];
    for (code, reason) in cases {
        let fault = from_sqs(code).await;
        assert_eq!(fault.reason, reason, "{code}");
        assert!(
            fault.detail.contains(code) && fault.detail.contains("the message"),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn dynamodb_errors_have_their_reasons() {
    let cases = [
        ("ResourceNotFoundException", Reason::AwsMissing),
        (
            "ProvisionedThroughputExceededException",
            Reason::AwsThrottled,
        ),
        ("RequestLimitExceeded", Reason::AwsThrottled),
        ("LimitExceededException", Reason::AwsThrottled),
        ("TransactionInProgressException", Reason::AwsConflict),
        ("InternalServerError", Reason::AwsUnavailable),
        ("UnrecognizedClientException", Reason::AwsDenied),
        ("ValidationException", Reason::AwsUnknown),
    ];
    for (code, reason) in cases {
        let fault = from_dynamodb(code).await;
        assert_eq!(fault.reason, reason, "{code}");
    }
}

#[tokio::test]
async fn codepipeline_errors_have_their_reasons() {
    let cases = [
        ("ConcurrentModificationException", Reason::AwsConflict),
        ("ConflictException", Reason::AwsConflict),
        (
            "InvalidActionDeclarationException",
            Reason::DeclarationRefused,
        ),
        (
            "InvalidStageDeclarationException",
            Reason::DeclarationRefused,
        ),
        ("InvalidStructureException", Reason::DeclarationRefused),
        ("InvalidTagsException", Reason::DeclarationRefused),
        ("LimitExceededException", Reason::AwsQuota),
        ("ThrottlingException", Reason::AwsThrottled),
        ("TooManyTagsException", Reason::DeclarationRefused),
        ("ValidationException", Reason::DeclarationRefused),
        ("AccessDeniedException", Reason::AwsDenied),
    ];
    for (code, reason) in cases {
        let fault = from_codepipeline(code, "the message").await;
        assert_eq!(fault.reason, reason, "{code}");
    }
    let role = "CodePipeline is not authorized to perform AssumeRole on role arn:aws:iam::123456789012:role/x";
    let fault = from_codepipeline("InvalidStructureException", role).await;
    assert_eq!(
        fault.reason,
        Reason::AwsDenied,
        "a new trust policy takes a while to apply"
    );
}

#[tokio::test]
async fn the_status_decides_without_an_error_code() {
    for (status, reason) in [
        (503, Reason::AwsUnavailable),
        (429, Reason::AwsThrottled),
        (400, Reason::AwsUnknown),
    ] {
        let rule = mock!(aws_sdk_sqs::Client::receive_message)
            .sequence()
            .http_status(status, Some("<html>a proxy</html>".to_owned()))
            .build();
        let fault = clients::queue(&[&rule])
            .receive(1, Duration::ZERO)
            .await
            .unwrap_err();
        assert_eq!(fault.reason, reason, "{status}: {fault}");
        assert!(!fault.detail.contains('\n'), "{fault}");
    }
}
