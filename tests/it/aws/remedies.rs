//! What an operator reads about a call that failed: the status, the request id, and what to do.

use std::time::Duration;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_smithy_mocks::mock;
use aws_smithy_types::body::SdkBody;
use branchline::domain::fault::{Fault, Reason};
use branchline::ports::Queue;

use super::clients;

const REQUEST: &str = "0f8a3942-1b2c-4d5e-8f90-a1b2c3d4e5f6";

/// Returns the fault of a poll that SQS answers with this status and body.
async fn answered(status: u16, body: String) -> Fault {
    let rule = mock!(aws_sdk_sqs::Client::receive_message).then_http_response(move || {
        let status = status.try_into().unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(body.clone()));
        response.headers_mut().insert("x-amzn-requestid", REQUEST);
        response
    });
    let queue = clients::queue(&[&rule]);
    queue.receive(1, Duration::ZERO).await.unwrap_err()
}

async fn refused(code: &str, message: &str) -> Fault {
    let body = serde_json::json!({ "__type": code, "message": message });
    answered(403, body.to_string()).await
}

#[tokio::test]
async fn a_failed_call_tells_the_status_and_the_request() {
    let fault = refused("AccessDenied", "Access is denied.").await;
    assert_eq!(
        fault.detail,
        format!(
            "ReceiveMessage from https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks: AccessDenied: Access is denied. (HTTP 403, request {REQUEST})"
        )
    );
    for (status, body) in [(503, ""), (502, "<html>a proxy</html>"), (200, "no JSON")] {
        let fault = answered(status, body.to_owned()).await;
        let ends = format!("(HTTP {status}, request {REQUEST})");
        assert!(fault.detail.ends_with(&ends), "{fault}");
    }
}

#[tokio::test]
async fn each_kind_of_denial_has_its_own_remedy() {
    let who = "User: arn:aws:sts::123456789012:assumed-role/daemon/1 is not authorized to perform:";
    let queue = "arn:aws:sqs:eu-west-1:123456789012:webhooks";
    let named = format!(
        "{who} sqs:receivemessage on resource: {queue} because no identity-based policy allows the sqs:receivemessage action"
    );
    let forbidden = format!(
        "{who} sqs:receivemessage on resource: {queue} with an explicit deny in a service control policy"
    );
    let cases = [
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            "log in again",
        ),
        ("ExpiredTokenException", "expired", "log in again"),
        (
            "RequestTimeTooSkewed",
            "The difference is too large",
            "this machine's clock",
        ),
        (
            "RequestExpired",
            "Request has expired",
            "this machine's clock",
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20261126T000000Z is now earlier than 20261126T001000Z",
            "this machine's clock",
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "Region",
        ),
        (
            "OptInRequired",
            "The AWS Access Key Id needs a subscription for the service",
            "enable",
        ),
        (
            "AccessDenied",
            &named,
            "allow sqs:receivemessage on arn:aws:sqs:eu-west-1:123456789012:webhooks",
        ),
        (
            "AccessDenied",
            &forbidden,
            "remove the explicit deny of sqs:receivemessage on arn:aws:sqs:eu-west-1:123456789012:webhooks",
        ),
        (
            "AccessDenied",
            "Access is denied.",
            "branchline check --daemon-role",
        ),
        (
            "KmsAccessDenied",
            "The caller has no access to the key",
            "kms:Decrypt",
        ),
    ];
    for (code, message, remedy) in cases {
        let fault = refused(code, message).await;
        assert_eq!(fault.reason, Reason::AwsDenied, "{code}");
        let text = fault.for_operator();
        let (_, advice) = text.split_once("): ").expect(&text);
        assert!(advice.contains(remedy), "{code}: {text}");
        assert!(
            !fault.detail.contains(remedy) || code == "AccessDenied",
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_missing_queue_and_a_failed_service_have_remedies_of_their_own() {
    let missing = refused("QueueDoesNotExist", "The specified queue does not exist.").await;
    let text = missing.for_operator();
    assert!(
        text.contains("create it in this account and Region"),
        "{text}"
    );
    let throttled = refused("RequestThrottled", "Slow down").await;
    assert!(throttled.for_operator().contains("again"), "{throttled:?}");
    let unknown = refused("SomethingNew", "Something").await;
    assert_eq!(unknown.for_operator(), unknown.to_string());
}
