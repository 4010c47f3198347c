//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::config::Overrides;
use crate::telemetry::LogFormat;

/// Gives every pull request its own AWS CodePipeline, from GitHub webhooks in SQS.
#[derive(Debug, Parser)]
#[command(name = "branchline", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Consume webhooks until told to stop
    Run(Run),
}

/// `branchline run`
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// Process what is in the queue, then exit 0: for cron and for tests
    #[arg(long)]
    pub until_empty: bool,
    /// How log lines look
    #[arg(long, env = "BRANCHLINE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Which log lines are written, for instance debug or branchline=debug
    #[arg(
        long,
        env = "BRANCHLINE_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

const RUN_HELP: &str = "\
Flags win over variables, variables over the configuration file.

Examples:
  branchline run                                 with ./branchline.toml
  branchline run --config /etc/branchline.toml
  BRANCHLINE_CONFIG=env:RULES branchline run     with the configuration's text in $RULES
  branchline run --until-empty                   once, from cron

Exit codes: 0 stopped cleanly, 2 something is wrong with what it was given or needs.";
