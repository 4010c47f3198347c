//! The table that maps GitHub's answers to faults (GitHub Docs, "Troubleshooting the REST API", and
//! the status codes of each operation).

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::domain::foreign_text::clean;
use crate::domain::github::{Credentials, clock};
use crate::domain::ids::Timestamp;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};

use crate::github::date::clock_ahead_ms;
use crate::github::transport::{Answer, NoAnswer};

use GitHubFaultKind::{Denied, Misconfigured, Missing, Refused, Unavailable};

/// The kinds by status, and by words of the message. The first match counts.
const TABLE: &[(u16, &str, GitHubFaultKind)] = &[
    (401, "", Misconfigured),
    // "Unable to create comment because issue is locked."
    (403, "is locked", Refused),
    // "This installation has been suspended" has no other mark.
    (403, "", Denied),
    (404, "", Missing),
    (408, "", Unavailable),
    (409, "", Unavailable),
    // A check run or a status: "No commit found for SHA: ...".
    (422, "No commit found", Missing),
    // A deployment: "No ref found for: ...".
    (422, "No ref found", Missing),
    // A token: "There is at least one repository that does not exist or is not accessible to the
    // parent installation."
    (422, "at least one repository", Missing),
    // A token: "The permissions requested are not granted to this installation."
    (422, "permissions requested", Denied),
];

/// What a person can do about a webhook that GitHub does not find.
const HOOK_REMEDY: &str =
    ": is the number in github.hooks right, and may the token's owner administer that webhook?";

/// The most errors of a validation that are repeated.
const ERRORS: usize = 3;

/// A call that failed, with what only the client needs to know of the answer.
pub(super) struct Failed {
    /// The status; `None` if there was no answer.
    pub(super) status: Option<u16>,
    /// How far this machine's clock is ahead, in milliseconds, if the answer has a time.
    pub(super) clock_ahead_ms: Option<i64>,
    /// True if GitHub named the permissions that would suffice.
    names_permission: bool,
    pub(super) fault: GitHubFault,
}

impl Failed {
    /// Adds the permission that the call needs, as GitHub's settings name it, if its absence may be
    /// the cause and GitHub did not name it: it hides a repository from those who lack it, and
    /// gives no token for what was not granted.
    pub(super) fn needing(self, permission: &str) -> Self {
        let is_hidden = self.fault.kind == Missing && self.status == Some(404);
        let may_lack_it = self.fault.kind == Denied || is_hidden;
        if self.names_permission || !may_lack_it {
            return self;
        }
        let detail = &self.fault.detail;
        let end = if detail.ends_with('?') { "" } else { "." };
        let detail = format!("{detail}{end} It needs the permission {permission}");
        let fault = GitHubFault {
            retry_at: self.fault.retry_at,
            ..GitHubFault::new(self.fault.kind, detail)
        };
        Self {
            names_permission: true,
            fault,
            ..self
        }
    }
}

impl From<GitHubFault> for Failed {
    fn from(fault: GitHubFault) -> Self {
        Self {
            status: None,
            clock_ahead_ms: None,
            names_permission: false,
            fault,
        }
    }
}

impl From<Failed> for GitHubFault {
    fn from(failed: Failed) -> Self {
        failed.fault
    }
}

/// Returns the kind of an answer that is not a success.
fn kind(status: u16, message: &str) -> GitHubFaultKind {
    let row = TABLE
        .iter()
        .find(|(of_row, words, _)| *of_row == status && message.contains(words));
    match (row, status) {
        (Some((_, _, kind)), _) => *kind,
        (None, 500..) => Unavailable,
        (None, _) => Refused,
    }
}

/// Returns the fault of an answer that is not a success.
pub(super) fn of_answer(
    call: &str,
    answer: &Answer,
    credentials: &Credentials,
    now: Timestamp,
) -> Failed {
    let message = message(&answer.content);
    let kind = kind(answer.status, &message);
    let clock_ahead_ms = clock_ahead_ms(&answer.headers, now);
    let text = |name: &str| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let request = text("x-github-request-id")
        .map_or_else(String::new, |id| format!(" (request {})", clean(id)));
    let remedy = match kind == Missing && is_about_a_hook(call) {
        true => HOOK_REMEDY.to_owned(),
        false => remedy(kind, &answer.headers, credentials, clock_ahead_ms),
    };
    let detail = format!("{call}: {}: {message}{request}{remedy}", answer.status);
    Failed {
        status: Some(answer.status),
        clock_ahead_ms,
        names_permission: kind == Denied && permissions(&answer.headers).is_some(),
        fault: GitHubFault::new(kind, detail),
    }
}

