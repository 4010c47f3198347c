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

/// The service that answered. Some codes have different meanings in different services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sqs,
    DynamoDb,
    CodePipeline,
    Iam,
}

impl Service {
    /// Returns the word used in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::DynamoDb => "dynamodb",
            Self::CodePipeline => "codepipeline",
            Self::Iam => "iam",
        }
    }
}

/// Errors of credentials and permissions, and of wrong clocks, which invalidate the signature.
const DENIED: &[&str] = &[
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
        Service::Sqs | Service::DynamoDb | Service::CodePipeline | Service::Iam => shared(),
    }
}

/// Joins the lines of an error of the SDK, such as the list of credential providers that it tried.
fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Creates the fault of a failed call. `call` is the operation and its subject, without a body.
pub(super) fn fault<E>(service: Service, call: &str, error: SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
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
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match error.as_service_error() {
        Some(answer) => {
            let code = answer.code().unwrap_or("no error code");
            let message = answer.message().unwrap_or("no message");
            let reason = reason(service, code, message).unwrap_or_else(|| by_status(status));
            let request = answer.request_id().unwrap_or("unknown");
            let message = clean_without(message, values);
            Fault::new(
                reason,
                format!("{call}: {code}: {message} (request {request})"),
            )
        }
        None => Fault::new(
            unanswered(&error),
            format!(
                "{call}: {}",
                clean_without(&one_paragraph(&chain(&error)), values)
            ),
        ),
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
        | "PipelineExecutionNotStoppableException"
        | "DuplicatedStopRequestException" => true,
        "TransactionCanceledException" => message.contains("ConditionalCheckFailed"),
        _ => false,
    }
}

/// Returns the outcome of a call in one word: `ok`, `refused`, or the reason of its failure.
pub(super) fn outcome<T, E: ProvideErrorMetadata>(
    service: Service,
    answer: &Result<T, SdkError<E, HttpResponse>>,
) -> &'static str {
    let error = match answer {
        Ok(_) => return "ok",
        Err(error) => error,
    };
    let Some(answer) = error.as_service_error() else {
        return unanswered(error).as_str();
    };
    let (code, message) = (
        answer.code().unwrap_or_default(),
        answer.message().unwrap_or_default(),
    );
    if refused(code, message) {
        return "refused";
    }
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    reason(service, code, message)
        .unwrap_or_else(|| by_status(status))
        .as_str()
}

/// Joins the messages of an error and its causes. A cause that the text already contains is left
/// out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

fn by_status(status: Option<u16>) -> Reason {
    match status {
        Some(429) => Reason::AwsThrottled,
        Some(500..=599) => Reason::AwsUnavailable,
        Some(_) | None => Reason::AwsUnknown,
    }
}

/// Returns the reason of a call that got no answer, or one that cannot be parsed.
#[expect(clippy::wildcard_enum_match_arm, reason = "SdkError is non_exhaustive")]
fn unanswered<E>(error: &SdkError<E, HttpResponse>) -> Reason {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Reason::AwsUnavailable,
        // Neither the connection nor a time limit failed: there are no credentials.
        SdkError::DispatchFailure(failure) if failure.is_other() => Reason::AwsDenied,
        SdkError::DispatchFailure(_) => Reason::AwsUnavailable,
        _ => Reason::AwsUnknown,
    }
}
