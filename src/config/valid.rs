//! The values of a valid configuration.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::values::queue_account;
use crate::domain::github::GitHubAccess;
use crate::domain::github::api_url::ApiUrl;
use crate::domain::ids::Owner;
use crate::domain::intake::authenticated::{EventOrigin, Secrets};
use crate::domain::jobs::Periods;
use crate::domain::outcome::disposition::MaxAttempts;
use crate::domain::rules::rule::Rules;
use crate::domain::state::slots::PipelineQuota;

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// The Region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// An endpoint for all services; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// The most calls to CodePipeline per second.
    pub codepipeline_rate: NonZeroU32,
    /// The account's quota of pipelines.
    pub quota: PipelineQuota,
    /// The queues' URLs.
    pub queues: Queues,
    /// The most messages processed at the same time.
    pub concurrency: usize,
    /// How long messages in work may take once a shutdown was requested.
    pub drain_timeout: Duration,
    /// How many attempts a message has, by class of fault.
    pub max_attempts: MaxAttempts,
    /// The table's name.
    pub table: String,
    /// The name of this installation, with which its clones are tagged.
    pub owner: Owner,
    /// The webhook secrets.
    pub secrets: Secrets,
    /// How GitHub is called; `None` if it is not.
    pub github: Option<GitHubAccess>,
    /// How often jobs run.
    pub periods: Periods,
    /// The rules: which repositories get which pipelines.
    pub rules: Rules,
}

impl Config {
    /// Returns the account and the Region whose events are accepted: those of the internal queue.
    #[must_use]
    pub fn event_origin(&self) -> EventOrigin {
        EventOrigin {
            account: queue_account(&self.queues.internal).map(str::to_owned),
            region: self.region.clone(),
        }
    }
}

/// The part of a valid configuration that commands without queues use.
#[derive(Debug)]
pub struct AccountConfig {
    /// The Region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// An endpoint for all services; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// The most calls to CodePipeline per second.
    pub codepipeline_rate: NonZeroU32,
    /// The account's quota of pipelines.
    pub quota: PipelineQuota,
    /// The table's name.
    pub table: String,
    /// The name of this installation, with which its clones are tagged.
    pub owner: Owner,
    /// How many times a message may fail, by class.
    pub max_attempts: MaxAttempts,
    /// Where GitHub is.
    pub github: ApiUrl,
    /// How often jobs run.
    pub periods: Periods,
    /// The rules: which repositories get which pipelines.
    pub rules: Rules,
}

/// The URLs of the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// The webhook queue.
    pub webhooks: String,
    /// The queue of branchline's own messages.
    pub internal: String,
    /// The queue of messages that cannot be processed.
    pub dead_letters: String,
    /// The queue of messages that cannot be authenticated.
    pub quarantine: String,
}
