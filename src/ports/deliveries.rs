//! The deliveries port: the attempts of GitHub to deliver events, and a request for one more.

use std::future::Future;

use crate::domain::deliveries::{DeliveredPullRequest, DeliveryAttempt};
use crate::domain::github::hook::Hook;
use crate::domain::ids::DeliveryAttemptId;
use crate::domain::report::fault::GitHubFault;

/// A position in the list of a webhook's attempts, in GitHub's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryCursor(pub String);

/// A page of the list of a webhook's attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The attempts, the newest first.
    pub attempts: Vec<DeliveryAttempt>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<DeliveryCursor>,
}

/// Read access to the attempts of GitHub to deliver events. GitHub keeps them for three days.
pub trait DeliveryReader: Send + Sync + 'static {
    /// Returns the webhooks whose attempts may be read: that of the App, or those that the
    /// configuration names for a token. There may be none.
    fn hooks(&self) -> &[Hook];

    /// Returns a page of a webhook's attempts, the newest first, from the beginning or from where
    /// another page ended. It has the attempts that succeeded and those that failed. An App
    /// without a webhook has no attempts.
    ///
    /// # Errors
    /// One of each kind of [`GitHubFault`]. `github-denied` names the permission that is missing,
    /// and `github-missing` means that there is no such webhook.
    fn deliveries(
        &self,
        hook: &Hook,
        after: Option<&DeliveryCursor>,
    ) -> impl Future<Output = Result<DeliveryPage, GitHubFault>> + Send;

    /// Returns the pull request that the event of an attempt was about; `None` if it was about
    /// something else.
    ///
    /// # Errors
    /// Those of [`DeliveryReader::deliveries`]; `github-missing` also if GitHub does not keep the
    /// attempt any more.
    fn delivered_pull_request(
        &self,
        hook: &Hook,
        attempt: DeliveryAttemptId,
    ) -> impl Future<Output = Result<Option<DeliveredPullRequest>, GitHubFault>> + Send;
}

/// The right to ask for a delivery.
pub trait Redelivery: DeliveryReader {
    /// Asks GitHub to deliver the event of an attempt again, under the same GUID. GitHub does so
    /// after its answer, and lists the new attempt with its result.
    ///
    /// # Errors
    /// Those of [`DeliveryReader::deliveries`]; `github-refused` if the event is too old.
    ///
    /// If cancelled or failed: GitHub may deliver it.
    fn redeliver(
        &self,
        hook: &Hook,
        attempt: DeliveryAttemptId,
    ) -> impl Future<Output = Result<(), GitHubFault>> + Send;
}
