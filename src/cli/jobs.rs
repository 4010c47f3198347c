//! The arguments of `branchline jobs`.

use clap::{Args, Subcommand};

use crate::cli::options::SharedOptions;
use crate::cli::output::OutputFormat;

/// `branchline jobs`
#[derive(Debug, Args)]
#[command(after_help = JOBS_HELP)]
pub struct Jobs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: JobsCommand,
}

const JOBS_HELP: &str = "\
The daemons do some work periodically, each job in one daemon at a time:
  half-way-mappings     every minute: finishes mappings in the middle of a change whose worker ended
  teardowns             every minute: deletes pipelines whose subjects' stacks are deleted, and
                        repeats the teardowns that failed
  unheard-executions    every five minutes: asks CodePipeline about executions of which nothing was
                        heard for 15 minutes
  missed-deliveries     every 15 minutes: asks GitHub for the events that it could not deliver
  pipeline-count        every five minutes: counts the pipelines in the Region, and wakes
                        those that wait for the account's quota
  idle-subjects         every hour: looks for open subjects that are idle (idle, max_age of a rule)
  evict-idle            every five minutes: removes idle pipelines whose slots others wait for
                        (on_full of a rule)
  reconcile             every hour (github.reconcile): compares what is open at GitHub with the
                        mappings, as `branchline reconcile` does

Examples:
  branchline jobs list
  branchline jobs run half-way-mappings";

/// The subcommands of `branchline jobs`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Show the periodic jobs, their last run, and how it ended
    List(List),
    /// Ask the daemons to run a job within a minute or so
    Run(RunJob),
}

/// `branchline jobs list`
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 every last run succeeded, 1 a last run failed, 2 error")]
pub struct List {
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

/// `branchline jobs run`
#[derive(Debug, Args)]
pub struct RunJob {
    /// Name of the job, as `branchline jobs list` shows it
    #[arg(value_name = "NAME")]
    pub job: String,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}
