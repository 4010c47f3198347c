//! Values that win over the configuration file.

/// Values from flags and environment variables, as they were given. `None` leaves the value to the
/// file. The command line (`cli/options.rs`) lets a flag win over its variable.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The configuration file, or `env:NAME` for a variable that holds its text.
    pub config: Option<String>,
    /// The URL of the webhook queue (`queue.url`).
    pub queue_url: Option<String>,
    /// The URL of the internal queue (`queue.internal_url`).
    pub internal_queue_url: Option<String>,
    /// The URL of the dead-letter queue (`queue.dead_letter_url`).
    pub dead_letter_url: Option<String>,
    /// The URL of the quarantine queue (`queue.quarantine_url`).
    pub quarantine_url: Option<String>,
    /// Messages processed at the same time (`queue.concurrency`).
    pub concurrency: Option<String>,
    /// Seconds that a shutdown may take (`queue.drain_timeout`).
    pub drain_timeout: Option<String>,
    /// The DynamoDB table (`store.table`).
    pub table: Option<String>,
    /// The name of this installation (`store.owner`).
    pub owner: Option<String>,
    /// The AWS Region (`aws.region`).
    pub region: Option<String>,
    /// The endpoint for all AWS services (`aws.endpoint_url`).
    pub endpoint_url: Option<String>,
}
