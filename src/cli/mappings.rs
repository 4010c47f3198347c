//! `branchline mappings`: its words.

use clap::{Args, Subcommand};

use crate::config::Overrides;
use crate::operate::rows::Output;

/// Which subject has which pipeline, and how that came to be
#[derive(Debug, Args)]
pub struct Mappings {
    /// What to show.
    #[command(subcommand)]
    pub command: MappingsCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum MappingsCommand {
    /// List mappings
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Show one mapping with its pipeline as it is now
    Show(Show),
    /// Show what was done to a subject, when, why and by whom
    History(History),
    /// Write every mapping to standard output, with a count and a SHA-256 at the end
    Export(Export),
}

/// `branchline mappings list`
#[derive(Debug, Args)]
pub struct List {
    /// Only repositories that match this glob over owner/name
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
    pub output: Option<Output>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings show`
#[derive(Debug, Args)]
pub struct Show {
    /// acme/api#7, acme/api@feature/x, or the name of a pipeline
    pub subject: String,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings history`
#[derive(Debug, Args)]
pub struct History {
    /// acme/api#7, acme/api@feature/x, or the name of a pipeline
    #[arg(required_unless_present = "delivery", conflicts_with = "delivery")]
    pub subject: Option<String>,
    /// The history of the subject of this delivery, that delivery alone
    #[arg(long, value_name = "GUID")]
    pub delivery: Option<String>,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<Output>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `branchline mappings export`
#[derive(Debug, Args)]
pub struct Export {
    /// How it looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Json)]
    pub output: Output,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

const LIST_HELP: &str = "\
Examples:
  branchline mappings list
  branchline mappings list --repository 'acme/*' --error
  branchline mappings list --state creating,starting,deleting --older 10m
  branchline mappings show acme/api#7
  branchline mappings history api-pr-7
  branchline mappings export --output csv > mappings.csv

Exit codes: 0 done, 2 something is wrong with what it was given or needs.";
