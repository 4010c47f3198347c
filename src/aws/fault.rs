//! The table that maps AWS's error codes to reasons.
//!
//! Codes come from the "Errors" sections of the API references and from each service's "Common
//! Errors" page. A code that is in no list is [`Reason::AwsUnknown`], with its name in the detail.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::RequestId;

use crate::domain::fault::{Fault, Reason};
use crate::domain::foreign_text::clean_without;

use crate::aws::{remedy, unanswered};

/// The service that answered. Some codes have different meanings in different services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sqs,
    DynamoDb,
    CodePipeline,
    CodeBuild,
    CloudFormation,
    Iam,
    ResourceGroupsTagging,
}

impl Service {
    /// Returns the word used in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::DynamoDb => "dynamodb",
            Self::CodePipeline => "codepipeline",
            Self::CodeBuild => "codebuild",
            Self::CloudFormation => "cloudformation",
            Self::Iam => "iam",
            Self::ResourceGroupsTagging => "tagging",
        }
    }
}

/// Errors of credentials and permissions, and of wrong clocks, which invalidate the signature.
pub(super) const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "KmsAccessDenied",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Throttling errors.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "KmsThrottled",
    "OverLimit",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
];

/// Errors of concurrent changes to the same resource.
const CONFLICT: &[&str] = &[
    "ConcurrentModificationException",
    "ConflictException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Errors of a missing queue or table.
const MISSING: &[&str] = &[
    "AWS.SimpleQueueService.NonExistentQueue",
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDeletedRecently",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
];

/// Errors of a message that SQS does not accept (API reference, SendMessage, "Errors"; a message
/// that is too large is an invalid parameter).
const MESSAGE_REFUSED: &[&str] = &[
    "InvalidMessageContents",
    "InvalidParameterValue",
    "InvalidParameterValueException",
];

/// Errors of a service that does not work at the moment.
const UNAVAILABLE: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// Errors of a declaration that CodePipeline refuses (API reference, CreatePipeline, "Errors").
const REFUSED: &[&str] = &[
    "InvalidActionDeclarationException",
    "InvalidBlockerDeclarationException",
    "InvalidStageDeclarationException",
    "InvalidStructureException",
    "InvalidTagsException",
    "TooManyTagsException",
    "ValidationException",
];

/// Errors of an exhausted quota of the account or the pipeline (API reference, CreatePipeline and
/// StartPipelineExecution, "Errors").
const QUOTA: &[&str] = &[
    "ConcurrentPipelineExecutionsLimitExceededException",
    "LimitExceededException",
];

/// Returns true for a throttling error.
pub(super) fn is_throttled(code: Option<&str>) -> bool {
    code.is_some_and(|code| THROTTLED.contains(&code))
}

/// Returns the reason for an error code; `None` for a code that is in no list.
pub(super) fn reason(service: Service, code: &str, message: &str) -> Option<Reason> {
    let tables = [
        (DENIED, Reason::AwsDenied),
        (THROTTLED, Reason::AwsThrottled),
        (CONFLICT, Reason::AwsConflict),
        (MISSING, Reason::AwsMissing),
        (UNAVAILABLE, Reason::AwsUnavailable),
    ];
    let shared = || {
        tables
            .iter()
            .find(|(codes, _)| codes.contains(&code))
            .map(|(_, reason)| *reason)
    };
    match service {
        // A role cannot be assumed until a change of its trust policy has propagated, so this ends
        // by itself, or a person has to correct the policy.
        Service::CodePipeline
            if code == "InvalidStructureException" && message.contains("AssumeRole") =>
        {
            Some(Reason::AwsDenied)
        }
        Service::CodePipeline if REFUSED.contains(&code) => Some(Reason::DeclarationRefused),
        Service::CodePipeline if QUOTA.contains(&code) => Some(Reason::AwsQuota),
        // The pipeline existed a moment ago, and was deleted since.
        Service::CodePipeline if code == "PipelineNotFoundException" => Some(Reason::AwsConflict),
        // API reference, CreateProject, "Errors". CodeBuild says which role it may not assume.
        Service::CodeBuild if code == "InvalidInputException" && message.contains("AssumeRole") => {
            Some(Reason::AwsDenied)
        }
        Service::CodeBuild if code == "InvalidInputException" => Some(Reason::DeclarationRefused),
        Service::CodeBuild if code == "AccountLimitExceededException" => Some(Reason::ProjectQuota),
        // The project existed a moment ago, and was deleted since.
        Service::CodeBuild if code == "ResourceNotFoundException" => Some(Reason::AwsConflict),
        // CloudFormation says what it refuses: termination protection, a change that goes on, or an
        // export in use (user guide, "Troubleshooting CloudFormation").
        Service::CloudFormation if code == "ValidationError" => Some(Reason::StackNotDeleted),
        Service::DynamoDb if code == "LimitExceededException" => Some(Reason::AwsThrottled),
        // "The table does not have the specified index: by-state".
        Service::DynamoDb
            if code == "ValidationException" && message.contains("specified index") =>
        {
            Some(Reason::AwsMissing)
        }
        Service::Sqs if MESSAGE_REFUSED.contains(&code) => Some(Reason::MessageRefused),
        // API reference, SimulatePrincipalPolicy, "Errors".
        Service::Iam if code == "NoSuchEntity" => Some(Reason::AwsMissing),
        Service::Iam if code == "ServiceFailure" => Some(Reason::AwsUnavailable),
        Service::Sqs
        | Service::DynamoDb
        | Service::CodePipeline
        | Service::CodeBuild
        | Service::CloudFormation
        | Service::Iam
        | Service::ResourceGroupsTagging => shared(),
    }
}

/// Creates the fault of a failed call. `call` is the operation and its subject, without a body.
pub(super) fn fault<E>(service: Service, call: &str, error: SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    fault_without(service, call, error, &[])
}

/// Creates the fault of a failed call that sent these values, which AWS may quote.
pub(super) fn fault_without<E>(
    service: Service,
    call: &str,
    error: SdkError<E, HttpResponse>,
    values: &[String],
) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let (reason, message, remedy) = match error.as_service_error() {
        Some(answer) => {
            let code = answer.code().unwrap_or("no error code");
            let message = answer.message().unwrap_or("no message");
            let reason = reason(service, code, message).unwrap_or_else(|| by_status(&error));
            let message = clean_without(message, values);
            let remedy = remedy::of_answer(reason, code, &message);
            (reason, format!("{code}: {message}"), remedy)
        }
        None => {
            let (reason, message, remedy) = unanswered::describe(&error);
            (reason, clean_without(&message, values), remedy)
        }
    };
    let answer = error.raw_response().map(|response| {
        let status = response.status().as_u16();
        let request = error.request_id().unwrap_or("unknown");
        format!(" (HTTP {status}, request {request})")
    });
    let answer = answer.unwrap_or_default();
    Fault {
        remedy,
        ..Fault::new(reason, format!("{call}: {message}{answer}"))
    }
}

