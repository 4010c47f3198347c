//! The one table from AWS's errors to our reasons.
//!
//! Codes come from the "Errors" sections of the API references and from each service's "Common Errors" page. A code
//! that stands nowhere here is [`Reason::AwsUnknown`], with its name in the detail.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::RequestId;

use crate::domain::fault::{Fault, Reason, Step};

/// Which service answered: some codes mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sqs,
    DynamoDb,
    CodePipeline,
    Iam,
}

impl Service {
    /// The word used in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::DynamoDb => "dynamodb",
            Self::CodePipeline => "codepipeline",
            Self::Iam => "iam",
        }
    }
}

/// Credentials, permissions, and clocks that are off (which fail the signature).
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

/// Slower, please.
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

/// Somebody else was changing the same thing.
const CONFLICT: &[&str] = &[
    "ConcurrentModificationException",
    "ConflictException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// A queue or a table that should be there.
const MISSING: &[&str] = &[
    "AWS.SimpleQueueService.NonExistentQueue",
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDeletedRecently",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
];

/// The service's own trouble.
const UNAVAILABLE: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// CodePipeline does not take this declaration (API reference, CreatePipeline, "Errors").
const REFUSED: &[&str] = &[
    "InvalidActionDeclarationException",
    "InvalidBlockerDeclarationException",
    "InvalidStageDeclarationException",
    "InvalidStructureException",
    "InvalidTagsException",
    "TooManyTagsException",
    "ValidationException",
];

/// No room, in the account or in the pipeline (API reference, CreatePipeline and StartPipelineExecution, "Errors").
const QUOTA: &[&str] = &[
    "ConcurrentPipelineExecutionsLimitExceededException",
    "LimitExceededException",
];

/// Whether AWS asks us to slow down.
pub(super) fn is_throttled(code: Option<&str>) -> bool {
    code.is_some_and(|code| THROTTLED.contains(&code))
}

/// The reason for an error code; `None` for a code that no table names.
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
        // A role is not assumable until IAM has spread a change of its trust, so this heals, or a person heals it.
        Service::CodePipeline
            if code == "InvalidStructureException" && message.contains("AssumeRole") =>
        {
            Some(Reason::AwsDenied)
        }
        Service::CodePipeline if REFUSED.contains(&code) => Some(Reason::DeclarationRefused),
        Service::CodePipeline if QUOTA.contains(&code) => Some(Reason::AwsQuota),
        // Looked at a moment ago, and deleted by somebody since.
        Service::CodePipeline if code == "PipelineNotFoundException" => Some(Reason::AwsConflict),
        Service::DynamoDb if code == "LimitExceededException" => Some(Reason::AwsThrottled),
        // "The table does not have the specified index: by-state".
        Service::DynamoDb
            if code == "ValidationException" && message.contains("specified index") =>
        {
            Some(Reason::AwsMissing)
        }
        // API reference, SimulatePrincipalPolicy, "Errors".
        Service::Iam if code == "NoSuchEntity" => Some(Reason::AwsMissing),
        Service::Iam if code == "ServiceFailure" => Some(Reason::AwsUnavailable),
        Service::Sqs | Service::DynamoDb | Service::CodePipeline | Service::Iam => shared(),
    }
}

/// Makes a fault of a failed call. `call` is the operation and what it was about, without a body.
pub(super) fn fault<E>(service: Service, call: &str, error: SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let room = match service {
        Service::Sqs => Step::Queue,
        Service::DynamoDb => Step::Mapping,
        Service::CodePipeline | Service::Iam => Step::Plan,
    };
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match error.as_service_error() {
        Some(answer) => {
            let code = answer.code().unwrap_or("no error code");
            let message = answer.message().unwrap_or("no message");
            let reason = reason(service, code, message).unwrap_or_else(|| by_status(status));
            let request = answer.request_id().unwrap_or("unknown");
            Fault::new(
                room,
                reason,
                format!("{call}: {code}: {message} (request {request})"),
            )
        }
        None => Fault::new(
            room,
            unanswered(&error),
            format!("{call}: {}", chain(&error)),
        ),
    }
}

/// Answers that are no failure of the call: what they say is what was asked. A cancelled transaction says in its message which
/// of its conditions did not hold, or what else cancelled it (API reference, TransactWriteItems, "Errors").
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

/// What came of a call, in one word: `ok`, `refused`, or the reason it failed for.
pub(super) fn outcome<T, E: ProvideErrorMetadata>(
    service: Service,
    answer: &Result<T, SdkError<E, HttpResponse>>,
) -> &'static str {
    let error = match answer {
        Ok(_) => return "ok",
        Err(error) => error,
    };
    let Some(said) = error.as_service_error() else {
        return unanswered(error).as_str();
    };
    let (code, message) = (
        said.code().unwrap_or_default(),
        said.message().unwrap_or_default(),
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

/// The error and what caused it, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said.push_str(": ");
            said.push_str(&more);
        }
        cause = error.source();
    }
    said
}

fn by_status(status: Option<u16>) -> Reason {
    match status {
        Some(429) => Reason::AwsThrottled,
        Some(500..=599) => Reason::AwsUnavailable,
        Some(_) | None => Reason::AwsUnknown,
    }
}

/// No answer, or none that can be read.
#[expect(clippy::wildcard_enum_match_arm, reason = "SdkError is non_exhaustive")]
fn unanswered<E>(error: &SdkError<E, HttpResponse>) -> Reason {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Reason::AwsUnavailable,
        // Neither a socket nor a time limit failed: credentials could not be had.
        SdkError::DispatchFailure(failure) if failure.is_other() => Reason::AwsDenied,
        SdkError::DispatchFailure(_) => Reason::AwsUnavailable,
        _ => Reason::AwsUnknown,
    }
}
