//! Options that several commands share, under one heading in every help text.

use clap::Args;

use crate::config::Overrides;

/// Options of every command that reads the configuration.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Shared options")]
pub struct SharedOptions {
    /// Configuration file, or env:NAME for a variable with its text [default: branchline.toml]
    #[arg(long, env = "BRANCHLINE_CONFIG", value_name = "FILE")]
    pub config: Option<String>,
    /// AWS Region (aws.region)
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Endpoint for all AWS services, for an emulator (aws.endpoint_url)
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// DynamoDB table (store.table)
    #[arg(long, env = "BRANCHLINE_TABLE", value_name = "NAME")]
    pub table: Option<String>,
    /// Name of this installation in the tags of its clones (store.owner) [default: the table]
    #[arg(long, env = "BRANCHLINE_OWNER", value_name = "NAME")]
    pub owner: Option<String>,
}

impl SharedOptions {
    /// Returns them as values that win over the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
            table: self.table.clone(),
            owner: self.owner.clone(),
            ..Overrides::default()
        }
    }
}

/// Options of the commands that use the queues.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Shared options")]
pub struct QueueOptions {
    /// The options of every command.
    #[command(flatten)]
    pub shared: SharedOptions,
    /// Webhook queue (queue.url)
    #[arg(long, env = "BRANCHLINE_QUEUE_URL", value_name = "URL")]
    pub queue_url: Option<String>,
    /// Queue of branchline's own messages, such as repairs (queue.internal_url)
    #[arg(long, env = "BRANCHLINE_INTERNAL_QUEUE_URL", value_name = "URL")]
    pub internal_queue_url: Option<String>,
    /// Queue of messages that cannot be processed (queue.dead_letter_url)
    #[arg(long, env = "BRANCHLINE_DEAD_LETTER_URL", value_name = "URL")]
    pub dead_letter_url: Option<String>,
    /// Queue of messages that cannot be authenticated (queue.quarantine_url)
    #[arg(long, env = "BRANCHLINE_QUARANTINE_URL", value_name = "URL")]
    pub quarantine_url: Option<String>,
}

impl QueueOptions {
    /// Returns them as values that win over the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            queue_url: self.queue_url.clone(),
            internal_queue_url: self.internal_queue_url.clone(),
            dead_letter_url: self.dead_letter_url.clone(),
            quarantine_url: self.quarantine_url.clone(),
            ..self.shared.overrides()
        }
    }
}
