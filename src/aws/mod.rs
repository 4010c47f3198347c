//! Implements the ports with the AWS SDK. No other folder names the SDK.

mod account;
mod call;
mod cloudformation;
mod codebuild;
mod codepipeline;
mod commits;
mod declaration;
mod dynamodb;
mod executions;
mod expression;
mod fault;
mod heartbeats;
mod jobs;
mod limiter;
mod messages;
mod pipeline_errors;
mod project;
mod records;
mod remedy;
mod repositories;
mod resource_tags;
mod roles;
mod row;
mod skipped_commits;
mod slots;
mod sqs;
mod stack_names;
mod store_reader;
mod trail;
mod transaction;
mod turns;
mod unanswered;
mod update;
mod written_names;

use std::num::NonZeroU32;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_types::retry::RetryConfig;

use crate::domain::outcome::outgoing::Destination;

pub use cloudformation::CloudFormationStacks;
pub use codebuild::CodeBuildProjects;
pub use codepipeline::CodePipelines;
pub use dynamodb::DynamoStore;
pub use resource_tags::ResourceTags;
pub use roles::Roles;
pub use sqs::{QueueUrls, SqsQueue};
pub use trail::audit_table;

/// The time limit of a TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit of one attempt of a call. CreatePipeline, the slowest call, answers within a few
/// seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit of one attempt at CodePipeline. It is shorter, so that a call that has to wait
/// for its turn takes no longer than any other.
const PIPELINE_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// The time limit of a call with all its attempts, including the wait for its turn at CodePipeline.
/// Processing makes only a handful of calls under a claim, so the claim outlasts them:
/// `tests/it/stories/budget.rs` computes this.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit of one attempt of ReceiveMessage, which may be a long poll of 20 s.
const POLL_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts inside one call, including the first. After that, SQS delivers the message again
/// (`worker/backoff.rs`).
pub const ATTEMPTS: u32 = 3;

/// The configuration and the HTTP client of all services. Clones share them.
#[derive(Clone)]
pub struct Aws(SdkConfig);

/// The error of a configuration without a Region.
#[derive(Debug, thiserror::Error)]
#[error("no AWS Region: set [aws] region, --region or AWS_REGION, or a Region in the AWS profile")]
pub struct NoRegion;

impl Aws {
    /// Loads the configuration with the SDK's default chain. Calls no service; credentials are
    /// fetched with the first call.
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

    /// Returns the Region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.region().map_or("", Region::as_ref)
    }

    /// Creates a queue that receives from one of the queues. A received message stays invisible for
    /// `visibility`.
    #[must_use]
    pub fn queue(
        &self,
        urls: QueueUrls,
        receives_from: Destination,
        visibility: Duration,
    ) -> SqsQueue {
        let client = aws_sdk_sqs::Client::new(&self.0);
        SqsQueue::new(client, urls, receives_from, visibility)
    }

    /// Creates the store over a table.
    #[must_use]
    pub fn store(&self, table: String) -> DynamoStore {
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&self.0), table)
    }

    /// Creates the client of CodePipeline, which makes at most this many calls per second.
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

/// Returns the time limits of ReceiveMessage.
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
