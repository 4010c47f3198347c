//! When a call to GitHub that failed is repeated.

use std::time::Duration;

use crate::domain::ids::Timestamp;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::report::record::FailedReport;

/// The wait after the first failure. It doubles with each further one.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait after a fault that passes by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// The wait after a fault that a person has to correct.
pub(super) const PERSON_WAIT: Duration = Duration::from_secs(3_600);
/// How often a report is sent, an hour apart, about something that GitHub does not have: the App
/// may be installed, or may get access to the repository, in the meantime.
const MISSING_ATTEMPTS: u32 = 24;

/// Adds a failure to those before it.
pub(super) fn failed(
    before: Option<&FailedReport>,
    fault: &GitHubFault,
    now: Timestamp,
) -> FailedReport {
    let attempts = before.map_or(0, |failed| failed.attempts) + 1;
    FailedReport {
        attempts,
        kind: fault.kind,
        detail: fault.detail.clone(),
        retry_at: retry_at(fault, attempts, now),
        since: before.map_or(now, |failed| failed.since),
    }
}

/// Returns when to try again; `None` where that cannot help.
fn retry_at(fault: &GitHubFault, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    match fault.kind {
        GitHubFaultKind::Unavailable | GitHubFaultKind::Limited => {
            let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts.min(16) - 1));
            let wait = now.plus(doubled.min(LONGEST_WAIT));
            Some(fault.retry_at.unwrap_or(wait).max(now))
        }
        GitHubFaultKind::Denied | GitHubFaultKind::Misconfigured => Some(now.plus(PERSON_WAIT)),
        GitHubFaultKind::Missing if attempts < MISSING_ATTEMPTS => Some(now.plus(PERSON_WAIT)),
        GitHubFaultKind::Missing | GitHubFaultKind::Refused => None,
    }
}
