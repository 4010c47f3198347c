//! One attempt of GitHub to deliver an event.

use crate::domain::github::hook::Hook;
use crate::domain::ids::{DeliveryAttemptId, DeliveryId, RepositoryId, Timestamp};

/// The `status` of an attempt that succeeded. The others are sentences, such as `timed out`.
const SUCCESS: &str = "OK";

/// One attempt to deliver an event to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// The webhook.
    pub hook: Hook,
    /// The number of the attempt.
    pub id: DeliveryAttemptId,
    /// The event. Every attempt, and every webhook that gets the event, has the same GUID.
    pub delivery: DeliveryId,
    /// When it was made.
    pub at: Timestamp,
    /// True if it was asked for; false for GitHub's own attempt.
    pub is_redelivery: bool,
    /// GitHub's words about the answer.
    pub status: String,
    /// The HTTP status of the answer; 0 without an answer.
    pub status_code: u16,
    /// The name of the event.
    pub event: String,
    /// The action of the event, if it has actions.
    pub action: Option<String>,
    /// The repository, if the event is about one.
    pub repository: Option<RepositoryId>,
    /// True if GitHub delays the delivery itself, because it makes too many.
    pub is_throttled: bool,
}

impl DeliveryAttempt {
    /// Returns true if the event arrived. GitHub documents neither all words of the status nor the
    /// one for the 202 of the front door, so either says it. Without an answer, the status code is
    /// 0, which GitHub's own filter for failures leaves out.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.status == SUCCESS || (200..300).contains(&self.status_code)
    }
}

/// The pull request that an event was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredPullRequest {
    /// Its number in its repository.
    pub number: u64,
    /// The event's own time.
    pub updated_at: Timestamp,
}
