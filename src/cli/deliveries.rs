//! The arguments of `branchline deliveries`.

use clap::{Args, Subcommand};

use crate::cli::options::SharedOptions;
use crate::cli::output::OutputFormat;

/// `branchline deliveries`
#[derive(Debug, Args)]
#[command(after_help = DELIVERIES_HELP)]
pub struct Deliveries {
    /// The subcommand.
    #[command(subcommand)]
    pub command: DeliveriesCommand,
}

const DELIVERIES_HELP: &str = "\
GitHub delivers an event once, and lists each attempt for three days. The daemons look every 15
minutes, and ask for what did not arrive (`branchline jobs list`, missed-deliveries). These commands
do the same by hand. They need github.app with its key, or github.token with github.hooks.

Examples:
  branchline deliveries list --missed
  branchline deliveries redeliver 72d3162e-cc78-11e3-81ab-4c9367dc0958
  branchline deliveries redeliver --missed --since 6h";

/// The subcommands of `branchline deliveries`.
#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// List the events that GitHub delivered, or could not deliver
    List(List),
    /// Ask GitHub to deliver events again
    Redeliver(Redeliver),
}

/// `branchline deliveries list`
#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
pub struct List {
    /// Only events that did not arrive, or that left no record (about a pull request, after 15
    /// minutes)
    #[arg(long)]
    pub missed: bool,
    /// Only attempts since this time (2026-11-23T20:00:00Z), this day (2026-11-23, in UTC), or
    /// within an age (30m, 2h, 3d)
    #[arg(long, value_name = "TIME", default_value = "3d")]
    pub since: String,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

const LIST_HELP: &str = "\
An event is listed once, however often GitHub tried; those that branchline ignores are left out. Its
standing is one of
  arrived      an attempt was answered with success
  missed       none was; the next run of missed-deliveries asks for it
  waiting      it was asked for, and is asked for again later
  exhausted    it was asked for three times
  too-old      GitHub does not deliver it any more
  delayed      GitHub delays it itself
  unrecorded   it arrived and left no record, and the mapping of its pull request is older

An unrecorded event was lost, still waits in the queue, or was dead-lettered or quarantined:
`branchline explain --delivery GUID` says which. Events from before the first daemon have no record
either.

Exit codes: 0 every event arrived, 1 an event was missed, 2 error or interrupted";

/// `branchline deliveries redeliver`
#[derive(Debug, Args)]
#[command(after_help = REDELIVER_HELP)]
pub struct Redeliver {
    /// GUIDs of events, as `branchline deliveries list` prints them
    #[arg(value_name = "GUID", required_unless_present = "missed")]
    pub guids: Vec<String>,
    /// Every event that `branchline deliveries list --missed` lists and GitHub still delivers
    #[arg(long, conflicts_with = "guids")]
    pub missed: bool,
    /// Only attempts since this time, this day, or within an age
    #[arg(long, value_name = "TIME", default_value = "3d")]
    pub since: String,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
    /// Print what would be asked for, and exit
    #[arg(long)]
    pub dry_run: bool,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

const REDELIVER_HELP: &str = "\
GitHub delivers an event through the front door, signed, under the same GUID. An event that was
processed before changes nothing. Events are asked for one a second.

Exit codes: 0 done, 1 GitHub refused an event, or does not list it, 2 error or interrupted";
