//! Describes calls that got no answer, or one that cannot be parsed.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::SdkError;

use crate::domain::fault::Reason;

use crate::aws::remedy;

/// Returns the reason of such a call.
#[expect(clippy::wildcard_enum_match_arm, reason = "SdkError is non_exhaustive")]
pub(super) fn reason<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Reason {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Reason::AwsUnavailable,
        SdkError::DispatchFailure(_) if credentials(error).is_some() => Reason::AwsDenied,
        SdkError::DispatchFailure(_) => Reason::AwsUnavailable,
        _ => Reason::AwsUnknown,
    }
}

/// Returns the reason of such a call, what happened, and what to do about it.
pub(super) fn describe<E: Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> (Reason, String, Option<String>) {
    let reason = reason(error);
    match credentials(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) => {
            let message = "no AWS credentials were found";
            (
                reason,
                message.to_owned(),
                Some(remedy::NO_CREDENTIALS.to_owned()),
            )
        }
        Some(failed) => {
            let message = format!("the AWS credentials cannot be loaded: {}", chain(failed));
            (reason, message, Some(remedy::CREDENTIALS_FAILED.to_owned()))
        }
        None => {
            let remedy = match error.raw_response() {
                None if reason == Reason::AwsUnavailable => Some(remedy::UNREACHABLE.to_owned()),
                None | Some(_) => None,
            };
            (reason, chain(error), remedy)
        }
    }
}

/// Returns the error of the credentials, if the call failed before it was sent for lack of them.
fn credentials<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref())
}

/// Joins the messages of an error and its causes in one line. A cause that the text already
/// contains is left out.
fn chain(error: &dyn Error) -> String {
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
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
