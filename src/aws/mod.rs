//! The ports over the AWS SDK: the one place that names it.

mod call;
mod codepipeline;
mod declaration;
mod dynamodb;
mod executions;
mod facts;
mod fault;
mod ledger;
mod limiter;
mod records;
mod roles;
mod row;
mod slots;
mod sqs;

use std::num::NonZeroU32;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_types::retry::RetryConfig;

pub use codepipeline::CodePipelines;
pub use dynamodb::DynamoStore;
pub use roles::Roles;
pub use sqs::{QueueUrls, SqsQueue};

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt of a call may take. CreatePipeline, the slowest, answers within a few seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an attempt at CodePipeline may take: with the wait for its turn a call must not take longer than any other.
const PIPELINE_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a call may take with all its attempts, and with the wait for its turn at CodePipeline. What a walk does under a claim is a handful of calls, so a claim
/// outlasts them: `tests/it/stories/budget.rs` multiplies.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// The same for ReceiveMessage: a long poll alone takes 20 s.
const POLL_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts inside one call, the first included. Beyond that SQS brings the message back (`worker/backoff.rs`).
pub const ATTEMPTS: u32 = 3;

/// One configuration and one HTTP client for all three services. Clones share them.
#[derive(Clone)]
pub struct Aws(SdkConfig);

/// Nothing says which Region to use.
#[derive(Debug, thiserror::Error)]
#[error("no AWS Region: set [aws] region, --region or AWS_REGION, or a Region in the AWS profile")]
pub struct NoRegion;

impl Aws {
    /// Loads the configuration of the SDK's usual chain. Calls no service; credentials are fetched with the first call.
    ///
    /// # Errors
    /// [`NoRegion`].
    pub async fn connect(
        region: Option<&str>,
        endpoint_url: Option<&str>,
    ) -> Result<Self, NoRegion> {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT));
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            Err(NoRegion)
        } else {
            Ok(Self(config))
        }
    }

    /// The queues. A received message stays invisible for `visibility`.
    #[must_use]
    pub fn queue(&self, urls: QueueUrls, visibility: Duration) -> SqsQueue {
        SqsQueue::new(aws_sdk_sqs::Client::new(&self.0), urls, visibility)
    }

    /// The table.
    #[must_use]
    pub fn store(&self, table: String) -> DynamoStore {
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&self.0), table)
    }

    /// CodePipeline, with at most so many calls a second.
    #[must_use]
    pub fn pipelines(&self, calls_per_second: NonZeroU32) -> CodePipelines {
        let timeouts = timeouts(
            PIPELINE_ATTEMPT_TIMEOUT,
            OPERATION_TIMEOUT.saturating_sub(limiter::RATE_LIMIT_WAIT),
        );
        let config = aws_sdk_codepipeline::config::Builder::from(&self.0).timeout_config(timeouts);
        let client = aws_sdk_codepipeline::Client::from_conf(config.build());
        CodePipelines::new(client, calls_per_second)
    }
}

/// How long a poll may take.
fn poll_timeouts() -> TimeoutConfig {
    timeouts(POLL_ATTEMPT_TIMEOUT, POLL_OPERATION_TIMEOUT)
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
