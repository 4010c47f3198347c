//! CodeBuild's own responses: what the emulator does not do as AWS does.

use aws_sdk_codebuild::error::ErrorMetadata;
use aws_sdk_codebuild::operation::create_project::CreateProjectError;
use aws_sdk_codebuild::operation::delete_project::DeleteProjectOutput;
use aws_sdk_codebuild::operation::update_project::{UpdateProjectError, UpdateProjectOutput};
use aws_smithy_mocks::mock;
use branchline::domain::fault::{Class, Fault, Reason};
use branchline::ports::{CreateResult, ProjectWriter};

use super::clients;
use crate::contract::projects::{claim, copy};
use crate::world::projects::project;

const NAME: &str = "api-pr-7-api";

async fn create(code: &'static str, message: &'static str) -> Result<CreateResult, Fault> {
    let rule = mock!(aws_sdk_codebuild::Client::create_project).then_error(move || {
        let error = ErrorMetadata::builder().code(code).message(message);
        CreateProjectError::generic(error.build())
    });
    let new = copy(&project("api"), NAME, "ci:2");
    clients::projects(&[&rule]).create(&new, &claim(NAME)).await
}

#[tokio::test]
async fn an_error_is_of_the_class_that_the_reference_says() {
    let cases = [
        (
            "InvalidInputException",
            "Invalid compute type",
            Reason::DeclarationRefused,
        ),
        (
            "InvalidInputException",
            "CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::1:role/x",
            Reason::AwsDenied,
        ),
        (
            "AccountLimitExceededException",
            "5000",
            Reason::ProjectQuota,
        ),
        ("ThrottlingException", "Rate exceeded", Reason::AwsThrottled),
        ("AccessDeniedException", "no", Reason::AwsDenied),
    ];
    for (code, message, reason) in cases {
        let fault = create(code, message).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{fault}");
        assert!(
            fault.detail.contains("CreateProject api-pr-7-api"),
            "{fault}"
        );
    }
    let quota = create("AccountLimitExceededException", "")
        .await
        .unwrap_err();
    assert_eq!(quota.reason.class(), Class::Quota);
    let in_use = create("ResourceAlreadyExistsException", "").await;
    assert_eq!(in_use, Ok(CreateResult::NameInUse));
}

#[tokio::test]
async fn an_error_quotes_no_environment_variable() {
    let fault = create(
        "InvalidInputException",
        "bad value npm.example.com of REGISTRY",
    )
    .await;
    let fault = fault.unwrap_err();
    assert!(!fault.detail.contains("npm.example.com"), "{fault}");
}

#[tokio::test]
async fn an_update_sends_the_whole_project() {
    let rule = mock!(aws_sdk_codebuild::Client::update_project)
        .match_requests(|request| {
            let environment = request.environment().unwrap();
            request.name() == Some(NAME)
                && environment.image() == "ci:2"
                && environment.environment_variables().len() == 1
                && request.service_role() == Some("arn:aws:iam::123456789012:role/build")
                && request.timeout_in_minutes() == Some(60)
                && request.tags().len() == 3
                && request.logs_config().is_some()
        })
        .then_output(|| UpdateProjectOutput::builder().build());
    let new = copy(&project("api"), NAME, "ci:2");
    let updated = clients::projects(&[&rule]).update(&new, &claim(NAME)).await;
    assert_eq!(updated, Ok(()));
    let rule = mock!(aws_sdk_codebuild::Client::update_project).then_error(|| {
        let error = ErrorMetadata::builder().code("ResourceNotFoundException");
        UpdateProjectError::generic(error.build())
    });
    let updated = clients::projects(&[&rule]).update(&new, &claim(NAME)).await;
    let gone = updated.unwrap_err();
    assert_eq!(
        gone.reason,
        Reason::AwsConflict,
        "it was there a moment ago"
    );
}

#[tokio::test]
async fn a_deletion_names_the_project() {
    let rule = mock!(aws_sdk_codebuild::Client::delete_project)
        .match_requests(|request| request.name() == Some(NAME))
        .then_output(|| DeleteProjectOutput::builder().build());
    let new = copy(&project("api"), NAME, "ci:2");
    let deleted = clients::projects(&[&rule])
        .delete(&new.name, &claim(NAME))
        .await;
    assert_eq!(deleted, Ok(()));
}
