//! The arguments of `branchline dlq`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::options::QueueOptions;
use crate::cli::output::{OBJECT, OutputFormat, one_of};
use crate::domain::fault::{Reason, Step};
use crate::inspect::dlq::filter::NONE;

/// Inspect, replay and drop dead letters and quarantined messages
#[derive(Debug, Args)]
#[command(after_help = DLQ_HELP)]
pub struct Dlq {
    /// The subcommand.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List messages without consuming them
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Show one message, and predict the result of a replay
    #[command(after_help = SHOW_HELP)]
    Show(Show),
    /// Send messages back to the queue that they came from
    #[command(after_help = REPLAY_HELP)]
    Replay(Replay),
    /// Delete messages permanently, after writing them to a file
    #[command(after_help = DROP_HELP)]
    Drop(Drop),
}

/// Parses a reason, and completes it.
fn reasons() -> PossibleValuesParser {
    let words = Reason::ALL.iter().map(|reason| reason.as_str());
    PossibleValuesParser::new(words.chain([NONE]))
}

/// Parses a step, and completes it.
fn steps() -> PossibleValuesParser {
    PossibleValuesParser::new(Step::ALL.map(Step::as_str).into_iter().chain([NONE]))
}

/// The queue to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Messages that could not be processed
    DeadLetters,
    /// Messages that could not be authenticated
    Quarantine,
}

impl Which {
    /// Returns the word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetters => "dead-letters",
            Self::Quarantine => "quarantine",
        }
    }
}

/// The queue, and the shared options.
#[derive(Debug, Args)]
pub struct QueueChoice {
    /// Queue to read
    #[arg(long, value_enum, default_value_t = Which::DeadLetters)]
    pub queue: Which,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

/// Filters over messages. A message must match all of them.
#[derive(Debug, Args)]
pub struct Filters {
    /// Only these reasons, such as template-missing, or none (SQS moved the message by itself)
    #[arg(
        long,
        value_name = "REASON",
        value_delimiter = ',',
        value_parser = reasons(),
        hide_possible_values = true
    )]
    pub reason: Vec<String>,
    /// Only messages that failed in these steps, such as plan, or none (SQS moved the message by
    /// itself)
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = steps())]
    pub step: Vec<String>,
    /// Only repositories that match this glob over owner/name, in upper or lower case
    #[arg(long, value_name = "GLOB")]
    pub repository: Option<String>,
    /// Only these events, such as push
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub event: Vec<String>,
    /// Only messages sent to the queue since this time (2026-11-23T20:00:00Z), this day
    /// (2026-11-23, in UTC), or within an age (90s, 30m, 2h, 5d)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only messages sent to the queue up to this time or the end of this day, or older than an age
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only messages of these subjects: acme/api#7, acme/api@feature/x, or the URL of either
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Vec<String>,
    /// Only these deliveries, by GitHub's GUID in the header
    #[arg(long, value_name = "GUID", value_delimiter = ',')]
    pub delivery: Vec<String>,
    /// Only messages with these SQS message IDs, or beginnings of them
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub id: Vec<String>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// The message that entered the queue first comes first
    Oldest,
    /// The message that entered the queue last comes first
    Newest,
    /// By reason, the oldest first
    Reason,
    /// By repository and subject, the oldest first
    Subject,
    /// The message with the most attempts comes first
    Attempts,
}

/// `branchline dlq list`
#[derive(Debug, Args)]
pub struct List {
    /// The filters.
    #[command(flatten)]
    pub filters: Filters,
    /// Print the number of messages by reason and repository instead
    #[arg(long)]
    pub summary: bool,
    /// Order of the messages [default: as SQS delivers them]
    #[arg(long, value_enum, value_name = "ORDER", conflicts_with = "summary")]
    pub sort: Option<Order>,
    /// Print at most this many messages or groups; all are read and counted
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueChoice,
}

/// `branchline dlq show`
#[derive(Debug, Args)]
pub struct Show {
    /// SQS message ID, as `branchline dlq list` prints it, or its beginning
    pub id: String,
    /// Print the body, too
    #[arg(long)]
    pub body: bool,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueChoice,
}

/// `branchline dlq replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// SQS message IDs, or beginnings of them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// The filters.
    #[command(flatten)]
    pub filters: Filters,
    /// Replay every message; required if no ID and no filter is given
    #[arg(long)]
    pub all: bool,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
    /// Print what would be done, and exit
    #[arg(long)]
    pub dry_run: bool,
    /// After the replay, print the outcome of each message, for at most this many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "120",
        conflicts_with_all = ["dry_run", "to"]
    )]
    pub wait: Option<u64>,
    /// Output format of --wait [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT", requires = "wait")]
    pub output: Option<OutputFormat>,
    /// Messages per second, at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rate: u32,
    /// Write the messages to this file as JSON lines, and leave them in the queue
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "dry_run"])]
    pub to: Option<String>,
    /// Send the messages of this file that match the filters; the file was written by --to or by
    /// drop
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ids", "all"])]
    pub from: Option<String>,
    /// Operator's name in the audit trail [default: $USER]
    #[arg(long, value_name = "NAME", env = "BRANCHLINE_OPERATOR")]
    pub by: Option<String>,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueChoice,
}

