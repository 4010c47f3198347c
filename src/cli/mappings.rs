//! `branchline mappings`: its words.

use clap::{Args, Subcommand};

use crate::cli::output::explanation::Form;
use crate::cli::output::streaming_table::OutputFormat;
use crate::config::Overrides;

/// Which subject has which pipeline, and how that came to be
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Mappings {
    /// What to show.
    #[command(subcommand)]
    pub command: MappingsCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum MappingsCommand {
    /// List mappings
    List(List),
    /// Show one mapping with its pipeline as it is now
    Show(Show),
    /// Show what was done to a subject, when, why and by whom
    History(History),
    /// Write every mapping or its history to standard output, with a count and a SHA-256 at the end
    Export(Export),
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
    /// Only this pull request
    #[arg(long, value_name = "N")]
    pub pull_request: Option<u64>,
    /// Only these states: creating, active, starting, deleting, gone [default: all but gone]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Only those whose last attempt failed
    #[arg(long)]
    pub error: bool,
    /// Only those unchanged for so long: 90s, 30m, 2h, 5d, or since a time
    #[arg(long, value_name = "AGE")]
    pub older: Option<String>,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings show`
#[derive(Debug, Args)]
#[command(after_help = SHOW_HELP)]
pub struct Show {
    /// acme/api#7, acme/api@feature/x, or the name of a pipeline
    pub subject: String,
    /// table for people, or json [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Option<Form>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings history`
#[derive(Debug, Args)]
#[command(after_help = HISTORY_HELP)]
pub struct History {
    /// acme/api#7, acme/api@feature/x, or the name of a pipeline
    #[arg(required_unless_present = "delivery", conflicts_with = "delivery")]
    pub subject: Option<String>,
    /// The history of the subject of this delivery, that delivery alone
    #[arg(long, value_name = "GUID")]
    pub delivery: Option<String>,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings export`
#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub struct Export {
    /// What was done, entry by entry, instead of what is
    #[arg(long)]
    pub history: bool,
    /// How it looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Json)]
    pub output: OutputFormat,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

const HELP: &str = "\
Examples:
  branchline mappings list --repository 'acme/*' --error
  branchline mappings show acme/api#7
  branchline mappings history api-pr-7
  branchline mappings export --output csv > mappings.csv

Exit codes: 0 done, 1 some rows cannot be read, 2 something is wrong with what it was given or needs.";

const LIST_HELP: &str = "\
In globs * stands for anything, slashes too; {a,b} for one of several.

Daemons move mappings from state to state meanwhile. Each is listed once, as it was when it was met;
states are read twice, and only one that moves out of reach each time can be missed.

Examples:
  branchline mappings list
  branchline mappings list --repository 'acme/*' --error
  branchline mappings list --branch 'feature/*' --output csv
  branchline mappings list --state creating,starting,deleting --older 10m

Exit codes: 0 done, 1 some rows cannot be read, 2 something is wrong with what it was given or needs.";

const SHOW_HELP: &str = "\
A pipeline that is gone is found by its name where one subject had it last.

Examples:
  branchline mappings show acme/api#7
  branchline mappings show acme/api@feature/x
  branchline mappings show api-pr-7 --output json | jq .live.stages

Exit codes: 0 done, 2 something is wrong with what it was given or needs, or it is not known.";

const HISTORY_HELP: &str = "\
A pipeline that is gone is found by its name where one subject had it last.

Examples:
  branchline mappings history acme/api#7
  branchline mappings history api-pr-7 --output json | jq -r '.journal | fromjson'
  branchline mappings history --delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958

Exit codes: 0 done, 2 something is wrong with what it was given or needs, or it is not known.";

const EXPORT_HELP: &str = "\
The last line on standard error counts what was written and has the SHA-256 of its bytes. While
nothing changes, the same table gives the same bytes.

Daemons move mappings from state to state meanwhile. Each is written once, as it was when it was
met; states are read twice, and only one that moves out of reach each time can be missed. The
history of each costs a query.

Examples:
  branchline mappings export --output csv > mappings.csv
  branchline mappings export --history > history.jsonl
  sha256sum mappings.csv history.jsonl

Exit codes: 0 done, 1 some rows cannot be read and are missing, 2 something is wrong with what it
was given or needs.";
