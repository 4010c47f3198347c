//! CloudFormation's own responses: what the emulator does not do as AWS does.

use aws_sdk_cloudformation::error::ErrorMetadata;
use aws_sdk_cloudformation::operation::delete_stack::{DeleteStackError, DeleteStackOutput};
use aws_sdk_cloudformation::operation::describe_stack_resources::DescribeStackResourcesOutput;
use aws_sdk_cloudformation::operation::describe_stacks::{
    DescribeStacksError, DescribeStacksOutput,
};
use aws_sdk_cloudformation::operation::list_stacks::ListStacksOutput;
use aws_sdk_cloudformation::types::{
    ResourceStatus, Stack as SdkStack, StackResource, StackStatus, StackSummary,
};
use aws_smithy_mocks::mock;
use aws_smithy_types::DateTime;
use branchline::domain::clone::stacks::{FoundStack, Stack};
use branchline::domain::fault::{Class, Fault, Reason};
use branchline::domain::ids::{StackId, Timestamp};
use branchline::domain::state::claim::Claim;
use branchline::ports::{StackReader, StackWriter};

use super::clients;
use crate::world::samples::{creating, pull};

const ID: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/api-pr-7/1b2c";

fn id() -> StackId {
    StackId::parse(ID).unwrap()
}

fn stack() -> Stack {
    Stack {
        name: "api-pr-7".into(),
        region: None,
        role: Some("arn:aws:iam::123456789012:role/stack".into()),
        action_role: None,
        id: None,
    }
}

fn claim() -> Claim {
    Claim::proven(creating(pull(7), "api-pr-7", "worker/1"))
}

fn described(status: StackStatus) -> DescribeStacksOutput {
    let stack = SdkStack::builder()
        .stack_name("api-pr-7")
        .stack_id(ID)
        .creation_time(DateTime::from_secs(3))
        .stack_status(status);
    DescribeStacksOutput::builder()
        .stacks(stack.build())
        .build()
}

async fn found(status: StackStatus) -> Option<FoundStack> {
    let rule = mock!(aws_sdk_cloudformation::Client::describe_stacks)
        .match_requests(|request| request.stack_name() == Some(ID))
        .then_output(move || described(status.clone()));
    clients::stacks(&[&rule]).stack(&id()).await.unwrap()
}

async fn delete(code: &'static str, message: &'static str) -> Result<(), Fault> {
    let rule = mock!(aws_sdk_cloudformation::Client::delete_stack).then_error(move || {
        let error = ErrorMetadata::builder().code(code).message(message);
        DeleteStackError::generic(error.build())
    });
    clients::stacks(&[&rule]).delete(&id(), &claim()).await
}

#[tokio::test]
async fn a_stack_is_found_by_its_id_until_it_is_deleted() {
    let failed = found(StackStatus::DeleteFailed).await.unwrap();
    assert_eq!(failed.status, FoundStack::DELETE_FAILED);
    assert_eq!(failed.id, id());
    assert_eq!(failed.created_at, Timestamp(3_000));
    let deleting = found(StackStatus::DeleteInProgress).await.unwrap();
    assert_eq!(deleting.status, FoundStack::DELETING);
    assert_eq!(found(StackStatus::DeleteComplete).await, None);
}

#[tokio::test]
async fn a_stack_that_does_not_exist_is_none_and_other_errors_are_faults() {
    let answer = async |code: &'static str, message: &'static str| {
        let rule = mock!(aws_sdk_cloudformation::Client::describe_stacks).then_error(move || {
            let error = ErrorMetadata::builder().code(code).message(message);
            DescribeStacksError::generic(error.build())
        });
        let found = clients::stacks(&[&rule]).named(&stack()).await;
        found.map_err(|fault| fault.reason)
    };
    let missing = "Stack with id api-pr-7 does not exist";
    assert_eq!(answer("ValidationError", missing).await, Ok(None));
    assert_eq!(answer("AccessDenied", "no").await, Err(Reason::AwsDenied));
    assert_eq!(
        answer("Throttling", "Rate exceeded").await,
        Err(Reason::AwsThrottled)
    );
}

#[tokio::test]
async fn a_deletion_that_is_refused_says_why_and_is_for_a_person() {
    let protected = "Stack [api-pr-7] cannot be deleted while TerminationProtection is enabled";
    let fault = delete("ValidationError", protected).await.unwrap_err();
    assert_eq!(fault.reason, Reason::StackNotDeleted);
    assert_eq!(fault.reason.class(), Class::Permanent);
    assert!(fault.detail.contains("TerminationProtection"), "{fault}");
    assert!(fault.detail.contains("DeleteStack api-pr-7"), "{fault}");
    let gone = delete("ValidationError", "Stack with id x does not exist").await;
    assert_eq!(gone, Ok(()));
}

#[tokio::test]
async fn a_deletion_names_the_stack_by_its_id_and_passes_no_role() {
    let rule = mock!(aws_sdk_cloudformation::Client::delete_stack)
        .match_requests(|request| {
            request.stack_name() == Some(ID)
                && request.role_arn().is_none()
                && request.retain_resources().is_empty()
        })
        .then_output(|| DeleteStackOutput::builder().build());
    let deleted = clients::stacks(&[&rule]).delete(&id(), &claim()).await;
    assert_eq!(deleted, Ok(()));
}

#[tokio::test]
async fn the_resources_that_stay_are_named_with_the_reason() {
    let resource = |name: &str, status| {
        StackResource::builder()
            .logical_resource_id(name)
            .resource_type("AWS::S3::Bucket")
            .resource_status(status)
            .resource_status_reason("The bucket is not empty")
            .timestamp(DateTime::from_secs(0))
            .build()
    };
    let rule =
        mock!(aws_sdk_cloudformation::Client::describe_stack_resources).then_output(move || {
            DescribeStackResourcesOutput::builder()
                .stack_resources(resource("Gone", ResourceStatus::DeleteComplete))
                .stack_resources(resource("Site", ResourceStatus::DeleteFailed))
                .build()
        });
    let kept = clients::stacks(&[&rule]).kept(&id()).await;
    assert_eq!(
        kept.unwrap(),
        ["Site (AWS::S3::Bucket): The bucket is not empty"]
    );
}

#[tokio::test]
async fn every_page_of_stacks_is_read_without_those_that_are_deleted() {
    let page = |name: &str, next: Option<&str>| {
        let summary = StackSummary::builder()
            .stack_name(name)
            .stack_id(ID.replace("api-pr-7", name))
            .creation_time(DateTime::from_secs(0))
            .stack_status(StackStatus::CreateComplete)
            .build();
        ListStacksOutput::builder()
            .stack_summaries(summary)
            .set_next_token(next.map(str::to_owned))
            .build()
    };
    let first = mock!(aws_sdk_cloudformation::Client::list_stacks)
        .match_requests(|request| {
            let statuses = request.stack_status_filter();
            request.next_token().is_none()
                && !statuses.contains(&StackStatus::DeleteComplete)
                && statuses.contains(&StackStatus::DeleteFailed)
        })
        .then_output(move || page("api-pr-7", Some("more")));
    let second = mock!(aws_sdk_cloudformation::Client::list_stacks)
        .match_requests(|request| request.next_token() == Some("more"))
        .then_output(move || page("api-pr-8", None));
    let all = clients::stacks(&[&first, &second]).all(None).await.unwrap();
    let names: Vec<&str> = all.iter().map(|one| one.id.name()).collect();
    assert_eq!(names, ["api-pr-7", "api-pr-8"]);
}
