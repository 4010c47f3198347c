//! Connects to AWS with the values of the configuration.

use std::error::Error;

use crate::aws::{Aws, QueueUrls};
use crate::config::{self, AccountConfig, Config, Overrides, Queues, RedactedEnvironment};

/// Loads the SDK's configuration for the configured Region and endpoint.
pub(super) async fn connect(config: &Config) -> Result<Aws, Box<dyn Error>> {
    let (region, endpoint_url) = (config.region.as_deref(), config.endpoint_url.as_deref());
    Ok(Aws::connect(region, endpoint_url).await?)
}

/// The same for a command without queues.
pub(super) async fn connect_account(config: &AccountConfig) -> Result<Aws, Box<dyn Error>> {
    let (region, endpoint_url) = (config.region.as_deref(), config.endpoint_url.as_deref());
    Ok(Aws::connect(region, endpoint_url).await?)
}

/// Loads the configuration of a command without queues, and connects. No secret is read.
pub(super) async fn open_account(
    overrides: &Overrides,
) -> Result<(AccountConfig, Aws), Box<dyn Error>> {
    let config = config::load_account(overrides, &RedactedEnvironment::of_process(overrides))?;
    let aws = connect_account(&config).await?;
    Ok((config, aws))
}

/// Returns the queues' URLs as the adapter takes them.
pub(super) fn urls(queues: &Queues) -> QueueUrls {
    QueueUrls {
        webhooks: queues.webhooks.clone(),
        internal: queues.internal.clone(),
        dead_letters: queues.dead_letters.clone(),
        quarantine: queues.quarantine.clone(),
    }
}
