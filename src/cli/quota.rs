//! The arguments of `branchline quota`.

use clap::Args;

use crate::cli::options::SharedOptions;
use crate::cli::output::{OBJECT, OutputFormat, one_of};

/// `branchline quota`
#[derive(Debug, Args)]
#[command(after_help = QUOTA_HELP)]
pub struct Quota {
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

const QUOTA_HELP: &str = "\
Prints the account's quota of pipelines in the Region and how many there are, the slots of each rule
with max_active, and who waits in which order. The daemons count the pipelines every five minutes
(job pipeline-count); the quota is aws.pipeline_limit in the configuration.

A subject waits until a pipeline is deleted. Then the one that waited longest is woken.

Examples:
  branchline quota
  branchline quota --output json | jq '.rules[] | select(.waiting != [])'
  branchline jobs run pipeline-count

Exit codes: 0 nobody waits, 1 someone waits, 2 error";