/// Returns true for errors that are an expected answer, not a failure of the call. The message of a
/// cancelled transaction lists which of its conditions failed, or what else cancelled it (API
/// reference, TransactWriteItems, "Errors").
fn refused(code: &str, message: &str) -> bool {
    match code {
        "ConditionalCheckFailedException"
        | "PipelineNotFoundException"
        | "PipelineNameInUseException"
        | "ResourceAlreadyExistsException"
        | "PipelineExecutionNotStoppableException"
        | "DuplicatedStopRequestException" => true,
        // A stack that does not exist.
        "ValidationError" => message.contains("does not exist"),
        "TransactionCanceledException" => message.contains("ConditionalCheckFailed"),
        _ => false,
    }
}

/// Returns the outcome of a call in one word: `ok`, `refused`, or the reason of its failure.
pub(super) fn outcome<T, E: std::error::Error + ProvideErrorMetadata + 'static>(
    service: Service,
    answer: &Result<T, SdkError<E, HttpResponse>>,
) -> &'static str {
    let error = match answer {
        Ok(_) => return "ok",
        Err(error) => error,
    };
    let Some(answer) = error.as_service_error() else {
        return unanswered::reason(error).as_str();
    };
    let (code, message) = (
        answer.code().unwrap_or_default(),
        answer.message().unwrap_or_default(),
    );
    if refused(code, message) {
        return "refused";
    }
    reason(service, code, message)
        .unwrap_or_else(|| by_status(error))
        .as_str()
}

/// Returns the reason of an error code that is in no list.
fn by_status<E>(error: &SdkError<E, HttpResponse>) -> Reason {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match status {
        Some(429) => Reason::AwsThrottled,
        Some(500..=599) => Reason::AwsUnavailable,
        Some(_) | None => Reason::AwsUnknown,
    }
}