/// `branchline dlq drop`
#[derive(Debug, Args)]
pub struct Drop {
    /// SQS message IDs, or beginnings of them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// The filters.
    #[command(flatten)]
    pub filters: Filters,
    /// Drop every message; required if no ID and no filter is given
    #[arg(long)]
    pub all: bool,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
    /// File to write the messages to before they are deleted [default:
    /// branchline-dropped-TIME.jsonl]
    #[arg(long, value_name = "FILE", conflicts_with = "no_export")]
    pub to: Option<String>,
    /// Do not write an export file
    #[arg(long)]
    pub no_export: bool,
    /// Operator's name in the audit trail [default: $USER]
    #[arg(long, value_name = "NAME", env = "BRANCHLINE_OPERATOR")]
    pub by: Option<String>,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueChoice,
}

const DLQ_HELP: &str = "\
Examples:
  branchline dlq list                                  list the dead letters and their reasons
  branchline dlq show 6c0b4d4e-...                     show one, and predict the result of a replay
  branchline dlq replay --reason template-missing      preview, confirm, send back
  branchline dlq drop --queue quarantine --until 2d    confirm, write a file, delete

On Ctrl-C or SIGTERM, messages in hand are returned to the queue. A second signal exits immediately,
and the messages in hand are visible again within two minutes.

No subcommand needs a webhook secret. Where one is readable, signatures are checked with it.

Exit codes: 0 clean, 1 messages were found or are left, 2 error or interrupted. The help of each
subcommand says more.";

const LIST_HELP: &str = "\
SQS cannot list messages: branchline receives every message and returns all of them at the end. Each
list raises the receive count of a message by one, so the dead-letter queue should have no redrive
policy of its own. Until the end, other consumers do not see the messages. Messages that another
consumer has in hand are not listed; the list is then partial, and says so.

Examples:
  branchline dlq list
  branchline dlq list --reason template-missing,rule-template-mismatch --since 2h
  branchline dlq list --summary --since 1d
  branchline dlq list --subject acme/api#7 --sort newest --limit 1
  branchline dlq list --repository 'acme/*' --output csv > messages.csv
  branchline dlq list --queue quarantine

Exit codes: 0 no message matches, 1 messages match, or the list is partial, 2 error or interrupted";

const SHOW_HELP: &str = "\
The prediction runs the daemon's own code against the table and CodePipeline as they are now, and
changes nothing. In the table, the body's control characters are printed as numbers; JSON has the
body unchanged. It is an error if the queue has no such message, or if no prediction is possible
because AWS does not answer.

Examples:
  branchline dlq show 6c0b4d4e-...
  branchline dlq show 6c0b4d4e-... --body
  branchline dlq show 6c0b4d4e-... --queue quarantine --output json | jq .attributes

Exit codes: 0 shown, 2 error or interrupted";

const REPLAY_HELP: &str = "\
A message is sent to the queue that it came from, and deleted after SQS confirmed the send: no
interruption loses one, and a message that was sent twice changes nothing. Run the command again for
the messages that are left. Before a message is sent, an entry in the audit trail of its subject
names the operator; if the entry cannot be written, the message stays.

A replayed message keeps the time at which it was first seen, so a newer event of its subject still
wins.

--wait reads outcomes from the audit trail: created, started, deleted and the like, or dead-lettered
again. A message for which nothing is recorded changed nothing (unchanged), once the queues are
empty; SQS counts them up to a minute late. A message without an outcome in time is pending, with
the last failure of its subject.

Examples:
  branchline dlq replay --reason template-missing --dry-run
  branchline dlq replay --reason aws-denied --since 3h
  branchline dlq replay 6c0b4d4e-... --yes
  branchline dlq replay --subject acme/api#7 --wait=300
  branchline dlq replay --all --to messages.jsonl      copies; the queue keeps every message
  branchline dlq replay --from messages.jsonl --repository 'acme/*'

Exit codes: 0 done, 1 messages are left, are held by another consumer or were not found, or --wait
found one dead-lettered again or pending, 2 error or interrupted";

const DROP_HELP: &str = "\
Each message is written to a file before it is deleted, and `branchline dlq replay --from` sends it
again. An entry in the audit trail of its subject names the operator. If the subject is not known,
for instance without a valid signature, the entry is in the chain `OPERATOR#MESSAGES/ACTION`.

Examples:
  branchline dlq drop --reason invalid-payload
  branchline dlq drop 6c0b4d4e-... --to dropped.jsonl
  branchline dlq drop --queue quarantine --until 2d --no-export --yes

Exit codes: 0 done, 1 messages are left, are held by another consumer or were not found, 2 error or
interrupted";
