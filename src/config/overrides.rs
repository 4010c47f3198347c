//! What flags and environment variables set, over the file.

/// What flags and variables say, each in its own words. A flag wins over its variable.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Overrides {
    /// The configuration file, or env:NAME for its text in a variable [default: branchline.toml]
    #[arg(long, env = "BRANCHLINE_CONFIG", value_name = "FILE")]
    pub config: Option<String>,
    /// The queue of webhooks (queue.url)
    #[arg(long, env = "BRANCHLINE_QUEUE_URL", value_name = "URL")]
    pub queue_url: Option<String>,
    /// The queue for what cannot be processed (queue.dead_letter_url)
    #[arg(long, env = "BRANCHLINE_DEAD_LETTER_URL", value_name = "URL")]
    pub dead_letter_url: Option<String>,
    /// The queue for what is not proven to be GitHub's (queue.quarantine_url)
    #[arg(long, env = "BRANCHLINE_QUARANTINE_URL", value_name = "URL")]
    pub quarantine_url: Option<String>,
    /// Messages in work at once (queue.concurrency)
    #[arg(long, env = "BRANCHLINE_CONCURRENCY", value_name = "N")]
    pub concurrency: Option<String>,
    /// Seconds to finish in once told to stop (queue.drain_timeout)
    #[arg(long, env = "BRANCHLINE_DRAIN_TIMEOUT", value_name = "SECONDS")]
    pub drain_timeout: Option<String>,
    /// The DynamoDB table (store.table)
    #[arg(long, env = "BRANCHLINE_TABLE", value_name = "NAME")]
    pub table: Option<String>,
    /// The AWS Region (aws.region)
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Another endpoint for all AWS services, for an emulator (aws.endpoint_url)
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
}
