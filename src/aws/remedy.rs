//! The table that maps AWS's errors to what a person can do about them.
//!
//! The codes and their causes are on the "Common Errors" page of each service's API reference.

use crate::domain::fault::Reason;

/// The SDK found no credentials (SDK reference guide, "Standardized credential providers").
pub(super) const NO_CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (after `aws sso login` if the profile uses SSO), or run this with the role of an ECS task, an EC2 instance or a web identity";
/// A provider of credentials is configured, and failed.
pub(super) const CREDENTIALS_FAILED: &str = "log in again (`aws sso login`), or correct the profile, role or process that these credentials come from";
/// No connection, or no answer in time.
pub(super) const UNREACHABLE: &str = "check the Region, the endpoint and the network: DNS, a firewall or a proxy, and the VPC endpoint of the service";

const RENEW: &str = "the session has expired: log in again (`aws sso login`), or renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
const CLOCK: &str = "set this machine's clock: AWS accepts a request for five minutes";
const SECRET_KEY: &str = "check AWS_SECRET_ACCESS_KEY, or the secret key in the profile";
const ACCESS_KEY: &str = "check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or the profile, and the Region: AWS does not know this access key there";
const OPT_IN: &str = "enable the Region or the service for this account";
const KEY_POLICY: &str =
    "allow kms:GenerateDataKey and kms:Decrypt with the key that encrypts the queue";
const TRUST: &str = "let codepipeline.amazonaws.com assume the role in its trust policy; a new policy applies after some seconds";
const CREATE: &str = "create it in this account and Region, or correct the configuration";
const LATER: &str = "try again in a minute; if this goes on, ask AWS for a higher quota";

/// Returns what to do about an error with which AWS answered; `None` if the code has no remedy.
pub(super) fn of_answer(reason: Reason, code: &str, message: &str) -> Option<String> {
    if reason == Reason::AwsDenied {
        return of_denial(code, message);
    }
    let remedies = [(Reason::AwsMissing, CREATE), (Reason::AwsThrottled, LATER)];
    let remedy = remedies.into_iter().find(|(known, _)| *known == reason);
    remedy.map(|(_, remedy)| remedy.to_owned())
}

fn of_denial(code: &str, message: &str) -> Option<String> {
    let remedy = match code {
        "ExpiredToken" | "ExpiredTokenException" => RENEW,
        "RequestExpired" | "RequestTimeTooSkewed" => CLOCK,
        "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidSecurity"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch" => match is_about_time(message) {
            true => CLOCK,
            false => SECRET_KEY,
        },
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "UnrecognizedClientException" => ACCESS_KEY,
        "OptInRequired" => OPT_IN,
        "KmsAccessDenied" => KEY_POLICY,
        "InvalidStructureException" => TRUST,
        _ => return of_permission(message),
    };
    Some(remedy.to_owned())
}

/// Returns true for `Signature expired: ... is now earlier than ...` and `Signature not yet
/// current: ...`.
fn is_about_time(message: &str) -> bool {
    message.starts_with("Signature expired") || message.starts_with("Signature not yet current")
}

/// Reads `... is not authorized to perform: ACTION on resource: ARN ...`, if AWS names them (IAM,
/// "Troubleshoot access denied error messages").
fn of_permission(message: &str) -> Option<String> {
    let word_after = |begin: &str| {
        let (_, rest) = message.split_once(begin)?;
        let word = rest.split_whitespace().next()?;
        Some(word.trim_end_matches(['.', ',']))
    };
    let action = word_after("not authorized to perform: ")?;
    let resource = word_after(" on resource: ").map(|resource| format!(" on {resource}"));
    let resource = resource.unwrap_or_default();
    Some(match message.contains("explicit deny") {
        true => format!("remove the explicit deny of {action}{resource}"),
        false => format!(
            "allow {action}{resource}; `branchline check --daemon-role ARN` checks the permissions of a daemon"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fault::DENIED;

    #[test]
    fn every_denial_has_a_remedy_and_only_permissions_have_the_general_one() {
        let general = DENIED
            .iter()
            .filter(|code| of_denial(code, "no text").is_none());
        let general: Vec<&str> = general.copied().collect();
        assert_eq!(
            general,
            [
                "AccessDenied",
                "AccessDeniedException",
                "NotAuthorized",
                "UnauthorizedOperation"
            ]
        );
    }

    #[test]
    fn an_action_without_a_resource_is_named() {
        let message = "User: x is not authorized to perform: iam:PassRole.";
        let remedy = of_permission(message).unwrap();
        assert!(remedy.starts_with("allow iam:PassRole; "), "{remedy}");
    }
}
