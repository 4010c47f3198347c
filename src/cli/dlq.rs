//! `branchline dlq`: its words.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::output::streaming_table::OutputFormat;
use crate::config::Overrides;

/// Dead letters and quarantined messages
#[derive(Debug, Args)]
#[command(after_help = DLQ_HELP)]
pub struct Dlq {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Show what is there, without consuming it
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Show everything about one message, and what would become of it today
    #[command(after_help = SHOW_HELP)]
    Show(Show),
    /// Send messages back to the queue of webhooks
    #[command(after_help = REPLAY_HELP)]
    Replay(Replay),
    /// Delete messages for good, after writing them into a file
    #[command(after_help = DROP_HELP)]
    Drop(Drop),
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// What could not be processed
    DeadLetters,
    /// What is not proven to be GitHub's
    Quarantine,
}

/// Where to look.
#[derive(Debug, Args)]
pub struct Place {
    /// Which queue
    #[arg(long, value_enum, default_value_t = Which::DeadLetters)]
    pub queue: Which,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Which messages.
#[derive(Debug, Args)]
pub struct Filters {
    /// Only these reasons, for instance template-missing; none is a message that SQS moved by itself
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub reason: Vec<String>,
    /// Only these rooms, for instance plan; none is a message that SQS moved by itself
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub room: Vec<String>,
    /// Only repositories that match this glob over owner/name
    #[arg(long, value_name = "GLOB")]
    pub repository: Option<String>,
    /// Only these events, for instance `pull_request`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub event: Vec<String>,
    /// Only what has been there since then: 2026-11-23T20:00:00Z, or an age: 90s, 30m, 2h, 5d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what was there by then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only messages with these ids of SQS's
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub id: Vec<String>,
}

/// `branchline dlq list`
#[derive(Debug, Args)]
pub struct List {
    /// Which messages.
    #[command(flatten)]
    pub filters: Filters,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// Where to look.
    #[command(flatten)]
    pub place: Place,
}

/// `branchline dlq show`
#[derive(Debug, Args)]
pub struct Show {
    /// SQS's id of the message, as the list shows it
    pub id: String,
    /// Show the body, too
    #[arg(long)]
    pub body: bool,
    /// Print one JSON object, as is done where standard output is no terminal
    #[arg(long)]
    pub json: bool,
    /// Where to look.
    #[command(flatten)]
    pub place: Place,
}

/// `branchline dlq replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// SQS's ids of the messages
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Which messages.
    #[command(flatten)]
    pub filters: Filters,
    /// Every message: without ids and filters nothing else means that
    #[arg(long)]
    pub all: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Say what would be done, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Messages a second, at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rate: u32,
    /// Write the messages into this file, as JSON lines, and leave them where they are
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "dry_run"])]
    pub to: Option<String>,
    /// Send those messages of this file, which --to or drop wrote, that the filters admit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ids", "all"])]
    pub from: Option<String>,
    /// Who replays them, for the audit trail [default: $USER]
    #[arg(long, value_name = "NAME", env = "BRANCHLINE_OPERATOR")]
    pub by: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub place: Place,
}

/// `branchline dlq drop`
#[derive(Debug, Args)]
pub struct Drop {
    /// SQS's ids of the messages
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Which messages.
    #[command(flatten)]
    pub filters: Filters,
    /// Every message: without ids and filters nothing else means that
    #[arg(long)]
    pub all: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Where they are written before they are deleted [default: branchline-dropped-TIME.jsonl]
    #[arg(long, value_name = "FILE", conflicts_with = "no_export")]
    pub to: Option<String>,
    /// Write them nowhere
    #[arg(long)]
    pub no_export: bool,
    /// Who drops them, for the audit trail [default: $USER]
    #[arg(long, value_name = "NAME", env = "BRANCHLINE_OPERATOR")]
    pub by: Option<String>,
    /// Where to look.
    #[command(flatten)]
    pub place: Place,
}

const DLQ_HELP: &str = "\
Examples:
  branchline dlq list                                    what is there, of whom, why
  branchline dlq show 6c0b4d4e-...                       all of it, and what would become of it
  branchline dlq replay --reason template-missing        says what it will do, asks, sends back
  branchline dlq drop --queue quarantine --until 2d      asks, writes a file, deletes

Told to stop (Ctrl-C, SIGTERM), each of them hands back what it holds; told twice, it ends at once,
and others see what it held within two minutes.

Exit codes: 0 clean, 1 something was found or is left, 2 interrupted, or something is wrong with
what it was given or needs. `--help` of each says more.";

const LIST_HELP: &str = "\
SQS lists nothing: branchline receives every message and hands all of them back at the end. So each
look raises the receive count of a message by one (the dead-letter queue needs no maxReceiveCount,
and should have none), and while it goes on others do not see the messages. What somebody else holds
is not seen here either: then the view is partial, and says so.

Examples:
  branchline dlq list
  branchline dlq list --reason template-missing,rule-unfit --since 2h
  branchline dlq list --repository 'acme/*' --output csv > letters.csv
  branchline dlq list --queue quarantine

Exit codes: 0 nothing is there that matches, 1 something is, or the view is partial, 2 interrupted,
or something is wrong with what it was given or needs.";

const SHOW_HELP: &str = "\
What would become of it is told by its mapping and its template as they are now; the tags of a
pipeline that is there, and the places of a rule with max_active, are looked at by the daemon alone.
A body on a terminal has its control characters written as numbers; elsewhere it is as it came.

Examples:
  branchline dlq show 6c0b4d4e-...
  branchline dlq show 6c0b4d4e-... --body
  branchline dlq show 6c0b4d4e-... --queue quarantine --json | jq .attributes

Exit codes: 0 shown, 2 no such message, what would become of it cannot be told, interrupted, or
something is wrong with what it was given or needs.";

const REPLAY_HELP: &str = "\
Each message is sent first and deleted after SQS confirmed that: interrupted at any set_source_branch, none is
lost, and one that was sent twice changes nothing. Run it again for what is left. Before it is sent
an entry in the audit trail of its subject says who replays it; without one it stays.

A replay says nothing new: a message keeps the day on which it was first seen, and what was
overtaken since stays overtaken.

Examples:
  branchline dlq replay --reason template-missing --dry-run
  branchline dlq replay --reason aws-denied --since 3h
  branchline dlq replay 6c0b4d4e-... --yes
  branchline dlq replay --all --to letters.jsonl            a copy; nothing leaves the queue
  branchline dlq replay --from letters.jsonl --repository 'acme/*'

Exit codes: 0 done, 1 some are left, are held by somebody else or were not found, 2 interrupted, or
something is wrong with what it was given or needs.";

const DROP_HELP: &str = "\
Each message is written into a file, on the disk, and deleted then: `branchline dlq replay --from`
brings it back. An entry in the audit trail of its subject, where that is known, says who dropped
it; what is not proven to be GitHub's has none.

Examples:
  branchline dlq drop --reason body-not-githubs
  branchline dlq drop 6c0b4d4e-... --to dropped.jsonl
  branchline dlq drop --queue quarantine --until 2d --no-export --yes

Exit codes: 0 done, 1 some are left, are held by somebody else or were not found, 2 interrupted, or
something is wrong with what it was given or needs.";
