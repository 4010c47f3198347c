//! Connecting to AWS as the configuration says.

use std::error::Error;

use crate::aws::{Aws, QueueUrls};
use crate::config::{Config, Queues};

/// Loads the SDK's configuration for the configured Region and endpoint.
pub(super) async fn connect(config: &Config) -> Result<Aws, Box<dyn Error>> {
    let region = config.region.as_deref();
    Ok(Aws::connect(region, config.endpoint_url.as_deref()).await?)
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
