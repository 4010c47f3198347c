//! The arguments of `branchline mappings`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::cli::options::{QueueOptions, SharedOptions};
use crate::cli::output::{EXPORT, OBJECT, OutputFormat, one_of};
use crate::domain::state::mapping::State;

/// Show mappings between branches and pipelines, and their history
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Mappings {
    /// The subcommand.
    #[command(subcommand)]
    pub command: MappingsCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum MappingsCommand {
    /// List mappings
    List(List),
    /// Show one mapping and its pipeline
    Show(Show),
    /// Show what was done for one subject or for all, when, why and by whom
    History(History),
    /// Give up a mapping that can never settle, so that its next event starts anew
    Forget(Forget),
    /// Write all mappings or their history to standard output, with a count and a SHA-256
    Export(Export),
}

/// Parses a state, and completes it.
fn states() -> PossibleValuesParser {
    PossibleValuesParser::new(State::ALL.map(State::as_str))
}

/// `branchline mappings list`
#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
pub struct List {
    /// Only repositories that match this glob over owner/name, in upper or lower case
    #[arg(long, value_name = "GLOB")]
    pub repository: Option<String>,
    /// Only branches that match this glob
    #[arg(long, value_name = "GLOB")]
    pub branch: Option<String>,
    /// Only pipelines that match this glob
    #[arg(long, value_name = "GLOB")]
    pub pipeline: Option<String>,
    /// Only the pull request with this number
    #[arg(long, value_name = "N")]
    pub pull_request: Option<u64>,
    /// Only these states [default: all but gone]
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    pub state: Vec<String>,
    /// Only mappings whose last attempt failed
    #[arg(long)]
    pub error: bool,
    /// Only mappings unchanged for this long (90s, 30m, 2h, 5d), or since this time
    /// (2026-11-23T20:00:00Z) or day (2026-11-23, in UTC)
    #[arg(long, value_name = "AGE")]
    pub older: Option<String>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

/// `branchline mappings show`
#[derive(Debug, Args)]
#[command(after_help = SHOW_HELP)]
pub struct Show {
    /// Pull request (acme/api#7), branch (acme/api@feature/x), the URL of either, or name of a
    /// pipeline
    pub subject: String,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

/// `branchline mappings history`
#[derive(Debug, Args)]
#[command(after_help = HISTORY_HELP)]
pub struct History {
    /// Pull request (acme/api#7), branch (acme/api@feature/x), the URL of either, or name of a
    /// pipeline [default: every subject]
    #[arg(conflicts_with = "delivery")]
    pub subject: Option<String>,
    /// Show only the entries of this delivery, by GitHub's GUID
    #[arg(long, value_name = "GUID")]
    pub delivery: Option<String>,
    /// Only entries made since this time (2026-11-23T20:00:00Z), this day (2026-11-23, in UTC), or
    /// within an age (90s, 30m, 2h, 5d) [default for every subject: 1d]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only entries made up to this time or the end of this day, or older than an age
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only repositories that match this glob over owner/name, in upper or lower case
    #[arg(long, value_name = "GLOB", conflicts_with_all = ["subject", "delivery"])]
    pub repository: Option<String>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

/// `branchline mappings forget`
#[derive(Debug, Args)]
#[command(after_help = FORGET_HELP)]
pub struct Forget {
    /// Pull request (acme/api#7), branch (acme/api@feature/x), the URL of either, or name of a
    /// pipeline
    pub subject: String,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

/// `branchline mappings export`
#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub struct Export {
    /// Export the audit trail, one entry per line, instead of the mappings
    #[arg(long)]
    pub history: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = one_of(EXPORT))]
    pub output: OutputFormat,
    /// The shared options.
    #[command(flatten)]
    pub options: SharedOptions,
}

const HELP: &str = "\
Examples:
  branchline mappings list --repository 'acme/*' --error
  branchline mappings show acme/api#7
  branchline mappings history api-pr-7
  branchline mappings export --output csv > mappings.csv

Exit codes: 0 done, 1 some rows cannot be read, 2 error or interrupted";

const LIST_HELP: &str = "\
In a glob, * matches any text including slashes, and {a,b} matches a or b. A repository named
without wildcards is read alone, which costs less: the one that had this name last.

Each mapping is listed once, in the state in which it was read, while daemons go on changing
mappings. Every state is read twice. A mapping can be missed only if it changes state between every
two reads.

Examples:
  branchline mappings list
  branchline mappings list --repository 'acme/*' --error
  branchline mappings list --branch 'feature/*' --output csv
  branchline mappings list --state creating,starting,deleting --older 10m

Exit codes: 0 done, 1 some rows cannot be read, 2 error or interrupted";

const SHOW_HELP: &str = "\
A deleted pipeline is found by its name if exactly one subject had it last.

Examples:
  branchline mappings show acme/api#7
  branchline mappings show acme/api@feature/x
  branchline mappings show api-pr-7 --output json | jq .live.stages

Exit codes: 0 done, 2 error or interrupted";

const HISTORY_HELP: &str = "\
Entries are in the order in which they were made, which is not that of the events' own times: a
webhook that arrives late, or is replayed, is about an older event.

A deleted pipeline is found by its name if exactly one subject had it last.

Examples:
  branchline mappings history acme/api#7
  branchline mappings history --since 2026-11-23 --until 2026-11-24 --repository 'acme/*'
  branchline mappings history api-pr-7 --output json | jq -r '.journal | fromjson'
  branchline mappings history --delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958

Exit codes: 0 done, 2 error or interrupted";

const FORGET_HELP: &str = "\
For a mapping that stays in the middle of a change, because its pipeline's name belongs to another
pipeline, for instance. It is refused while a pipeline with branchline's tags of this subject
exists, and while a daemon works on the mapping.

The request is a message on the internal queue, as a repair is. The daemon checks again, releases
the pipeline's name and the slot, and keeps the row as a tombstone: events from before create
nothing, and the next event of the subject starts anew. The history has who asked for it.

Examples:
  branchline mappings forget acme/api#7
  branchline mappings forget acme/api@feature/x --yes --output json

Exit codes: 0 sent, 2 refused, error or interrupted";

const EXPORT_HELP: &str = "\
The last line on standard error has the count and the SHA-256 of the output. While nothing changes,
the same table gives the same bytes.

Each mapping is exported once, in the state in which it was read, while daemons go on changing
mappings. Every state is read twice. A mapping can be missed only if it changes state between every
two reads.

--history exports the whole audit trail, also the entries of mappings that are gone and of messages
without a known subject. Each entry has its place in its chain, and hashes: see docs/OPERATING.md.

Examples:
  branchline mappings export --output csv > mappings.csv
  branchline mappings export --history > history.jsonl
  sha256sum mappings.csv history.jsonl

Exit codes: 0 done, 1 some rows cannot be read and are left out, 2 error or interrupted";