/// Returns the fault of a call without a usable answer.
pub(super) fn of_no_answer(call: &str, no_answer: NoAnswer) -> Failed {
    let (kind, why) = match no_answer {
        NoAnswer::Failed(why) => (Unavailable, why),
        NoAnswer::Unusable(why) => (Misconfigured, why),
    };
    GitHubFault::new(kind, format!("{call}: {}", clean(&why))).into()
}

/// Returns the fault of a success whose body is not what GitHub documents. The call took effect.
pub(super) fn unreadable(call: &str) -> GitHubFault {
    GitHubFault::new(
        Unavailable,
        format!("{call}: the answer is not what GitHub documents: is github.api_url right?"),
    )
}

/// Returns the message of an answer and the first errors of its validation, without what may be
/// secret.
pub(super) fn message(content: &[u8]) -> String {
    let Ok(Value::Object(answer)) = serde_json::from_slice(content) else {
        return "no message".to_owned();
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let message = answer.get("message").and_then(text);
    let errors = answer.get("errors").and_then(Value::as_array);
    let errors = errors
        .into_iter()
        .flatten()
        .take(ERRORS)
        .filter_map(|error| {
            let named = ["field", "code"].map(|key| error.get(key).and_then(text));
            let named = named.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let message = error.get("message").and_then(text);
            text(error)
                .or(message)
                .or_else(|| (!named.is_empty()).then_some(named))
        });
    let parts: Vec<String> = message.into_iter().chain(errors).collect();
    match parts.is_empty() {
        true => "no message".to_owned(),
        false => clean(&parts.join(": ")),
    }
}

/// Returns true for a call about a webhook of an organization or a repository.
fn is_about_a_hook(call: &str) -> bool {
    call.contains("/hooks/") && call.contains("/deliveries")
}

/// Returns what a person can do, as the end of the sentence.
fn remedy(
    kind: GitHubFaultKind,
    headers: &HeaderMap,
    credentials: &Credentials,
    clock_ahead_ms: Option<i64>,
) -> String {
    let who = match credentials {
        Credentials::App { .. } => "App",
        Credentials::Token(_) => "token",
    };
    match (kind, credentials) {
        (Denied, _) => match permissions(headers) {
            Some(needed) => {
                format!(
                    ": give the {who} the permission {needed}, and accept it in the repository's organization"
                )
            }
            None => format!(
                ": check the {who}'s permissions, and that the installation is not suspended"
            ),
        },
        (Missing, _) => {
            format!(": does the {who} have access to this repository, and does it exist?")
        }
        (Misconfigured, Credentials::App { .. }) => {
            let clock = clock_ahead_ms.and_then(clock::intolerable);
            let clock = clock.map_or_else(String::new, |clock| format!(": {clock}"));
            format!(": check github.app and github.private_key{clock}")
        }
        (Misconfigured, Credentials::Token(_)) => {
            ": check github.token: it may have expired or been revoked".to_owned()
        }
        (Unavailable | Refused | GitHubFaultKind::Limited, _) => String::new(),
    }
}

/// Returns the permissions that would suffice: `contents=read,checks=write; checks=admin` is
/// `contents: read and checks: write, or checks: admin`.
fn permissions(headers: &HeaderMap) -> Option<String> {
    let text = headers
        .get("x-accepted-github-permissions")?
        .to_str()
        .ok()?;
    let sets = text.split(';').map(|set| {
        let names = set.split(',').map(|one| one.trim().replacen('=', ": ", 1));
        names.collect::<Vec<_>>().join(" and ")
    });
    let needed = sets.collect::<Vec<_>>().join(", or ");
    (!needed.is_empty()).then(|| clean(&needed))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn permissions_are_named_as_the_settings_name_them() {
        let mut headers = HeaderMap::new();
        assert_eq!(permissions(&headers), None);
        let value = "issues=write; pull_requests=write,contents=read";
        headers.insert(
            "x-accepted-github-permissions",
            HeaderValue::from_static(value),
        );
        assert_eq!(
            permissions(&headers).unwrap(),
            "issues: write, or pull_requests: write and contents: read"
        );
    }

    #[test]
    fn a_message_has_the_first_errors_and_no_secrets() {
        let cases = [
            (r#"{"message":"Not Found"}"#, "Not Found"),
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"CheckRun","code":"missing_field","field":"name"},"b",{"message":"c"},"d"]}"#,
                "Validation Failed: name missing_field: b: c",
            ),
            (
                r#"{"message":"the token ghs_0123456789abcdefABCDEF is bad"}"#,
                "the token (hidden) is bad",
            ),
            ("<html>hunter2</html>", "no message"),
            ("{}", "no message"),
            ("", "no message"),
        ];
        for (content, expected) in cases {
            assert_eq!(message(content.as_bytes()), expected);
        }
    }
}
