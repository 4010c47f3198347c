//! The arguments of `branchline reconcile`.

use clap::Args;

use crate::cli::options::QueueOptions;
use crate::cli::output::OutputFormat;

/// `branchline reconcile`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Reconcile {
    /// Only repositories whose name matches, such as acme/api or 'acme/*'
    #[arg(long, value_name = "GLOB")]
    pub repository: Vec<String>,
    /// Only show the differences
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

const HELP: &str = "\
GitHub never repeats a webhook. This command, like the job `reconcile` of the daemons, compares the
open pull requests and the branches at GitHub with the mappings, and sends what differs to the
internal queue. The daemon handles it as it would have handled the lost webhook; a webhook that
comes later is newer. What changed in the last two minutes is left to its webhook.

Changes:
  create   it is open, and has no pipeline          the pipeline is created, and builds it
  start    its head commit was not built            the pipeline is started
  delete   it is closed, deleted or archived        the pipeline is deleted
  record   something else changed                   the mapping is updated, and GitHub is told
  rename   the repository has another name          the mappings get the new name
  failing  the last attempt failed                  nothing is sent: see `branchline why`
  refused  the change would fail by the rules       it is sent once, so that GitHub shows it

A pull request that is not in GitHub's list is looked for by itself before its pipeline is deleted.
A repository that cannot be read is named, and nothing of it is changed.

It reads [github] of the configuration, so it needs the App's private key or the token, and the
webhook secrets that the configuration names. Beside reading the table it needs sqs:SendMessage on
the internal queue.

Examples:
  branchline reconcile --dry-run
  branchline reconcile --repository acme/api --yes

Exit codes: 0 no differences, 1 differences, or something could not be read, 2 error or interrupted";
